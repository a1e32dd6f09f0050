/* SPDX-License-Identifier: Apache-2.0 */

/* Cumulative values: they only grow, whatever the kernel's counters, CPUs and history do. */

#include "tests/unit/query-fixture.h"

#include "daemon/query/counters.h"

static const struct counters_request softirqs = { .source = "softirqs", .per_cpu = true };

static struct counters *query(const struct store *store, const struct counters_request *request) {
        struct counters *counters = NULL;

        assert_int_equal(counters_query(store, request, &counters), 0);
        return counters;
}

/* Of the source's only row. */
static uint64_t total(const struct store *store) {
        _cleanup_(counters_freep) struct counters *counters = query(store, &softirqs);

        assert_int_equal(counters->n_metrics, 1);
        assert_int_equal(counters->metrics[0].n_rows, 1);
        return counters->metrics[0].rows[0].total;
}

static void commit_values(struct store *store, unsigned source, double seconds, const uint64_t *values,
                          size_t n) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        add_cells(&batch, 0, &(struct row_key){ .name = "NET_RX" }, values, n);
        commit(store, source, seconds, &batch);
}

#define COMMIT(seconds, ...) \
        commit_values(store, source, seconds, (const uint64_t[]){ __VA_ARGS__ }, \
                      ELEMENTSOF(((const uint64_t[]){ __VA_ARGS__ })))

static void test_nothing(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        struct counters *counters;

        assert_int_equal(counters_query(store, &softirqs, &counters), -ENOENT);
        (void)add_collector_source(store, &collector_softirqs);
        assert_int_equal(counters_query(store, &softirqs, &counters), -ENOENT);
}

static void test_growth(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        unsigned source = add_collector_source(store, &collector_softirqs);

        COMMIT(1, 1000, 2000000);
        assert_int_equal(total(store), 0); /* what was before us is not ours */
        COMMIT(2, 1010, 2000001);
        assert_int_equal(total(store), 11);
        COMMIT(3, 1010); /* CPU 1 went away: what it counted stays counted */
        assert_int_equal(total(store), 11);
        COMMIT(4, 1011, 2000005);
        assert_int_equal(total(store), 16);
        COMMIT(5, 3, 2000005); /* a reset counts from zero */
        assert_int_equal(total(store), 19);
}

/* One CPU's counter of 32 bits wraps: the sum must not drop. */
static void test_wrap(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        unsigned source = add_collector_source(store, &collector_softirqs);

        COMMIT(1, UINT32_MAX - 4, UINT32_MAX - 1000);
        COMMIT(2, 5, UINT32_MAX - 990);
        assert_int_equal(total(store), 20);
}

/* History is dropped, sums are not. */
static void test_eviction(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        unsigned source = add_collector_source(store, &collector_softirqs);
        struct store_limits limits = {
                .budget_bytes = 1, .retention_ns = NSEC_PER_SEC, .n_events_max = 1, .n_series_max = 1000
        };
        uint64_t first_us, last_us;

        store_set_limits(store, &limits);
        for (unsigned i = 1; i <= 500; i++)
                COMMIT(i, i * 3, i * 4);
        assert_int_equal(store_source_range(store, source, &first_us, &last_us), 0);
        assert_true(first_us > AT(200));
        assert_int_equal(total(store), 499 * 7);
}

static void test_values(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        unsigned source = add_collector_source(store, &collector_softirqs);
        _cleanup_(counters_freep) struct counters *counters = NULL;
        const struct counter_row *row;

        COMMIT(1, 5, 0, 7);
        counters = query(store, &softirqs);
        row = &counters->metrics[0].rows[0];
        assert_int_equal(counters->stamp.realtime_us, AT(1));
        assert_int_equal(cpu_set_count(counters->cpus), 3);
        assert_int_equal(row->n_values, 2); /* CPU 1 never had one */
        assert_int_equal(row->values[1].cpu, 2);
        assert_int_equal(row->values[1].value, 7);
}

static void test_filters(void **state) {
        static const char *const metrics[] = { "lateness-max", "softirq-time", "none" }, *const rows[] = {
                "10", ""
        };
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(counters_freep) struct counters *counters = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source = add_delay_source(store);

        batch_init(&batch);
        for (unsigned i = 1; i <= 2; i++) {
                ADD_ROW(&batch, DELAY_LARGEST, "", i * 10, 5);
                ADD_ROW(&batch, DELAY_OBSERVED, "", i, i);
                ADD_BUCKET(&batch, DELAY_SOFTIRQ_TIME, "10", ("NET_RX"), i, i);
                ADD_BUCKET(&batch, DELAY_SOFTIRQ_TIME, "11", ("NET_RX"), i, i);
                commit(store, source, i, &batch);
        }

        counters = query(store, &(struct counters_request){ .source = "irq-delay",
                                                            .metrics = { metrics, ELEMENTSOF(metrics) },
                                                            .rows = { rows, ELEMENTSOF(rows) } });
        assert_int_equal(counters->n_metrics, 2);
        assert_int_equal(counters->metrics[0].rows[0].total, 25); /* a gauge: the sum of its values */
        assert_int_equal(counters->metrics[1].n_rows, 1);
        assert_int_equal(counters->metrics[1].rows[0].total, 2);
        assert_int_equal(counters->metrics[1].rows[0].n_values, 0);
}

static void test_out_of_memory(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        unsigned source = add_collector_source(store, &collector_softirqs), n = 0;
        int r;

        COMMIT(1, 5, 6);
        do {
                _cleanup_(counters_freep) struct counters *counters = NULL;

                alloc_fail_at(++n);
                r = counters_query(store, &softirqs, &counters);
                alloc_fail_at(0);
                assert_true(r == 0 || r == -ENOMEM);
        } while (r < 0);
        assert_true(n > 3);
}

/* Windows by class and length, the latest as an example; kept when events are dropped. */
static void test_event_totals(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        const struct event_totals *totals = store_event_totals(store);
        struct store_limits limits = { .budget_bytes = UINT64_C(1) << 20,
                                       .retention_ns = NSEC_PER_SEC,
                                       .n_events_max = 2,
                                       .n_series_max = 10 };
        _cleanup_(event_unrefp) struct event *slow = NULL;

        store_set_limits(store, &limits);
        for (unsigned i = 0; i < 10; i++)
                (void)add_window(store, i, 0, CLASS_IRQ_OFF, 10, 12, "f", "a"); /* on an edge */
        (void)add_window(store, 11, 0, CLASS_IRQ_OFF, 10.5, 12, "g\n\xff", "b");
        (void)add_window(store, 12, 0, CLASS_STEAL, 9000, 9001, NULL, NULL);
        assert_int_equal(event_new(EVENT_HARDIRQ, &slow), 0);
        slow->class = CLASS_HARDIRQ;
        slow->has_duration = true;
        slow->time_us = AT(13);
        slow->monotonic_ns = stamp_at(13).monotonic_ns;
        assert_int_equal(store_add_event(store, slow), 0);
        assert_int_equal(store_n_events(store), 2);

        assert_int_equal(totals->by_kind[EVENT_IRQ_DELAY], 12);
        assert_int_equal(totals->by_kind[EVENT_HARDIRQ], 1);
        assert_int_equal(totals->by_class[CLASS_IRQ_OFF].count, 11);
        assert_int_equal(totals->by_class[CLASS_IRQ_OFF].total_min_ns, MSEC(110.5));
        assert_int_equal(totals->by_class[CLASS_HARDIRQ].count, 0); /* an event of that kind is no window */
        assert_int_equal(totals->by_length[3].count, 10);           /* <= 10 ms */
        assert_string_equal(totals->by_length[3].latest.culprit, "f");
        assert_int_equal(totals->by_length[4].count, 1);
        assert_string_equal(totals->by_length[4].latest.culprit, "g??");
        assert_string_equal(totals->by_length[4].latest.comm, "b");
        assert_int_equal(totals->by_length[4].latest.time_us, AT(11));
        assert_true(totals->by_length[4].latest.id > 0);
        assert_int_equal(totals->by_length[EVENT_TOTALS_LENGTHS - 1].count, 1);
        assert_string_equal(totals->by_length[EVENT_TOTALS_LENGTHS - 1].latest.culprit, "");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing),       cmocka_unit_test(test_growth),
                cmocka_unit_test(test_wrap),          cmocka_unit_test(test_eviction),
                cmocka_unit_test(test_values),        cmocka_unit_test(test_filters),
                cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_event_totals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
