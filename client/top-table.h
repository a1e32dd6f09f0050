/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The lines and columns of "irqctl top": a model as a view wants it, filtered, grouped and sorted. Pure.
 * Knows nothing of how wide anything is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/top-model.h"
#include "client/top-view.h"

enum top_unit {
        TOP_RATE, /* counts, or counts per second */
        TOP_SHARE,
        TOP_NSEC,
        TOP_NUMBER,
        TOP_FACTOR,
};

struct top_column {
        char *title;
        enum top_unit unit;
        bool extra; /* may be left out where there is no room */
};

/* One line: CPUs of the model, or rows of its rates. */
struct top_line {
        char *title;
        int node; /* of one CPU or node; -1: not known */
        bool dim; /* offline */
        enum top_part part;
        uint32_t *members; /* positions in model->cpus, or in the part's rows */
        size_t n_members;
        double *values; /* one per column; negative: none */
};

struct top_table {
        const struct top_model *model; /* borrowed */
        struct top_column *columns;
        size_t n_columns;
        struct top_line *lines;
        size_t n_lines;
        uint32_t *cpus; /* positions in model->cpus that the filter lets through */
        size_t n_cpus;
        bool has_strips;
        int sorted;          /* the column, or -1 */
        const char **titles; /* of the columns, for who looks them up */
};

/* *ret is the caller's, top_table_done(). busiest_first: where the view names no column. 0 or -ENOMEM. */
int top_table_make(const struct top_model *model, const struct top_view *view, bool busiest_first,
                   struct top_table *ret);
void top_table_done(struct top_table *table);

/* Per second, what the CPUs [first, end) of table->cpus counted of a line of rows: the most that one of them
 * did. */
double top_table_strip(const struct top_table *table, const struct top_line *line, size_t first,
                       size_t end) _pure_;
/* Whether a window is of what the filter lets through. */
bool top_window_wanted(const struct top_window *window, const char *filter);
/* 0 .. TOP_HEATS - 1. The steps are the same in all columns and at all times, so that yellow is always much.
 */
unsigned top_heat(double value, enum top_unit unit) _const_;
