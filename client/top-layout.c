/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-layout.h"

#include <string.h>

#include "client/i18n.h"
#include "client/top-layout-parts.h"

enum {
        HEAD_LINES = 3,
        WINDOWS_FEW = 5,
        WINDOWS_MANY = 12,
        HEIGHT_LARGE = 44,    /* from here on many */
        HEIGHT_WITH_HEAD = 8, /* below, only the table */
        HEIGHT_WITH_WINDOWS = 16,
        LINES_MAX = 16384,
};

/* How the lines of the screen are shared out. */
struct plan {
        unsigned head, body, windows, foot; /* lines each; windows with their heading */
};

static unsigned top_n_wanted(const struct top_model *model, const struct top_view *view) {
        unsigned n = 0;

        for (size_t i = 0; i < model->n_windows; i++)
                n += top_window_wanted(&model->windows[i], view->filter);
        return n;
}

static struct plan top_plan(const struct top_page *page, const struct top_view *view, unsigned n_lines,
                            unsigned n_windows) {
        struct plan plan = { .head = HEAD_LINES, .foot = 1 };
        unsigned most = page->height >= HEIGHT_LARGE ? WINDOWS_MANY : WINDOWS_FEW;

        if (page->height == 0) {
                plan.foot = 0;
                plan.windows = 1 + MIN(MAX(n_windows, 1U), (unsigned)WINDOWS_MANY);
                plan.body = n_lines + 1;
                return plan;
        }

        if (page->height < HEIGHT_WITH_HEAD)
                plan.head = 0;
        if (page->height >= HEIGHT_WITH_WINDOWS && view->mode != TOP_MODE_EVENT &&
            view->mode != TOP_MODE_HELP)
                plan.windows = 1 + MIN(MAX(n_windows, 1U), most);
        plan.body = page->height > plan.head + plan.windows + plan.foot
                            ? page->height - plan.head - plan.windows - plan.foot
                            : 0;
        return plan;
}

/* Lines that the table does not need go to the windows. */
static void top_plan_spare(struct plan *plan, size_t n_lines, unsigned n_windows) {
        size_t need =
                MAX(n_lines + 1, (size_t)2); /* with the titles; where there is nothing a line says so */
        unsigned wanted = n_windows + 1, spare = need < plan->body ? plan->body - (unsigned)need : 0;

        if (plan->windows == 0 || wanted <= plan->windows)
                return;
        spare = MIN(spare, wanted - plan->windows);
        plan->windows += spare;
        plan->body -= spare;
}

static unsigned top_count_text(const char *const *text) {
        unsigned n = 0;

        while (text && text[n])
                n++;
        return n;
}

/* Text in place of the table: an event, or the help, which is in the user's language only here. */
static void top_draw_text(struct top_grid *grid, unsigned y, unsigned n, size_t first,
                          const char *const *text) {
        unsigned n_lines = top_count_text(text);

        for (unsigned i = 0; i < n && first + i < n_lines; i++) {
                const char *line = text[first + i];

                (void)top_grid_text(grid, y + i, 0, grid->width, TOP_PLAIN,
                                    text == top_help && *line ? _(line) : line);
        }
}

static int top_titles(struct top_table *table, struct top_shown *shown) {
        const char **titles = calloc(table->n_columns + 1, sizeof(*titles));

        if (!titles)
                return -ENOMEM;

        for (size_t i = 0; i < table->n_columns; i++)
                titles[i] = table->columns[i].title;
        free(table->titles);
        table->titles = titles;
        shown->columns = titles;
        shown->n_columns = table->n_columns;
        return 0;
}

static bool top_is_text(const struct top_view *view) {
        return view->mode == TOP_MODE_EVENT || view->mode == TOP_MODE_HELP;
}

/* The table's body, or the text in its place. */
static void top_draw_body(const struct top_view *view, const struct top_page *page, const struct plan *plan,
                          struct top_grid *grid, const struct top_table *table, struct top_shown *shown) {
        const char *const *text = view->mode == TOP_MODE_HELP ? top_help : page->text;
        size_t last;

        shown->page = plan->body > 1 ? plan->body - 1 : 0;
        shown->n_lines = top_is_text(view) ? top_count_text(text) : table->n_lines;
        last = shown->n_lines > shown->page ? shown->n_lines - shown->page : 0;

        if (top_is_text(view)) {
                top_grid_paint(grid, plan->head, 0, grid->width, TOP_HEADING);
                (void)top_grid_printf(grid, plan->head, 0, TOP_HEADING, " %s",
                                      view->mode == TOP_MODE_HELP ? _("Help") : _("Window"));
                top_draw_text(grid, plan->head + 1, (unsigned)shown->page, MIN(view->top_line, last), text);
        } else if (plan->body > 0)
                top_draw_table(table, view, page, grid, plan->head, plan->head + plan->body,
                               MIN(view->top_line, last));
}

/* Memory has an hour; disk what it says. */
static uint64_t top_history(const struct top_model *model, uint64_t now_us) {
        uint64_t disk_us = model->oldest_us > 0 && model->oldest_us < now_us ? now_us - model->oldest_us : 0;

        return MAX(disk_us, 3600 * USEC_PER_SEC);
}

int top_layout(const struct top_model *model, const struct top_view *view, const struct top_page *page,
               struct top_grid *grid, struct top_table *table, struct top_shown *ret_shown) {
        struct top_shown shown = { .now_us = page->now_us, .history_us = top_history(model, page->now_us) };
        unsigned n_windows = top_n_wanted(model, view);
        struct plan plan = top_plan(page, view, 0, n_windows);
        int r;

        top_table_done(table);
        /* Where not all CPUs fit, those that matter are on top. */
        r = top_table_make(model, view, page->height > 0 && model->n_cpus + 1 > plan.body, table);
        if (r < 0)
                return r;
        if (page->height == 0)
                plan = top_plan(page, view, (unsigned)MIN(table->n_lines, (size_t)LINES_MAX), n_windows);
        else
                top_plan_spare(&plan, table->n_lines, n_windows);
        r = top_grid_reset(grid, page->width, plan.head + plan.body + plan.windows + plan.foot);
        if (r == 0)
                r = top_titles(table, &shown);
        if (r < 0)
                return r;

        if (plan.head > 0)
                top_draw_head(model, view, page, grid);
        top_draw_body(view, page, &plan, grid, table, &shown);
        if (plan.windows > 0)
                shown.n_windows = top_draw_windows(model, view, grid, plan.head + plan.body,
                                                   plan.head + plan.body + plan.windows);
        if (plan.foot > 0)
                top_draw_foot(view, page, grid, grid->height - 1);

        *ret_shown = shown;
        return 0;
}

int64_t top_chosen_window(const struct top_model *model, const struct top_view *view) {
        size_t at = 0;

        for (size_t i = model->n_windows; i-- > 0;)
                if (top_window_wanted(&model->windows[i], view->filter) && at++ == view->window)
                        return model->windows[i].id;

        return 0;
}
