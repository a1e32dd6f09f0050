/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <locale.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void test_durations(void **state) {
        static const struct {
                const char *text;
                uint64_t ns;
        } good[] = {
                { "0", 0 },
                { "0s", 0 },
                { "10ms", 10 * NSEC_PER_MSEC },
                { "250us", 250 * NSEC_PER_USEC },
                { "250µs", 250 * NSEC_PER_USEC },
                { "90ns", 90 },
                { "1.5ms", 1500 * NSEC_PER_USEC },
                { "0.000000001s", 1 },
                { "1.9999ns", 1 },
                { "1h30m", 90 * MINUTE },
                { "1h 30min", 90 * MINUTE },
                { "2s 500ms", 2500 * NSEC_PER_MSEC },
                { "2min 5s", 125 * NSEC_PER_SEC },
                { "52.3 ms", 52300 * NSEC_PER_USEC },
                { "5sec", 5 * NSEC_PER_SEC },
                { "2d", 2 * DAY },
                { "1w", 7 * DAY },
                { "18446744073709551615ns", UINT64_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                uint64_t ns = 1234;

                assert_int_equal(parse_duration(good[i].text, &ns), 0);
                assert_int_equal(ns, good[i].ns);
        }
}

static void test_bad_durations(void **state) {
        static const char *const bad[] = { "",    "10",    "ms",   "10 ",  " 10ms", "10ms ", "-1s",
                                           "+1s", "1..5s", "1.s",  ".5s",  "1,5s",  "10Ms",  "10ms,",
                                           "1x",  "1h5",   "1e3s", "0x1s", "1 h m" };
        uint64_t ns = 77;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_duration(bad[i], &ns), -EINVAL);

        assert_int_equal(parse_duration("18446744073709551616ns", &ns), -ERANGE);
        assert_int_equal(parse_duration("99999999w", &ns), -ERANGE);
        assert_int_equal(parse_duration("18446744073s 1s", &ns), -ERANGE);
        assert_int_equal(ns, 77);
}

static void test_sizes(void **state) {
        static const char *const bad[] = { "",   "M",  "64m", "64MB", "64Mi",  "-1",
                                           "+1", " 1", "1 K", "1.5G", "64MiBx" };
        uint64_t bytes = 77;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_size(bad[i], &bytes), -EINVAL);
        assert_int_equal(parse_size("16E", &bytes), -ERANGE);
        assert_int_equal(parse_size("18446744073709551616", &bytes), -ERANGE);
        assert_int_equal(bytes, 77);

        assert_int_equal(parse_size("64M", &bytes), 0);
        assert_int_equal(bytes, 64 * 1024 * 1024);
        assert_int_equal(parse_size("64MiB", &bytes), 0);
        assert_int_equal(bytes, 64 * 1024 * 1024);
        assert_int_equal(parse_size("512K", &bytes), 0);
        assert_int_equal(bytes, 512 * 1024);
        assert_int_equal(parse_size("1G", &bytes), 0);
        assert_int_equal(bytes, 1024 * 1024 * 1024);
        assert_int_equal(parse_size("4096", &bytes), 0);
        assert_int_equal(bytes, 4096);
        assert_int_equal(parse_size("4096B", &bytes), 0);
        assert_int_equal(bytes, 4096);
        assert_int_equal(parse_size("15E", &bytes), 0);
        assert_int_equal(bytes, UINT64_C(15) << 60);
}

static void test_percents(void **state) {
        static const char *const bad[] = { "", "0.5", "%", ".5%", "-1%", "1 %", "1%%", "0.00001%", "1,5%" };
        uint32_t ppm = 77;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_percent(bad[i], &ppm), -EINVAL);
        assert_int_equal(parse_percent("100.1%", &ppm), -ERANGE);
        assert_int_equal(parse_percent("101%", &ppm), -ERANGE);
        assert_int_equal(ppm, 77);

        assert_int_equal(parse_percent("0.5%", &ppm), 0);
        assert_int_equal(ppm, 5000);
        assert_int_equal(parse_percent("0.0001%", &ppm), 0);
        assert_int_equal(ppm, 1);
        assert_int_equal(parse_percent("100.0%", &ppm), 0);
        assert_int_equal(ppm, 1000000);
        assert_int_equal(parse_percent("0%", &ppm), 0);
        assert_int_equal(ppm, 0);
}

static void test_booleans(void **state) {
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };
        static const char *const bad[] = { "", "y", "YES", "2", "yes " };
        bool b;

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                b = false;
                assert_int_equal(parse_boolean(yes[i], &b), 0);
                assert_true(b);
                assert_int_equal(parse_boolean(no[i], &b), 0);
                assert_false(b);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_boolean(bad[i], &b), -EINVAL);
}

static void test_numbers(void **state) {
        static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "a" };
        uint64_t value = 77;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_u64(bad[i], &value), -EINVAL);
        assert_int_equal(parse_u64("18446744073709551616", &value), -ERANGE);
        assert_int_equal(value, 77);
        assert_int_equal(parse_u64("18446744073709551615", &value), 0);
        assert_int_equal(value, UINT64_MAX);
        assert_int_equal(parse_u64("007", &value), 0);
        assert_int_equal(value, 7);
}

static void test_format_duration(void **state) {
        static const struct {
                uint64_t ns;
                const char *text;
        } cases[] = {
                { 0, "0" },
                { 1, "1 ns" },
                { 999, "999 ns" },
                { 1000, "1.00 us" },
                { 12345, "12.3 us" },
                { 870 * NSEC_PER_USEC, "870 us" },
                { 999499, "999 us" },
                { 999500, "1.00 ms" },
                { 52345678, "52.3 ms" },
                { 9999999, "10.0 ms" },
                { 1204 * NSEC_PER_MSEC, "1.20 s" },
                { 59949 * NSEC_PER_MSEC, "59.9 s" },
                { 59950 * NSEC_PER_MSEC, "1min" },
                { 125 * NSEC_PER_SEC, "2min 5s" },
                { 10 * MINUTE, "10min" },
                { HOUR - 1, "1h" },
                { 90 * MINUTE, "1h 30min" },
                { DAY - 1, "1d" },
                { 50 * HOUR, "2d 2h" },
                { UINT64_MAX, "213504d" },
        };
        char buf[DURATION_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_string_equal(format_duration(cases[i].ns, buf), cases[i].text);
}

/* No decimal comma, whatever the locale. */
static void test_locale(void **state) {
        char buf[DURATION_TEXT_MAX];
        uint64_t ns = 0;

        if (!setlocale(LC_ALL, "de_DE.UTF-8"))
                (void)setlocale(LC_ALL, "C.UTF-8");
        assert_string_equal(format_duration(1500000, buf), "1.50 ms");
        assert_int_equal(parse_duration("1.5ms", &ns), 0);
        assert_int_equal(ns, 1500000);
        (void)setlocale(LC_ALL, "C");
}

static void test_format_exact(void **state) {
        static const struct {
                uint64_t ns;
                const char *text;
        } cases[] = {
                { 0, "0" },
                { 1, "1ns" },
                { 10 * NSEC_PER_MSEC, "10ms" },
                { 2500 * NSEC_PER_USEC, "2.5ms" },
                { 1500 * NSEC_PER_MSEC, "1.5s" },
                { 90 * MINUTE, "1h30m" },
                { 90 * MINUTE + 1, "1h30m1ns" },
                { DAY + 10 * NSEC_PER_SEC, "1d10s" },
                { 1000001, "1.000001ms" },
                { UINT64_MAX, "213503d23h34m33.709551615s" },
        };
        char buf[DURATION_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t ns;

                assert_string_equal(format_duration_exact(cases[i].ns, buf), cases[i].text);
                assert_int_equal(parse_duration(buf, &ns), 0);
                assert_int_equal(ns, cases[i].ns);
        }
}

static void test_exact_round_trip(void **state) {
        uint64_t ns = 88172645463325252; /* xorshift: any numbers, the same ones every time */
        char buf[DURATION_TEXT_MAX];

        for (int i = 0; i < 20000; i++) {
                uint64_t value, back;

                ns ^= ns << 13;
                ns ^= ns >> 7;
                ns ^= ns << 17;
                value = ns >> (i % 64);
                assert_true(strlen(format_duration_exact(value, buf)) < sizeof(buf));
                assert_int_equal(parse_duration(buf, &back), 0);
                assert_int_equal(back, value);
                assert_true(strlen(format_duration(value, buf)) < sizeof(buf));
                assert_int_equal(parse_duration(buf, &back), 0);
                if (value > 0 &&
                    value < 100 * DAY) /* what people see is never off by more than the last digit shown */
                        assert_true((back > value ? back - value : value - back) <= value / 40);
                assert_true(strlen(format_size_exact(value, buf)) < sizeof(buf));
                assert_int_equal(parse_size(buf, &back), 0);
                assert_int_equal(back, value);
        }
}

static void test_format_size(void **state) {
        char buf[SIZE_TEXT_MAX];

        assert_string_equal(format_size_exact(0, buf), "0");
        assert_string_equal(format_size_exact(77, buf), "77");
        assert_string_equal(format_size_exact(64 * 1024 * 1024, buf), "64M");
        assert_string_equal(format_size_exact(1536 * 1024, buf), "1536K");
        assert_string_equal(format_size_exact(UINT64_C(1) << 63, buf), "8E");
}

static void check_range(uint64_t min_ns, uint64_t max_ns, const char *expected) {
        char buf[DURATION_RANGE_TEXT_MAX];

        assert_string_equal(format_duration_range(min_ns, max_ns, buf), expected);
}

static void test_format_range(void **state) {
        check_range(48200000, 51000000, "48.2-51.0 ms");
        check_range(51000000, 51000000, "51.0 ms");
        check_range(51000001, 51000002, "51.0 ms");
        check_range(0, 51000000, "up to 51.0 ms");
        check_range(0, 0, "0 ns");
        check_range(980000, 1020000, "0.98-1.02 ms");
        check_range(870, 990, "870-990 ns");
        check_range(1500000000, 61000000000, "1.50-61.0 s");
        check_range(UINT64_MAX - 1, UINT64_MAX, "18446744074 s");
}

static void test_format_range_edges(void **state) {
        check_range(48200000, 51000000, "48.2-51.0 ms");
        check_range(48200000, 48200001, "48.2 ms");
        check_range(0, 5000000, "up to 5.00 ms");
        check_range(99800000, 100200000, "99.8-100 ms");
        check_range(990000, 1010000, "0.99-1.01 ms");
        check_range(870000, 999400, "870-999 us");
        check_range(870000, 999600, "0.87-1.00 ms");
        check_range(1204000000, 1206000000, "1.20-1.21 s");
        check_range(12, 90, "12-90 ns");
        check_range(0, 0, "0 ns");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format_range),
                cmocka_unit_test(test_durations),
                cmocka_unit_test(test_bad_durations),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_percents),
                cmocka_unit_test(test_booleans),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_format_duration),
                cmocka_unit_test(test_format_range_edges),
                cmocka_unit_test(test_locale),
                cmocka_unit_test(test_format_exact),
                cmocka_unit_test(test_exact_round_trip),
                cmocka_unit_test(test_format_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
