/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of the screen, each drawn into its lines [y, end) of the grid. For top-layout.c alone.
 */

#include "client/top-layout.h"

void top_draw_head(const struct top_model *model, const struct top_view *view, const struct top_page *page,
                   struct top_grid *grid);
void top_draw_table(const struct top_table *table, const struct top_view *view, const struct top_page *page,
                    struct top_grid *grid, unsigned y, unsigned end, size_t first);
/* Returns how many windows are shown. */
size_t top_draw_windows(const struct top_model *model, const struct top_view *view, struct top_grid *grid,
                        unsigned y, unsigned end);
void top_draw_foot(const struct top_view *view, const struct top_page *page, struct top_grid *grid,
                   unsigned y);

enum { TOP_VALUE_MAX = 96 };
/* A value in few columns: "12.3k", "45.6", "51.0ms". Returns buf. */
char *top_value_text(double value, enum top_unit unit, bool totals, char buf[static TOP_VALUE_MAX]);
