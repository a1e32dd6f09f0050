/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holds interrupts off for a known time, for the self-test: run by BPF_PROG_TEST_RUN on another CPU it spins in
 * the function-call interrupt that brought it there. It writes down when it really began and ended.
 */

#include "core.h"

char LICENSE[] SEC("license") = "GPL";

/* The truth about the last run, CLOCK_MONOTONIC. */
volatile __u64 injected_start_ns = 0;
volatile __u64 injected_end_ns = 0;
volatile __u32 injected_cpu = 0;

#define LOOPS_MAX (1 << 23) /* of bpf_loop(): BPF_MAX_LOOPS in include/linux/bpf.h */

static long spin_once(__u32 index, void *deadline) {
        return bpf_ktime_get_ns() >= *(__u64 *)deadline;
}

/* One bpf_loop() ends after 8 M rounds, a few hundred milliseconds: take several. */
static __always_inline void spin(__u64 duration_ns) {
        __u64 start = bpf_ktime_get_ns();
        __u64 deadline = start + duration_ns;

        for (int i = 0; i < 4 && bpf_ktime_get_ns() < deadline; i++)
                bpf_loop(LOOPS_MAX, spin_once, &deadline, 0);

        injected_start_ns = start;
        injected_end_ns = bpf_ktime_get_ns();
        injected_cpu = bpf_get_smp_processor_id();
}

SEC("raw_tp")
int inject_ipi(struct bpf_raw_tracepoint_args *ctx) {
        spin(ctx->args[0]);
        return 0;
}

/* Process context, on kernels with the kfuncs (6.14 and later). */
extern void bpf_local_irq_save(unsigned long *flags) __weak __ksym;
extern void bpf_local_irq_restore(unsigned long *flags) __weak __ksym;

struct inject_args {
        __u64 duration_ns;
};

SEC("?syscall")
int inject_process(struct inject_args *args) {
        unsigned long flags;
        __u64 duration_ns = args->duration_ns;

        if (!bpf_local_irq_save || !bpf_local_irq_restore)
                return 1;

        bpf_local_irq_save(&flags);
        spin(duration_ns);
        bpf_local_irq_restore(&flags);
        return 0;
}
