/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/gauges.h"

enum { COUNT, LEVEL, OTHER };

static const struct metric_desc metrics[] = {
        [COUNT] = { "count", "1", "", NULL, {}, METRIC_COUNTER, 64 },
        [LEVEL] = { "level", "1", "", "row", { "device", "queue" }, METRIC_GAUGE, 64 },
        [OTHER] = { "other", "1", "", NULL, {}, METRIC_GAUGE, 64 },
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

static struct gauges *query(struct fixture *f, const char *metric, double at, const struct cpu_set *cpus) {
        const struct gauges_request request = {
                .source = "test",
                .metric = metric,
                .at_us = AT(at),
                .cpus = cpus,
        };
        struct gauges *gauges = NULL;

        assert_int_equal(gauges_query(f->store, &request, &gauges), 0);
        return gauges;
}

static int query_error(struct fixture *f, const char *source, const char *metric, double at) {
        const struct gauges_request request = { .source = source, .metric = metric, .at_us = AT(at) };
        struct gauges *gauges = (struct gauges *)f; /* to see that it stays untouched */
        int r;

        r = gauges_query(f->store, &request, &gauges);
        assert_ptr_equal(gauges, f);
        return r;
}

static void assert_cpus(const struct gauges_row *row, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        assert_non_null(row);
        assert_int_equal(cpu_list_format(&row->cpus, &text), 0);
        assert_string_equal(text, expected);
        assert_int_equal(row->n_values, cpu_set_count(&row->cpus));
}

/* Row "24" of eth0 queue rx-0 on these four CPUs, "stays" everywhere. */
static void pass(struct fixture *f, double second, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
        const struct row_key key = { .name = "24", .labels = { "eth0", "rx-0" } };
        const uint64_t values[] = { a, b, c, d };

        ADD_ROW(&f->batch, COUNT, "", 1000);
        ADD_ROW(&f->batch, LEVEL, "stays", 1, 1, 1, 1);
        add_cells(&f->batch, LEVEL, &key, values, 4);
        assert_int_equal(batch_add_single(&f->batch, OTHER, "", 7), 0);
        commit(f->store, f->source, second, &f->batch);
}

static void test_newest_before(void **state) {
        _cleanup_(gauges_freep) struct gauges *early = NULL, *late = NULL;
        struct fixture *f = *state;

        pass(f, 1, 0, 5, 0, 0);
        pass(f, 2, 0, 0, 6, 7);
        pass(f, 3, 0, 0, 0, 0);

        early = query(f, NULL, 1.9, NULL);
        assert_ptr_equal(early->metric, &metrics[LEVEL]); /* the first gauge */
        assert_int_equal(early->time_us, AT(1));
        assert_int_equal(early->n_rows, 2);
        assert_cpus(gauges_find(early, "stays"), "0-3");
        assert_cpus(gauges_find(early, "24"), "1");
        assert_int_equal(cpu_set_count(&early->cpus), 4);

        late = query(f, "level", 2, NULL); /* the pass of that very moment */
        assert_int_equal(late->time_us, AT(2));
        assert_cpus(gauges_find(late, "24"), "2-3");
        assert_int_equal(gauges_find(late, "24")->values[0].cpu, 2);
        assert_int_equal(gauges_find(late, "24")->values[0].value, 6);
        assert_int_equal(gauges_find(late, "24")->values[1].value, 7);
        assert_string_equal(gauges_label(late, gauges_find(late, "24"), "device"), "eth0");
        assert_string_equal(gauges_label(late, gauges_find(late, "24"), "queue"), "rx-0");
        assert_null(gauges_label(late, gauges_find(late, "stays"), "queue"));
        assert_null(gauges_label(late, gauges_find(late, "24"), "kind"));
        assert_null(gauges_find(late, "25"));
}

/* Nothing is left of a row that has become zero. */
static void test_zero_is_not_there(void **state) {
        _cleanup_(gauges_freep) struct gauges *gauges = NULL;
        struct fixture *f = *state;

        pass(f, 1, 0, 5, 0, 0);
        pass(f, 2, 0, 0, 0, 0);
        gauges = query(f, "level", 10, NULL);
        assert_int_equal(gauges->n_rows, 1);
        assert_null(gauges_find(gauges, "24"));
}

static void test_single(void **state) {
        _cleanup_(gauges_freep) struct gauges *gauges = NULL;
        struct fixture *f = *state;

        pass(f, 1, 1, 1, 1, 1);
        gauges = query(f, "other", 1, NULL);
        assert_int_equal(gauges->n_rows, 1);
        assert_int_equal(gauges_single(gauges), 7);
        assert_cpus(&gauges->rows[0], "");
}

static void test_cpu_filter(void **state) {
        _cleanup_(gauges_freep) struct gauges *gauges = NULL, *none = NULL, *single = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;

        pass(f, 1, 1, 0, 1, 1);
        assert_int_equal(cpu_list_parse("1-2", &cpus), 0);
        gauges = query(f, "level", 1, &cpus);
        assert_cpus(gauges_find(gauges, "stays"), "1-2");
        assert_cpus(gauges_find(gauges, "24"), "2");

        assert_int_equal(cpu_list_parse("9", &cpus), 0);
        none = query(f, "level", 1, &cpus);
        assert_int_equal(none->n_rows, 0);
        single = query(f, "other", 1, &cpus); /* belongs to no CPU, so to all */
        assert_int_equal(gauges_single(single), 7);
}

/* A row that went away is not in the result although the store still has its values. */
static void test_row_that_went(void **state) {
        _cleanup_(gauges_freep) struct gauges *before = NULL, *after = NULL;
        struct fixture *f = *state;

        pass(f, 1, 1, 1, 1, 1);
        ADD_ROW(&f->batch, LEVEL, "stays", 1);
        commit(f->store, f->source, 2, &f->batch);

        before = query(f, "level", 1.5, NULL);
        assert_cpus(gauges_find(before, "24"), "0-3");
        after = query(f, "level", 2.5, NULL);
        assert_int_equal(after->n_rows, 1);
        assert_null(gauges_find(after, "24"));
        assert_int_equal(gauges_single(after), 0);
}

static void test_gap_after_end(void **state) {
        _cleanup_(gauges_freep) struct gauges *before = NULL, *in_gap = NULL, *after = NULL;
        struct fixture *f = *state;

        pass(f, 1, 1, 1, 1, 1);
        mark_gap(f->store, f->source, 2, "short read");
        in_gap = query(f, "level", 5, NULL);
        assert_int_equal(in_gap->time_us, AT(1));
        assert_true(in_gap->after_end);

        pass(f, 6, 1, 1, 1, 1);
        after = query(f, "level", 7, NULL);
        assert_int_equal(after->time_us, AT(6));
        assert_false(after->after_end);
        before = query(f, "level", 1, NULL);
        assert_false(before->after_end);
}

static void test_nothing_there(void **state) {
        struct fixture *f = *state;

        assert_int_equal(query_error(f, "test", NULL, 10), -ENOENT); /* no pass at all */
        pass(f, 5, 1, 1, 1, 1);
        assert_int_equal(query_error(f, "test", NULL, 4), -ENOENT); /* before it began */
        assert_int_equal(query_error(f, "other", NULL, 10), -ENOENT);
        assert_int_equal(query_error(f, "test", "unknown", 10), -ENOENT);
        assert_int_equal(query_error(f, "test", "count", 10), -ENOENT); /* a counter */
}

static void test_no_memory(void **state) {
        struct fixture *f = *state;
        const struct gauges_request request = { .source = "test", .at_us = AT(9) };
        unsigned n = 0;
        int r;

        pass(f, 1, 1, 0, 1, 1);
        do {
                _cleanup_(gauges_freep) struct gauges *gauges = NULL;

                alloc_fail_at(++n);
                r = gauges_query(f->store, &request, &gauges);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(gauges);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 8, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_newest_before), TEST(test_zero_is_not_there), TEST(test_single),
                TEST(test_cpu_filter),    TEST(test_row_that_went),     TEST(test_gap_after_end),
                TEST(test_nothing_there), TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
