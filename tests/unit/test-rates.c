/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/rates.h"

enum { COUNT, SINGLE, LEVEL };

static const struct metric_desc metrics[] = {
        [COUNT] = { "count", "1", "", "row", { "label" }, METRIC_COUNTER, 64 },
        [SINGLE] = { "single", "1", "", "row", {}, METRIC_COUNTER, 64 },
        [LEVEL] = { "level", "1", "", NULL, {}, METRIC_GAUGE, 64 },
};

struct fixture {
        struct store *store;
        unsigned source;
        struct batch batch;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){ .store = new_store() };
        batch_init(&f.batch);
        assert_int_equal(store_add_source(f.store, "test", metrics, ELEMENTSOF(metrics), &f.source), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        batch_done(&f->batch);
        f->store = store_free(f->store);
        return 0;
}

static struct rates *query(struct fixture *f, double since, double until, const struct cpu_set *cpus) {
        const struct rates_request request = {
                .source = "test",
                .since_us = AT(since),
                .until_us = AT(until),
                .cpus = cpus,
        };
        struct rates *rates = NULL;

        assert_int_equal(rates_query(f->store, &request, &rates), 0);
        return rates;
}

static int query_error(struct fixture *f, const char *source, const char *metric, double since,
                       double until) {
        const struct rates_request request = {
                .source = source,
                .metric = metric,
                .since_us = AT(since),
                .until_us = AT(until),
        };
        struct rates *rates = (struct rates *)f; /* to see that it stays untouched */
        int r;

        r = rates_query(f->store, &request, &rates);
        assert_ptr_equal(rates, f);
        return r;
}

static void pass2(struct fixture *f, double second, uint64_t cpu0, uint64_t cpu1) {
        ADD_ROW(&f->batch, COUNT, "a", cpu0, cpu1);
        commit(f->store, f->source, second, &f->batch);
}

static void test_difference(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 0, 1, 2);
        pass2(f, 1, 11, 102);
        pass2(f, 2, 21, 202);
        pass2(f, 4, 41, 402);
        pass2(f, 5, 999, 999);

        rates = query(f, 1.5, 4.5, NULL);
        assert_string_equal(rates->source, "test");
        assert_ptr_equal(rates->metric, &metrics[COUNT]);
        assert_int_equal(rates->since_us, AT(1)); /* the newest pass before the span is its start */
        assert_int_equal(rates->until_us, AT(4));
        assert_int_equal(rates->elapsed_ns, 3 * NSEC_PER_SEC);
        assert_int_equal(rates->n_gaps, 0);
        assert_int_equal(rates->n_cpus, 2);
        assert_int_equal(rates->n_rows, 1);
        assert_string_equal(rates->rows[0].name, "a");
        assert_int_equal(rates->rows[0].per_cpu[0], 30);
        assert_int_equal(rates->rows[0].per_cpu[1], 300);
        assert_int_equal(rates->rows[0].total, 330);
        assert_true(rates->rows[0].per_second > 109.999 && rates->rows[0].per_second < 110.001);
        assert_int_equal(rates->rows[0].n_resets, 0);
        assert_true(rates->rows[0].live);
}

/* What was usual is what it did most of the time: a storm of ten minutes in an hour is not. */
static void test_history(void **state) {
        const struct rates_request request = {
                .source = "test", .since_us = AT(1000), .until_us = AT(1100), .history_ns = 1000 * NSEC_PER_SEC,
        };
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;
        uint64_t value = 7, other = 0;

        for (unsigned second = 0; second <= 1100; second += 10) {
                pass2(f, second, value, other);
                value += 10 * (second >= 200 && second < 500 ? 90000 : second < 400 ? 110 : 90);
                other += second >= 1000; /* not before the span */
        }
        assert_int_equal(rates_query(f->store, &request, &rates), 0);
        assert_int_equal(rates->history_ns, 1000 * NSEC_PER_SEC);
        assert_true(rates->rows[0].cells[0].has_history);
        assert_true(rates->rows[0].cells[0].history > 89 && rates->rows[0].cells[0].history < 111);
        assert_true(rates->rows[0].cells[1].has_history);
        assert_true(rates->rows[0].cells[1].history == 0);
}

/* A span that starts before the first pass uses what there is, and says so. */
static void test_before_first_pass(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 10, 5, 5);
        pass2(f, 11, 6, 7);
        rates = query(f, 0, 20, NULL);
        assert_int_equal(rates->since_us, AT(10));
        assert_int_equal(rates->until_us, AT(11));
        assert_int_equal(rates->rows[0].total, 3);
}

static void test_nothing_to_compare(void **state) {
        struct fixture *f = *state;

        assert_int_equal(query_error(f, "test", NULL, 0, 10), -ENOENT);
        pass2(f, 5, 1, 1);
        assert_int_equal(query_error(f, "test", NULL, 0, 10), -ENOENT); /* one pass */
        pass2(f, 6, 2, 2);
        assert_int_equal(query_error(f, "test", NULL, 0, 4), -ENOENT);  /* before it began */
        assert_int_equal(query_error(f, "test", NULL, 6, 10), -ENOENT); /* after its end */
        assert_int_equal(query_error(f, "other", NULL, 0, 10), -ENOENT);
        assert_int_equal(query_error(f, "test", "other", 0, 10), -ENOENT);
        assert_int_equal(query_error(f, "test", "level", 0, 10), -ENOENT); /* a gauge */
}

static void test_reset(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 0, 100, 100);
        pass2(f, 1, 150, 101);
        pass2(f, 2, 7, 102);
        pass2(f, 3, 10, 103);
        rates = query(f, 0, 3, NULL);
        assert_int_equal(rates->rows[0].n_resets, 1);
        assert_int_equal(rates->rows[0].per_cpu[0], 50 + 7 + 3);
        assert_int_equal(rates->rows[0].per_cpu[1], 3);
}

static void test_gap_inside_is_bridged(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 0, 0, 10);
        pass2(f, 1, 0, 11);
        mark_gap(f->store, f->source, 2, "short read");
        pass2(f, 3, 0, 13);
        rates = query(f, 0, 3, NULL);
        assert_int_equal(rates->n_gaps, 1);
        assert_int_equal(rates->rows[0].total, 3);
        assert_int_equal(rates->elapsed_ns, 3 * NSEC_PER_SEC);
}

/* What was counted during a long gap before the span does not belong to the span. */
static void test_gap_at_start_is_cut(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 0, 0, 10);
        mark_gap(f->store, f->source, 1, "suspended");
        pass2(f, 100, 5, 100000);
        pass2(f, 101, 6, 100002);
        rates = query(f, 90, 101, NULL);
        assert_int_equal(rates->since_us, AT(100));
        assert_int_equal(rates->elapsed_ns, NSEC_PER_SEC);
        assert_int_equal(rates->rows[0].total, 3);
        assert_int_equal(rates->n_gaps, 1);
        assert_int_equal(query_error(f, "test", NULL, 90, 100), -ENOENT);
}

static void test_open_gap_counts(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        pass2(f, 0, 0, 1);
        pass2(f, 1, 0, 2);
        mark_gap(f->store, f->source, 2, "short read");
        rates = query(f, 0, 10, NULL);
        assert_int_equal(rates->n_gaps, 1);
        assert_int_equal(rates->until_us, AT(1));
}

static void test_cpu_filter(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;

        for (unsigned i = 0; i < 2; i++) {
                ADD_ROW(&f->batch, COUNT, "a", 1 + i, 1 + 10 * i, 1 + 100 * i);
                assert_int_equal(batch_add_single(&f->batch, COUNT, "ERR", 7 * i), 0);
                commit(f->store, f->source, i, &f->batch);
        }

        assert_int_equal(cpu_list_parse("1,5", &cpus), 0);
        rates = query(f, 0, 1, &cpus);
        assert_int_equal(rates->n_cpus, 1);
        assert_int_equal(rates->cpus[0], 1);
        assert_int_equal(rates->n_rows, 1);
        assert_int_equal(rates->rows[0].total, 10);

        rates = rates_free(rates);
        rates = query(f, 0, 1, NULL);
        assert_int_equal(rates->n_cpus, 3);
        assert_int_equal(rates->n_rows, 2);
        assert_int_equal(rates->rows[0].total, 111);
        assert_string_equal(rates->rows[1].name, "ERR");
        assert_int_equal(rates->rows[1].single, 7);
        assert_int_equal(rates->rows[1].total, 7);
}

/* CPU ids are the kernel's; those that were offline at the end are known, but not online. */
static void test_offline_cpus(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(batch_add_row(&f->batch, COUNT, &(struct row_key){ .name = "a" }), 0);
                assert_int_equal(batch_add(&f->batch, 0, 10 * i), 0);
                if (i < 2)
                        assert_int_equal(batch_add(&f->batch, 200, 100 * i), 0);
                commit(f->store, f->source, i, &f->batch);
        }

        rates = query(f, 0, 2, NULL);
        assert_int_equal(rates->n_cpus, 2);
        assert_int_equal(rates->cpus[1], 200);
        assert_true(rates->online[0]);
        assert_false(rates->online[1]);
        assert_int_equal(rates->rows[0].per_cpu[0], 20);
        assert_int_equal(rates->rows[0].per_cpu[1], 100);
        assert_int_equal(rates_cpu_index(rates, 200), 1);
        assert_int_equal(rates_cpu_index(rates, 1), -1);
}

static void irq_pass(struct fixture *f, double second, const char *action, uint64_t value) {
        const struct row_key key = { .name = "24", .labels = { action } };

        ADD_ROW(&f->batch, COUNT, "stays", 1);
        if (action)
                add_cells(&f->batch, COUNT, &key, &value, 1);
        commit(f->store, f->source, second, &f->batch);
}

/* A reused number is another row, with another label or, with the same, of the next generation. */
static void test_reused_irq(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL, *later = NULL;
        struct fixture *f = *state;

        irq_pass(f, 0, "eth0", 1000);
        irq_pass(f, 1, "eth0", 1500);
        irq_pass(f, 2, NULL, 0);
        irq_pass(f, 3, "nvme0", 3);
        irq_pass(f, 4, "nvme0", 5);
        irq_pass(f, 5, NULL, 0);
        irq_pass(f, 6, "eth0", 10);
        irq_pass(f, 7, "eth0", 50);
        rates = query(f, 0, 7, NULL);

        assert_int_equal(rates->n_rows, 4);
        assert_string_equal(rates->rows[1].labels[0], "eth0");
        assert_int_equal(rates->rows[1].generation, 0);
        assert_int_equal(rates->rows[1].total, 500);
        assert_false(rates->rows[1].live);
        assert_string_equal(rates->rows[2].labels[0], "nvme0");
        assert_int_equal(rates->rows[2].total, 2);
        assert_string_equal(rates->rows[3].labels[0], "eth0");
        assert_int_equal(rates->rows[3].generation, 1);
        assert_int_equal(rates->rows[3].total, 40);
        assert_int_equal(rates->rows[3].n_resets, 0);
        assert_true(rates->rows[3].live);

        /* Rows that were gone before the span are no part of it. */
        later = query(f, 6, 7, NULL);
        assert_int_equal(later->n_rows, 2);
        assert_string_equal(later->rows[0].name, "stays");
        assert_int_equal(later->rows[1].generation, 1);
}

static void test_imbalance(void **state) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i < 2; i++) {
                ADD_ROW(&f->batch, COUNT, "even", i * 10, i * 10, i * 10, i * 10);
                ADD_ROW(&f->batch, COUNT, "one", 0, i * 40, 0, 0);
                ADD_ROW(&f->batch, COUNT, "idle", 1, 1, 1, 1);
                commit(f->store, f->source, i, &f->batch);
        }

        rates = query(f, 0, 1, NULL);
        assert_int_equal(rates->n_rows, 3);
        assert_true(rates_row_imbalance(rates, &rates->rows[0]) == 1.0);
        assert_true(rates_row_imbalance(rates, &rates->rows[1]) == 4.0);
        assert_true(rates_row_imbalance(rates, &rates->rows[2]) == 0.0);
}

static void test_no_memory(void **state) {
        struct fixture *f = *state;
        const struct rates_request request = { .source = "test", .since_us = AT(0), .until_us = AT(9) };
        unsigned n = 0;
        int r;

        irq_pass(f, 0, "eth0", 1000);
        irq_pass(f, 1, "eth0", 1500);
        do {
                _cleanup_(rates_freep) struct rates *rates = NULL;

                alloc_fail_at(++n);
                r = rates_query(f->store, &request, &rates);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(rates);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 8, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_difference),
                TEST(test_history),
                TEST(test_before_first_pass),
                TEST(test_nothing_to_compare),
                TEST(test_reset),
                TEST(test_gap_inside_is_bridged),
                TEST(test_gap_at_start_is_cut),
                TEST(test_open_gap_counts),
                TEST(test_cpu_filter),
                TEST(test_offline_cpus),
                TEST(test_reused_irq),
                TEST(test_imbalance),
                TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
