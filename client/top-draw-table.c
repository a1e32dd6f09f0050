/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/flame-text.h"
#include "client/i18n.h"
#include "client/top-layout-parts.h"
#include "common/parse.h"

enum {
        COLUMN_WIDTH = 7,
        TITLE_MIN = 6,
        TITLE_MAX = 28,
        STRIP_MIN = 8,
        CPU_TITLE_COLUMNS = 24, /* of a title at most, when it stands above numbers */
};

char *top_value_text(double value, enum top_unit unit, bool totals, char buf[static TOP_VALUE_MAX]) {
        char *blank;

        if (value < 0)
                return strcpy(buf, "-");

        switch (unit) {
        case TOP_RATE:
                if (value > 0 && value < 1e6 && totals)
                        (void)snprintf(buf, TOP_VALUE_MAX, "%.0f", value); /* exact: it is a count */
                else
                        (void)format_count(value, buf);
                break;
        case TOP_SHARE:
                (void)format_count(value * 100, buf);
                break;
        case TOP_NSEC:
                (void)format_duration((uint64_t)value, buf);
                blank = strchr(buf, ' ');
                if (blank)
                        memmove(blank, blank + 1, strlen(blank));
                break;
        case TOP_FACTOR:
                (void)snprintf(buf, TOP_VALUE_MAX, value < 9.95 ? "%.1fx" : "%.0fx", value);
                break;
        default:
                (void)snprintf(buf, TOP_VALUE_MAX, "%.0f", value);
        }

        return unit != TOP_NUMBER && strcmp(buf, "0") == 0 ? strcpy(buf, "-") : buf;
}

/* Columns side by side: where each begins. */
struct places {
        unsigned title; /* width of the lines' names */
        unsigned *end;  /* per column; 0: not shown */
        unsigned strip; /* where the strip begins; 0: there is none */
};

static void places_done(struct places *places) {
        free(places->end);
}

static unsigned top_title_width(const struct top_table *table, unsigned width) {
        unsigned widest = TITLE_MIN, third = MAX(width / 3, (unsigned)TITLE_MIN);

        for (size_t i = 0; i < table->n_lines; i++)
                widest = MAX(widest, (unsigned)flame_text_columns(table->lines[i].title));
        third = MIN(third, (unsigned)TITLE_MAX);
        return MIN(widest, third);
}

static unsigned top_column_width(const struct top_column *column) {
        unsigned title = (unsigned)MIN(flame_text_columns(column->title), (size_t)CPU_TITLE_COLUMNS);

        return MAX(title + 1, (unsigned)COLUMN_WIDTH);
}

/* From the left as many columns as there is room for. The one sorted by is always there: those before it make
 * room, but for the first. */
static int top_place(const struct top_table *table, unsigned width, struct places *places) {
        unsigned x = places->title = top_title_width(table, width), room;
        bool with_sorted = table->sorted < 0;

        places->end = calloc(table->n_columns + 1, sizeof(*places->end));
        if (!places->end)
                return -ENOMEM;
        room = table->has_strips ? width - MIN(width, (unsigned)STRIP_MIN + 1) : width;

        for (size_t i = 0; i < table->n_columns; i++) {
                unsigned w = top_column_width(&table->columns[i]);
                unsigned kept = !with_sorted && (int)i < table->sorted
                                        ? top_column_width(&table->columns[table->sorted])
                                        : 0;

                if (x + w + kept > room)
                        continue;
                x += w;
                places->end[i] = x;
                with_sorted |= (int)i == table->sorted;
        }

        places->strip = table->has_strips && x + STRIP_MIN < width ? x + 1 : 0;
        return 0;
}

/* How many CPUs one cell of the strip stands for. */
static size_t top_strip_step(const struct top_table *table, unsigned n_cells) {
        return n_cells > 0 ? MAX((table->n_cpus + n_cells - 1) / n_cells, (size_t)1) : 1;
}

static int top_strip_cpu(const struct top_table *table, size_t at) {
        return at < table->n_cpus ? table->model->cpus[table->cpus[at]].cpu : -1;
}

/* What the strip shows: first and last CPU, and how many there are to a cell. */
static void top_draw_strip_title(const struct top_table *table, struct top_grid *grid, unsigned y,
                                 unsigned x) {
        size_t step = top_strip_step(table, grid->width - x);
        char text[TOP_VALUE_MAX], last[TOP_VALUE_MAX];
        size_t n_cells = (table->n_cpus + step - 1) / step;
        unsigned end = x + (unsigned)n_cells;

        if (table->n_cpus == 0)
                return;
        if (step > 1)
                (void)snprintf(text, sizeof(text), _("CPU%d (%zu a cell)"), top_strip_cpu(table, 0), step);
        else
                (void)snprintf(text, sizeof(text), "CPU%d", top_strip_cpu(table, 0));
        (void)snprintf(last, sizeof(last), "%d", top_strip_cpu(table, table->n_cpus - 1));

        x = top_grid_text(grid, y, x, grid->width, TOP_HEADING, text);
        if (end > x + strlen(last))
                top_grid_right(grid, y, x, end, TOP_HEADING, last);
}

static void top_draw_titles(const struct top_table *table, const struct top_view *view, struct top_grid *grid,
                            unsigned y, const struct places *places) {
        static const char *const names[_TOP_GROUP_MAX] = {
                [TOP_BY_CPU] = "CPU",
                [TOP_BY_NODE] = "NODE",
                [TOP_BY_SOURCE] = "SOURCE",
                [TOP_BY_DEVICE] = "DEVICE",
        };

        top_grid_paint(grid, y, 0, grid->width, TOP_HEADING);
        (void)top_grid_text(grid, y, 0, places->title, TOP_HEADING, names[view->group]);
        for (size_t i = 0; i < table->n_columns; i++) {
                const struct top_column *column = &table->columns[i];

                if (places->end[i] > 0)
                        top_grid_right(grid, y, places->end[i] - top_column_width(column) + 1, places->end[i],
                                       (int)i == table->sorted ? TOP_SORTED : TOP_HEADING, column->title);
        }
        if (places->strip > 0)
                top_draw_strip_title(table, grid, y, places->strip);
}

/* Heat by glyph as well as by colour: it can be read without either of them. */
static uint32_t top_strip_glyph(unsigned heat, bool utf8) {
        static const char ascii[TOP_HEATS + 1] = ".:-=+*#@";

        return utf8 ? (heat == 0 ? 0xb7 : 0x2580 + heat) : (unsigned char)ascii[heat];
}

static void top_draw_strip(const struct top_table *table, const struct top_line *line,
                           const struct top_page *page, struct top_grid *grid, unsigned y, unsigned x) {
        size_t step = top_strip_step(table, grid->width - x);

        for (size_t i = 0; i < table->n_cpus && x < grid->width; i += step, x++) {
                unsigned heat = top_heat(top_table_strip(table, line, i, i + step), TOP_RATE);

                top_grid_put(grid, y, x, heat == 0 ? TOP_DIM : TOP_STRIP + heat,
                             top_strip_glyph(heat, page->utf8));
        }
}

/* In totals the colour still stands for the rate. */
static unsigned top_value_heat(const struct top_table *table, const struct top_line *line, size_t column,
                               const struct top_view *view) {
        double value = line->values[column];
        const struct top_column *c = &table->columns[column];

        if (view->totals && c->unit == TOP_RATE)
                value /= MAX((double)view->span_ns / (double)NSEC_PER_SEC, 1.0);
        return top_heat(value, c->unit);
}

static void top_draw_line(const struct top_table *table, const struct top_line *line,
                          const struct top_view *view, const struct top_page *page, struct top_grid *grid,
                          unsigned y, const struct places *places) {
        char text[TOP_VALUE_MAX];

        (void)top_grid_text(grid, y, 0, places->title, line->dim ? TOP_DIM : TOP_BOLD, line->title);
        for (size_t i = 0; i < table->n_columns; i++) {
                unsigned heat, end = places->end[i];

                if (end == 0)
                        continue;
                heat = top_value_heat(table, line, i, view);
                top_grid_right(grid, y, end - top_column_width(&table->columns[i]) + 1, end,
                               heat == 0 ? (line->values[i] > 0 ? TOP_PLAIN : TOP_DIM) : TOP_HEAT + heat,
                               top_value_text(line->values[i], table->columns[i].unit, view->totals, text));
        }
        if (places->strip > 0)
                top_draw_strip(table, line, page, grid, y, places->strip);
}

static void top_draw_nothing(const struct top_table *table, const struct top_view *view,
                             struct top_grid *grid, unsigned y) {
        const char *why = table->model->absent[TOP_SOFTIRQS];

        if (*view->filter)
                (void)top_grid_printf(grid, y, 0, TOP_NOTICE,
                                      _("Nothing matches \"%s\". Escape clears the filter."), view->filter);
        else if (why)
                (void)top_grid_printf(grid, y, 0, TOP_NOTICE, _("Nothing to show: %s."), _(why));
        else
                (void)top_grid_text(grid, y, 0, grid->width, TOP_NOTICE, _("Nothing to show."));
}

void top_draw_table(const struct top_table *table, const struct top_view *view, const struct top_page *page,
                    struct top_grid *grid, unsigned y, unsigned end, size_t first) {
        _cleanup_(places_done) struct places places = {};

        if (top_place(table, grid->width, &places) < 0)
                return; /* the frame before stays, the next one may have memory */

        top_draw_titles(table, view, grid, y++, &places);
        if (table->n_lines == 0 && y < end)
                top_draw_nothing(table, view, grid, y);
        for (size_t i = first; i < table->n_lines && y < end; i++)
                top_draw_line(table, &table->lines[i], view, page, grid, y++, &places);
}
