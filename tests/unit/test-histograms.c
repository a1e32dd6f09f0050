/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/histograms.h"

struct fixture {
        struct store *store;
        unsigned source;
        struct batch batch;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){ .store = new_store() };
        batch_init(&f.batch);
        f.source = add_delay_source(f.store);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        batch_done(&f->batch);
        f->store = store_free(f->store);
        return 0;
}

static struct histograms *query(struct fixture *f, const char *metric, double since, double until,
                                const struct cpu_set *cpus) {
        const struct rates_request request = {
                .source = "irq-delay",
                .metric = metric,
                .since_us = AT(since),
                .until_us = AT(until),
                .cpus = cpus,
        };
        struct histograms *histograms = NULL;

        assert_int_equal(histograms_query(f->store, &request, &histograms), 0);
        return histograms;
}

/* Two interrupts on two CPUs, n times the same; the gauges are given. */
static void add_hardirqs(struct fixture *f, double second, uint64_t n, uint64_t max0, uint64_t max1) {
        ADD_BUCKET(&f->batch, DELAY_HARDIRQ_TIME, "11", ("24", "eth0-rx"), 98 * n, 100 * n);
        ADD_BUCKET(&f->batch, DELAY_HARDIRQ_TIME, "20", ("24", "eth0-rx"), 2 * n, 0);
        ADD_BUCKET(&f->batch, DELAY_HARDIRQ_TIME, "10", ("4", "ttyS0"), 10 * n, 0);
        ADD_ROW(&f->batch, DELAY_HARDIRQ_TOTAL, "24 eth0-rx", MSEC(3) * n, MSEC(0.3) * n);
        ADD_ROW(&f->batch, DELAY_HARDIRQ_TOTAL, "4 ttyS0", MSEC(0.012) * n, 0);
        ADD_ROW(&f->batch, DELAY_HARDIRQ_MAX, "24 eth0-rx", max0, max1);
        ADD_ROW(&f->batch, DELAY_HARDIRQ_MAX, "4 ttyS0", 1100 + n, 0);
        commit(f->store, f->source, second, &f->batch);
}

static void test_figures(void **state) {
        _cleanup_(histograms_freep) struct histograms *histograms = NULL;
        struct fixture *f = *state;
        const struct histogram *eth0;

        add_hardirqs(f, 0, 5, 9000, 3000);
        add_hardirqs(f, 1, 6, 9000, 3000);
        add_hardirqs(f, 2, 7, 1300000, 3000);
        histograms = query(f, "hardirq-time", 0, 2, NULL);

        assert_string_equal(histograms->source, "irq-delay");
        assert_string_equal(histograms->metric->name, "hardirq-time");
        assert_int_equal(histograms->elapsed_ns, 2 * NSEC_PER_SEC);
        assert_int_equal(histograms->n_items, 2);
        eth0 = &histograms->items[0]; /* it has the larger total */
        assert_string_equal(eth0->labels[0], "24");
        assert_string_equal(eth0->labels[1], "eth0-rx");
        assert_null(eth0->labels[2]);
        assert_int_equal(eth0->n, 400);
        assert_true(eth0->per_second == 200);
        assert_true(eth0->has_total);
        assert_int_equal(eth0->total_ns, MSEC(6.6));
        assert_int_equal(eth0->buckets[11], 396);
        assert_int_equal(eth0->buckets[20], 4);
        assert_int_equal(eth0->p50_ns, 4096);
        assert_int_equal(eth0->p99_ns, 4096);
        assert_int_equal(eth0->p999_ns, 1300000); /* the edge, 2097152, is more than there was */
        assert_int_equal(eth0->max_ns, 1300000);
        assert_false(eth0->has_ksoftirqd);
        assert_string_equal(histograms->items[1].labels[0], "4");
        assert_int_equal(histograms->items[1].n, 20);
        assert_int_equal(histograms->items[1].max_ns, 1107);
        assert_int_equal(histograms->items[1].p50_ns, 1107);
}

/* A gauge speaks for its own CPU only: that of CPU 0, from before the span, says nothing of CPU 1. */
static void test_peak_per_cpu(void **state) {
        _cleanup_(histograms_freep) struct histograms *all = NULL, *second = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;

        for (unsigned i = 0; i < 2; i++) {
                ADD_BUCKET(&f->batch, DELAY_SOFTIRQ_TIME, "25", ("NET_RX"), 1, 0);
                ADD_BUCKET(&f->batch, DELAY_SOFTIRQ_TIME, "10", ("NET_RX"), i, i);
                ADD_ROW(&f->batch, DELAY_SOFTIRQ_MAX, "NET_RX", 40000000, i ? 1500 : 0);
                commit(f->store, f->source, i, &f->batch);
        }

        all = query(f, "softirq-time", 0, 1, NULL);
        assert_int_equal(all->n_items, 1);
        assert_int_equal(all->items[0].n, 2);
        assert_int_equal(all->items[0].max_ns, 2048); /* CPU 0: the bucket's edge */

        assert_int_equal(cpu_list_parse("1", &cpus), 0);
        second = query(f, "softirq-time", 0, 1, &cpus);
        assert_int_equal(second->items[0].n, 1);
        assert_int_equal(second->items[0].max_ns, 1500); /* CPU 1: exact */
}

static void test_ksoftirqd(void **state) {
        _cleanup_(histograms_freep) struct histograms *run = NULL, *wait = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i < 3; i++) {
                ADD_BUCKET(&f->batch, DELAY_SOFTIRQ_TIME, "12", ("NET_RX"), i * 40, i * 10);
                ADD_BUCKET(&f->batch, DELAY_SOFTIRQ_WAIT, "14", ("NET_RX"), i * 40, i * 10);
                ADD_ROW(&f->batch, DELAY_SOFTIRQ_TOTAL, "NET_RX", i * 200000, i * 50000);
                ADD_ROW(&f->batch, DELAY_SOFTIRQ_WAIT_TOTAL, "NET_RX", i * 700000, i * 100000);
                ADD_ROW(&f->batch, DELAY_KSOFTIRQD_RUNS, "NET_RX", i * 7, i);
                ADD_ROW(&f->batch, DELAY_KSOFTIRQD_TOTAL, "NET_RX", i * 30000, i * 2000);
                ADD_ROW(&f->batch, DELAY_KSOFTIRQD_RUNS, "TIMER", 3,
                        3); /* none in this span, and no bucket */
                commit(f->store, f->source, i, &f->batch);
        }

        run = query(f, "softirq-time", 0, 2, NULL);
        assert_int_equal(run->n_items, 1);
        assert_true(run->items[0].has_ksoftirqd);
        assert_int_equal(run->items[0].n_ksoftirqd, 16);
        assert_int_equal(run->items[0].ksoftirqd_ns, 64000);
        assert_int_equal(run->items[0].total_ns, 500000);

        wait = query(f, "softirq-wait", 0, 2, NULL);
        assert_int_equal(wait->items[0].total_ns, 1600000);
        assert_false(wait->items[0].has_ksoftirqd);
}

/* The 32-bit counts of the kernel side wrap. */
static void test_wrap(void **state) {
        _cleanup_(histograms_freep) struct histograms *histograms = NULL;
        struct fixture *f = *state;

        ADD_BUCKET(&f->batch, DELAY_HARDIRQ_TIME, "10", ("4", "ttyS0"), UINT32_MAX - 1);
        commit(f->store, f->source, 0, &f->batch);
        ADD_BUCKET(&f->batch, DELAY_HARDIRQ_TIME, "10", ("4", "ttyS0"), 3);
        commit(f->store, f->source, 1, &f->batch);
        histograms = query(f, "hardirq-time", 0, 1, NULL);
        assert_int_equal(histograms->items[0].n, 5);
}

/* A metric without sums, and without labels: one key. */
static void test_lateness(void **state) {
        _cleanup_(histograms_freep) struct histograms *histograms = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i < 2; i++) {
                ADD_ROW(&f->batch, DELAY_LATENESS, "10", i * 9, i);
                ADD_ROW(&f->batch, DELAY_LATENESS, "no bucket", i * 9, i);
                ADD_ROW(&f->batch, DELAY_LARGEST, "", i * 1800, 0);
                commit(f->store, f->source, i, &f->batch);
        }

        histograms = query(f, "lateness", 0, 1, NULL);
        assert_int_equal(histograms->n_items, 1);
        assert_null(histograms->items[0].labels[0]);
        assert_int_equal(histograms->items[0].n, 10);
        assert_int_equal(histograms->items[0].max_ns, 2048);
        assert_false(histograms->items[0].has_total);
}

static void test_nothing(void **state) {
        struct rates_request request = { .source = "irq-delay", .metric = "hardirq-time", .until_us = AT(9) };
        struct fixture *f = *state;
        struct histograms *histograms = NULL;

        assert_int_equal(histograms_query(f->store, &request, &histograms), -ENOENT); /* no passes */
        add_hardirqs(f, 0, 1, 1, 1);
        assert_int_equal(histograms_query(f->store, &request, &histograms), -ENOENT); /* only one */
        add_hardirqs(f, 1, 1, 1, 1);
        mark_gap(f->store, f->source, 2, "x");
        assert_int_equal(histograms_query(f->store, &request, &histograms), 0);
        assert_int_equal(histograms->n_items, 0); /* nothing moved */
        assert_int_equal(histograms->n_gaps, 1);
        histograms = histograms_free(histograms);

        request.metric = "hardirq-total";
        assert_int_equal(histograms_query(f->store, &request, &histograms), -ENOENT);
        request.metric = "hardirq";
        assert_int_equal(histograms_query(f->store, &request, &histograms), -ENOENT);
        request.source = "softirqs";
        assert_int_equal(histograms_query(f->store, &request, &histograms), -ENOENT);
}

static void test_no_memory(void **state) {
        const struct rates_request request = {
                .source = "irq-delay",
                .metric = "hardirq-time",
                .since_us = AT(0),
                .until_us = AT(2),
        };
        struct fixture *f = *state;
        unsigned n = 0;
        int r;

        add_hardirqs(f, 0, 5, 9000, 3000);
        add_hardirqs(f, 1, 6, 9000, 3000);
        do {
                _cleanup_(histograms_freep) struct histograms *histograms = NULL;

                alloc_fail_at(++n);
                r = histograms_query(f->store, &request, &histograms);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(histograms);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 10, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_figures),  TEST(test_peak_per_cpu), TEST(test_ksoftirqd), TEST(test_wrap),
                TEST(test_lateness), TEST(test_nothing),      TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
