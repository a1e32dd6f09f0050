/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Counts of events since the store was made: by kind, and for windows with interrupts off by class and by
 * length, each with the latest window counted there as an example. What a monitoring system needs: events
 * themselves are forgotten after a while, counters must not go back. Constant size, nothing to free.
 */

#include <stdint.h>

#include "daemon/store/event.h"

enum {
        EVENT_TOTALS_LENGTHS = 12,     /* buckets, the last one without an upper edge */
        EVENT_TOTALS_CULPRIT_MAX = 80, /* with the rest of an exemplar below OpenMetrics' 128 characters */
};

/* A window that may be looked up. */
struct event_example {
        int64_t id; /* 0: there was none yet */
        uint64_t time_us;
        uint64_t duration_ns;                   /* the lower bound */
        char comm[EVENT_COMM_MAX + 4];          /* "" when not known; printable */
        char culprit[EVENT_TOTALS_CULPRIT_MAX]; /* likewise */
};

struct event_total {
        uint64_t count;
        uint64_t total_min_ns; /* sum of the lower bounds */
        struct event_example latest;
};

struct event_totals {
        uint64_t by_kind[_EVENT_KIND_MAX];
        struct event_total by_class[_EVENT_CLASS_MAX]; /* events of kind irq-delay */
        struct event_total
                by_length[EVENT_TOTALS_LENGTHS]; /* the same; lower bound <= edge, > the edge before */
};

/* Upper edges of by_length, but for the last. */
extern const uint64_t event_totals_edges_ns[EVENT_TOTALS_LENGTHS - 1];

void event_totals_add(struct event_totals *totals, const struct event *event);
