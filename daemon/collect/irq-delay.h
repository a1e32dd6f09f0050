/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of the irq-delay collector that are tested by themselves; everybody else sees it only through
 * its collector_ops.
 */

#include <bpf/btf.h>

#include "daemon/collect/collector.h"

/* Which optional kernel features the BPF object can use. */
struct irq_delay_features {
        bool csd_function;   /* csd_function_entry/exit: function calls from other CPUs, by function */
        bool call_function;  /* x86's irq_vectors of the same, without the function */
};

/* Looks for the tracepoints in the kernel's type information. 0; -EOPNOTSUPP with *ret_reason (a literal) when a
 * needed one is missing. Source: every tracepoint has a typedef btf_trace_NAME (include/trace/bpf_probe.h). */
int irq_delay_find_features(const struct btf *btf, struct irq_delay_features *ret_features,
                            const char **ret_reason);
