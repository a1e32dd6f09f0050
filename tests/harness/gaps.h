/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One stretch without evidence, from gaps.bpf.c to bpf-gaps.c. CLOCK_MONOTONIC.
 */

#include <linux/types.h>

/* What proves that interrupts are on. */
#define GAPS_EVIDENCE(X) \
        X(sys_enter) X(sys_exit) X(softirq_entry) X(irq_handler_entry) X(local_timer_entry) X(reschedule_entry) \
        X(call_function_entry) X(call_function_single_entry)

enum gap_evidence {
#define GAPS_NAME(name) GAP_##name,
        GAPS_EVIDENCE(GAPS_NAME)
#undef GAPS_NAME
};

struct gap {
        __u64 start_ns, end_ns;
        __u32 cpu;
        __u32 evidence; /* enum gap_evidence: what ended it */
};
