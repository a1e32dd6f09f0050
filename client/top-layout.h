/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where on the screen what goes: model + view + size -> grid. Pure.
 */

#include "client/top-grid.h"
#include "client/top-model.h"
#include "client/top-table.h"
#include "client/top-view.h"

struct top_page {
        unsigned width;
        unsigned height; /* 0: as many lines as there is to say */
        bool utf8;
        uint64_t now_us;         /* realtime */
        const char *trouble;     /* why the data is old; NULL: it is not */
        const char *const *text; /* what stands in place of the table, as TOP_MODE_EVENT asks for; safe lines,
                                    NULL at the end */
};

/* Draws into the grid, which is reset, and tells what is shown: *ret_shown's columns point into the table. 0
 * or -ENOMEM. */
int top_layout(const struct top_model *model, const struct top_view *view, const struct top_page *page,
               struct top_grid *grid, struct top_table *table, struct top_shown *ret_shown);
/* The id of the chosen window, 0: none. */
int64_t top_chosen_window(const struct top_model *model, const struct top_view *view) _pure_;
