/* SPDX-License-Identifier: Apache-2.0 */

/* Windows that something below the kernel made: of one CPU, of several, or of a timer alone. */

#include "tests/unit/query-fixture.h"

#include "daemon/query/report.h"

static void add_others(struct event *event) {
        static const int64_t others[] = { 0, 1, 3 };

        assert_int_equal(event_add_integers(event, "otherCpus", others, ELEMENTSOF(others)), 0);
}

static void add_interrupt(struct event *event) {
        assert_int_equal(event_add_integer(event, "interruptBeforeEndNsec", 15 * (int64_t)NSEC_PER_MSEC), 0);
}

static void add_nothing(struct event *event) {
}

static const struct {
        void (*add)(struct event *event);
        const char *text;
} cases[] = {
        { add_others, "CPU 2 and others stood still over the same moment, for 20.0-21.0 ms: something below the kernel held "
                      "the whole machine" },
        { add_interrupt, "CPU 2 took its timer interrupt late by 20.0-21.0 ms though other interrupts came in: the timer "
                         "itself was late, as an emulated one is whose host is busy" },
        { add_nothing, "CPU 2 stood still for 20.0-21.0 ms: something below the kernel held it, the hypervisor, firmware or "
                       "a device that was accessed" },
};

static void test_words(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct report_request request = { .since_us = AT(0), .until_us = AT(10) };
                _cleanup_(store_freep) struct store *store = new_store();
                _cleanup_(report_freep) struct report *report = NULL;

                (void)add_window(store, 3, 1, CLASS_PLATFORM, 10, 11, NULL, NULL);
                cases[i].add(add_window(store, 2, 2, CLASS_PLATFORM, 20, 21, NULL, NULL)); /* the worst one tells */
                assert_int_equal(report_query(store, &request, &report), 0);
                assert_int_equal(report->findings.n_items, 1);
                assert_string_equal(report->findings.items[0].code, "platform-stall");
                assert_memory_equal(report->findings.items[0].text, cases[i].text, strlen(cases[i].text));
        }
}

/* A culprit that another CPU's lateness casts doubt on is named, but nobody is woken up for it. */
static void test_doubt(void **state) {
        const struct report_request request = { .since_us = AT(0), .until_us = AT(10) };

        for (unsigned others = 0; others < 2; others++) {
                _cleanup_(store_freep) struct store *store = new_store();
                _cleanup_(report_freep) struct report *report = NULL;
                struct event *event = add_window(store, 3, 1, CLASS_IRQ_OFF, 10, 11, "schedule_tail", "sh");

                event->confidence = CONFIDENCE_LOW;
                if (others)
                        add_others(event);
                assert_int_equal(report_query(store, &request, &report), 0);
                assert_string_equal(report->findings.items[0].code, "irq-off-culprit");
                assert_int_equal(report->findings.items[0].severity, others ? SEVERITY_INFO : SEVERITY_WARNING);
                assert_int_equal(!!strstr(report->findings.items[0].text, "another CPU was late"), others);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_doubt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
