/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A source's newest values, cumulative: what a monitoring system that takes its own differences wants. Pure:
 * store + request -> result. Costs one walk over the rows, no scan of history.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/store/store.h"

/* A list of names; n 0: all. */
struct counters_filter {
        const char *const *names;
        size_t n;
};

struct counters_request {
        const char *source;
        struct counters_filter metrics;
        struct counters_filter rows; /* by row_key.name */
        bool per_cpu;
};

struct counter_value {
        int cpu;
        uint64_t value;
};

struct counter_row {
        const struct store_row *row; /* borrowed from the store until it changes */
        uint64_t total; /* counters and histograms: store_row_growth(); gauges: sum of the values */
        struct counter_value *values; /* per_cpu only: as read, without what belongs to no CPU */
        size_t n_values;
};

struct counter_metric {
        const struct metric_desc *desc; /* borrowed from the store */
        struct counter_row *rows;
        size_t n_rows;
};

struct counters {
        const char *source;         /* borrowed from the store */
        struct stamp stamp;         /* of the latest pass */
        const struct cpu_set *cpus; /* that had values in it; borrowed from the store until it changes */
        struct counter_metric *metrics;
        size_t n_metrics;
};

/* Only rows of the latest pass. 0; -ENOENT no such source, or no pass yet; -ENOMEM. A metric that the source
 * does not have is left out. */
int counters_query(const struct store *store, const struct counters_request *request,
                   struct counters **ret_counters);
struct counters *counters_free(struct counters *counters);
DEFINE_CLEANUP(struct counters *, counters_free)
