/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/flame-input.h"
#include "tests/harness/alloc-fail.h"

static char *fold(struct flame_tree *tree, uint64_t divisor) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(flame_tree_sort(tree), 0);
        assert_int_equal(flame_folded_write(out, tree, divisor), 0);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void check(const char *in, size_t n_skipped, const char *expected) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(freep) char *copy = strdup(in), *text = NULL;
        size_t n;

        assert_int_equal(flame_folded_read(copy, 1, &tree, &n), 0);
        assert_int_equal(n, n_skipped);
        text = fold(&tree, 1);
        assert_string_equal(text, expected);
}

static void test_read(void **state) {
        check("a;b;c 5\na;b 2\n", 0, "a;b 2\na;b;c 5\n");
        check("a;b 1\r\na;b 2", 0, "a;b 3\n");
        check("java;std::pair<int, char>::f(int) 7\n", 0, "java;std::pair<int, char>::f(int) 7\n");
        check("a;;b; 3\n", 0, "a;b 3\n");
        check("a;b 10.75\n", 0, "a;b 10\n"); /* decimals: some scripts write them */
        check("  \n\n# comment\na;b\n5\na b c\na;b 99999999999999999999\na;b .5\na;b 0\n", 5, "");
}

static void test_contexts(void **state) {
        static const struct {
                const char *text;
                enum flame_context expected[6]; /* of the frames after the root */
        } cases[] = {
                { "a;u;k_[k];handle_softirqs_[k];n_[k] 1",
                  { FLAME_TASK, FLAME_USER, FLAME_KERNEL, FLAME_INTERRUPT, FLAME_INTERRUPT } },
                { "a;u;entry_SYSCALL_64_after_hwframe;asm_common_interrupt;n 1",
                  { FLAME_TASK, FLAME_USER, FLAME_KERNEL, FLAME_INTERRUPT, FLAME_INTERRUPT } },
                { "swapper;start_secondary;do_idle;[steal] 1",
                  { FLAME_TASK, FLAME_KERNEL, FLAME_KERNEL, FLAME_OTHER } },
                { "java;f_[j];g_[i];h 1", { FLAME_TASK, FLAME_USER, FLAME_USER, FLAME_USER } },
                { "a;do_syscall_64;k_[k] 1", { FLAME_TASK, FLAME_USER, FLAME_KERNEL } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(flame_tree_done) struct flame_tree tree = {};
                _cleanup_(freep) char *copy = strdup(cases[i].text);

                assert_int_equal(flame_folded_read(copy, 1, &tree, NULL), 0);
                for (size_t j = 1; j < tree.n_nodes; j++) {
                        assert_int_equal(tree.nodes[j].context, cases[i].expected[j - 1]);
                        assert_null(strstr(tree.nodes[j].name, "_["));
                }
        }
}

/* What was written reads as the same tree. */
static void test_round_trip(void **state) {
        static const char text[] = "a;u;do_syscall_64_[k];handle_softirqs_[k];n_[k] 12\n"
                                   "a;u;do_syscall_64_[k] 3\n"
                                   "b;[no kernel stack] 4\n"
                                   "b;s_[k];[hardirq] 5\n";
        _cleanup_(flame_tree_done) struct flame_tree once = {}, twice = {};
        _cleanup_(freep) char *copy = strdup(text), *first = NULL, *second = NULL;

        assert_int_equal(flame_folded_read(copy, 1000, &once, NULL), 0);
        first = fold(&once, 1);
        second = fold(&once, 1);
        assert_int_equal(flame_folded_read(second, 1, &twice, NULL), 0);
        assert_int_equal(once.n_nodes, twice.n_nodes);
        second = (free(second), fold(&twice, 1));
        assert_string_equal(first, second);
        free(TAKE_PTR(second));
        second = fold(&twice, 1000);
        assert_non_null(strstr(second, "a;u;do_syscall_64_[k];handle_softirqs_[k];n_[k] 12\n"));
}

static void test_detect(void **state) {
        assert_int_equal(flame_format_detect(""), _FLAME_FORMAT_INVALID);
        assert_int_equal(flame_format_detect("hello\n{\"a\": 1}\n"), _FLAME_FORMAT_INVALID);
        assert_int_equal(flame_format_detect("a;b 1\n"), FLAME_FORMAT_FOLDED);
        assert_int_equal(flame_format_detect("\n# made by x\na;b 1\n"), FLAME_FORMAT_FOLDED);
        assert_int_equal(flame_format_detect("Threads: 1\nPid: 7\n"), _FLAME_FORMAT_INVALID);
        assert_int_equal(flame_format_detect("int a = 1;\nint b;\nx; y 1\n"), _FLAME_FORMAT_INVALID);
        assert_int_equal(flame_format_detect("x 5\n##CGROUP:[/] 5 [001]\n"), FLAME_FORMAT_DIAGNOSE_TOOLS);
        assert_int_equal(flame_format_detect("中断延迟，PID： 1[a]， CPU：1, 9 ms\n"),
                         FLAME_FORMAT_DIAGNOSE_TOOLS);
        assert_int_equal(flame_format_detect("    内核态堆栈：\n#@        0x1 f  ([kernel.kallsyms])\n"),
                         FLAME_FORMAT_DIAGNOSE_TOOLS);
}

static void test_write_error(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        char text[] = "a;b 1";
        FILE *full = fopen("/dev/full", "w");

        assert_non_null(full);
        assert_int_equal(flame_folded_read(text, 1, &tree, NULL), 0);
        assert_int_equal(flame_folded_write(full, &tree, 1), -EIO);
        (void)fclose(full);
}

static void test_no_memory(void **state) {
        unsigned n_failed = 0;

        for (unsigned nth = 1;; nth++) {
                _cleanup_(flame_tree_done) struct flame_tree tree = {};
                char text[] = "a;b 1\na;c;d 2\n";
                int r;

                alloc_fail_at(nth);
                r = flame_folded_read(text, 1, &tree, NULL);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        break;
                }
                n_failed++;
                assert_int_equal(r, -ENOMEM);
        }
        assert_true(n_failed >= 8);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),        cmocka_unit_test(test_contexts),
                cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_detect),
                cmocka_unit_test(test_write_error), cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
