/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One stretch of time on a CPU, from gaps.bpf.c to bpf-gaps.c. CLOCK_MONOTONIC.
 */

#include <linux/types.h>

/* What proves that interrupts are on. */
#define GAPS_EVIDENCE(X) \
        X(sys_enter) X(sys_exit) X(softirq_entry) X(irq_handler_entry) X(local_timer_entry) X(reschedule_entry) \
        X(call_function_entry) X(call_function_single_entry)

enum gap_kind {
        GAP_SILENCE, /* nothing proved that interrupts were on; number: what ended it, enum gap_evidence */
        GAP_HANDLER, /* one run of the handler of interrupt number */
        GAP_SOFTIRQ, /* one run of the softirq of that number */
        GAP_WAIT,    /* that softirq was raised, but had not run yet */
};

enum gap_evidence {
#define GAPS_NAME(name) GAP_##name,
        GAPS_EVIDENCE(GAPS_NAME)
#undef GAPS_NAME
};

struct gap {
        __u64 start_ns, end_ns;
        __u32 cpu;
        __u16 kind;
        __u16 number;
};
