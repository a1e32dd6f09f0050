/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records of the BPF side, with the names that were looked up for them, to events. Pure but for the memory that
 * moves: names are taken out of the enrichment.
 */

#include "bpf/abi.h"
#include "daemon/collect/enrich.h"
#include "daemon/store/batch.h"
#include "daemon/store/event.h"

/* What is known of a window beside its record. */
struct window_context {
        bool steal_known;
        uint64_t steal_ns;        /* steal time accounted to it, for certain */
        uint64_t steal_max_ns;    /* and at most: the same where the kernel tells it exactly */
        const int64_t *late_cpus; /* other CPUs with a window over the same moment */
        size_t n_late_cpus;
        unsigned n_cpus_online;
};

/* The same of a slow span. */
struct slow_context {
        bool steal_known;
        uint64_t steal_ns, steal_max_ns;
};

/* now dates the record's monotonic times. 0 or -ENOMEM. */
int irq_event_from_window(const struct abi_window *window, struct enrichment *names,
                          const struct window_context *context, const struct stamp *now, struct event **ret_event);
int irq_event_from_slow(const struct abi_slow *slow, struct enrichment *names, const struct slow_context *context,
                        const struct stamp *now, struct event **ret_event);
