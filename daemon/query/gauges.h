/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a gauge was at a moment: of every row, its values in the newest pass at or before it. Pure: store +
 * request -> result. The counterpart of rates.h for what has no differences: affinities, backlogs, levels.
 *
 * The store keeps no zeros: a row all of whose values are 0 is not in the result, and neither is one that
 * the pass did not have.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/store.h"

struct gauges_request {
        const char *source;         /* "affinity" */
        const char *metric;         /* NULL: the source's first gauge */
        uint64_t at_us;             /* realtime; usually the end of a span */
        const struct cpu_set *cpus; /* NULL: all; values of no CPU are always given */
};

struct gauges_value {
        int cpu;
        uint64_t value; /* never 0 */
};

struct gauges_row {
        char *name;                      /* "24"; "" for the only row */
        char *labels[METRIC_LABELS_MAX]; /* NULL where the row has none */
        unsigned generation;
        struct cpu_set cpus;         /* those with a value other than 0 */
        struct gauges_value *values; /* n_values, by ascending CPU: one for each of cpus */
        size_t n_values;
        uint64_t single; /* the value that belongs to no CPU; 0 when there is none */
};

struct gauges {
        const struct metric_desc *metric; /* borrowed from the store */
        uint64_t time_us;        /* of the pass used; how old that may be is the caller's judgement */
        bool after_end;          /* a gap follows that pass before at_us: the source had stopped */
        struct cpu_set cpus;     /* all that the pass had values for, zeros too */
        struct gauges_row *rows; /* by the store's row number, which is the order of appearance at
                                  * first but not for ever */
        size_t n_rows;
        const struct gauges_row **by_name; /* private: the same, sorted */
};

/* 0; -ENOENT: no such source or metric, no gauge, or no pass at or before at_us; -ENOMEM. */
int gauges_query(const struct store *store, const struct gauges_request *request, struct gauges **ret_gauges);
struct gauges *gauges_free(struct gauges *gauges);
DEFINE_CLEANUP(struct gauges *, gauges_free)
/* The row of that name, found fast; any if several differ in their labels only; NULL when there is none. */
const struct gauges_row *gauges_find(const struct gauges *gauges, const char *name) _pure_;
/* The row's label of that name ("device"), whatever its position; NULL when it has none. */
const char *gauges_label(const struct gauges *gauges, const struct gauges_row *row, const char *label) _pure_;
/* The value of a gauge with one row and no CPU ("irqbalance"); 0 when it is 0 or not there. */
uint64_t gauges_single(const struct gauges *gauges) _pure_;
