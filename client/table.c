/* SPDX-License-Identifier: Apache-2.0 */

#include "client/table.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "common/array.h"

enum {
        GAP = 2, /* blanks between columns */
        SPILL_INDENT = 4,
        COLUMN_CUT_MIN = 4, /* a column that is too wide even for a block of its own is cut to no less */
};

void table_done(struct table *table) {
        for (size_t i = 0; i < table->n_columns; i++) {
                free(table->columns[i].title);
                free(table->columns[i].group);
        }
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].text);
        free(table->columns);
        free(table->cells);
        *table = (struct table){};
}

void table_add_column(struct table *table, const char *title, unsigned flags, unsigned min_width) {
        struct table_column *columns;
        char *copy;

        assert(table->n_cells == 0);
        if (table->error < 0)
                return;

        copy = text_sanitize(title);
        columns = copy ? reallocarray(table->columns, table->n_columns + 1, sizeof(*columns)) : NULL;
        if (!columns) {
                free(copy);
                table->error = -ENOMEM;
                return;
        }

        columns[table->n_columns++] = (struct table_column){
                .title = copy,
                .flags = flags,
                .min_width = min_width,
                .width = text_width(copy),
        };
        table->columns = columns;
}

void table_set_group(struct table *table, const char *group) {
        if (table->error < 0)
                return;

        assert(table->n_columns > 0);
        table->columns[table->n_columns - 1].group = text_sanitize(group);
        if (!table->columns[table->n_columns - 1].group)
                table->error = -ENOMEM;
}

void table_add(struct table *table, enum colour colour, const char *text) {
        struct table_column *column;
        struct table_cell cell = { .colour = colour };

        if (table->error < 0)
                return;

        assert(table->n_columns > 0);
        column = &table->columns[table->n_cells % table->n_columns];
        if (text && *text) {
                cell.text = text_sanitize(text);
                if (!cell.text) {
                        table->error = -ENOMEM;
                        return;
                }
                cell.width = text_width(cell.text);
        }

        table->error = ARRAY_RESERVE(table->cells, table->allocated, table->n_cells + 1);
        if (table->error < 0) {
                free(cell.text);
                return;
        }

        column->width = MAX(column->width, cell.width);
        table->cells[table->n_cells++] = cell;
}

void table_addf(struct table *table, enum colour colour, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list ap;
        int r;

        if (table->error < 0)
                return;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                table->error = -ENOMEM;
                return;
        }

        table_add(table, colour, text);
}

size_t table_n_rows(const struct table *table) {
        return table->n_columns > 0 ? table->n_cells / table->n_columns : 0;
}

/* Width of one line without the columns that spill, from spill_from on. */
static unsigned table_width_spilled(const struct table *table, size_t spill_from) {
        unsigned width = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                if (i < spill_from || !(table->columns[i].flags & TABLE_SPILL))
                        width += table->columns[i].width + (width > 0 ? GAP : 0);

        return table->indent + width;
}

unsigned table_width(const struct table *table) {
        return table_width_spilled(table, SIZE_MAX);
}

unsigned table_width_min(const struct table *table) {
        unsigned width = table_width_spilled(table, 0);

        for (size_t i = 0; i < table->n_columns; i++) {
                const struct table_column *column = &table->columns[i];

                if ((column->flags & (TABLE_FLEX | TABLE_SPILL)) == TABLE_FLEX)
                        width -= column->width - MIN(column->width, column->min_width);
        }

        return width;
}

/* Where columns stand. */
struct layout {
        unsigned *widths;  /* per column */
        size_t spill_from; /* columns from here on that may spill are off the line; SIZE_MAX: none */
        const struct style *style;
        const struct table *table;
        FILE *f;
};

static bool layout_on_line(const struct layout *layout, size_t column) {
        return column < layout->spill_from || !(layout->table->columns[column].flags & TABLE_SPILL);
}

/* Takes what is too much from the flexible columns, always from the widest. False (and nothing changed) when
 * that is not enough. */
static bool layout_shrink(struct layout *layout, unsigned excess) {
        const struct table *table = layout->table;
        unsigned slack = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                if (layout_on_line(layout, i) && table->columns[i].flags & TABLE_FLEX &&
                    layout->widths[i] > table->columns[i].min_width)
                        slack += layout->widths[i] - table->columns[i].min_width;
        if (slack < excess)
                return false;

        for (; excess > 0; excess--) {
                size_t widest = SIZE_MAX;

                for (size_t i = 0; i < table->n_columns; i++)
                        if (layout_on_line(layout, i) && table->columns[i].flags & TABLE_FLEX &&
                            layout->widths[i] > table->columns[i].min_width &&
                            (widest == SIZE_MAX || layout->widths[i] > layout->widths[widest]))
                                widest = i;
                layout->widths[widest]--;
        }

        return true;
}

/* Decides spilling (as few as needed, from the right) and cutting; true when all of it goes on one line. */
static bool layout_fit(struct layout *layout) {
        const struct table *table = layout->table;
        unsigned limit = layout->style->width, width = table_width(table);

        if (limit == 0)
                return true;

        for (size_t i = table->n_columns; i > 0 && width > limit; i--) {
                if (!(table->columns[i - 1].flags & TABLE_SPILL))
                        continue;
                layout->spill_from = i - 1;
                width = table_width_spilled(table, layout->spill_from);
        }

        return width <= limit || layout_shrink(layout, width - limit);
}

/* Where the block that starts at column first ends: the first column that is not in it. Key columns always
 * are. At least one column goes into each block, cut if need be. */
static size_t layout_block_end(const struct layout *layout, size_t first) {
        const struct table *table = layout->table;
        unsigned limit = layout->style->width, width = table->indent;
        bool taken = false;
        size_t i;

        for (i = 0; i < table->n_columns; i++)
                if (table->columns[i].flags & TABLE_KEY)
                        width += layout->widths[i] + GAP;

        for (i = first; i < table->n_columns; i++) {
                if (table->columns[i].flags & TABLE_KEY || !layout_on_line(layout, i))
                        continue;
                if (taken && width + layout->widths[i] > limit)
                        break;
                if (!taken && width + layout->widths[i] > limit)
                        layout->widths[i] = MAX(limit > width ? limit - width : 0, (unsigned)COLUMN_CUT_MIN);
                width += layout->widths[i] + GAP;
                taken = true;
        }

        return i;
}

static bool layout_in_block(const struct layout *layout, size_t column, size_t first, size_t end) {
        return layout->table->columns[column].flags & TABLE_KEY ||
               (column >= first && column < end && layout_on_line(layout, column));
}

/* One cell, padded to its column; pad blanks are held back so that no line ends in blanks. */
static void print_cell(const struct layout *layout, size_t column, const char *text, enum colour colour,
                       unsigned *held) {
        struct text_part part = text_fit(text, layout->widths[column], layout->style->utf8);
        unsigned pad = layout->widths[column] - part.width;

        if (layout->table->columns[column].flags & TABLE_RIGHT) {
                *held += pad;
                pad = 0;
        }
        if (*text) {
                fprintf(layout->f, "%*s", (int)*held, "");
                style_print(layout->style, layout->f, colour, "%.*s%s", (int)part.n, text, part.ellipsis);
                *held = 0;
        }

        *held += pad + GAP;
}

/* The line of group names: each once, over its first column. */
static void print_groups(const struct layout *layout, size_t first, size_t end) {
        const struct table *table = layout->table;
        const char *last = NULL;
        unsigned x = 0, at = table->indent;
        bool any = false;

        for (size_t i = 0; i < table->n_columns; i++)
                any |= layout_in_block(layout, i, first, end) && table->columns[i].group;
        if (!any)
                return;

        for (size_t i = 0; i < table->n_columns; i++) {
                const char *group = table->columns[i].group;

                if (!layout_in_block(layout, i, first, end))
                        continue;
                if (group && (!last || strcmp(group, last) != 0)) {
                        fprintf(layout->f, "%*s", at > x ? (int)(at - x) : 1, "");
                        style_print(layout->style, layout->f, COLOUR_BOLD, "|%s", group);
                        x = MAX(at, x + 1) + 1 + text_width(group);
                }
                last = group;
                at += layout->widths[i] + GAP;
        }

        fputc('\n', layout->f);
}

static void print_header(const struct layout *layout, size_t first, size_t end) {
        unsigned held = layout->table->indent;

        print_groups(layout, first, end);
        for (size_t i = 0; i < layout->table->n_columns; i++)
                if (layout_in_block(layout, i, first, end))
                        print_cell(layout, i, layout->table->columns[i].title, COLOUR_BOLD, &held);
        fputc('\n', layout->f);
}

/* "tasks: node, java", in what room there is. Returns the columns it took. */
static unsigned print_spilled_cell(const struct layout *layout, const char *title,
                                   const struct table_cell *cell, unsigned room) {
        unsigned used = text_width(title) + 2;
        struct text_part part = text_fit(cell->text, room - MIN(used, room), layout->style->utf8);

        for (const char *p = title; *p; p++)
                fputc(tolower((unsigned char)*p), layout->f);
        fputs(": ", layout->f);
        style_print(layout->style, layout->f, cell->colour, "%.*s%s", (int)part.n, cell->text, part.ellipsis);
        return used + part.width;
}

/* The cells that were moved off the line, in as many lines as it takes. */
static void print_spilled(const struct layout *layout, const struct table_cell *row) {
        const struct table *table = layout->table;
        unsigned indent = table->indent + SPILL_INDENT, limit = layout->style->width, x = 0;

        for (size_t i = 0; i < table->n_columns; i++) {
                const char *title = table->columns[i].title;

                if (layout_on_line(layout, i) || !row[i].text)
                        continue;

                if (x > 0 && x + GAP + text_width(title) + 2 + row[i].width > limit) {
                        fputc('\n', layout->f);
                        x = 0;
                }
                fprintf(layout->f, "%*s", x > 0 ? GAP : (int)indent, "");
                x += x > 0 ? GAP : indent;
                x += print_spilled_cell(layout, title, &row[i], limit - MIN(limit, x));
        }

        if (x > 0)
                fputc('\n', layout->f);
}

static void print_block(const struct layout *layout, size_t first, size_t end) {
        const struct table *table = layout->table;

        for (size_t r = 0; r < table_n_rows(table); r++) {
                const struct table_cell *row = table->cells + r * table->n_columns;
                unsigned held = table->indent;

                if (r == 0 || (table->header_every > 0 && r % table->header_every == 0))
                        print_header(layout, first, end);
                for (size_t i = 0; i < table->n_columns; i++)
                        if (layout_in_block(layout, i, first, end))
                                print_cell(layout, i, row[i].text ?: "", row[i].colour, &held);
                fputc('\n', layout->f);
                if (end == table->n_columns)
                        print_spilled(layout, row);
        }
}

int table_print(struct table *table, const struct style *style, FILE *f) {
        _cleanup_(freep) unsigned *widths = NULL;
        struct layout layout = { .style = style, .table = table, .f = f, .spill_from = SIZE_MAX };
        size_t end;

        if (table->error < 0)
                return table->error;
        if (table_n_rows(table) == 0)
                return 0;

        assert(table->n_cells % table->n_columns == 0);
        layout.widths = widths = calloc(table->n_columns, sizeof(*widths));
        if (!widths)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = table->columns[i].width;

        if (layout_fit(&layout)) {
                print_block(&layout, 0, table->n_columns);
                return 0;
        }

        for (size_t first = 0; first < table->n_columns; first = end) {
                end = layout_block_end(&layout, first);
                if (first > 0)
                        fputc('\n', f);
                print_block(&layout, first, end);
        }

        return 0;
}
