/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/report.h"

struct fixture {
        struct store *store;
        struct batch batch;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){ .store = new_store() };
        batch_init(&f.batch);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        batch_done(&f->batch);
        f->store = store_free(f->store);
        return 0;
}

static struct report *query(struct fixture *f, double since, double until) {
        const struct report_request request = { .since_us = AT(since), .until_us = AT(until) };
        struct report *report = NULL;

        assert_int_equal(report_query(f->store, &request, &report), 0);
        return report;
}

static void check_gap(const struct report *report, size_t index, const char *collector, double since,
                      double until, bool before_start) {
        assert_true(index < report->n_gaps);
        assert_string_equal(report->gaps[index].collector, collector);
        assert_int_equal(report->gaps[index].since_us, AT(since));
        assert_int_equal(report->gaps[index].until_us, AT(until));
        assert_int_equal(report->gaps[index].before_start, before_start);
        assert_non_null(report->gaps[index].reason);
}

static void test_bad_span(void **state) {
        struct report *report = NULL;
        struct fixture *f = *state;

        assert_int_equal(report_query(f->store, &(struct report_request){ AT(1), AT(1), NULL }, &report),
                         -EINVAL);
        assert_int_equal(report_query(f->store, &(struct report_request){ AT(2), AT(1), NULL }, &report),
                         -EINVAL);
        assert_null(report);
}

/* Nothing runs: a report without parts, not an error. */
static void test_empty(void **state) {
        _cleanup_(report_freep) struct report *report = query(*state, 0, 10);

        assert_non_null(report->windows);
        assert_int_equal(report->windows->count, 0);
        assert_null(report->latency);
        assert_null(report->softirqs);
        assert_null(report->interrupts);
        assert_int_equal(report->n_gaps, 0);
        assert_int_equal(report->findings.n_items, 0);
}

static void softirq_pass(struct fixture *f, unsigned source, double second, uint64_t value) {
        ADD_ROW(&f->batch, 0, "NET_RX", value, value);
        commit(f->store, source, second, &f->batch);
}

static void test_parts(void **state) {
        _cleanup_(report_freep) struct report *report = NULL;
        struct fixture *f = *state;
        unsigned softirqs, delay, interrupts;

        softirqs = add_collector_source(f->store, &collector_softirqs);
        interrupts = add_collector_source(f->store, &collector_interrupts);
        delay = add_delay_source(f->store);
        for (unsigned i = 0; i < 4; i++) {
                softirq_pass(f, softirqs, i, i * 100);
                ADD_ROW(&f->batch, 0, "LOC", i * 10, i * 10);
                commit(f->store, interrupts, i, &f->batch);
                ADD_ROW(&f->batch, DELAY_LATENESS, "10", i, i);
                ADD_ROW(&f->batch, DELAY_OBSERVED, "", i * MSEC(1000), i * MSEC(1000));
                ADD_ROW(&f->batch, DELAY_WATCHED, "", i * MSEC(1000), i * MSEC(1000));
                commit(f->store, delay, i, &f->batch);
        }
        (void)add_window(f->store, 1, 0, CLASS_IRQ_OFF, 10, 11, "before", NULL);
        (void)add_window(f->store, 2, 0, CLASS_IRQ_OFF, 10, 11, "f", NULL);

        report = query(f, 1, 3);
        assert_int_equal(report->since_us, AT(1));
        assert_int_equal(report->until_us, AT(3));
        assert_int_equal(report->windows->count, 1);
        assert_int_equal(report->latency->n_cpus, 2);
        assert_int_equal(report->latency->cpus[0].n, 2);
        assert_int_equal(report->softirqs->rows[0].total, 400);
        assert_string_equal(report->interrupts->metric->name, "interrupts");
        assert_int_equal(report->interrupts->rows[0].total, 40);
        assert_int_equal(report->n_gaps, 0);
        assert_int_equal(report->findings.n_items, 1);
}

static void add_change(struct fixture *f, double second, int64_t from, int64_t to) {
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_AFFINITY, &event), 0);
        event->time_us = AT(second);
        event->monotonic_ns = stamp_at(second).monotonic_ns;
        assert_int_equal(event_add_integers(event, "oldCpus", &from, 1), 0);
        assert_int_equal(event_add_integers(event, "newCpus", &to, 1), 0);
        assert_int_equal(store_add_event(f->store, event), 0);
}

static void check_affinity(const struct report *report, const char *irq, const char *configured,
                           const char *effective) {
        _cleanup_(freep) char *a = NULL, *b = NULL;
        struct affinity_irq found;

        affinity_find(report->affinity, irq, &found);
        assert_int_equal(affinity_format(found.configured, &a), 0);
        assert_int_equal(affinity_format(found.effective, &b), 0);
        assert_string_equal(a ?: "(null)", configured);
        assert_string_equal(b ?: "(null)", effective);
}

/* Affinities are those at the end of the span; changes those within it. */
static void test_affinity(void **state) {
        _cleanup_(report_freep) struct report *before = NULL, *within = NULL;
        struct fixture *f = *state;
        unsigned source = add_collector_source(f->store, &collector_affinity);

        for (unsigned i = 0; i < 4; i++) {
                ADD_ROW(&f->batch, 0, "24", i < 2, 1, 1);
                ADD_ROW(&f->batch, 1, "24", i < 2, i >= 2, 0);
                ADD_ROW(&f->batch, 0, "9", 0, 0, 1);
                assert_int_equal(batch_add_single(&f->batch, 0, "10", 1), 0);
                commit(f->store, source, 1 + i, &f->batch);
        }
        add_change(f, 3, 0, 1);

        before = query(f, 1, 2.5);
        check_affinity(before, "24", "0-2", "0");
        assert_int_equal(before->affinity->n_changes, 0);
        within = query(f, 2.5, 4);
        check_affinity(within, "24", "1-2", "1");
        check_affinity(within, "9", "2", "(null)");
        check_affinity(within, "10", "all", "(null)");
        check_affinity(within, "11", "(null)", "(null)");
        assert_int_equal(within->affinity->n_changes, 1);
        assert_int_equal(within->affinity->n_changes_total, 1);
}

/* A selection of CPUs leaves out changes that concern others, and tells affinities whole. */
static void test_affinity_of_cpus(void **state) {
        _cleanup_(affinity_freep) struct affinity *some = NULL, *all = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;
        unsigned source = add_collector_source(f->store, &collector_affinity);

        ADD_ROW(&f->batch, 0, "24", 1, 1, 1);
        commit(f->store, source, 1, &f->batch);
        for (unsigned i = 0; i < AFFINITY_CHANGES_MAX + 10; i++)
                add_change(f, 2 + i * 0.001, i % 2, 2);
        add_change(f, 3, 2, 3);

        assert_int_equal(cpu_list_parse("1", &cpus), 0);
        assert_int_equal(affinity_query(f->store, AT(0), AT(10), &cpus, &some), 0);
        assert_int_equal(some->n_changes, AFFINITY_CHANGES_MAX / 2 + 5);
        assert_int_equal(cpu_set_count(&gauges_find(some->configured, "24")->cpus), 3);

        assert_int_equal(affinity_query(f->store, AT(0), AT(10), NULL, &all), 0);
        assert_int_equal(all->n_changes, AFFINITY_CHANGES_MAX);
        assert_int_equal(all->n_changes_total, AFFINITY_CHANGES_MAX + 11);
        assert_int_equal(all->changes[AFFINITY_CHANGES_MAX - 1]->time_us, AT(3)); /* the newest are kept */
}

static void test_gaps_are_clipped(void **state) {
        _cleanup_(report_freep) struct report *whole = NULL, *part = NULL, *after = NULL;
        struct fixture *f = *state;
        unsigned source = add_collector_source(f->store, &collector_softirqs);

        softirq_pass(f, source, 10, 1);
        mark_gap(f->store, source, 11, "short read");
        softirq_pass(f, source, 20, 2);
        softirq_pass(f, source, 21, 3);
        mark_gap(f->store, source, 22, "open");

        whole = query(f, 0, 30);
        assert_int_equal(whole->n_gaps, 3);
        check_gap(whole, 0, "softirqs", 0, 10, true);
        check_gap(whole, 1, "softirqs", 10, 20, false);
        assert_string_equal(whole->gaps[1].reason, "short read");
        check_gap(whole, 2, "softirqs", 21, 30, false);

        part = query(f, 15, 21);
        assert_int_equal(part->n_gaps, 1);
        check_gap(part, 0, "softirqs", 15, 20, false);

        after = query(f, 20, 21);
        assert_int_equal(after->n_gaps, 0);
}

/* A collector that never succeeded: its own reason, and only what lies before its first attempt is unknown.
 */
static void test_never_succeeded(void **state) {
        _cleanup_(report_freep) struct report *report = NULL, *silent = NULL;
        struct fixture *f = *state;
        unsigned source = add_collector_source(f->store, &collector_softirqs);

        silent = query(f, 0, 10);
        assert_int_equal(silent->n_gaps, 1);
        check_gap(silent, 0, "softirqs", 0, 10, true);

        mark_gap(f->store, source, 4, "garbled");
        report = query(f, 0, 10);
        assert_int_equal(report->n_gaps, 2);
        check_gap(report, 0, "softirqs", 0, 4, true);
        check_gap(report, 1, "softirqs", 4, 10, false);
        assert_string_equal(report->gaps[1].reason, "garbled");
}

/* What is switched off or cannot run beside others that deliver is no gap. */
static void test_not_running(void **state) {
        _cleanup_(report_freep) struct report *report = NULL;
        struct fixture *f = *state;
        unsigned softirqs = add_collector_source(f->store, &collector_softirqs);

        (void)add_collector_source(f->store, &collector_pressure);
        softirq_pass(f, softirqs, 1, 1);
        softirq_pass(f, softirqs, 2, 2);
        report = query(f, 0, 10);
        assert_int_equal(report->n_gaps, 1);
        check_gap(report, 0, "softirqs", 0, 1, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_bad_span),
                TEST(test_empty),
                TEST(test_parts),
                TEST(test_affinity),
                TEST(test_affinity_of_cpus),
                TEST(test_gaps_are_clipped),
                TEST(test_never_succeeded),
                TEST(test_not_running),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
