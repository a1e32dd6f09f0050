/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/store-fixture.h"

#include "daemon/query/levels.h"
#include "tests/harness/alloc-fail.h"

static void add_pass(struct store *store, unsigned source, unsigned n, uint64_t a0, uint64_t a1, uint64_t b) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        stamp_at(&batch.stamp, n);
        add_row(&batch, LEVEL, "a");
        add_cell(&batch, 0, a0);
        if (a1 != UINT64_MAX)
                add_cell(&batch, 1, a1);
        if (b != UINT64_MAX)
                assert_int_equal(batch_add_single(&batch, LEVEL, "b", b), 0);
        add_row(&batch, WIDE, "a");
        add_cell(&batch, 0, 1000 + n);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void expect_levels(const struct store *store, unsigned oldest, unsigned now, const char *expected) {
        _cleanup_(levels_done) struct levels levels = {};
        char text[256] = "";
        int r;

        r = levels_query(store, "test", "level", AT(oldest), AT(now), &levels);
        if (r < 0)
                (void)snprintf(text, sizeof(text), "%s", r == -ENOENT ? "none" : "error");
        for (size_t i = 0; i < levels.n_items; i++) {
                size_t n = strlen(text);

                (void)snprintf(text + n, sizeof(text) - n, "%s@%i=%llu ", levels.items[i].row->key.name, levels.items[i].cpu,
                               (unsigned long long)levels.items[i].value);
        }
        assert_string_equal(text, expected);
}

static void test_newest(void **state) {
        unsigned source = 0;
        _cleanup_(store_freep) struct store *store = new_store(&test_limits, &source);

        expect_levels(store, 0, 10, "none");
        add_pass(store, source, 1, 5, 7, 9);
        add_pass(store, source, 2, 5, 0, 9);
        expect_levels(store, 0, 1, "a@0=5 a@1=7 b@-1=9 ");
        expect_levels(store, 0, 10, "a@0=5 b@-1=9 "); /* what is 0 is left out */
        expect_levels(store, 1, 2, "a@0=5 b@-1=9 ");
        expect_levels(store, 2, 10, "none"); /* too old */
}

/* A CPU and a row that went away show nothing, whatever they showed last. */
static void test_gone(void **state) {
        unsigned source = 0;
        _cleanup_(store_freep) struct store *store = new_store(&test_limits, &source);

        add_pass(store, source, 1, 5, 7, 9);
        add_pass(store, source, 2, 6, UINT64_MAX, UINT64_MAX);
        expect_levels(store, 0, 2, "a@0=6 ");
}

static void test_no_such(void **state) {
        unsigned source = 0;
        _cleanup_(store_freep) struct store *store = new_store(&test_limits, &source);
        struct levels levels = {};

        add_pass(store, source, 1, 5, 7, 9);
        assert_int_equal(levels_query(store, "nope", "level", AT(0), AT(2), &levels), -ENOENT);
        assert_int_equal(levels_query(store, "test", "nope", AT(0), AT(2), &levels), -ENOENT);
        assert_int_equal(levels_query(store, "test", "wide", AT(0), AT(2), &levels), -ENOENT); /* a counter */
}

static void test_no_memory(void **state) {
        unsigned source = 0;
        _cleanup_(store_freep) struct store *store = new_store(&test_limits, &source);

        add_pass(store, source, 1, 5, 7, 9);
        for (unsigned nth = 1;; nth++) {
                _cleanup_(levels_done) struct levels levels = {};
                int r;

                alloc_fail_at(nth);
                r = levels_query(store, "test", "level", AT(0), AT(2), &levels);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        break;
                }
                assert_int_equal(r, -ENOMEM);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_newest),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_no_such),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
