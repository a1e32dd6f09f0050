/* SPDX-License-Identifier: Apache-2.0 */

/* Looking at all processes in portions. */

#include "tests/unit/test.h"

#include "daemon/collect/process-walk.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

enum { N_PROCESSES = 300, PORTION = 128 };

static void write_process(const struct temp_tree *tree, unsigned pid, const char *comm,
                          const char *namespace) {
        char path[128];

        (void)snprintf(path, sizeof(path), "proc/%u/comm", pid);
        temp_tree_write(tree, path, comm);
        (void)snprintf(path, sizeof(path), "proc/%u/ns/x", pid);
        temp_tree_write(tree, path, "");
        (void)snprintf(path, sizeof(path), "proc/%u/ns/net", pid);
        if (namespace)
                assert_int_equal(symlinkat(namespace, tree->fd, path), 0);
}

/* Half of them in our own namespace, the rest in two others; 77 is irqbalance, the others only look like it.
 */
static void write_processes(const struct temp_tree *tree) {
        temp_tree_write(tree, "proc/stat", "");
        temp_tree_write(tree, "proc/irq/24/node", "0\n");
        assert_int_equal(symlinkat("1", tree->fd, "proc/self"), 0);
        for (unsigned pid = 1; pid <= N_PROCESSES; pid++)
                write_process(tree, pid, pid == 77 ? "irqbalance\n" : "irqbalance-ui\n",
                              pid % 2   ? "net:[100]"
                              : pid % 4 ? "net:[101]"
                              : pid % 8 ? "net:[102]"
                                        : NULL); /* ended meanwhile */
}

static void step(struct process_walk *walk, bool begin) {
        assert_int_equal(process_walk_step(walk, begin, PORTION), 0);
}

static void test_portions(void **state) {
        struct process_walk walk;
        struct temp_tree tree;

        temp_tree_init(&tree);
        write_processes(&tree);
        process_walk_init(&walk, tree.fd);

        step(&walk, false);
        assert_null(walk.dir); /* nobody asked for a walk */
        step(&walk, true);
        step(&walk, false);
        assert_false(walk.complete);
        step(&walk, false);
        assert_true(walk.complete);
        assert_int_equal(walk.n_others, 2);
        assert_int_equal(walk.balancer_found, 77);
        assert_int_equal(walk.n_unseen, 0);

        /* The answers stay while the next walk is under way, but for what is seen to have ended. */
        step(&walk, true);
        assert_int_equal(walk.n_others, 2);
        temp_tree_write(&tree, "proc/77/comm", "sleep\n");
        step(&walk, false);
        assert_int_equal(walk.balancer_found, 0);
        assert_int_equal(walk.n_others, 2);
        step(&walk, false);

        temp_tree_write(&tree, "proc/78/comm", "irqbalance\n");
        for (unsigned i = 0; i < 3; i++)
                step(&walk, i == 0);
        assert_int_equal(walk.balancer_found, 78);

        process_walk_done(&walk);
        temp_tree_done(&tree);
}

static void test_no_processes(void **state) {
        struct process_walk walk;
        struct temp_tree tree;

        temp_tree_init(&tree);
        process_walk_init(&walk, tree.fd);
        assert_int_equal(process_walk_step(&walk, true, PORTION), -ENOENT);
        temp_tree_write(&tree, "proc/stat", "");
        assert_int_equal(process_walk_step(&walk, true, PORTION), -ENOENT);
        assert_false(walk.complete);
        process_walk_done(&walk);

        write_process(&tree, 1, "init\n", "nonsense");
        assert_int_equal(symlinkat("1", tree.fd, "proc/self"), 0);
        process_walk_init(&walk, tree.fd);
        assert_int_equal(process_walk_step(&walk, true, PORTION), -EINVAL);
        process_walk_done(&walk);
        temp_tree_done(&tree);
}

static void test_no_memory(void **state) {
        struct temp_tree tree;
        bool reached = true;

        temp_tree_init(&tree);
        write_process(&tree, 1, "init\n", "net:[100]");
        write_process(&tree, 2, "irqbalance\n", "net:[101]");
        assert_int_equal(symlinkat("1", tree.fd, "proc/self"), 0);
        for (unsigned nth = 1; reached; nth++) {
                struct process_walk walk;
                int r;

                process_walk_init(&walk, tree.fd);
                alloc_fail_at(nth);
                r = process_walk_step(&walk, true, PORTION);
                reached = alloc_fail_end();
                assert_int_equal(r, reached ? -ENOMEM : 0);
                assert_true(reached || nth > 2);
                process_walk_done(&walk);
        }
        temp_tree_done(&tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_portions),
                cmocka_unit_test(test_no_processes),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
