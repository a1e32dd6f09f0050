/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Differences of counters in as few bytes and as little work as will do: the Counts of io.irqwatch.monitor,
 * for who asks every other second. Written as text at once: making an object of each number cost five times
 * as much as finding it out.
 */

#include <json-c/json.h>
#include <stdbool.h>

#include "daemon/query/rates.h"

enum { COUNTS_METRICS_MAX = 16 };

struct counts_metric {
        const char *name;    /* as it was asked for */
        struct rates *rates; /* owned; NULL: absent says why */
        const char *absent;  /* borrowed */
};

struct counts {
        struct counts_metric metrics[COUNTS_METRICS_MAX];
        size_t n_metrics;
        int64_t last_event_id; /* -1: not known */
        const char *tier;
};

void counts_done(struct counts *counts);
/* with_cpus false leaves the counts of CPUs out, for what would not fit into a message. 0 or -ENOMEM. */
int json_counts(const struct counts *counts, bool with_cpus, struct json_object **ret_object);
