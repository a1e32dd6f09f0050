/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two sorts of tables: lines of CPUs, and lines of softirqs and interrupts. For top-table.c alone.
 */

#include "client/top-table.h"

/* Of lines of rows, the column by which they are sorted where none is named: one CPU is what runs full. */
enum { TOP_COLUMN_BUSIEST = 1 };

/* name: part of a name by which columns, or lines, are picked; "": all. The table's CPUs are chosen already.
 */
int top_fill_cpus(struct top_table *table, const struct top_view *view, const char *name);
int top_fill_rows(struct top_table *table, const struct top_view *view, const char *name);

/* For both. 0 or -ENOMEM. */
int top_add_column(struct top_table *table, const char *title, enum top_unit unit, bool extra);
/* A line with one member; title is consumed, NULL: no memory. *ret_line is good until the next line is added.
 */
int top_add_line(struct top_table *table, char *title, uint32_t member, struct top_line **ret_line);
int top_add_member(struct top_line *line, uint32_t member);
