/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-grid.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

#include "client/flame-text.h"

int top_grid_reset(struct top_grid *grid, unsigned width, unsigned height) {
        size_t n = (size_t)width * height;

        if (!grid->cells || n > (size_t)grid->width * grid->height) {
                struct top_cell *cells = reallocarray(grid->cells, MAX(n, (size_t)1), sizeof(*cells));

                if (!cells)
                        return -ENOMEM;
                grid->cells = cells;
        }

        grid->width = width;
        grid->height = height;
        for (size_t i = 0; i < n; i++)
                grid->cells[i] = (struct top_cell){ .c = ' ', .attr = TOP_PLAIN };
        return 0;
}

void top_grid_done(struct top_grid *grid) {
        free(grid->cells);
        *grid = (struct top_grid){};
}

void top_grid_put(struct top_grid *grid, unsigned y, unsigned x, enum top_attr attr, uint32_t c) {
        if (y < grid->height && x < grid->width)
                grid->cells[(size_t)y * grid->width + x] = (struct top_cell){ .c = c, .attr = attr };
}

unsigned top_grid_text(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr,
                       const char *text) {
        end = MIN(end, grid->width);
        while (*text && y < grid->height) {
                uint32_t c;
                int width;

                text += flame_text_next(text, &c); /* control characters and stray bytes become U+FFFD */
                width = wcwidth((wchar_t)c);
                if (width == 0) /* a mark on the character before: a cell holds only one */
                        continue;
                width = width < 0 ? 1 : width;
                if (x + (unsigned)width > end)
                        break;
                top_grid_put(grid, y, x, attr, c);
                if (width == 2)
                        top_grid_put(grid, y, x + 1, attr, 0);
                x += (unsigned)width;
        }

        return x;
}

unsigned top_grid_printf(struct top_grid *grid, unsigned y, unsigned x, enum top_attr attr,
                         const char *format, ...) {
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap); /* wider than any screen's line need not be */
        va_end(ap);
        return top_grid_text(grid, y, x, grid->width, attr, text);
}

void top_grid_right(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr,
                    const char *text) {
        unsigned n = (unsigned)flame_text_columns(text);

        top_grid_paint(grid, y, x, end, attr);
        (void)top_grid_text(grid, y, end > x + n ? end - n : x, end, attr, text);
}

void top_grid_paint(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr) {
        for (end = MIN(end, grid->width); y < grid->height && x < end; x++)
                grid->cells[(size_t)y * grid->width + x].attr = attr;
}

char *top_cell_text(uint32_t c, bool ascii, char buf[static 5]) {
        size_t n = 0;

        if (c < 0x80 || ascii)
                buf[n++] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
        else if (c < 0x800) {
                buf[n++] = (char)(0xc0 | c >> 6);
                buf[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
                buf[n++] = (char)(0xe0 | c >> 12);
                buf[n++] = (char)(0x80 | (c >> 6 & 0x3f));
                buf[n++] = (char)(0x80 | (c & 0x3f));
        } else {
                buf[n++] = (char)(0xf0 | c >> 18);
                buf[n++] = (char)(0x80 | (c >> 12 & 0x3f));
                buf[n++] = (char)(0x80 | (c >> 6 & 0x3f));
                buf[n++] = (char)(0x80 | (c & 0x3f));
        }

        buf[n] = '\0';
        return buf;
}

void top_grid_write(const struct top_grid *grid, bool ascii, FILE *f) {
        for (unsigned y = 0; y < grid->height; y++) {
                const struct top_cell *line = grid->cells + (size_t)y * grid->width;
                unsigned n = grid->width;
                char text[5];

                while (n > 0 && line[n - 1].c == ' ')
                        n--;
                for (unsigned x = 0; x < n; x++)
                        if (line[x].c != 0)
                                fputs(top_cell_text(line[x].c, ascii, text), f);
                fputc('\n', f);
        }
}
