/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one renderer of tables: columns aligned left or right, fitted into the terminal's width. What does not
 * fit goes, in this order: "spill" columns move to a line of their own under the row, "flexible" ones are
 * cut, and the rest continues in further blocks that repeat the header and the key columns. Knows nothing of
 * what is in the cells.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "client/style.h"

enum table_column_flags {
        TABLE_RIGHT = 1 << 0, /* aligned right: numbers */
        TABLE_KEY = 1 << 1,   /* names the row: repeated in every block */
        TABLE_FLEX = 1 << 2,  /* may be cut down to min_width */
        TABLE_SPILL = 1 << 3, /* may move to a line under the row, as "title: text" */
};

struct table_cell {
        char *text; /* owned, sanitised; NULL: empty */
        unsigned width;
        enum colour colour;
};

struct table_column {
        char *title;
        char *group; /* a line above the titles names it once over neighbours with the same; or NULL */
        unsigned flags, min_width;
        unsigned width; /* of the widest cell or the title */
};

/* Filled column by column, then row by row. All-zero plus table_init(). The first failure (out of
 * memory) is kept and returned by table_print(), so that the calls in between need no checks. */
struct table {
        struct table_column *columns;
        struct table_cell *cells; /* n_columns per row */
        size_t n_columns, n_cells, allocated;
        unsigned indent;       /* blanks before each line */
        unsigned header_every; /* repeat the header after so many rows; 0: never */
        int error;
};

void table_done(struct table *table);

/* title is copied, and shown as it is. */
void table_add_column(struct table *table, const char *title, unsigned flags, unsigned min_width);
/* Sets the group of the column added last. */
void table_set_group(struct table *table, const char *group);
/* Fills the next cell, row after row; the last row must be complete before printing. */
void table_add(struct table *table, enum colour colour, const char *text);
void table_addf(struct table *table, enum colour colour, const char *format, ...) _printf_(3, 4);
/* Columns that the table would take on one line. */
unsigned table_width(const struct table *table);
/* The same with its flexible columns cut as far as they may be, and spilled ones off the line. */
unsigned table_width_min(const struct table *table);
size_t table_n_rows(const struct table *table);
/* Prints nothing when there are no rows. 0 or the first error. */
int table_print(struct table *table, const struct style *style, FILE *f);
