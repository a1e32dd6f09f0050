/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include "common/cleanup.h"
#include "daemon/collect/steal-stat.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

#define MS(n) ((uint64_t)(n)*NSEC_PER_MSEC)

/* CPUs 0 and 2 with that much steal time in ticks of 10 ms. */
static void set_steal(const struct temp_tree *tree, unsigned cpu0, unsigned cpu2) {
        char text[256];

        snprintf(text, sizeof(text),
                 "cpu  0 0 0 0 0 0 0 %u 0 0\ncpu0 0 0 0 0 0 0 0 %u 0 0\ncpu2 0 0 0 0 0 0 0 %u 0 0\nintr 0\n",
                 cpu0 + cpu2, cpu0, cpu2);
        temp_tree_write(tree, "proc/stat", text);
}

static void check(struct steal_stat *stat, int cpu, uint64_t start_ms, uint64_t end_ms, uint64_t at_ms,
                  uint64_t certain_ms, uint64_t possible_ms) {
        struct stolen stolen = { 77, 77 };

        assert_int_equal(steal_stat_find(stat, cpu, MS(start_ms), MS(end_ms), MS(at_ms), &stolen), 0);
        assert_int_equal(stolen.certain_ns, MS(certain_ms));
        assert_int_equal(stolen.possible_ns, MS(possible_ms));
}

static void test_bounds(void **state) {
        _cleanup_(steal_stat_freep) struct steal_stat *stat = NULL;
        _cleanup_(temp_tree_done) struct temp_tree tree;

        temp_tree_init(&tree);
        set_steal(&tree, 100, 7);
        assert_int_equal(steal_stat_new(tree.fd, &stat), 0);
        assert_int_equal(steal_stat_read(stat, MS(1000)), 0);

        check(stat, 0, 1100, 1200, 1250, 0, 0); /* nothing moved */
        set_steal(&tree, 105, 7);
        check(stat, 0, 1100, 1200, 1250, 0, 50); /* 50 ms, which 150 ms outside of the window may have had */
        check(stat, 0, 1100, 1120, 1250, 0, 20); /* no more than its length */
        check(stat, 2, 1100, 1200, 1250, 0, 0);  /* the other CPU's */
        set_steal(&tree, 120, 7);
        check(stat, 0, 1100, 1200, 1250, 40, 100); /* 200 ms, of which 150 and a tick were outside at most */
        set_steal(&tree, 200, 7);
        check(stat, 0, 1100, 1200, 1250, 100, 100);
        set_steal(&tree, 50, 7);
        check(stat, 0, 1100, 1200, 1250, 0, 0); /* began anew */
}

/* What is compared with was read before the window began, as late as possible. */
static void test_which_reading(void **state) {
        _cleanup_(steal_stat_freep) struct steal_stat *stat = NULL;
        _cleanup_(temp_tree_done) struct temp_tree tree;
        struct stolen stolen;

        temp_tree_init(&tree);
        set_steal(&tree, 0, 0);
        assert_int_equal(steal_stat_new(tree.fd, &stat), 0);
        assert_int_equal(steal_stat_find(stat, 0, MS(1), MS(2), MS(3), &stolen), 1);

        for (unsigned i = 1; i <= 5; i++) {
                set_steal(&tree, 10 * i, 0);
                assert_int_equal(steal_stat_read(stat, MS(1000) * i), 0);
        }
        set_steal(&tree, 60, 0);
        check(stat, 0, 5000, 5900, 6000, 0, 100);
        check(stat, 0, 4999, 5900, 6000, 0, 200);
        check(stat, 0, 3000, 5900, 6000, 190, 300);
        assert_int_equal(steal_stat_find(stat, 0, MS(2999), MS(5900), MS(6000), &stolen), 1);
        assert_int_equal(steal_stat_find(stat, 1, MS(5000), MS(5900), MS(6000), &stolen), 1); /* offline */
}

static void test_garbled(void **state) {
        _cleanup_(steal_stat_freep) struct steal_stat *stat = NULL;
        _cleanup_(temp_tree_done) struct temp_tree tree;
        struct stolen stolen;

        temp_tree_init(&tree);
        assert_true(steal_stat_new(tree.fd, &stat) < 0);
        assert_null(stat);

        set_steal(&tree, 0, 0);
        assert_int_equal(steal_stat_new(tree.fd, &stat), 0);
        assert_int_equal(steal_stat_read(stat, MS(1000)), 0);
        temp_tree_write(&tree, "proc/stat", "cpu  0 0 0\n");
        assert_int_equal(steal_stat_find(stat, 0, MS(1100), MS(1200), MS(1300), &stolen), -EBADMSG);
        assert_int_equal(steal_stat_read(stat, MS(1350)), -EBADMSG);
        set_steal(&tree, 0, 0);
        check(stat, 0, 1400, 1450, 1460, 0, 0);
}

static void test_no_memory(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        struct steal_stat *stat = NULL;

        temp_tree_init(&tree);
        set_steal(&tree, 0, 0);
        alloc_fail_at(1);
        assert_int_equal(steal_stat_new(tree.fd, &stat), -ENOMEM);
        assert_true(alloc_fail_end());
        assert_null(stat);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_which_reading),
                cmocka_unit_test(test_garbled),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
