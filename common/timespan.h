/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Points in time as people write them after --since and --until, resolved against a given "now" and
 * the local time zone. Pure: the caller passes the clock readings.
 */

#include <stdint.h>

struct time_base {
        uint64_t now_us;  /* CLOCK_REALTIME, microseconds since the epoch */
        uint64_t boot_us; /* the realtime moment at which this boot began */
};

/* Fills *base from the system's clocks: boot = realtime - CLOCK_BOOTTIME. 0 or -errno. */
int time_base_now(struct time_base *base);

/* Accepts: a duration ("10m", "1h30m": that long ago, also "-10m" and "10m ago"); "14:03" and "14:03:10"
 * (today, or yesterday when that would lie in the future); "2026-11-22", "2026-11-22 14:03",
 * "2026-11-22 14:03:10", with 'T' for the blank and optional "UTC"/"Z" or "+02:00"; "@SECONDS" with
 * optional fraction; "now", "today", "yesterday", "boot". Result: microseconds since the epoch.
 * 0; -EINVAL not understood. A point in the future is the caller's business. */
int parse_timestamp(const char *text, const struct time_base *base, uint64_t *ret_us);

enum { TIMESTAMP_TEXT_MAX = 40 };
/* "2026-11-22 14:03:10.123456 CET"-like local time; with_usec selects the fraction; returns buf. */
char *format_timestamp(uint64_t us, int with_usec, char *buf);
