/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What "irqctl rates --step" prints, put together from the RateSteps replies of irqwatchd as they come: one
 * line per step, one column per row of the source (or per CPU). Compact, because there may be millions of
 * values; knows nothing of where replies come from.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/style.h"

struct steps_column {
        char *key, *title, *text; /* text: the labels, or NULL */
        uint64_t total;
        double most; /* per second */
        int cpu;     /* of columns that are CPUs, else -1 */
};

struct steps_value {
        uint32_t column;
        bool reset;
        uint64_t total;
};

struct steps_line {
        uint64_t since_us, until_us, elapsed_ns, total;
        bool gap, missing, reset;
        size_t first, n; /* values */
};

struct steps_table {
        bool per_cpu; /* set before the first reply: a column per CPU */
        char *source, *metric, *row_name;
        bool is_time;
        char *tier; /* the coarsest */
        uint64_t step_us;
        struct steps_column *columns;
        size_t n_columns, n_columns_allocated;
        struct steps_line *lines;
        size_t n_lines, n_lines_allocated;
        struct steps_value *values;
        size_t n_values, n_values_allocated;
};

struct steps_view {
        bool totals;                 /* exact counts instead of rates */
        bool by_name;                /* columns; else the largest first */
        bool all;                    /* columns */
        uint64_t since_us, until_us; /* as asked for: steps are counted from since_us on */
        unsigned header_every;       /* see table.h */
};

void steps_table_done(struct steps_table *table);
/* Adds a reply's "rates"; NULL, one without steps, does nothing. 0 or -ENOMEM. */
int steps_table_add(struct steps_table *table, struct json_object *rates);
/* 0 or -ENOMEM. */
int steps_table_print(struct steps_table *table, const struct style *style, const struct steps_view *view,
                      FILE *f);
