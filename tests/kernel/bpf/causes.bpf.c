/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holds a CPU up in the contexts that the kernel test of the classes needs. Each program does nothing until
 * it is armed, then it spins once, for the time asked for, and writes down when it really began and ended.
 */

#include "core.h"

char LICENSE[] SEC("license")
= "GPL";

enum {
        ETHER_TYPE_OFFSET = 12,
        ETHER_TYPE = 0xb588, /* 88b5, for local experiments, in network order */
        IRQS_MAX = 1024,
        LOOPS_MAX = 1 << 23, /* of bpf_loop(): BPF_MAX_LOOPS in include/linux/bpf.h */
        CLOCK = 1,           /* CLOCK_MONOTONIC */
};

/* Set before loading. */
const volatile __u64 timerfd_function = 0;

/* Asked for. */
volatile __u32 armed = 0;
volatile __u64 duration_ns = 0;
volatile __u32 wanted_irq = 0;
volatile __u32 redirect_ifindex = 0;

/* What happened; ended_ns is written last. */
volatile __u64 started_ns = 0;
volatile __u64 ended_ns = 0;
volatile __u32 ran_on_cpu = 0;
volatile __u64 ran_function = 0;
volatile __u64 irq_counts[IRQS_MAX] = {};

static long spin_once(__u32 index, void *deadline) {
        return bpf_ktime_get_ns() >= *(__u64 *)deadline;
}

static __always_inline void spin_if_armed(__u64 function) {
        __u64 start, deadline;

        if (!armed || __sync_val_compare_and_swap(&armed, 1, 0) != 1)
                return;

        start = bpf_ktime_get_ns();
        deadline = start + duration_ns;
        if (duration_ns)
                bpf_loop(LOOPS_MAX, spin_once, &deadline, 0);

        ran_on_cpu = bpf_get_smp_processor_id();
        ran_function = function;
        started_ns = start;
        ended_ns = bpf_ktime_get_ns();
}

/* By BPF_PROG_TEST_RUN on another CPU, in the function-call interrupt; only if that CPU is idle. */
SEC("raw_tp")
int cause_ipi_idle(struct bpf_raw_tracepoint_args *ctx) {
        if ((__u32)bpf_get_current_pid_tgid() == 0)
                spin_if_armed(0);
        return 0;
}

/* In the NET_RX softirq: inside a device's NAPI poll, or of the backlog in generic mode. */
SEC("xdp")
int cause_xdp(struct xdp_md *ctx) {
        __u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;

        if (data + ETHER_TYPE_OFFSET + sizeof(__u16) > end ||
            *(__u16 *)(data + ETHER_TYPE_OFFSET) != ETHER_TYPE)
                return XDP_PASS;

        spin_if_armed(0);
        return XDP_DROP;
}

/* By BPF_PROG_TEST_RUN, which keeps softirqs off: raises one (a packet for a device that polls on this CPU),
 * and spins before it can run. */
SEC("tc")
int cause_bh_off(struct __sk_buff *skb) {
        if (armed && duration_ns)
                bpf_clone_redirect(skb, redirect_ifindex, 0);
        spin_if_armed(0);
        return 0;
}

struct timer_slot {
        struct bpf_timer timer;
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct timer_slot);
} timers SEC(".maps");

/* In the HRTIMER softirq. Goes by the name of the program that it belongs to. */
static int timer_fired(void *map, __u32 *key, struct timer_slot *slot) {
        spin_if_armed(0);
        return 0;
}

SEC("syscall")
int cause_timer(void *ctx) {
        __u32 key = 0;
        struct timer_slot *slot = bpf_map_lookup_elem(&timers, &key);

        if (!slot)
                return 1;

        bpf_timer_init(&slot->timer, &timers, CLOCK); /* fails when it was made before */
        bpf_timer_set_callback(&slot->timer, timer_fired);
        return bpf_timer_start(&slot->timer, 200000, 0) != 0;
}

/* Attached behind the collector's own program, so inside of the span that it measures. */
SEC("tp_btf/irq_handler_entry")
int BPF_PROG(cause_hardirq, int irq, struct irqaction *action) {
        if (irq >= 0 && irq < IRQS_MAX)
                irq_counts[irq]++;
        if ((__u32)irq == wanted_irq)
                spin_if_armed((__u64)action->handler);
        return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(cause_hrtimer, struct hrtimer *timer, __s64 *now) {
        __u64 function = (__u64)timer->function;

        if (function == timerfd_function)
                spin_if_armed(function);
        return 0;
}
