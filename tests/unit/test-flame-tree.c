/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "client/flame-tree.h"
#include "tests/harness/alloc-fail.h"

/* Adds "comm a b c": blanks separate frames, "name@module" has a module. */
static int add(struct flame_tree *tree, const char *stack, uint64_t weight) {
        struct flame_frame frames[16];
        char text[256], *rest = text, *name;
        size_t n = 0;

        (void)snprintf(text, sizeof(text), "%s", stack);
        while ((name = strsep(&rest, " "))) {
                char *module = strchr(name, '@');

                if (module)
                        *module++ = '\0';
                frames[n] = (struct flame_frame){ .name = name, .module = module, .context = FLAME_KERNEL };
                n++;
        }
        return flame_tree_add(tree, frames, n, weight, 1);
}

/* The tree as "name:weight/count" in pre-order, one '.' per level. */
static void check(struct flame_tree *tree, const char *expected) {
        char text[1024] = "";
        size_t used = 0;

        assert_int_equal(flame_tree_sort(tree), 0);
        for (int32_t i = FLAME_ROOT; i != FLAME_NONE; i = flame_tree_next(tree, i, true)) {
                const struct flame_node *node = tree->nodes + i;

                used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s%s:%d/%d ", (int)node->depth,
                                         "..........", node->name, (int)node->weight, (int)node->count);
        }
        assert_string_equal(text, expected);
}

static void test_merge(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};

        assert_int_equal(flame_tree_weight(&tree), 0);
        assert_int_equal(add(&tree, "sh main read", 5), 0);
        assert_int_equal(add(&tree, "sh main write", 7), 0);
        assert_int_equal(add(&tree, "sh main read", 10), 0);
        assert_int_equal(add(&tree, "sh main", 1), 0);
        assert_int_equal(add(&tree, "cat main", 2), 0);
        check(&tree, "all:25/5 .cat:2/1 ..main:2/1 .sh:23/4 ..main:23/4 ...read:15/2 ...write:7/1 ");
        assert_int_equal(flame_tree_weight(&tree), 25);
        assert_int_equal(flame_tree_count(&tree), 5);

        for (int32_t i = FLAME_ROOT; i != FLAME_NONE; i = flame_tree_next(&tree, i, true))
                if (strcmp(tree.nodes[i].name, "main") == 0 && tree.nodes[i].weight == 23)
                        assert_int_equal(flame_tree_self_weight(&tree, i), 1);
}

/* The same name in another module or context is another function. */
static void test_identity(void **state) {
        const struct flame_frame user = { .name = "f", .context = FLAME_USER };
        _cleanup_(flame_tree_done) struct flame_tree tree = {};

        assert_int_equal(add(&tree, "f", 1), 0);
        assert_int_equal(add(&tree, "f@x", 2), 0);
        assert_int_equal(add(&tree, "f@y", 4), 0);
        assert_int_equal(add(&tree, "f@x", 8), 0);
        assert_int_equal(flame_tree_add(&tree, &user, 1, 16, 1), 0);
        check(&tree, "all:31/5 .f:16/1 .f:1/1 .f:10/2 .f:4/1 ");
}

static void test_saturation(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(flame_layout_done) struct flame_layout layout = {};

        assert_int_equal(add(&tree, "a b", UINT64_MAX - 1), 0);
        assert_int_equal(add(&tree, "a c", 10), 0);
        assert_true(flame_tree_weight(&tree) == UINT64_MAX);
        assert_int_equal(flame_tree_self_weight(&tree, FLAME_ROOT), 0);
        assert_int_equal(flame_layout_make(&tree, 1000, 0.1, 1000, &layout), 0);
        assert_int_equal(layout.n_boxes, 3);
}

static void test_deep(void **state) {
        enum { DEPTH = 4 * FLAME_DEPTH_MAX };
        static struct flame_frame frames[DEPTH];
        static char names[DEPTH][16];
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        int32_t node = FLAME_ROOT;

        for (size_t i = 0; i < DEPTH; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
                frames[i] = (struct flame_frame){ .name = names[i], .context = FLAME_USER };
        }
        assert_int_equal(flame_tree_add(&tree, frames, FLAME_DEPTH_MAX, 1, 1), 0);
        assert_int_equal(tree.n_cut, 0);
        flame_tree_done(&tree);

        assert_int_equal(flame_tree_add(&tree, frames, DEPTH, 1, 1), 0);
        assert_int_equal(tree.n_cut, 1);
        assert_int_equal(tree.n_nodes, FLAME_DEPTH_MAX + 1);
        for (size_t i = 0; i < FLAME_DEPTH_MAX; i++) {
                node = tree.nodes[node].first_child;
                if (i == 0)
                        assert_string_equal(tree.nodes[node].name, "f0");
                if (i == FLAME_DEPTH_MAX / 2)
                        assert_string_equal(tree.nodes[node].name, "[cut]");
        }
        assert_string_equal(tree.nodes[node].name,
                            names[DEPTH - 1]); /* the innermost is what people look for */
}

static void test_layout(void **state) {
        static const uint64_t starts[] = { 0, 0, 0, 20, 60, 60 };
        static const char *const names[] = { "all", "a", "b", "c", "d", "e" };
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(flame_layout_done) struct flame_layout layout = {};

        assert_int_equal(add(&tree, "d e", 40), 0);
        assert_int_equal(add(&tree, "a c", 30), 0);
        assert_int_equal(add(&tree, "a b", 20), 0);
        assert_int_equal(add(&tree, "a", 10), 0);
        assert_int_equal(flame_tree_sort(&tree), 0);
        assert_int_equal(flame_layout_make(&tree, 100, 0.1, 1000, &layout), 0);

        assert_int_equal(layout.n_boxes, ELEMENTSOF(names));
        assert_int_equal(layout.n_rows, 3);
        assert_int_equal(layout.n_merged, 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_string_equal(tree.nodes[layout.boxes[i].node].name, names[i]);
                assert_int_equal(layout.boxes[i].start, starts[i]);
        }
}

/* What is too narrow goes, with all above it; what stays keeps its place. */
static void test_narrow(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(flame_layout_done) struct flame_layout layout = {};

        assert_int_equal(add(&tree, "a", 500000), 0);
        assert_int_equal(add(&tree, "b x y z", 9), 0);
        assert_int_equal(add(&tree, "c", 499990), 0);
        assert_int_equal(add(&tree, "d", 0), 0);
        assert_int_equal(flame_tree_sort(&tree), 0);
        assert_int_equal(flame_layout_make(&tree, 1000, 0.1, 1000, &layout), 0);
        assert_int_equal(layout.n_boxes, 3);
        assert_int_equal(layout.n_merged, 5);
        assert_int_equal(layout.n_rows, 2);
        assert_string_equal(tree.nodes[layout.boxes[2].node].name, "c");
        assert_int_equal(layout.boxes[2].start, 500009);
}

/* A hundred thousand frames of any shape give no more boxes than allowed, and none overlap. */
static void test_bounded(void **state) {
        enum { BOXES_MAX = 5000, FRAMES = 100000 };
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(flame_layout_done) struct flame_layout layout = {};
        uint64_t ends[FLAME_DEPTH_MAX + 1] = {};
        char stack[64];

        for (unsigned i = 0; i < FRAMES / 2; i++) {
                (void)snprintf(stack, sizeof(stack), "p%u f%u", i % 7, i);
                assert_int_equal(add(&tree, stack, 1000 + i % 100), 0);
        }
        assert_int_equal(flame_tree_sort(&tree), 0);
        assert_int_equal(flame_layout_make(&tree, 1e6, 0.1, BOXES_MAX, &layout), 0);
        assert_true(layout.n_boxes <= BOXES_MAX);
        assert_true(layout.min_pixels > 0.1);
        assert_int_equal(layout.n_boxes + layout.n_merged, tree.n_nodes);
        for (size_t i = 0; i < layout.n_boxes; i++) {
                const struct flame_node *node = tree.nodes + layout.boxes[i].node;

                assert_true(layout.boxes[i].start >= ends[node->depth]);
                ends[node->depth] = layout.boxes[i].start + node->weight;
                assert_true(node->depth == 0 || ends[node->depth] <= ends[node->depth - 1]);
        }
}

static void test_empty(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(flame_layout_done) struct flame_layout layout = {};

        assert_int_equal(flame_tree_sort(&tree), 0);
        assert_int_equal(flame_layout_make(&tree, 100, 0.1, 1000, &layout), 0);
        assert_int_equal(layout.n_boxes, 0);
        assert_int_equal(layout.n_rows, 0);
}

/* Whatever allocation fails, totals stay those of the stacks that were added. */
static void test_no_memory(void **state) {
        unsigned n_failed = 0;

        for (unsigned nth = 1;; nth++) {
                _cleanup_(flame_tree_done) struct flame_tree tree = {};
                _cleanup_(flame_layout_done) struct flame_layout layout = {};
                uint64_t expected = 0;
                char stack[64];
                int r = 0;

                alloc_fail_at(nth);
                for (unsigned i = 0; i < 40 && r >= 0; i++) {
                        (void)snprintf(stack, sizeof(stack), "sh f%u g%u@m h", i, i);
                        r = add(&tree, stack, 3);
                        expected += r < 0 ? 0 : 3;
                }
                if (r >= 0)
                        r = flame_tree_sort(&tree);
                if (r >= 0)
                        r = flame_layout_make(&tree, 1000, 0.1, 1000, &layout);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        break;
                }
                n_failed++;
                assert_int_equal(r, -ENOMEM);
                assert_int_equal(flame_tree_weight(&tree), expected);
        }
        assert_true(n_failed > 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merge),      cmocka_unit_test(test_identity),
                cmocka_unit_test(test_saturation), cmocka_unit_test(test_deep),
                cmocka_unit_test(test_layout),     cmocka_unit_test(test_narrow),
                cmocka_unit_test(test_bounded),    cmocka_unit_test(test_empty),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
