/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pieces of kernel text: lines, words, numbers. Pure and strict, for the parsers of proc files: what the
 * kernel cannot have printed is an error, so that a truncated or garbled file never yields a number. Knows no
 * file's layout.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of somebody else's text, not NUL-terminated. Size 0: there is none. */
struct text_slice {
        const char *data;
        size_t size;
};

/* Takes the next line, without its newline, and moves *text behind it. 1: there is one; 0: the text is at its
 * end; -EBADMSG: no newline, the file is truncated. */
int text_next_line(const char **text, const char *end, struct text_slice *ret_line);
/* Takes the next word, ended by a blank or the end, and moves *rest behind it. False: only blanks are left.
 */
bool text_next_word(struct text_slice *rest, struct text_slice *ret_word);
/* The next word of *rest as a number, moving behind it. 0; -EBADMSG: no word, or no number. */
int text_next_u64(struct text_slice *rest, uint64_t *ret_value);

/* A string literal as a slice: an initialiser. */
#define TEXT_SLICE(literal) \
        { "" literal, sizeof(literal) - 1 }

bool text_slice_same(struct text_slice a, struct text_slice b);
bool text_slice_equal(struct text_slice slice, const char *text);
bool text_slice_starts_with(struct text_slice slice, const char *prefix);
/* The slice without its first n bytes; it has that many. */
struct text_slice text_slice_skip(struct text_slice slice, size_t n);
/* The whole slice as a decimal number, as "%llu" prints it: no sign, no leading zero. 0 or -EBADMSG. */
int text_slice_to_u64(struct text_slice slice, uint64_t *ret_value);
/* The whole slice as a CPU's number, less than CPU_LIMIT. 0 or -EBADMSG. */
int text_slice_to_cpu(struct text_slice slice, int *ret_cpu);
/* The whole slice as "%08x" prints 32 bits. 0 or -EBADMSG. */
int text_slice_to_hex32(struct text_slice slice, uint64_t *ret_value);
