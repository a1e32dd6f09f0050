/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cpulist.h"
#include "daemon/store/event.h"
#include "tests/harness/alloc-fail.h"

static void test_names(void **state) {
        for (int kind = 0; kind < _EVENT_KIND_MAX; kind++)
                assert_int_equal(event_kind_from_string(event_kind_to_string((enum event_kind)kind)), kind);
        for (int class = CLASS_NONE + 1; class < _EVENT_CLASS_MAX; class ++)
                assert_int_equal(event_class_from_string(event_class_to_string((enum event_class) class)),
                                 class);

        assert_string_equal(event_kind_to_string(EVENT_SOFTIRQ_LATENCY), "softirq-latency");
        assert_string_equal(event_class_to_string(CLASS_IDLE_EXIT), "idle-exit");
        assert_string_equal(event_confidence_to_string(CONFIDENCE_LOW), "low");
        assert_string_equal(event_confidence_to_string(CONFIDENCE_HIGH), "high");
}

static void test_no_names(void **state) {
        assert_null(event_class_to_string(CLASS_NONE));
        assert_null(event_confidence_to_string(CONFIDENCE_NONE));
        assert_null(event_kind_to_string(_EVENT_KIND_INVALID));
        assert_null(event_kind_to_string(_EVENT_KIND_MAX));
        assert_null(event_class_to_string(_EVENT_CLASS_INVALID));
        assert_int_equal(event_kind_from_string("irq_delay"), _EVENT_KIND_INVALID);
        assert_int_equal(event_kind_from_string(""), _EVENT_KIND_INVALID);
        assert_int_equal(event_class_from_string("irq-delay"), _EVENT_CLASS_INVALID);
}

static void test_new(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        sd_id128_t boot_id = {};

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        assert_int_equal(event->kind, EVENT_ALERT);
        assert_int_equal(event->cpu, CPU_NONE);
        assert_int_equal(sd_id128_get_boot(&boot_id), 0);
        assert_true(sd_id128_equal(event->boot_id, boot_id));
}

static void test_evidence(void **state) {
        static const int64_t cpus[] = { 1, 3 };
        _cleanup_(event_unrefp) struct event *event = NULL;
        const struct evidence *found = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        assert_int_equal(event_add_integer(event, "stealNsec", -5), 0);
        assert_int_equal(event_add_string(event, "spanName", "eth0"), 0);
        assert_int_equal(event_add_integers(event, "otherCpus", cpus, ELEMENTSOF(cpus)), 0);
        assert_int_equal(event_add_integers(event, "none", NULL, 0), 0);

        assert_int_equal(event_find_evidence(event, "stealNsec")->integer, -5);
        assert_string_equal(event_find_evidence(event, "spanName")->string, "eth0");
        found = event_find_evidence(event, "otherCpus");
        assert_int_equal(found->type, EVIDENCE_INTEGERS);
        assert_int_equal(found->n_integers, 2);
        assert_memory_equal(found->integers, cpus, sizeof(cpus));
        assert_int_equal(event_find_evidence(event, "none")->n_integers, 0);
        assert_null(event_find_evidence(event, "steal"));
}

static void test_evidence_is_bounded(void **state) {
        static const int64_t one = 1;
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        for (size_t i = 0; i < EVENT_EVIDENCE_MAX; i++)
                assert_int_equal(event_add_integer(event, "n", (int64_t)i), 0);

        assert_int_equal(event_add_integer(event, "n", 0), -ENOBUFS);
        assert_int_equal(event_add_string(event, "n", "text"), -ENOBUFS);
        assert_int_equal(event_add_integers(event, "n", &one, 1), -ENOBUFS);
        assert_int_equal(event->n_evidence, EVENT_EVIDENCE_MAX);
}

static void test_out_of_memory(void **state) {
        static const int64_t one = 1;
        _cleanup_(event_unrefp) struct event *event = NULL;

        alloc_fail_at(1);
        assert_int_equal(event_new(EVENT_ALERT, &event), -ENOMEM);
        assert_true(alloc_fail_end());
        assert_null(event);

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        alloc_fail_at(1);
        assert_int_equal(event_add_string(event, "rule", "text"), -ENOMEM);
        assert_true(alloc_fail_end());
        alloc_fail_at(1);
        assert_int_equal(event_add_integers(event, "cpus", &one, 1), -ENOMEM);
        assert_true(alloc_fail_end());
        assert_int_equal(event->n_evidence, 0);
}

static void test_references(void **state) {
        struct event *event = NULL;

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        assert_int_equal(stack_new(1, &event->kernel_stack), 0);
        assert_ptr_equal(event_ref(event), event);
        assert_null(event_unref(event));
        assert_int_equal(event->n_ref, 1);
        assert_null(event_unref(event));
        assert_null(event_unref(NULL));
}

static void test_memory(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        size_t empty;

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        empty = event_memory(event);
        assert_true(empty >= sizeof(*event));
        event->cgroup = strdup("/system.slice/irqwatchd.service");
        assert_int_equal(event_add_string(event, "text", "x"), 0);
        assert_true(event_memory(event) >= empty + strlen(event->cgroup) + 1 + 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_no_names),
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_evidence),
                cmocka_unit_test(test_evidence_is_bounded),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
