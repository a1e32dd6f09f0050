/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rows of a source and, in each, its series: one per CPU that ever had a value other than zero. Holds the
 * latest values. A row lives from the first pass that has its key to the last one in succession; the
 * same key after that is another row of the next generation. Knows nothing of time or of older values.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/hash-table.h"
#include "daemon/store/store.h"

#define ROW_PASS_NONE UINT64_MAX

struct series {
        uint64_t value;
        int32_t cpu;    /* or CPU_NONE */
        bool has_value; /* false from rows_add_series() until the commit is certain */
};

struct row {
        struct hash_node node;
        struct store_row identity;
        uint32_t index;
        struct series *series; /* ascending CPUs */
        size_t n_series, series_allocated;
        uint64_t first_pass;      /* number of the pass; ROW_PASS_NONE until the commit is certain */
        uint64_t last_pass;       /* ROW_PASS_NONE while it lives */
        uint64_t attempt;         /* the last commit that had it, successful or not */
        uint64_t refused_attempt; /* the last commit that had a series too many, successful or not */
        uint64_t growth;          /* sum of all differences since the row's first pass; see store_row_growth() */
        bool lacks_series;        /* series were refused: a missing one no longer means zero */
        char text[];
};

struct rows {
        struct row **items; /* NULL: a slot whose row is gone */
        size_t n_items, items_allocated;
        size_t n_live_items; /* slots that are not NULL */
        size_t n_series;
        size_t bytes; /* of rows and their series */
        struct hash_table by_key;
};

/* 0 or -ENOMEM. */
int rows_init(struct rows *rows);
void rows_done(struct rows *rows);

static inline bool row_is_new(const struct row *row) {
        return row->first_pass == ROW_PASS_NONE;
}

/* Whether the row was in the pass of that number. */
static inline bool row_in_pass(const struct row *row, uint64_t pass) {
        return row->first_pass <= pass && (row->last_pass == ROW_PASS_NONE || row->last_pass >= pass);
}

/* The living row of that key or NULL. */
struct row *rows_find(const struct rows *rows, unsigned metric, const struct row_key *key);
/* A new row with the next generation of its key. 0 or -ENOMEM. */
int rows_add(struct rows *rows, unsigned metric, const struct row_key *key, struct row **ret_row);
/* Position of the CPU's series, or of the first one above it. from: where to begin to look, best where the
 * one before was found; any number will do. Inline: it runs for every value of every pass. */
static inline size_t series_seek(const struct series *series, size_t n, int cpu, size_t from) {
        size_t i = from <= n ? from : 0;

        /* Most rows with many have one for each CPU. */
        if (cpu >= 0 && (size_t)cpu < n && series[cpu].cpu == cpu)
                return (size_t)cpu;

        if (i > 0 && series[i - 1].cpu >= cpu)
                i = 0;
        while (i < n && series[i].cpu < cpu)
                i++;

        return i;
}

static inline size_t row_seek(const struct row *row, int cpu, size_t from) {
        return series_seek(row->series, row->n_series, cpu, from);
}

/* A new series without a value, at the position that row_seek() gave. 0 or -ENOMEM. */
int rows_add_series(struct rows *rows, struct row *row, size_t at, int cpu);
/* Undoes what a failed commit added. n_items: how many slots there were before it. */
void rows_roll_back(struct rows *rows, size_t n_items);
/* Forgets rows whose last pass is before the given one. */
void rows_forget(struct rows *rows, uint64_t first_kept_pass);
size_t rows_memory(const struct rows *rows);
