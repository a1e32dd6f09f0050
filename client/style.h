/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How text gets onto the terminal: width, colours, wrapping of prose, and what makes foreign strings (task
 * names, cgroups) safe to print. Knows nothing of what is printed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

struct style {
        unsigned width; /* columns; 0: unlimited */
        bool unwrapped; /* prose is one line, for what breaks lines by itself */
        bool colour;
        bool utf8;       /* the terminal shows more than ASCII */
        uint64_t now_us; /* realtime: times of today are shown without their date */
};

enum colour {
        COLOUR_NONE,
        COLOUR_BOLD,
        COLOUR_DIM,
        COLOUR_RED,
        COLOUR_YELLOW,
        COLOUR_GREEN,
        COLOUR_CYAN,
        _COLOUR_MAX,
};

/* Escape sequences that begin and end a colour; "" where the style has none. */
const char *style_on(const struct style *style, enum colour colour);
const char *style_off(const struct style *style, enum colour colour);
/* Prints text in a colour. */
void style_print(const struct style *style, FILE *f, enum colour colour, const char *format, ...)
        _printf_(4, 5);
/* A heading of a section: a blank line, then the text in bold. */
void style_heading(const struct style *style, FILE *f, const char *format, ...) _printf_(3, 4);
/* A label of a line: padded with blanks to so many columns. */
void style_label(const struct style *style, FILE *f, enum colour colour, unsigned width, const char *text);
/* Prints text broken between words, continuing at column; the cursor already stands there. Ends the line. */
void style_wrap(const struct style *style, FILE *f, unsigned column, enum colour colour, const char *text);

/* Columns that text takes on a terminal. Invalid UTF-8 counts one column per byte. */
unsigned text_width(const char *text);
/* A copy in which control characters (escape sequences, line ends) and invalid UTF-8 became '?'.
 * NULL when out of memory. */
char *text_sanitize(const char *text);
/* The part of a text that fits into some columns, and what stands for the rest. */
struct text_part {
        size_t n;             /* bytes of the text */
        const char *ellipsis; /* "" when all of it fits */
        unsigned width;       /* columns that both take */
};
struct text_part text_fit(const char *text, unsigned width, bool utf8);
