/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/steps.h"

enum { COUNT, LEVEL };

static const struct metric_desc metrics[] = {
        [COUNT] = { "count", "1", "", "row", { "label" }, METRIC_COUNTER, 64 },
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

static void pass(struct fixture *f, double second, uint64_t a0, uint64_t a1, uint64_t b0) {
        ADD_ROW(&f->batch, COUNT, "a", a0, a1);
        ADD_ROW(&f->batch, COUNT, "b", b0, 0);
        commit(f->store, f->source, second, &f->batch);
}

static struct steps_request request_of(double since, double until, double step) {
        return (struct steps_request){
                .source = "test",
                .since_us = AT(since),
                .until_us = AT(until),
                .step_us = (uint64_t)(step * 1e6),
        };
}

static struct steps *query(struct fixture *f, const struct steps_request *request) {
        struct steps *steps = NULL;

        assert_int_equal(steps_query(f->store, request, &steps), 0);
        return steps;
}

#define check_step(steps, i, from, to, n) \
        do { \
                assert_int_equal((steps)->items[i].since_us, AT(from)); \
                assert_int_equal((steps)->items[i].until_us, AT(to)); \
                assert_int_equal((steps)->items[i].elapsed_ns, ((to) - (from)) * 1e9); \
                assert_int_equal((steps)->items[i].n_rows, n); \
        } while (0)

static const struct steps_row *row_of(const struct steps *steps, size_t step, const char *name) {
        for (size_t i = 0; i < steps->items[step].n_rows; i++) {
                const struct steps_row *row = &steps->rows[steps->items[step].first_row + i];

                if (strcmp(store_row_at(steps->store, steps->source, row->row)->key.name, name) == 0)
                        return row;
        }

        return NULL;
}

static void test_steps(void **state) {
        const struct steps_request request = request_of(0, 30, 10);
        _cleanup_(steps_freep) struct steps *steps = NULL;
        struct fixture *f = *state;

        /* b counts only in the second step. */
        for (unsigned i = 0; i <= 30; i++)
                pass(f, i, 1000 + i, 5 * i, i > 15 ? 7 : 0);
        steps = query(f, &request);

        assert_ptr_equal(steps->metric, &metrics[COUNT]);
        assert_int_equal(steps->n_items, 3);
        check_step(steps, 0, 0, 10, 1);
        check_step(steps, 1, 10, 20, 2);
        check_step(steps, 2, 20, 30, 1);
        assert_int_equal(steps->items[2].index, 2);
        assert_int_equal(row_of(steps, 0, "a")->total, 60);
        assert_int_equal(row_of(steps, 1, "b")->total, 7);
        assert_int_equal(row_of(steps, 0, "a")->n_cells, 0); /* not asked for */
        assert_false(steps->items[0].gap || steps->items[0].missing);
}

/* The sum of the steps is what the whole span has, wherever they are cut. */
static void test_nothing_lost(void **state) {
        struct fixture *f = *state;

        for (unsigned i = 0; i <= 60; i++)
                pass(f, i, i * i, 3 * i, i / 7);

        for (unsigned step = 1; step < 70; step++) {
                const struct steps_request request = request_of(0, 60, step);
                _cleanup_(steps_freep) struct steps *steps = query(f, &request);
                uint64_t total = 0, elapsed_ns = 0;

                for (size_t i = 0; i < steps->n_rows; i++)
                        total += steps->rows[i].total;
                for (size_t i = 0; i < steps->n_items; i++)
                        elapsed_ns += steps->items[i].elapsed_ns;
                assert_int_equal(steps->n_items, (60 + step - 1) / step);
                assert_int_equal(total, 60 * 60 + 3 * 60 + 60 / 7);
                assert_int_equal(elapsed_ns, 60 * NSEC_PER_SEC);
        }
}

static void test_selection(void **state) {
        static const char *const names[] = { "b", "a" };
        struct steps_request request = request_of(0, 10, 10);
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct fixture *f = *state;
        struct steps *steps;

        for (unsigned i = 0; i <= 10; i++)
                pass(f, i, i, 5 * i, 2 * i);

        request.rows = names;
        request.n_rows = 1;
        steps = query(f, &request);
        assert_int_equal(steps->items[0].n_rows, 1);
        assert_int_equal(row_of(steps, 0, "b")->total, 20);
        (void)steps_free(steps); /* returns NULL */

        request.n_rows = 0;
        request.per_cpu = true;
        assert_int_equal(cpu_list_parse("1", &cpus), 0);
        request.cpus = &cpus;
        steps = query(f, &request);
        assert_int_equal(steps->items[0].n_rows, 1);
        assert_int_equal(row_of(steps, 0, "a")->total, 50);
        assert_int_equal(row_of(steps, 0, "a")->n_cells, 1);
        assert_int_equal(steps->cells[0].cpu, 1);
        assert_int_equal(steps->cells[0].total, 50);
        assert_int_equal(cpu_set_count(&steps->items[0].online), 1);
        assert_true(cpu_set_contains(&steps->items[0].online, 1));
        (void)steps_free(steps); /* returns NULL */
}

static void test_reset(void **state) {
        const struct steps_request request = request_of(0, 20, 10);
        _cleanup_(steps_freep) struct steps *steps = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i <= 20; i++)
                pass(f, i, i < 15 ? 100 + i : i - 15, 0, 0);
        steps = query(f, &request);
        assert_int_equal(steps->n_items, 2);
        assert_int_equal(row_of(steps, 0, "a")->n_resets, 0);
        assert_int_equal(row_of(steps, 1, "a")->n_resets, 1);
        assert_int_equal(row_of(steps, 1, "a")->total, 4 + 5);
}

/* A short gap belongs to its step; hours must not be put into one. */
static void test_gaps(void **state) {
        const struct steps_request request = request_of(0, 3610, 10);
        _cleanup_(steps_freep) struct steps *steps = NULL;
        struct fixture *f = *state;

        pass(f, 1, 0, 0, 0);
        mark_gap(f->store, f->source, 2, "short read");
        pass(f, 8, 70, 0, 0);
        pass(f, 9, 80, 0, 0);
        mark_gap(f->store, f->source, 10, "suspended");
        pass(f, 3595, 100000, 0, 0);
        pass(f, 3599, 100005, 0, 0);
        steps = query(f, &request);

        assert_int_equal(steps->n_items, 3);
        check_step(steps, 0, 1, 9, 1);
        assert_true(steps->items[0].gap);
        assert_false(steps->items[0].missing);
        assert_int_equal(row_of(steps, 0, "a")->total, 80);
        check_step(steps, 1, 9, 3595, 0);
        assert_true(steps->items[1].missing);
        check_step(steps, 2, 3595, 3599, 1);
        assert_false(steps->items[2].gap);
        assert_int_equal(row_of(steps, 2, "a")->total, 5);
}

/* Passes that are farther apart than a step make longer steps, not zeros and a peak. */
static void test_rare_passes(void **state) {
        const struct steps_request request = request_of(0, 120, 10);
        _cleanup_(steps_freep) struct steps *steps = NULL;
        struct fixture *f = *state;

        for (unsigned i = 0; i <= 120; i += 30)
                pass(f, i, i, 0, 0);
        steps = query(f, &request);
        assert_int_equal(steps->n_items, 4);
        check_step(steps, 0, 0, 30, 1);
        check_step(steps, 3, 90, 120, 1);
        assert_int_equal(row_of(steps, 3, "a")->total, 30);
        assert_int_equal(steps->items[3].index, 11);
}

static void test_nothing_counted(void **state) {
        const struct steps_request request = request_of(0, 20, 10);
        struct steps_request gauge = request, other = request;
        _cleanup_(steps_freep) struct steps *steps = NULL;
        struct fixture *f = *state;

        steps = query(f, &request); /* no pass: no steps */
        assert_int_equal(steps->n_items, 0);
        steps = steps_free(steps);

        for (unsigned i = 0; i <= 20; i++)
                pass(f, i, 5, 5, 5);
        steps = query(f, &request);
        assert_int_equal(steps->n_items, 2); /* they were watched */
        assert_int_equal(steps->n_rows, 0);

        gauge.metric = "level";
        other.source = "other";
        steps = steps_free(steps);
        assert_int_equal(steps_query(f->store, &gauge, &steps), -ENOENT);
        assert_int_equal(steps_query(f->store, &other, &steps), -ENOENT);
        assert_null(steps);
}

static void test_no_memory(void **state) {
        struct steps_request request = request_of(0, 30, 1);
        struct fixture *f = *state;
        unsigned n = 0;
        int r;

        request.per_cpu = true;
        for (unsigned i = 0; i <= 30; i++)
                pass(f, i, i, i, i);
        do {
                _cleanup_(steps_freep) struct steps *steps = NULL;

                alloc_fail_at(++n);
                r = steps_query(f->store, &request, &steps);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(steps);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 6, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_steps), TEST(test_nothing_lost), TEST(test_selection),       TEST(test_reset),
                TEST(test_gaps),  TEST(test_rare_passes),  TEST(test_nothing_counted), TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
