/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything the store keeps of one collector: rows with their latest values, chunks of older passes,
 * gaps. Passes are numbered from 0 in the order of the monotonic clock. Private to daemon/store.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/gaps.h"
#include "daemon/store/rows.h"
#include "daemon/store/samples.h"
#include "daemon/store/store.h"

struct source {
        char *name;
        const struct metric_desc *metrics; /* borrowed */
        size_t n_metrics;
        struct rows rows;
        struct chunk *oldest, *newest;
        size_t n_passes;          /* kept */
        size_t closed_bytes;      /* of all chunks but the newest */
        uint64_t next_pass;       /* number of the next pass */
        uint64_t attempt;         /* number of the latest commit, successful or not */
        struct stamp last;        /* of the latest pass, if next_pass > 0 */
        struct shared_cpus *cpus; /* of the latest pass */
        uint64_t *cpu_passes;     /* by CPU: number of the pass after the last one that had it, 0: never */
        size_t n_cpu_passes;
        size_t n_refused; /* the most series that one pass had too many */
        struct gaps gaps;
        struct bytes scratch; /* the code of the pass that is being committed */
};

struct source_limits {
        size_t n_series_max;
        size_t chunk_bytes; /* where a chunk is big enough */
};

/* metrics are borrowed, the name is copied. 0 or -ENOMEM. */
int source_new(const char *name, const struct metric_desc *metrics, size_t n_metrics,
               struct source **ret_source);
struct source *source_free(struct source *source);
DEFINE_CLEANUP(struct source *, source_free)

/* See store_commit(). *ret_n_refused: how much source->n_refused has grown. */
int source_commit(struct source *source, const struct batch *batch, const struct source_limits *limits,
                  size_t *ret_n_refused);
/* Appends a pass as a scan delivers it (its changes name rows by their numbers here); rows that are not to be in it must
 * have been ended. For reading history back: a source that a pass could not be added to is of no further use. 0; -EINVAL
 * out of order or no such row; -ENOMEM. */
int source_import(struct source *source, const struct store_pass *pass, const struct source_limits *limits);
/* The living row of that key, or a new one. 0; -EBADMSG no such metric; -ENOMEM. */
int source_import_row(struct source *source, unsigned metric, const struct row_key *key, struct row **ret_row);
/* The row is not in the next pass any more. */
void source_end_row(struct source *source, struct row *row);
int source_mark_gap(struct source *source, const struct stamp *stamp, const char *reason);
/* Forgets the oldest chunk (there must be one), the rows that were only in it, and gaps before the rest.
 * Returns the number of passes that were in it. */
size_t source_drop_chunk(struct source *source);
/* Forgets chunks whose passes are all before that moment. */
void source_expire(struct source *source, uint64_t monotonic_ns);
size_t source_memory(const struct source *source);

/* Most passes stand for themselves only, and dividing takes longer than all else that is done to a value. */
static inline uint64_t per_pass(uint64_t delta, uint64_t n_passes) {
        return n_passes == 1 ? delta : delta / n_passes;
}

/* Of a value that is lower than the one before: see metric_difference(). */
uint64_t counter_decrease(const struct metric_desc *metric, uint64_t from, uint64_t to, bool *ret_reset);

/* The difference that a change from one value to another means: wraps of 32-bit counters are undone, any
 * other decrease is a reset, for which it is the whole new value. Gauges have none. Inline: it runs for every
 * value of every pass. */
static inline uint64_t metric_difference(const struct metric_desc *metric, uint64_t from, uint64_t to,
                                         bool *ret_reset) {
        *ret_reset = false;
        if (metric->type == METRIC_GAUGE)
                return 0;

        return to >= from ? to - from : counter_decrease(metric, from, to, ret_reset);
}
