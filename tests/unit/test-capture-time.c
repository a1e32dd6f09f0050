/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>
#include <time.h>

#include "offline/capture-time.h"

/* In a zone that is not UTC: what has no zone is local time. */
static int use_zone(void **state) {
        assert_int_equal(setenv("TZ", "CST-8", 1), 0);
        tzset();
        return 0;
}

#define AT UINT64_C(1795387392) /* 2026-11-22 22:43:12 UTC */

static void test_dates(void **state) {
        static const struct {
                const char *text;
                uint64_t seconds; /* 0: not understood */
        } dates[] = {
                { "1795387392\n", AT },
                { "@1795387392", AT },
                { "1795387392.250000000\n", AT },
                { "Sun Nov 22 22:43:12 UTC 2026\n", AT },
                { "Sun Nov 22 10:43:12 PM UTC 2026\n", AT },
                { "Sun 22 Nov 2026 10:43:12 PM UTC", AT },
                { "Sun 22 Nov 22:43:12 UTC 2026", AT },
                { "Mon Nov 23 06:43:12 CST 2026", AT },
                { "Mon, 23 Nov 2026 06:43:12 +0800", AT },
                { "2026-11-22T22:43:12Z", AT },
                { "2026-11-22T22:43:12,5+00:00", AT },
                { "2026-11-23T06:43:12+08:00", AT },
                { "2026-11-22 17:13:12-0530", AT },
                { "2026-11-23 06:43:12", AT },
                { "  \n Sun Nov 22 22:43:12 UTC 2026", AT },
                { "", 0 },
                { "yesterday", 0 },
                { "179538739", 0 },
                { "1795387392x", 0 },
                { "Sun Nov 22", 0 },
                { "Sun Nov 22 22:43:12 UTC", 0 },
                { "2026-13-41 99:99:99", 0 },
                { "1969-12-31 23:00:00Z", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(dates); i++) {
                uint64_t us = 0;
                int r = capture_date_parse(dates[i].text, &us);

                if ((r == 0) != (dates[i].seconds > 0) || us / USEC_PER_SEC != dates[i].seconds)
                        fail_msg("\"%s\": %i, %llu", dates[i].text, r, (unsigned long long)us);
        }
}

static void test_names(void **state) {
        static const struct {
                const char *name;
                uint64_t seconds;
        } names[] = {
                { "20261123-064312", AT },
                { "web1_20261123_064312.tar", AT },
                { "2026-11-23T06:43:12", AT },
                { "2026-11-23_06-43-12", AT },
                { "20261123064312", AT },
                { "1795387392", AT },
                { "case-1795387392-web", AT },
                { "sosreport-web1-2026-11-22-abcdef", 0 },
                { "1", 0 },
                { "20261323-064312", 0 },
                { "20261123-254312", 0 },
                { "17953873921", 0 },
                { "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                uint64_t us = 0;
                int r = capture_name_parse(names[i].name, &us);

                if ((r == 0) != (names[i].seconds > 0) || us / USEC_PER_SEC != names[i].seconds)
                        fail_msg("\"%s\": %i, %llu", names[i].name, r, (unsigned long long)us);
        }
}

/* The sign of a number is none where a name is hyphenated: "-202" is no year. */
static void test_hyphen(void **state) {
        uint64_t plain = 0, hyphenated = 0;

        assert_int_equal(capture_name_parse("20201122140310", &plain), 0);
        assert_int_equal(capture_name_parse("web-20201122140310", &hyphenated), 0);
        assert_int_equal(plain, hyphenated);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dates),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_hyphen),
        };

        return cmocka_run_group_tests(tests, use_zone, NULL);
}
