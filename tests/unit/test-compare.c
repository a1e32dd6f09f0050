/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "client/compare.h"
#include "client/field.h"
#include "client/message.h"
#include "common/cleanup.h"
#include "common/json-strict.h"

#define SECOND USEC_PER_SEC
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define NOW_US (UINT64_C(1795356790) * SECOND)

static void check_against(const char *text, uint64_t length_us, uint64_t expected_us) {
        const struct time_base base = { .now_us = NOW_US, .boot_us = NOW_US - 2 * DAY };
        uint64_t us = 0;

        assert_int_equal(compare_parse_against(text, &base, NOW_US - length_us, NOW_US, &us), 0);
        assert_int_equal(us, expected_us);
}

static void check_refused(const char *text, uint64_t since_us, uint64_t until_us) {
        const struct time_base base = { .now_us = NOW_US, .boot_us = NOW_US - 2 * DAY };
        uint64_t us = 7;

        assert_int_equal(compare_parse_against(text, &base, since_us, until_us, &us), EXIT_USAGE);
        assert_int_equal(us, 7);
}

static void test_against(void **state) {
        uint64_t us = 0;
        const struct time_base base = { .now_us = NOW_US, .boot_us = NOW_US - 2 * DAY };

        check_against("yesterday", HOUR, NOW_US - HOUR - DAY);
        check_against("yesterday", DAY, NOW_US - 2 * DAY); /* they touch, but do not overlap */
        check_against("last-week", HOUR, NOW_US - HOUR - 7 * DAY);
        check_against("before", HOUR, NOW_US - 2 * HOUR);
        check_against("3h", HOUR, NOW_US - 3 * HOUR);
        check_against("boot", HOUR, NOW_US - 2 * DAY);

        /* The other one may also be the later one. */
        assert_int_equal(compare_parse_against("1h", &base, NOW_US - DAY, NOW_US - DAY + HOUR, &us), 0);
        assert_int_equal(us, NOW_US - HOUR);

        check_refused("never", NOW_US - HOUR, NOW_US);
        check_refused("90m", NOW_US - HOUR, NOW_US);                 /* overlaps */
        check_refused("30m", NOW_US - HOUR, NOW_US);                 /* likewise */
        check_refused("yesterday", NOW_US - DAY - HOUR, NOW_US);     /* likewise */
        check_refused("30m", NOW_US - DAY, NOW_US - DAY + HOUR);     /* not over yet */
        check_refused("2027-01-01", NOW_US - HOUR, NOW_US - SECOND); /* in the future */
}

/* A report of one softirq and one interrupt, which was watched for an hour. */
static struct json_object *make_report(double softirq, const char *irq, const char *name, double interrupt,
                                       unsigned n_windows) {
        struct json_object *report;
        char text[1024];

        (void)snprintf(text, sizeof(text),
                       "{\"sinceUsec\": 1, \"untilUsec\": %" PRIu64
                       ", \"findings\": [], \"gaps\": [], \"windows\": {\"byCulprit\": ["
                       "{\"culprit\": \"f\", \"class\": \"irq-off\", \"count\": %u, \"totalMinNsec\": 0, "
                       "\"worstMinNsec\": 0}]}, \"latency\": [{\"cpu\": 0, \"coverage\": 1.0}], "
                       "\"softirqs\": [{\"type\": \"NET_RX\", \"perSecond\": %f}], "
                       "\"interrupts\": [{\"irq\": \"%s\", \"name\": \"%s\", \"perSecond\": %f}]}",
                       HOUR + 1, n_windows, softirq, irq, name, interrupt); /* fits */
        report = json_tokener_parse(text);
        assert_non_null(report);
        return report;
}

/* Consumes both. Checks how many changes there are, and returns the first one's kind and change. */
static const char *first_change(struct json_object *then, struct json_object *now, size_t n) {
        static char text[64];
        _cleanup_(json_putp) struct json_object *result = NULL, *a = then, *b = now;
        struct json_object *changes;

        assert_int_equal(compare_reports(&(struct compare_side){ .report = a },
                                         &(struct compare_side){ .report = b }, &result),
                         0);
        changes = field_array(result, "changes");
        assert_int_equal(array_length(changes), n);
        if (n > 0)
                (void)snprintf(text, sizeof(text), "%s %s", field_string(array_at(changes, 0), "kind"),
                               field_string(array_at(changes, 0), "change")); /* fits */
        return n > 0 ? text : NULL;
}

static void test_thresholds(void **state) {
        /* By half, and by a hundred. */
        assert_null(first_change(make_report(1000, "24", "eth0", 0, 0), make_report(1400, "24", "eth0", 0, 0),
                                 0));
        assert_null(
                first_change(make_report(10, "24", "eth0", 0, 0), make_report(90, "24", "eth0", 0, 0), 0));
        assert_string_equal(
                first_change(make_report(1000, "24", "eth0", 0, 0), make_report(1600, "24", "eth0", 0, 0), 1),
                "softirq more");
        assert_string_equal(
                first_change(make_report(1600, "24", "eth0", 0, 0), make_report(0, "24", "eth0", 0, 0), 1),
                "softirq gone");
        /* One window is chance. */
        assert_null(first_change(make_report(0, "24", "eth0", 0, 0), make_report(0, "24", "eth0", 0, 1), 0));
        assert_string_equal(
                first_change(make_report(0, "24", "eth0", 0, 0), make_report(0, "24", "eth0", 0, 2), 1),
                "windows new");
        assert_null(
                first_change(make_report(0, "24", "eth0", 0, 20), make_report(0, "24", "eth0", 0, 30), 0));
        /* The largest factor first. */
        assert_string_equal(first_change(make_report(1000, "24", "eth0", 0, 2),
                                         make_report(2500, "24", "eth0", 0, 200), 2),
                            "windows more");
}

/* After a boot the same interrupt may have another number. */
static void test_interrupt_numbers(void **state) {
        assert_null(first_change(make_report(0, "24", "eth0", 5000, 0), make_report(0, "31", "eth0", 5000, 0),
                                 0));
        assert_string_equal(first_change(make_report(0, "24", "eth0", 5000, 0),
                                         make_report(0, "24", "nvme0q1", 2000, 0), 2),
                            "interrupt gone");
        assert_string_equal(first_change(make_report(0, "LOC", "Local timer interrupts", 250, 0),
                                         make_report(0, "LOC", "Local timer interrupts", 1000, 0), 1),
                            "interrupt more");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_against),
                cmocka_unit_test(test_thresholds),
                cmocka_unit_test(test_interrupt_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
