/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). What comes from
 * the kernel (comm, cgroup names) is bytes: it becomes text here before it is sent to anybody.
 */

#include <stdbool.h>
#include <stddef.h>

/* Length (1..4) of the well-formed sequence that text starts with, 0 when there is none. */
size_t utf8_sequence(const char *text, size_t size);
/* The length of the longest well-formed prefix: size when all of it is valid. */
size_t utf8_valid_prefix(const char *text, size_t size);
/* A copy in which every byte that belongs to no sequence became U+FFFD. NUL-terminated; the caller frees
 * *ret_text. 0 or -ENOMEM. */
int utf8_make_valid(const char *text, size_t size, char **ret_text, size_t *ret_size);

/* Writes text into buf as one line of valid UTF-8: control characters and stray bytes become '?', what
 * does not fit in size bytes (with the NUL) is cut at a character and ends in "...". Needs size >= 4.
 * Returns buf. */
char *utf8_printable(const char *text, char *buf, size_t size);
