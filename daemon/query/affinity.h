/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where interrupts may go and do go at the end of a span, and what changed of that within it. Pure. A
 * selection of CPUs selects changes that concern one of them; affinities are always told whole.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/query/gauges.h"
#include "daemon/store/store.h"

struct affinity {
        struct gauges *configured, *effective; /* NULL: not known at that time */
        struct event **changes;                /* owned references, oldest first: the newest of them */
        size_t n_changes;
        uint64_t n_changes_total; /* those that are not in the list, too */
};

/* What is known of one interrupt. Borrowed from the affinity. */
struct affinity_irq {
        const struct gauges_row *configured, *effective; /* NULL: not known */
        const char *device, *queue;                      /* NULL: not known */
};

enum { AFFINITY_CHANGES_MAX = 256 };

/* 0 or -ENOMEM. */
int affinity_query(const struct store *store, uint64_t since_us, uint64_t until_us,
                   const struct cpu_set *cpus, struct affinity **ret_affinity);
struct affinity *affinity_free(struct affinity *affinity);
DEFINE_CLEANUP(struct affinity *, affinity_free)
/* irq: as in /proc/interrupts. */
void affinity_find(const struct affinity *affinity, const char *irq, struct affinity_irq *ret_irq);
/* The row's CPUs as a list ("0-3,8"; "all": every CPU, on machines with many). *ret_text, which the caller
 * frees, is NULL when row is. 0 or -ENOMEM. */
int affinity_format(const struct gauges_row *row, char **ret_text);
