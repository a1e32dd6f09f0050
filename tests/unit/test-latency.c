/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/latency.h"

struct cpu_values {
        uint64_t bucket10, bucket20; /* counts in [1024, 2048) and [1048576, 2097152) ns */
        uint64_t largest_ns, observed_ns, watched_ns;
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

static void pass(struct fixture *f, double second, const struct cpu_values *cpu0,
                 const struct cpu_values *cpu1) {
        ADD_ROW(&f->batch, DELAY_LATENESS, "10", cpu0->bucket10, cpu1->bucket10);
        ADD_ROW(&f->batch, DELAY_LATENESS, "20", cpu0->bucket20, cpu1->bucket20);
        ADD_ROW(&f->batch, DELAY_LARGEST, "", cpu0->largest_ns, cpu1->largest_ns);
        ADD_ROW(&f->batch, DELAY_OBSERVED, "", cpu0->observed_ns, cpu1->observed_ns);
        ADD_ROW(&f->batch, DELAY_WATCHED, "", cpu0->watched_ns, cpu1->watched_ns);
        commit(f->store, f->source, second, &f->batch);
}

static struct latency *query(struct fixture *f, double since, double until) {
        struct latency *latency = NULL;

        assert_int_equal(latency_query(f->store, AT(since), AT(until), NULL, &latency), 0);
        return latency;
}

static void test_quantiles(void **state) {
        uint64_t counts[64] = {};

        assert_int_equal(histogram_quantile(counts, 64, 0.5), 0);
        counts[0] = 1;
        assert_int_equal(histogram_quantile(counts, 64, 0), 2);
        assert_int_equal(histogram_quantile(counts, 64, 1), 2);
        counts[3] = 98;
        counts[40] = 1;
        assert_int_equal(histogram_quantile(counts, 64, 0.01), 2);
        assert_int_equal(histogram_quantile(counts, 64, 0.5), 16);
        assert_int_equal(histogram_quantile(counts, 64, 0.99), 16);
        assert_int_equal(histogram_quantile(counts, 64, 0.991), UINT64_C(1) << 41);
        counts[63] = 1;
        assert_true(histogram_quantile(counts, 64, 1) == UINT64_MAX);
}

static void test_gauge_rose(void **state) {
        static const struct cpu_values before = { 100, 0, 1500, 0, 0 }, idle = {};
        static const struct cpu_values after = { 1098, 2, 1300000, MSEC(900), MSEC(1000) };
        _cleanup_(latency_freep) struct latency *latency = NULL;
        struct fixture *f = *state;

        pass(f, 0, &before, &idle);
        pass(f, 1, &after, &idle);
        latency = query(f, 0, 1);

        assert_int_equal(latency->n_cpus, 1); /* the other was neither measured nor watched */
        assert_int_equal(latency->cpus[0].cpu, 0);
        assert_int_equal(latency->cpus[0].n, 1000);
        assert_int_equal(latency->cpus[0].p50_ns, 2048);
        assert_int_equal(latency->cpus[0].p99_ns, 2048);
        assert_int_equal(latency->cpus[0].p999_ns, 1300000); /* the edge, 2097152, is more than there was */
        assert_int_equal(latency->cpus[0].max_ns, 1300000);
        assert_true(latency->cpus[0].coverage > 0.899 && latency->cpus[0].coverage < 0.901);
}

/* The largest since the start lies before the span: only its bucket bounds the span's own. */
static void test_gauge_did_not_rise(void **state) {
        static const struct cpu_values before = { 100, 7, 90000000, 0, 0 }, idle = {};
        static const struct cpu_values after = { 200, 7, 90000000, MSEC(1000), MSEC(1000) };
        static const struct cpu_values later = { 200, 8, 2000000, MSEC(2000), MSEC(2000) };
        _cleanup_(latency_freep) struct latency *latency = NULL, *second = NULL;
        struct fixture *f = *state;

        pass(f, 0, &before, &idle);
        pass(f, 1, &after, &idle);
        latency = query(f, 0, 1);
        assert_int_equal(latency->cpus[0].max_ns, 2048);
        assert_int_equal(latency->cpus[0].p999_ns, 2048);

        /* The gauge was started anew and is now the smaller bound. */
        pass(f, 2, &later, &idle);
        second = query(f, 1.5, 2);
        assert_int_equal(second->cpus[0].max_ns, 2097152);
        pass(f, 3, &(struct cpu_values){ 200, 9, 2000000, MSEC(3000), MSEC(3000) }, &idle);
        second = latency_free(second);
        second = query(f, 2, 3);
        assert_int_equal(second->cpus[0].max_ns, 2000000);
}

/* A gauge that was started anew, and rose to little, does not hide what came before. */
static void test_gauge_restarted(void **state) {
        static const struct cpu_values idle = {};
        _cleanup_(latency_freep) struct latency *latency = NULL;
        struct fixture *f = *state;

        pass(f, 0, &(struct cpu_values){ 1, 1, 1700000, 0, 0 }, &idle);
        pass(f, 1, &(struct cpu_values){ 1, 2, 1700000, MSEC(1), MSEC(1) }, &idle);
        pass(f, 2, &(struct cpu_values){ 1, 2, 0, MSEC(2), MSEC(2) }, &idle);
        pass(f, 3, &(struct cpu_values){ 2, 2, 1100, MSEC(3), MSEC(3) }, &idle);
        latency = query(f, 0, 3);
        assert_int_equal(latency->cpus[0].max_ns, 1700000);
}

static void test_coverage(void **state) {
        static const struct cpu_values idle = {};
        _cleanup_(latency_freep) struct latency *latency = NULL;
        struct fixture *f = *state;

        pass(f, 0, &idle, &idle);
        pass(f, 1, &(struct cpu_values){ 1, 0, 1100, MSEC(1001), MSEC(1000) },
             &(struct cpu_values){ 0, 0, 0, 0, MSEC(1000) });
        latency = query(f, 0, 1);
        assert_int_equal(latency->n_cpus, 2);
        assert_true(latency->cpus[0].coverage == 1.0);
        assert_true(latency->cpus[1].coverage == 0.0); /* watched, and nothing seen: that is no 100 % */
        assert_int_equal(latency->cpus[1].n, 0);
        assert_int_equal(latency->cpus[1].max_ns, 0);
}

static void test_cpu_filter(void **state) {
        static const struct cpu_values none = {}, some = { 5, 0, 1100, MSEC(1), MSEC(1) };
        _cleanup_(latency_freep) struct latency *latency = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;

        pass(f, 0, &none, &none);
        pass(f, 1, &some, &some);
        assert_int_equal(cpu_list_parse("1", &cpus), 0);
        assert_int_equal(latency_query(f->store, AT(0), AT(1), &cpus, &latency), 0);
        assert_int_equal(latency->n_cpus, 1);
        assert_int_equal(latency->cpus[0].cpu, 1);
}

static void test_nothing(void **state) {
        _cleanup_(store_freep) struct store *empty = new_store();
        struct latency *latency = NULL;
        struct fixture *f = *state;

        assert_int_equal(latency_query(empty, AT(0), AT(1), NULL, &latency), -ENOENT);
        assert_int_equal(latency_query(f->store, AT(0), AT(1), NULL, &latency), -ENOENT);
        assert_null(latency);
}

static void test_no_memory(void **state) {
        static const struct cpu_values none = {}, some = { 5, 0, 1100, MSEC(1), MSEC(1) };
        struct fixture *f = *state;
        unsigned n = 0;
        int r;

        pass(f, 0, &none, &none);
        pass(f, 1, &some, &some);
        do {
                _cleanup_(latency_freep) struct latency *latency = NULL;

                alloc_fail_at(++n);
                r = latency_query(f->store, AT(0), AT(1), NULL, &latency);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 3, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quantiles),
                TEST(test_gauge_rose),
                TEST(test_gauge_did_not_rise),
                TEST(test_gauge_restarted),
                TEST(test_coverage),
                TEST(test_cpu_filter),
                TEST(test_nothing),
                TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
