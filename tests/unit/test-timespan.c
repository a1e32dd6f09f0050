/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/timespan.h"

#define SEC USEC_PER_SEC
#define MINUTE (60 * SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void set_zone(const char *zone) {
        assert_int_equal(setenv("TZ", zone, 1), 0);
        tzset();
}

/* Seconds since the epoch of a UTC time, by an independent way. */
static uint64_t utc(int year, int month, int day, int hour, int minute, int second) {
        struct tm tm = { .tm_year = year - 1900,
                         .tm_mon = month - 1,
                         .tm_mday = day,
                         .tm_hour = hour,
                         .tm_min = minute,
                         .tm_sec = second };

        return (uint64_t)timegm(&tm) * SEC;
}

static void check(const char *text, uint64_t now_us, uint64_t expected) {
        const struct time_base base = { .now_us = now_us, .boot_us = 12345 };
        uint64_t us = 0;

        if (parse_timestamp(text, &base, &us) < 0)
                fail_msg("\"%s\" was not understood", text);
        if (us != expected)
                fail_msg("\"%s\": %" PRIu64 " instead of %" PRIu64, text, us, expected);
}

static void test_relative(void **state) {
        uint64_t now = utc(2026, 11, 22, 14, 13, 10);

        set_zone("UTC");
        check("10m", now, now - 10 * MINUTE);
        check("1h30m", now, now - 90 * MINUTE);
        check("-10m", now, now - 10 * MINUTE);
        check("10m ago", now, now - 10 * MINUTE);
        check("1h 30min ago", now, now - 90 * MINUTE);
        check("0", now, now);
        check("500us", now, now - 500);
        check("10000w", now, 0);
        check("now", now, now);
        check("boot", now, 12345);
        check("today", now, utc(2026, 11, 22, 0, 0, 0));
        check("yesterday", now, utc(2026, 11, 21, 0, 0, 0));
        check("@1700000000", now, 1700000000 * SEC);
        check("@1700000000.25", now, 1700000000 * SEC + 250000);
}

static void test_clock(void **state) {
        uint64_t now = utc(2026, 11, 22, 14, 13, 10);

        set_zone("UTC");
        check("14:03", now, utc(2026, 11, 22, 14, 3, 0));
        check("14:03:10", now, utc(2026, 11, 22, 14, 3, 10));
        check("14:03:10.5", now, utc(2026, 11, 22, 14, 3, 10) + 500000);
        check("14:13:10", now, now);
        check("14:13:11", now, utc(2026, 11, 21, 14, 13, 11));
        check("14:13:10.000001", now, utc(2026, 11, 21, 14, 13, 10) + 1);
        check("23:59", now, utc(2026, 11, 21, 23, 59, 0));
        check("00:00", now, utc(2026, 11, 22, 0, 0, 0));
        check("14:13", utc(2026, 1, 1, 14, 0, 0), utc(2025, 12, 31, 14, 13, 0));
}

static void test_dated(void **state) {
        uint64_t now = utc(2026, 11, 22, 14, 13, 10);

        set_zone("Asia/Kolkata");
        check("2026-11-22", now, utc(2026, 11, 21, 18, 30, 0));
        check("2026-11-22 14:03", now, utc(2026, 11, 22, 8, 33, 0));
        check("2026-11-22 14:03:10", now, utc(2026, 11, 22, 8, 33, 10));
        check("2026-11-22T14:03:10", now, utc(2026, 11, 22, 8, 33, 10));
        check("2026-11-22 14:03:10 UTC", now, utc(2026, 11, 22, 14, 3, 10));
        check("2026-11-22T14:03:10Z", now, utc(2026, 11, 22, 14, 3, 10));
        check("2026-11-22T14:03:10.123456Z", now, utc(2026, 11, 22, 14, 3, 10) + 123456);
        check("2026-11-22 14:03 +02:00", now, utc(2026, 11, 22, 12, 3, 0));
        check("2026-11-22T14:03+02:00", now, utc(2026, 11, 22, 12, 3, 0));
        check("2026-11-22T14:03-0530", now, utc(2026, 11, 22, 19, 33, 0));
        check("2026-11-22 14:03:10 IST", now, utc(2026, 11, 22, 8, 33, 10));
        check("2028-02-29", now, utc(2028, 2, 28, 18, 30, 0));
        check("2026-11-23 14:03", now, utc(2026, 11, 23, 8, 33, 0)); /* the future is the caller's business */
}

static void test_nonsense(void **state) {
        static const char *const bad[] = {
                "",
                "10",
                "soon",
                "14",
                "14:",
                "14:3",
                "24:00",
                "14:60",
                "14:03:60",
                "14:03:",
                "14:03.5",
                "14:03 ",
                "2026-13-01",
                "2026-02-29",
                "2026-00-10",
                "2026-1-1",
                "2026-11-22 ",
                "2026-11-22 14",
                "2026-11-22x",
                "1969-12-31",
                "2026-11-22 14:03 CETX",
                "2026-11-22 14:03+2",
                "2026-11-22 14:03 +02:0",
                "2026-11-22 14:03 +02:00x",
                "@",
                "@-1",
                "@1x",
                "@1.",
                "@99999999999999999999",
                "+10m",
                "--10m",
                "ago",
                "10m  ago ago",
                "Today",
                "today 14:03",
        };
        const struct time_base base = { .now_us = utc(2026, 11, 22, 14, 13, 10) };
        uint64_t us = 77;

        set_zone("Europe/Berlin");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (parse_timestamp(bad[i], &base, &us) != -EINVAL)
                        fail_msg("\"%s\" was taken for %" PRIu64, bad[i], us);
        assert_int_equal(us, 77);
}

/* Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST at 01:00 UTC. */
static void test_clocks_forward(void **state) {
        uint64_t now = utc(2026, 3, 29, 10, 0, 0); /* 12:00 CEST */

        set_zone("Europe/Berlin");
        check("today", now, utc(2026, 3, 28, 23, 0, 0));
        check("yesterday", now, utc(2026, 3, 27, 23, 0, 0));
        check("01:59", now, utc(2026, 3, 29, 0, 59, 0));
        check("03:00", now, utc(2026, 3, 29, 1, 0, 0));
        check("11:00", now, utc(2026, 3, 29, 9, 0, 0));
        check("12:01", now, utc(2026, 3, 28, 11, 1, 0)); /* yesterday, still CET */
        check("02:30", now, utc(2026, 3, 29, 1, 30, 0)); /* shown by no clock: 03:30 CEST */
        check("2026-03-29 02:30", now, utc(2026, 3, 29, 1, 30, 0));
        check("1d", now, now - DAY);
        check("today", utc(2026, 3, 29, 22, 30, 0), utc(2026, 3, 29, 22, 0, 0));
}

/* Berlin, 2026-10-25: 03:00 CEST becomes 02:00 CET at 01:00 UTC; 02:30 comes twice. */
static void test_clocks_back(void **state) {
        set_zone("Europe/Berlin");
        check("02:30", utc(2026, 10, 25, 10, 0, 0), utc(2026, 10, 25, 1, 30, 0)); /* the later one */
        check("02:30", utc(2026, 10, 25, 0, 45, 0),
              utc(2026, 10, 25, 0, 30, 0)); /* only the first has been */
        check("02:50", utc(2026, 10, 25, 1, 40, 0), utc(2026, 10, 25, 0, 50, 0)); /* between the two */
        check("02:30", utc(2026, 10, 25, 0, 10, 0), utc(2026, 10, 24, 0, 30, 0)); /* none yet: yesterday */
        check("2026-10-25 02:30", utc(2026, 10, 26, 0, 0, 0),
              utc(2026, 10, 25, 0, 30, 0)); /* since: the first */
        check("2026-10-25 02:30 CEST", utc(2026, 10, 26, 0, 0, 0), utc(2026, 10, 25, 0, 30, 0));
        check("2026-10-25 02:30 CET", utc(2026, 10, 26, 0, 0, 0), utc(2026, 10, 25, 1, 30, 0));
        check("today", utc(2026, 10, 25, 22, 0, 0), utc(2026, 10, 24, 22, 0, 0));
        check("yesterday", utc(2026, 10, 26, 0, 0, 0), utc(2026, 10, 24, 22, 0, 0));
}

/* Cairo set its clocks forward at midnight: that day begins at 01:00. */
static void test_no_midnight(void **state) {
        uint64_t now = utc(2023, 4, 28, 10, 0, 0);

        set_zone("Africa/Cairo");
        check("today", now, utc(2023, 4, 27, 22, 0, 0));
        check("00:30", now, utc(2023, 4, 27, 22, 30, 0));
        check("yesterday", now, utc(2023, 4, 26, 22, 0, 0));
}

static void test_format(void **state) {
        uint64_t us = utc(2026, 11, 22, 13, 3, 10) + 123456;
        char buf[TIMESTAMP_TEXT_MAX];

        set_zone("Europe/Berlin");
        assert_string_equal(format_timestamp(us, 1, buf), "2026-11-22 14:03:10.123456 CET");
        check(buf, us, us);
        assert_string_equal(format_timestamp(us, 0, buf), "2026-11-22 14:03:10 CET");
        assert_string_equal(format_timestamp(utc(2026, 7, 1, 0, 0, 0), 0, buf), "2026-07-01 02:00:00 CEST");
        check(buf, us, utc(2026, 7, 1, 0, 0, 0));
        set_zone("UTC");
        assert_string_equal(format_timestamp(us, 0, buf), "2026-11-22 13:03:10 UTC");
        assert_true(strlen(format_timestamp(UINT64_MAX, 1, buf)) < sizeof(buf));
}

static void test_base(void **state) {
        struct time_base base;

        assert_int_equal(time_base_now(&base), 0);
        assert_true(base.boot_us < base.now_us);
        assert_true(base.now_us > utc(2024, 1, 1, 0, 0, 0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_relative),       cmocka_unit_test(test_clock),
                cmocka_unit_test(test_dated),          cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_clocks_forward), cmocka_unit_test(test_clocks_back),
                cmocka_unit_test(test_no_midnight),    cmocka_unit_test(test_format),
                cmocka_unit_test(test_base),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
