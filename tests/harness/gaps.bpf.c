/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stretches in which nothing on a CPU proved that interrupts were on: a second opinion on windows, from other
 * evidence than the product's. System calls begin and end with interrupts on, softirq handlers start with
 * them on, and an interrupt that comes in could come in. Timers are not asked. Beside them single runs and waits, in
 * the plainest way: from the tracepoint at the start to the one at the end.
 */

#include <stdbool.h>

#include "gaps.h"
#include "core.h"

char LICENSE[] SEC("license")
= "GPL";

const volatile __u64 shortest_ns = 0;

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} last SEC(".maps");

enum {
        N_SOFTIRQS = 10,
        HANDLER_START = 0,
        SOFTIRQ_START = 1, /* by number, as these do not nest in one another */
        RAISED = SOFTIRQ_START + N_SOFTIRQS,
        N_STARTS = RAISED + N_SOFTIRQS,
};

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, N_STARTS);
        __type(key, __u32);
        __type(value, __u64);
} starts SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 4 * 1024 * 1024);
} gaps SEC(".maps");

__u64 n_lost = 0;

static __always_inline void tell(__u64 start_ns, __u64 now, __u16 kind, __u16 number) {
        struct gap *gap;

        if (now - start_ns < shortest_ns)
                return;

        gap = bpf_ringbuf_reserve(&gaps, sizeof(*gap), 0);
        if (!gap) {
                __sync_fetch_and_add(&n_lost, 1);
                return;
        }
        gap->start_ns = start_ns;
        gap->end_ns = now;
        gap->cpu = bpf_get_smp_processor_id();
        gap->kind = kind;
        gap->number = number;
        bpf_ringbuf_submit(gap, 0);
}

static __always_inline int interrupts_are_on(__u16 evidence) {
        __u64 now = bpf_ktime_get_ns(), *before;
        __u32 zero = 0;

        before = bpf_map_lookup_elem(&last, &zero);
        if (!before)
                return 0;

        if (*before)
                tell(*before, now, GAP_SILENCE, evidence);
        *before = now;
        return 0;
}

/* now unless it has begun already. */
static __always_inline int begin(__u32 place, bool anew) {
        __u64 *start = bpf_map_lookup_elem(&starts, &place);

        if (start && (anew || !*start))
                *start = bpf_ktime_get_ns();
        return 0;
}

static __always_inline int end(__u32 place, __u16 kind, __u16 number) {
        __u64 *start = bpf_map_lookup_elem(&starts, &place);

        if (!start || !*start)
                return 0;
        tell(*start, bpf_ktime_get_ns(), kind, number);
        *start = 0;
        return 0;
}

SEC("raw_tp/irq_handler_entry")
int handler_begins(struct bpf_raw_tracepoint_args *ctx) {
        return begin(HANDLER_START, true);
}

SEC("raw_tp/irq_handler_exit")
int handler_ends(struct bpf_raw_tracepoint_args *ctx) {
        return end(HANDLER_START, GAP_HANDLER, (__u16)ctx->args[0]);
}

SEC("raw_tp/softirq_raise")
int softirq_is_raised(struct bpf_raw_tracepoint_args *ctx) {
        __u32 number = (__u32)ctx->args[0];

        return number < N_SOFTIRQS ? begin(RAISED + number, false) : 0;
}

SEC("raw_tp/softirq_entry")
int softirq_begins(struct bpf_raw_tracepoint_args *ctx) {
        __u32 number = (__u32)ctx->args[0];

        if (number >= N_SOFTIRQS)
                return 0;
        end(RAISED + number, GAP_WAIT, (__u16)number);
        return begin(SOFTIRQ_START + number, true);
}

SEC("raw_tp/softirq_exit")
int softirq_ends(struct bpf_raw_tracepoint_args *ctx) {
        __u32 number = (__u32)ctx->args[0];

        return number < N_SOFTIRQS ? end(SOFTIRQ_START + number, GAP_SOFTIRQ, (__u16)number) : 0;
}

#define EVIDENCE(name) \
        SEC("raw_tp/" #name) \
        int gaps_##name(struct bpf_raw_tracepoint_args *ctx) { \
                return interrupts_are_on(GAP_##name); \
        }

GAPS_EVIDENCE(EVIDENCE)
