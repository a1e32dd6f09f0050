/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What rates.h gathers while the passes go by: per row of the store and CPU the sum of differences, the worst
 * stretch, and where the counter stood. Private to rates.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/query/peak.h"
#include "daemon/query/rates.h"
#include "daemon/query/span.h"

enum {
        RATES_PARTS = 4,
        RATES_HISTORY_PARTS = 5,
};

/* A series that moved within the span. Touched in every pass: small. */
struct rates_series {
        struct peak_series peak; /* its total is the difference */
        uint64_t start;          /* where the counter stood before the first difference */
        bool has_start;
        uint64_t parts[RATES_PARTS]; /* the difference by quarter of the span */
};

/* What a series did before the span, by part, backwards in time. */
struct rates_history {
        uint64_t end; /* where the counter stood at the start of the last part that was looked at */
        double per_second[RATES_HISTORY_PARTS];
        size_t n;
        bool in_pass; /* which is being looked at */
};

/* A row. Cells are indexed by CPU id, because which CPUs there are is known only at the end. */
struct rates_sum {
        int metric;   /* index into the metrics asked for; -1: of none of them */
        bool seen;    /* had a value at the start or later */
        bool changed; /* within the span */
        unsigned n_resets;
        uint64_t single;
        struct peak_series peak; /* of all selected CPUs together */
        uint32_t *cells;         /* 0: that CPU's series did not move; else its place in series, from 1 on */
        size_t n_cells;
};

struct rates_sums {
        const struct store *store;
        unsigned source;
        const unsigned *metrics; /* of the source, those asked for */
        size_t n_metrics;
        const struct rates_request *request;
        struct cpu_set cpus, online;
        struct rates_sum *rows; /* by the store's row index */
        size_t n_rows;
        struct rates_series *series;
        struct rates_history *histories; /* one for each; NULL: not asked for, or there is none */
        size_t n_series, series_allocated;
        struct peak_clock clock;
        struct span span;
        uint64_t history_ns;
        uint64_t history_end_ns; /* moment of the ends of histories, CLOCK_MONOTONIC */
        struct stamp part_start; /* of the first quarter */
        size_t part;             /* in which the pass lies that is being added */
        uint64_t part_ns[RATES_PARTS];
};

/* Scans the source once. The members above rows are set by the caller, the rest are zero. 0; -ENOENT not two
 * passes to compare; -ENOMEM. */
int rates_sums_fill(struct rates_sums *sums);
void rates_sums_done(struct rates_sums *sums);
/* NULL: it did not move. */
struct rates_series *rates_sums_series(const struct rates_sums *sums, const struct rates_sum *row,
                                       size_t cpu);
