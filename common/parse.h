/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text to value and back for what people write in configuration and on command lines: durations,
 * sizes, percentages, booleans. Strict: the whole text must be consumed. Locale-independent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "10ms", "1h30m", "2s 500ms", "250us", "1.5ms", "90ns", "2d", "1w"; a bare number is refused, "0" is
 * allowed. Result in nanoseconds. 0, -EINVAL, -ERANGE. */
int parse_duration(const char *text, uint64_t *ret_ns);
/* "64M", "64MiB", "512K", "1G", "4096", "4096B": powers of 1024. Result in bytes. */
int parse_size(const char *text, uint64_t *ret_bytes);
/* "0.5%" -> 5000 parts per million; the percent sign is required; 0..100 %. */
int parse_percent(const char *text, uint32_t *ret_ppm);
/* yes/no, true/false, on/off, 1/0. */
int parse_boolean(const char *text, bool *ret);
/* Unsigned decimal without sign or blanks. */
int parse_u64(const char *text, uint64_t *ret);

enum { DURATION_TEXT_MAX = 32 };
/* Human form with three significant digits and a unit: "52.3 ms", "870 us", "1.20 s", "2min 5s",
 * "1h 30min". Returns buf, which must hold DURATION_TEXT_MAX bytes. */
char *format_duration(uint64_t ns, char *buf);
enum { DURATION_RANGE_TEXT_MAX = 80 };
/* A length known by its bounds: "48.2-51.0 ms", "51.0 ms" when both read the same, "up to 51.0 ms" when the lower
 * one is 0. Returns buf, which must hold DURATION_RANGE_TEXT_MAX bytes. */
char *format_duration_range(uint64_t min_ns, uint64_t max_ns, char *buf);
/* The shortest exact form that parse_duration() reads back to the same value: "10ms", "1h30m". */
char *format_duration_exact(uint64_t ns, char *buf);
enum { SIZE_TEXT_MAX = 32 };
char *format_size_exact(uint64_t bytes, char *buf); /* "64M", "1536K", "77" */
