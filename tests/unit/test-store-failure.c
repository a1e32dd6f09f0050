/* SPDX-License-Identifier: Apache-2.0 */

/*
 * store_commit() is all or nothing: each allocation in turn fails, after which the store must look as before;
 * and once it succeeds, like a store in which nothing ever failed.
 */

#include "tests/unit/store-fixture.h"

#include "tests/harness/alloc-fail.h"

/* Everything that a reader can see. */
static char *describe(const struct store *store, unsigned source) {
        _cleanup_(freep) char *scan = scan_text(store, source, 0, UINT64_MAX);
        struct store_stats stats;
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        store_get_stats(store, &stats);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        fprintf(f, "passes %llu series %llu refused %llu\n", (unsigned long long)stats.n_passes,
                (unsigned long long)stats.n_series, (unsigned long long)stats.n_series_refused);
        for (uint32_t i = 0; i < store_n_rows(store, source); i++)
                fprintf(f, "row %u %s#%u%s\n", i, store_row_at(store, source, i)->key.name,
                        store_row_at(store, source, i)->generation,
                        store_row_is_live(store, source, i) ? " live" : "");
        fprintf(f, "%s", scan);
        assert_int_equal(fclose(f), 0);
        return text;
}

/* The last pass brings new rows, one of them for the second time, new series in an old row, CPUs that were
 * not there before, and the end of two rows. */
static void fill_batch(struct batch *batch, unsigned pass, bool is_last) {
        stamp_at(&batch->stamp, pass);
        add_row(batch, WIDE, "old");
        for (int cpu = 0; cpu < (is_last ? 200 : 4); cpu++)
                add_cell(batch, cpu, cpu % 2 == 0 || is_last ? pass * 1000 + (unsigned)cpu : 0);

        if (pass < 2 || is_last) {
                add_row(batch, WIDE, "returns");
                add_cell(batch, CPU_NONE, pass + 1);
        }
        if (!is_last) {
                add_row(batch, NARROW, "ends");
                add_cell(batch, 1, pass);
        }
        for (unsigned i = 0; i < (is_last ? 100 : 14); i++) {
                char name[16];

                snprintf(name, sizeof(name), "row %u", i);
                add_row(batch, LEVEL, name);
                add_cell(batch, 3, pass * i);
        }
}

static void fill_store(struct store *store, unsigned source, unsigned n_passes) {
        for (unsigned pass = 0; pass < n_passes; pass++) {
                _cleanup_(batch_done) struct batch batch = {};

                fill_batch(&batch, pass, false);
                assert_int_equal(store_commit(store, source, &batch), 0);
        }
}

static unsigned fail_until_success(struct store *store, unsigned source, const struct batch *batch) {
        _cleanup_(freep) char *before = describe(store, source);

        for (unsigned nth = 1;; nth++) {
                _cleanup_(freep) char *after = NULL;
                bool failed;
                int r;

                alloc_fail_at(nth);
                r = store_commit(store, source, batch);
                failed = alloc_fail_end();
                if (r == 0)
                        return nth;

                assert_int_equal(r, -ENOMEM);
                assert_true(failed);
                after = describe(store, source);
                assert_string_equal(after, before);
        }
}

static void check_commit(unsigned n_passes, unsigned n_allocations_min) {
        _cleanup_(store_freep) struct store *store = NULL, *twin = NULL;
        _cleanup_(batch_done) struct batch batch = {}, next = {};
        _cleanup_(freep) char *text = NULL, *twin_text = NULL;
        unsigned source, twin_source, nth;

        store = new_store(&test_limits, &source);
        twin = new_store(&test_limits, &twin_source);
        fill_store(store, source, n_passes);
        fill_store(twin, twin_source, n_passes);

        fill_batch(&batch, n_passes, true);
        nth = fail_until_success(store, source, &batch);
        print_message("%u passes: succeeded at the %uth\n", n_passes, nth);
        assert_true(nth > n_allocations_min);
        assert_int_equal(store_commit(twin, twin_source, &batch), 0);

        fill_batch(&next, n_passes + 1, true);
        assert_int_equal(store_commit(store, source, &next), 0);
        assert_int_equal(store_commit(twin, twin_source, &next), 0);

        text = describe(store, source);
        twin_text = describe(twin, twin_source);
        assert_string_equal(text, twin_text);
}

static void test_first_commit(void **state) {
        check_commit(0, 100);
}

static void test_commit_to_a_chunk(void **state) {
        check_commit(10, 80);
}

/* 120 passes fill a chunk: the next one begins another, with values at its start. */
static void test_commit_to_a_new_chunk(void **state) {
        check_commit(120, 80);
}

static void test_new_store(void **state) {
        for (unsigned nth = 1;; nth++) {
                _cleanup_(store_freep) struct store *store = NULL;
                int r;

                alloc_fail_at(nth);
                r = store_new(&test_limits, &store);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        assert_true(nth > 2);
                        return;
                }
                assert_int_equal(r, -ENOMEM);
                assert_null(store);
        }
}

static void test_add_source(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source = 77;

        assert_int_equal(store_new(&test_limits, &store), 0);
        for (unsigned nth = 1;; nth++) {
                int r;

                alloc_fail_at(nth);
                r = store_add_source(store, "test", test_metrics, N_METRICS, &source);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        assert_int_equal(source, 0);
                        assert_true(nth > 4);
                        return;
                }
                assert_int_equal(r, -ENOMEM);
                assert_int_equal(source, 77);
                assert_int_equal(store_n_sources(store), 0);
        }
}

static int no_gap(const struct store_gap *gap, void *userdata) {
        return -1;
}

static void test_mark_gap(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        struct stamp stamp;
        unsigned source;

        store = new_store(&test_limits, &source);
        stamp_at(&stamp, 0);
        for (unsigned nth = 1; nth <= 2; nth++) {
                alloc_fail_at(nth);
                assert_int_equal(store_mark_gap(store, source, &stamp, "why"), -ENOMEM);
                assert_true(alloc_fail_end());
                assert_int_equal(store_for_each_gap(store, 0, UINT64_MAX, no_gap, NULL), 0);
        }

        assert_int_equal(store_mark_gap(store, source, &stamp, "why"), 0);
        assert_int_equal(store_for_each_gap(store, 0, UINT64_MAX, no_gap, NULL), -1);
}

static int ignore_pass(const struct store_pass *pass, void *userdata) {
        return 0;
}

static void test_scan(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        fill_store(store, source, 5);
        for (unsigned nth = 1;; nth++) {
                int r;

                alloc_fail_at(nth);
                r = store_scan(store, source, AT(0), AT(9), ignore_pass, ignore_pass, NULL);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        assert_true(nth > 3);
                        return;
                }
                assert_int_equal(r, -ENOMEM);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new_store),
                cmocka_unit_test(test_add_source),
                cmocka_unit_test(test_first_commit),
                cmocka_unit_test(test_commit_to_a_chunk),
                cmocka_unit_test(test_commit_to_a_new_chunk),
                cmocka_unit_test(test_mark_gap),
                cmocka_unit_test(test_scan),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
