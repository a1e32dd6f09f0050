/* SPDX-License-Identifier: Apache-2.0 */

/* The collector that CONTRIBUTING.md shows is one: it compiles, and does what it says through the ops alone.
 */

#include "tests/unit/collect-fixture.h"

#include "tests/example/collector-loadavg.h"
#include "tests/harness/temp-tree.h"

static void expect_sample(void *collector, const char *expected) {
        _cleanup_(freep) char *text = sample_text(&collector_loadavg, collector);

        assert_string_equal(text, expected);
}

static void test_sample(void **state) {
        struct temp_tree tree;
        void *collector;

        temp_tree_init(&tree);
        check_unsupported(&collector_loadavg, tree.fd);
        temp_tree_write(&tree, "proc/loadavg", "0.20 0.18 0.12 3/80 11206\n");
        collector = open_collector(&collector_loadavg, tree.fd);

        expect_sample(collector, "cpus \nrunnable{} -=3\ntasks{} -=80\n");
        temp_tree_write(&tree, "proc/loadavg", "1.00 0.50 0.25 17/4194304 9\n");
        expect_sample(collector, "cpus \nrunnable{} -=17\ntasks{} -=4194304\n");
        temp_tree_write(&tree, "proc/loadavg", "1.00 0.50 0.25\n");
        expect_sample(collector, "gap EBADMSG\n");

        assert_null(collector_loadavg.close(collector));
        assert_null(collector_loadavg.close(NULL));
        temp_tree_done(&tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
