/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text and tables in HTML, from the daemon's objects. Whatever a name holds, it comes out as text. Errors
 * show in ferror().
 */

#include <json-c/json.h>
#include <stdio.h>

#include "common/cleanup.h"

enum html_kind {
        HTML_TEXT,
        HTML_NAME, /* of the row */
        HTML_COUNT,
        HTML_RATE,
        HTML_NSEC,
        HTML_SHARE,
        HTML_MOMENT,
        HTML_LIST,  /* of CPUs or of strings */
        HTML_RANGE, /* key is the lower bound, "other" the upper */
};

struct html_column {
        const char *title; /* N_() */
        const char *key;
        enum html_kind kind;
        const char *other;
};

/* Escaped for text and for attributes in double quotes. NULL: nothing. */
void html_text(FILE *f, const char *text);
void html_format(FILE *f, const char *format, ...) _printf_(2, 3);
/* One value as people read it. */
void html_value_cell(FILE *f, struct json_object *object, const struct html_column *column);
/* A table, with a caption in the user's language, of the first n_max objects of an array, in a region that
 * scrolls by itself. columns end with a NULL title. */
void html_table(FILE *f, const char *caption, struct json_object *array, const struct html_column *columns,
                size_t n_max);
