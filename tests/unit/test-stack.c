/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/store/stack.h"
#include "tests/harness/alloc-fail.h"

static void add_frame(struct stack *stack, const char *symbol, const char *module, uint64_t offset) {
        struct frame *frame = &stack->frames[stack->n_frames++];

        frame->symbol = symbol ? strdup(symbol) : NULL;
        frame->module = module ? strdup(module) : NULL;
        frame->offset = offset;
}

static struct stack *make_stack(const char *symbol, const char *module, uint64_t offset) {
        struct stack *stack = NULL;

        assert_int_equal(stack_new(4, &stack), 0);
        add_frame(stack, symbol, module, offset);
        add_frame(stack, "do_syscall_64", NULL, 0x5c);
        stack_seal(stack);
        return stack;
}

static void test_new(void **state) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;

        assert_int_equal(stack_new(0, &stack), 0);
        assert_int_equal(stack->n_frames, 0);
        stack_seal(stack);
        assert_true(stack_equal(stack, stack));
}

static void test_new_fails(void **state) {
        struct stack *stack = NULL;

        alloc_fail_at(1);
        assert_int_equal(stack_new(8, &stack), -ENOMEM);
        assert_true(alloc_fail_end());
        assert_null(stack);
        assert_int_equal(stack_new(SIZE_MAX / 2, &stack), -ENOMEM);
        assert_null(stack);
}

static void test_equal(void **state) {
        _cleanup_(stack_unrefp) struct stack *a = make_stack("f", "m", 1), *b = make_stack("f", "m", 1);

        assert_int_equal(a->hash, b->hash);
        assert_true(stack_equal(a, b));
}

static void check_differs(const struct stack *a, struct stack *b) {
        _cleanup_(stack_unrefp) _unused_ struct stack *owned = b;

        stack_seal(b);
        assert_int_not_equal(a->hash, b->hash);
        assert_false(stack_equal(a, b));
        /* Equality must not rest on the hash alone. */
        b->hash = a->hash;
        assert_false(stack_equal(a, b));
}

static void test_each_field_counts(void **state) {
        _cleanup_(stack_unrefp) struct stack *a = make_stack("f", "m", 1);
        struct stack *b = NULL;

        check_differs(a, make_stack("g", "m", 1));
        check_differs(a, make_stack("fm", "", 1));
        check_differs(a, make_stack("f", NULL, 1));
        check_differs(a, make_stack(NULL, "m", 1));
        check_differs(a, make_stack("f", "m", 2));

        b = make_stack("f", "m", 1);
        b->frames[0].address = 0x400000;
        check_differs(a, b);
        b = make_stack("f", "m", 1);
        b->frames[0].note = strdup("exited");
        check_differs(a, b);
        b = make_stack("f", "m", 1);
        b->frames[1].build_id = strdup("c0ffee");
        check_differs(a, b);
        b = make_stack("f", "m", 1);
        add_frame(b, "entry", NULL, 0);
        check_differs(a, b);
}

static void test_references(void **state) {
        struct stack *stack = make_stack("f", NULL, 0);

        assert_ptr_equal(stack_ref(stack), stack);
        assert_null(stack_unref(stack));
        assert_string_equal(stack->frames[0].symbol, "f");
        assert_null(stack_unref(stack));
        assert_null(stack_unref(NULL));
}

static void test_memory(void **state) {
        _cleanup_(stack_unrefp) struct stack *a = make_stack("f", NULL, 0);
        _cleanup_(stack_unrefp) struct stack *b =
                make_stack("a_rather_long_symbol_that_needs_a_bigger_block", NULL, 0);

        assert_true(stack_memory(a) >= sizeof(struct stack) + 4 * sizeof(struct frame));
        assert_true(stack_memory(b) >= stack_memory(a) + 16);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),        cmocka_unit_test(test_new_fails),
                cmocka_unit_test(test_equal),      cmocka_unit_test(test_each_field_counts),
                cmocka_unit_test(test_references), cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
