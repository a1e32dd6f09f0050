/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UTF-8 from outside: is it valid, and a form of any bytes that is safe to print on one line. Task
 * names, cgroup paths and configuration files may hold anything.
 */

#include <stddef.h>

/* The length of the longest valid UTF-8 prefix of size bytes; NUL bytes, overlong forms, surrogates
 * and values above U+10FFFF are not valid. */
size_t utf8_valid_prefix(const char *text, size_t size);

/* Writes text into buf as one line of valid UTF-8: control characters and stray bytes become '?', what
 * does not fit in size bytes (with the NUL) is cut at a character and ends in "...". Needs size >= 4.
 * Returns buf. */
char *utf8_printable(const char *text, char *buf, size_t size);
