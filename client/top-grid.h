/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A rectangle of characters with attributes: what a layout draws into and a screen shows. Control characters
 * cannot get in. Knows neither what is drawn nor on what.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

enum { TOP_HEATS = 8 };

enum top_attr {
        TOP_PLAIN,
        TOP_DIM,
        TOP_BOLD,
        TOP_HEADING, /* a line that tells parts from each other */
        TOP_SORTED,  /* in a heading, the column sorted by */
        TOP_CHOSEN,
        TOP_NOTICE,
        TOP_WARNING,
        TOP_HEAT, /* TOP_HEAT + 0 (nothing) .. TOP_HEAT + TOP_HEATS - 1 (most) */
        TOP_STRIP =
                TOP_HEAT +
                TOP_HEATS, /* the same for a cell of a strip: where there are colours, no glyph is needed */
        _TOP_ATTR_MAX = TOP_STRIP + TOP_HEATS,
};

/* c 0: the second half of a wide character. */
struct top_cell {
        uint32_t c;
        uint32_t attr; /* enum top_attr; no padding, so that cells can be compared as memory */
};

struct top_grid {
        unsigned width, height;
        struct top_cell *cells; /* height * width */
};

/* A grid of blanks. Reuses the memory. 0 or -ENOMEM. */
int top_grid_reset(struct top_grid *grid, unsigned width, unsigned height);
void top_grid_done(struct top_grid *grid);
/* Writes text from column x on, cut at column end or at the edge. What is outside is left out. Returns the
 * column after the text. */
unsigned top_grid_text(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr,
                       const char *text);
unsigned top_grid_printf(struct top_grid *grid, unsigned y, unsigned x, enum top_attr attr,
                         const char *format, ...) _printf_(5, 6);
/* The same, ending at column end; the attribute from column x on. */
void top_grid_right(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr,
                    const char *text);
void top_grid_put(struct top_grid *grid, unsigned y, unsigned x, enum top_attr attr, uint32_t c);
/* Gives a part of a line another attribute. */
void top_grid_paint(struct top_grid *grid, unsigned y, unsigned x, unsigned end, enum top_attr attr);
/* Lines of text, blanks at their ends cut off. ascii: what is not ASCII becomes '?'. */
void top_grid_write(const struct top_grid *grid, bool ascii, FILE *f);
/* One character as text, up to 4 bytes and the NUL; returns buf. */
char *top_cell_text(uint32_t c, bool ascii, char buf[static 5]);
