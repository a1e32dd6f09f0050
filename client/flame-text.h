/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symbol names as they come (any bytes) into text that may stand in XML, in folded stacks and in one line of
 * a log. What is not valid UTF-8, not allowed in XML 1.0, invisible, or able to reorder a line on screen
 * becomes U+FFFD. Knows nothing of flame graphs.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_REPLACEMENT = 0xFFFD };

/* Decodes the code point at the start of the NUL-terminated s, which must not be empty, by the rules above.
 * Returns the bytes consumed, at least 1. */
size_t flame_text_next(const char *s, uint32_t *ret_code_point);

/* Writes s escaped for XML text and for attributes in double quotes. Errors show in ferror(). */
void flame_text_write_xml(FILE *out, const char *s);
/* The same, but no more than n_columns columns wide (a wide character takes two), the last one an ellipsis
 * when something is cut off. */
void flame_text_write_xml_cut(FILE *out, const char *s, size_t n_columns);
/* Writes s as one frame of a folded stack: ';' ends a frame there and becomes ':'. */
void flame_text_write_folded(FILE *out, const char *s);
/* Writes s as part of one line: control characters, thus line ends, are replaced. */
void flame_text_write_line(FILE *out, const char *s);

/* Columns that s takes in a fixed-width font. */
size_t flame_text_columns(const char *s);
