/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A steps table as text: which columns, what stands in a cell, and what must be said about the lines.
 */

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/steps-table.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/json-strict.h"
#include "common/parse.h"

enum { COLUMNS_MAX = 8 }; /* unless all are asked for */

/* A step that stands out: so many times its column's mean. */
#define STANDS_OUT 3.0

/* What is printed of a table, in its order. */
struct steps_layout {
        size_t *columns;
        size_t n_columns;
        uint32_t *places; /* by column: index into columns, from 1 on; 0: not printed */
        bool with_lengths, with_total;
        uint64_t elapsed_ns; /* of all lines that tell something */
};

static void steps_layout_done(struct steps_layout *layout) {
        free(layout->columns);
        free(layout->places);
}

static int compare_totals(const void *a, const void *b, void *userdata) {
        const struct steps_table *table = userdata;
        const struct steps_column *x = &table->columns[*(const size_t *)a],
                                  *y = &table->columns[*(const size_t *)b];

        if (x->total != y->total)
                return x->total < y->total ? 1 : -1;
        return strverscmp(x->key, y->key);
}

static int compare_keys(const void *a, const void *b, void *userdata) {
        const struct steps_table *table = userdata;

        return strverscmp(table->columns[*(const size_t *)a].key, table->columns[*(const size_t *)b].key);
}

/* Longer than asked for by more than a pass that came late. */
static bool is_long(const struct steps_table *table, const struct steps_line *line) {
        return line->missing || line->elapsed_ns / NSEC_PER_USEC > table->step_us + table->step_us / 2;
}

static int steps_layout_init(struct steps_layout *layout, struct steps_table *table,
                             const struct steps_view *view) {
        layout->columns = calloc(table->n_columns + 1, sizeof(*layout->columns));
        layout->places = calloc(table->n_columns + 1, sizeof(*layout->places));
        if (!layout->columns || !layout->places)
                return -ENOMEM;

        for (size_t i = 0; i < table->n_columns; i++)
                layout->columns[i] = i;
        qsort_r(layout->columns, table->n_columns, sizeof(*layout->columns), compare_totals, table);
        layout->n_columns = view->all ? table->n_columns : MIN(table->n_columns, (size_t)COLUMNS_MAX);
        if (view->by_name || table->per_cpu)
                qsort_r(layout->columns, layout->n_columns, sizeof(*layout->columns), compare_keys, table);
        for (size_t i = 0; i < layout->n_columns; i++)
                layout->places[layout->columns[i]] = (uint32_t)i + 1;

        layout->with_total = table->n_columns > 1;
        for (size_t i = 0; i < table->n_lines; i++) {
                layout->with_lengths |= is_long(table, &table->lines[i]);
                layout->elapsed_ns += table->lines[i].missing ? 0 : table->lines[i].elapsed_ns;
        }

        return 0;
}

static void add_columns(struct table *text, const struct steps_table *table,
                        const struct steps_layout *layout) {
        table_add_column(text, _("FROM"), TABLE_KEY, 0);
        if (layout->with_lengths)
                table_add_column(text, _("LENGTH"), TABLE_KEY | TABLE_RIGHT, 0);
        if (layout->with_total)
                table_add_column(text, _("TOTAL"), TABLE_RIGHT, 0);
        for (size_t i = 0; i < layout->n_columns; i++)
                table_add_column(text, table->columns[layout->columns[i]].title ?: "?", TABLE_RIGHT, 0);
}

/* Where a step begins by the clock on the wall: passes do not come at that very moment. One that begins in
 * the middle, after a gap, begins there. */
static uint64_t line_start(const struct steps_table *table, const struct steps_line *line,
                           const struct steps_view *view) {
        uint64_t step_us = MAX(table->step_us, UINT64_C(1)), past_us;

        if (line->missing || line->since_us <= view->since_us)
                return MAX(line->since_us, view->since_us);
        if (!is_long(table, line)) {
                uint64_t start_us = line->until_us - 1 - (line->until_us - 1 - view->since_us) % step_us;

                return line->since_us > start_us + step_us / 10 ? line->since_us : start_us;
        }

        past_us = (line->since_us + step_us / 10 - view->since_us) % step_us;
        return past_us <= step_us / 5 ? line->since_us + step_us / 10 - past_us : line->since_us;
}

static void add_cell(struct table *text, const struct steps_table *table, const struct steps_line *line,
                     enum colour colour, uint64_t total, bool reset, const struct steps_view *view) {
        double per_second =
                line->elapsed_ns > 0 ? (double)total * (double)NSEC_PER_SEC / (double)line->elapsed_ns : 0;
        const char *mark = reset ? "!" : "";
        char buf[FIELD_TEXT_MAX];

        if (total == 0)
                table_addf(text, COLOUR_DIM, "-%s", mark);
        else if (view->totals && !table->is_time)
                table_addf(text, colour, "%" PRIu64 "%s", total, mark);
        else if (view->totals)
                table_addf(text, colour, "%s%s", format_duration(total, buf), mark);
        else if (table->is_time)
                table_addf(text, colour, "%s%s", format_cpu_share(per_second / (double)NSEC_PER_SEC, buf),
                           mark);
        else
                table_addf(text, colour, "%s%s", format_count(per_second, buf), mark);
}

static enum colour cell_colour(const struct steps_column *column, const struct steps_layout *layout,
                               const struct steps_line *line, const struct steps_value *value) {
        double mean = (double)column->total / (double)MAX(layout->elapsed_ns, UINT64_C(1));
        double here = (double)value->total / (double)MAX(line->elapsed_ns, UINT64_C(1));

        return here >= mean * STANDS_OUT ? COLOUR_YELLOW : COLOUR_NONE;
}

static void add_values(struct table *text, const struct steps_table *table, const struct steps_layout *layout,
                       const struct steps_line *line, const struct steps_value **cells,
                       const struct steps_view *view) {
        memset(cells, 0, layout->n_columns * sizeof(*cells));
        for (size_t i = 0; i < line->n; i++) {
                const struct steps_value *value = &table->values[line->first + i];

                if (layout->places[value->column] > 0)
                        cells[layout->places[value->column] - 1] = value;
        }

        if (layout->with_total)
                add_cell(text, table, line, COLOUR_BOLD, line->total, line->reset && table->per_cpu, view);
        for (size_t i = 0; i < layout->n_columns; i++) {
                const struct steps_value *value = cells[i];

                if (!value)
                        table_add(text, COLOUR_DIM, line->missing ? NULL : "-");
                else
                        add_cell(text, table, line,
                                 cell_colour(&table->columns[layout->columns[i]], layout, line, value),
                                 value->total, value->reset, view);
        }
}

static void add_missing(struct table *text, const struct steps_layout *layout) {
        size_t n = layout->n_columns + layout->with_total;

        for (size_t i = 0; i < n; i++)
                table_add(text, COLOUR_YELLOW, i == 0 ? _("gap") : NULL);
}

static int print_lines(struct steps_table *table, const struct steps_layout *layout,
                       const struct style *style, const struct steps_view *view, FILE *f) {
        _cleanup_(table_done) struct table text = { .header_every = view->header_every };
        _cleanup_(freep) const struct steps_value **cells =
                calloc(layout->n_columns + 1, sizeof(const struct steps_value *));
        char buf[FIELD_TEXT_MAX];

        if (!cells)
                return -ENOMEM;

        add_columns(&text, table, layout);
        for (size_t i = 0; i < table->n_lines; i++) {
                const struct steps_line *line = &table->lines[i];

                table_addf(&text, COLOUR_NONE, "%s%s",
                           format_moment(line_start(table, line, view), style->now_us, false, buf),
                           line->gap && !line->missing ? "~" : "");
                if (layout->with_lengths)
                        table_add(&text, COLOUR_NONE,
                                  is_long(table, line) ? format_duration(line->elapsed_ns, buf) : NULL);
                if (line->missing)
                        add_missing(&text, layout);
                else
                        add_values(&text, table, layout, line, cells, view);
        }

        return table_print(&text, style, f);
}

/* "softirqs per second, steps of 1 min, 14:00:00 - 15:00:00" */
static int print_head(const struct steps_table *table, const struct style *style,
                      const struct steps_view *view, FILE *f) {
        const char *source = table->source ?: "?", *metric = table->metric ?: source;
        uint64_t since = view->since_us, until = view->until_us;
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        _cleanup_(json_putp) struct json_object *answer = json_object_new_object();
        bool same = strcmp(source, metric) == 0;

        if (!answer || (table->tier && json_add(answer, "tier", json_object_new_string(table->tier)) < 0))
                return -ENOMEM;

        style_print(style, f, COLOUR_BOLD, _("%s%s%s%s, steps of %s, %s - %s"), source, same ? "" : " ",
                    same ? "" : metric,
                    table->is_time ? view->totals ? _(", time") : _(", share of one CPU")
                    : view->totals ? _(", counts")
                                   : _(" per second"),
                    format_duration_exact(table->step_us * NSEC_PER_USEC, length),
                    format_moment(since, style->now_us, false, a),
                    format_moment(until, same_day(since, until) ? until : style->now_us, false, b));
        fputc('\n', f);
        render_tier(style, answer, f);
        fputc('\n', f);
        return 0;
}

static void print_ends(const struct steps_table *table, const struct style *style,
                       const struct steps_view *view, FILE *f) {
        const struct steps_line *first = &table->lines[0], *last = &table->lines[table->n_lines - 1];
        uint64_t slack_us = MAX(table->step_us, 15 * USEC_PER_SEC);
        char buf[FIELD_TEXT_MAX];

        if (first->since_us > view->since_us + slack_us)
                fprintf(f, _("Nothing is recorded of the time before %s.\n"),
                        format_moment(first->since_us, style->now_us, false, buf));
        if (last->until_us + slack_us < view->until_us)
                fprintf(f, _("Nothing is recorded of the time after %s.\n"),
                        format_moment(last->until_us, style->now_us, false, buf));
}

static void print_marks(const struct steps_table *table, FILE *f) {
        bool reset = false, gap = false, missing = false, wide = false;

        for (size_t i = 0; i < table->n_lines; i++) {
                const struct steps_line *line = &table->lines[i];

                reset |= line->reset;
                missing |= line->missing;
                gap |= line->gap && !line->missing;
                wide |= is_long(table, line) && !line->missing;
        }

        if (wide)
                fputs(_("LENGTH: longer steps where nothing finer is recorded or kept\n"), f);
        if (missing)
                fputs(_("gap: nothing was recorded; irqctl report shows why\n"), f);
        if (gap)
                fputs(_("~ nothing was recorded for a part of the step; its counts are included\n"), f);
        if (reset)
                fputs(_("! the kernel's counter started anew within the step; counted from zero there\n"), f);
}

/* What is behind the numbers of interrupts, and what was left out. */
static int print_columns(const struct steps_table *table, const struct steps_layout *layout,
                         const struct style *style, FILE *f) {
        for (size_t i = 0; i < layout->n_columns; i++) {
                const struct steps_column *column = &table->columns[layout->columns[i]];
                _cleanup_(freep) char *safe = NULL;

                if (!column->text || !*column->text)
                        continue;
                safe = text_sanitize(column->text);
                if (!safe)
                        return -ENOMEM;
                fprintf(f, "%s: ", column->title ?: "?");
                style_wrap(style, f, text_width(column->title ?: "?") + 2, COLOUR_NONE, safe);
        }
        if (layout->n_columns < table->n_columns)
                fprintf(f, _("... and %zu more columns (--all), which TOTAL has, too\n"),
                        table->n_columns - layout->n_columns);
        return 0;
}

int steps_table_print(struct steps_table *table, const struct style *style, const struct steps_view *view,
                      FILE *f) {
        _cleanup_(steps_layout_done) struct steps_layout layout = {};
        int r;

        r = print_head(table, style, view, f);
        if (r >= 0)
                r = steps_layout_init(&layout, table, view);
        if (r < 0)
                return r;
        if (table->n_columns == 0) {
                fputs(layout.elapsed_ns > 0
                              ? _("Nothing was counted in this span.\n")
                              : _("Nothing was recorded in this span: irqctl report shows why.\n"),
                      f);
                return 0;
        }

        r = print_lines(table, &layout, style, view, f);
        if (r < 0)
                return r;
        fputc('\n', f);
        if (table->n_lines > 0)
                print_ends(table, style, view, f);
        print_marks(table, f);
        return print_columns(table, &layout, style, f);
}
