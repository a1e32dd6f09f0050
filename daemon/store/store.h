/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon remembers: samples of every collector and events, by time. This is the interface; the
 * implementation behind it keeps them in memory within a budget. Samples are kept as they came
 * (cumulative); differences, rates and judgements are the query's business. Not thread-safe: the
 * loop's thread owns it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/batch.h"
#include "daemon/store/event-totals.h"
#include "daemon/store/event.h"

struct store;

struct store_limits {
        uint64_t budget_bytes; /* of everything; the oldest samples and events go first */
        uint64_t retention_ns; /* samples and events older than this are dropped */
        size_t n_events_max;
        size_t n_series_max;   /* (metric, row, cpu) triples per source; more are counted, not kept.
                                * Zeros need none. */
};

int store_new(const struct store_limits *limits, struct store **ret_store);
struct store *store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free)
/* New limits for a running store; excess is dropped at the next commit. */
void store_set_limits(struct store *store, const struct store_limits *limits);

/* A collector's place in the store. Descriptors are borrowed for the store's life. Adding the same
 * name again returns the same number (a collector that was reopened). 0, -ENOMEM. */
int store_add_source(struct store *store, const char *name, const struct metric_desc *metrics,
                     size_t n_metrics, unsigned *ret_source);
/* The number of a source by name, -ENOENT. */
int store_find_source(const struct store *store, const char *name);
size_t store_n_sources(const struct store *store);
const char *store_source_name(const struct store *store, unsigned source);
const struct metric_desc *store_source_metrics(const struct store *store, unsigned source,
                                               size_t *ret_n);

/* Takes one pass: all of it or, on failure, nothing. batch->stamp must be later than the source's
 * last. 0; -EINVAL out of order, or the same row or CPU twice, or an unknown metric; -ENOMEM. */
int store_commit(struct store *store, unsigned source, const struct batch *batch);
/* Says that there are no values between the source's last commit and its next one. Repeated calls before
 * the next commit keep the first reason. 0 or -ENOMEM. */
int store_mark_gap(struct store *store, unsigned source, const struct stamp *stamp,
                   const char *reason);

/* A span of time in which a source was not watched. */
struct store_gap {
        unsigned source;
        uint64_t since_us, until_us; /* until_us UINT64_MAX: still open */
        const char *reason;          /* borrowed from the store */
};
typedef int (*store_gap_fn)(const struct store_gap *gap, void *userdata);
/* Every gap of every source that overlaps the range, oldest first per source. Stops at the first
 * non-zero return of fn and returns it. */
int store_for_each_gap(const struct store *store, uint64_t since_us, uint64_t until_us,
                       store_gap_fn fn, void *userdata);

#define STORE_METRIC_NONE UINT32_MAX
/* A row's identity while it lives in the store. The same key that went away and came back is a new row
 * with the next generation. */
struct store_row {
        unsigned metric;       /* or STORE_METRIC_NONE: nothing is left of the row that had this number */
        unsigned generation;   /* 0 for the first */
        struct row_key key;    /* text borrowed from the store */
};

struct store_change {
        uint32_t row;       /* index, see store_row_at() */
        int32_t cpu;        /* or CPU_NONE */
        bool reset;         /* the value went backwards: delta counts from zero */
        bool first;         /* first value of this series: there is nothing to subtract; delta is 0, or where the
                             * pass stands for several the difference since that first value */
        uint64_t value;     /* cumulative, as read */
        uint64_t delta;     /* since the previous pass; gauges: 0 */
        uint64_t max;       /* the largest delta of the passes that this one stands for, as if they all had taken the
                             * same time, to within one; of gauges the largest value */
};

/* One pass as a scan sees it: only what changed since the pass before. In history that was condensed it stands for
 * several: its values are those of the last one, its deltas those of all together. */
struct store_pass {
        struct stamp stamp;
        unsigned n_passes;                 /* 1: it is as it was read */
        const struct cpu_set *cpus;        /* CPUs that had values in this pass */
        bool after_gap;                    /* a gap lies between this pass and the one before: its deltas
                                            * span the gap */
        const struct store_change *changes; /* those of a row follow each other, by ascending CPU */
        size_t n_changes;
};
typedef int (*store_pass_fn)(const struct store_pass *pass, void *userdata);

/* Walks a source's passes in (since_us, until_us], oldest first, preceded by one baseline pass (the newest
 * at or before since_us, else the first one there is) that is delivered through baseline_fn with
 * ALL series that have a non-zero value as changes (delta 0) and may be NULL; CPUs that were absent keep
 * the value they had. Passes come in the order of the monotonic clock: if the realtime clock was set,
 * the baseline is the pass right before the first one in the range. Returns the first non-zero
 * result of a callback; 0 at the end; -ENOENT if the source has no pass at or before until_us; -ENOMEM. */
int store_scan(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us,
               store_pass_fn baseline_fn, store_pass_fn fn, void *userdata);
#define STORE_ALL_METRICS UINT64_MAX
/* What else a scan may be asked for: less than all there is costs less. */
struct store_scan {
        uint64_t metrics; /* bits (store_metric_bit()): changes of rows of others are left out. All passes are
                           * delivered. */
        uint64_t since_us, until_us;
        uint64_t join_ns; /* passes that follow each other are joined until they have lasted that long, and
                           * are delivered as one that stands for them all; 0: none are. Not over a gap, nor
                           * where other CPUs come or go. */
};
/* store_scan(), as asked for. */
int store_scan_for(const struct store *store, unsigned source, const struct store_scan *request,
                   store_pass_fn baseline_fn, store_pass_fn fn, void *userdata);
/* The values of rows of these metrics at a moment, as a scan's baseline has them: those of the newest pass at
 * or before at_us or, where that takes less, of an older one that is not more than slack_us before at_us. As
 * store_scan(). */
int store_values_at(const struct store *store, unsigned source, uint64_t metrics, uint64_t at_us,
                    uint64_t slack_us, store_pass_fn fn, void *userdata);
/* The bit of a metric; those from the 64th on share one. */
static inline uint64_t store_metric_bit(unsigned metric) {
        return UINT64_C(1) << (metric < 63 ? metric : 63);
}
/* Rows are numbered 0..store_n_rows()-1 per source, never renumbered while a value of theirs is kept; the
 * number of a row whose last value was dropped is reused later, so that rows that come and go do not
 * fill the memory. */
const struct store_row *store_row_at(const struct store *store, unsigned source, uint32_t row);
size_t store_n_rows(const struct store *store, unsigned source);
/* True if the row was in the source's latest pass. */
bool store_row_is_live(const struct store *store, unsigned source, uint32_t row);

/* The latest values, without a scan: what a monitoring system wants many times a minute. A row's growth is the sum
 * over its CPUs of all differences since its first pass, with wraps undone and resets counted from zero: it only
 * grows, also when CPUs go away, and old passes may be forgotten meanwhile. 0 for gauges. */
uint64_t store_row_growth(const struct store *store, unsigned source, uint32_t row);
/* The values themselves, as read, by ascending CPU: of those CPUs that ever had one other than zero, also if they
 * have gone offline since. */
size_t store_row_n_values(const struct store *store, unsigned source, uint32_t row);
uint64_t store_row_value(const struct store *store, unsigned source, uint32_t row, size_t index, int *ret_cpu);
/* The CPUs of the latest pass and its time; NULL before the first. Borrowed. */
const struct cpu_set *store_latest_pass(const struct store *store, unsigned source, struct stamp *ret_stamp);
/* Realtime of the oldest and newest pass kept; -ENOENT when there is none. */
int store_source_range(const struct store *store, unsigned source, uint64_t *ret_first_us,
                       uint64_t *ret_last_us);

/* For events that something else must happen to before they are added: assigns event->id. */
void store_number_event(struct store *store, struct event *event);
/* Adds an event that was numbered; events come in the order of their ids. 0, -EINVAL out of order, -ENOMEM. */
int store_keep_event(struct store *store, struct event *event);
/* Ids up to that one are not given any more. */
void store_reserve_event_ids(struct store *store, int64_t last_id);
/* Takes a reference to the event, assigns event->id (larger than every id before; at least event->time_us,
 * so that ids also grow over restarts) and shares equal stacks. 0 or -ENOMEM. */
int store_add_event(struct store *store, struct event *event);
/* Borrowed; NULL when unknown or dropped. */
struct event *store_find_event(const struct store *store, int64_t id);
/* Events are indexed oldest first: 0..store_n_events()-1, borrowed. */
size_t store_n_events(const struct store *store);
struct event *store_event_at(const struct store *store, size_t index);

/* All events ever added, summed up: not lessened by events being dropped. Borrowed. */
const struct event_totals *store_event_totals(const struct store *store);
/* The latest time of an event that was dropped again, 0: none was. */
uint64_t store_forgotten_us(const struct store *store);

/* Figures for status; cumulative since store_new() unless said otherwise. */
struct store_stats {
        uint64_t bytes;            /* now */
        uint64_t n_passes;         /* kept now */
        uint64_t n_series;         /* kept now */
        uint64_t n_series_refused; /* over n_series_max: the most in one pass, summed over sources */
        uint64_t n_events;         /* kept now */
        uint64_t n_events_dropped; /* over a limit, before their time */
        uint64_t n_stacks;         /* kept now */
        uint64_t n_passes_dropped; /* over the budget, before their time */
};
void store_get_stats(const struct store *store, struct store_stats *ret_stats);
