/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pieces of which lines of diagnose-tools' text are made: labels in Chinese with full-width or ASCII
 * punctuation, numbers, frames. Knows nothing of records.
 */

#include <stdbool.h>
#include <stdint.h>

bool diagnose_begins(const char *line, const char *start);
/* Cuts the blanks off the end in place; returns where the text begins. */
char *diagnose_trim(char *text);
/* Passes over the punctuation between a label and its value, full-width or not. */
const char *diagnose_skip(const char *at);
/* The value behind the last place of a label in a line; NULL: the label is not there. */
const char *diagnose_after(const char *line, const char *label);
/* A decimal number up to INT64_MAX at *at, which is moved behind it. *at may be NULL: no number. */
bool diagnose_number(const char **at, uint64_t *ret);
/* Two numbers with ':' or '/' between them. at may be NULL. */
bool diagnose_pair(const char *at, uint64_t *ret_first, uint64_t *ret_second);
/* What stands between the address and the file in round brackets: "#@        0x12ab name  (file)". The line
 * is modified. */
char *diagnose_name(char *line, uint64_t *ret_address);
/* Names that stand for none. */
bool diagnose_is_unknown(const char *name);
/* Cuts "[part]" off the end of a name, with the blanks in front; NULL: there is none. */
char *diagnose_cut_bracket(char *name);
/* Cuts "+0x1f" or "+0x1f/0x30" off the end of a name. 0: there was none. */
uint64_t diagnose_cut_offset(char *name);
/* The file of "[/usr/lib/libc.so.6+0x1234]", as we write frames without a symbol; NULL: another name. */
const char *diagnose_file(char *name, uint64_t *ret_offset);
