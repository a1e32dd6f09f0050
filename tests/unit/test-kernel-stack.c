/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "daemon/symbols/kernel-stack.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

static const char symbols_text[] = "ffffffff81000000 T _stext\n"
                                   "ffffffff81001000 T asm_sysvec_apic_timer_interrupt\n"
                                   "ffffffff81001100 T asm_common_interrupt\n"
                                   "ffffffff81001200 T asm_exc_page_fault\n"
                                   "ffffffff81001300 T el1h_64_irq\n"
                                   "ffffffff81001400 T el0t_64_irq\n"
                                   "ffffffff81001450 t el0_irq\n"
                                   "ffffffff81001480 t el0_irq_naked\n"
                                   "ffffffff81001500 T asm_call_irq_on_stack\n"
                                   "ffffffff81002000 T sysvec_apic_timer_interrupt\n"
                                   "ffffffff81003000 T hrtimer_interrupt\n"
                                   "ffffffff81003800 T __traceiter_hrtimer_expire_entry\n"
                                   "ffffffff81003900 T bpf_trace_run2\n"
                                   "ffffffff81004000 t __pfx_do_exit\n"
                                   "ffffffff81004010 T do_exit\n"
                                   "ffffffff81004100 T calls_do_exit_last\n"
                                   "ffffffff81004200 T after_it\n"
                                   "ffffffff81005000 T do_syscall_64\n"
                                   "ffffffff81006000 T _etext\n"
                                   "ffffffffc0600000 t bpf_prog_6deef7357e7b4530_irqwatch_timer\t[bpf]\n"
                                   "ffffffffc0600400 t bpf_trampoline_6442506740\t[bpf]\n"
                                   "ffffffffc0600800 t bpf_prog_0123456789abcdef_spin\t[bpf]\n"
                                   "ffffffffc0800000 t driver_poll\t[driver]\n";
#define AT(hex) UINT64_C(0xffffffff81##hex)
#define BPF(hex) UINT64_C(0xffffffffc06##hex)

struct fixture {
        struct temp_tree tree;
        struct kallsyms *kallsyms;
};

static int setup(void **state) {
        static struct fixture fixture;

        temp_tree_init(&fixture.tree);
        temp_tree_write(&fixture.tree, "proc/kallsyms", symbols_text);
        *state = &fixture;
        return kallsyms_new(fixture.tree.fd, 0, &fixture.kallsyms);
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        fixture->kallsyms = kallsyms_free(fixture->kallsyms);
        temp_tree_done(&fixture->tree);
        return 0;
}

/* expected: names separated by blanks, "?" for a frame without one. */
static void check(void **state, enum kernel_stack_origin origin, const uint64_t *addresses, size_t n,
                  int result, const char *expected) {
        const struct fixture *fixture = *state;
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        char text[1024] = "";

        assert_int_equal(kernel_stack_symbolise(fixture->kallsyms, NULL, origin, addresses, n, &stack), result);
        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                assert_true(strlen(text) + 64 < sizeof(text));
                (void)strcat(strcat(text, i ? " " : ""), frame->symbol ?: "?");
                assert_int_equal(frame->address, 0);
                if (!frame->symbol) {
                        assert_int_equal(frame->offset, 0);
                        assert_non_null(frame->note);
                }
        }
        assert_string_equal(text, expected);
        assert_true(stack->hash != 0);
}

#define CHECK(origin, result, expected, ...) \
        check(state, origin, (const uint64_t[]){ __VA_ARGS__ }, \
              sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, result, expected)

static void test_timer_frames_go(void **state) {
        CHECK(KERNEL_STACK_TIMER, 1, "driver_poll do_syscall_64", BPF(00010), BPF(00410), AT(003810),
              AT(003010), AT(002010), AT(00100b), UINT64_C(0xffffffffc0800010), AT(005010));
        CHECK(KERNEL_STACK_TIMER, 1, "driver_poll", AT(003010), AT(002010), AT(001510), AT(00110b),
              UINT64_C(0xffffffffc0800010));
        CHECK(KERNEL_STACK_TIMER, 1, "driver_poll", AT(003010), AT(001310), UINT64_C(0xffffffffc0800010));
}

static void test_user_mode_leaves_nothing(void **state) {
        CHECK(KERNEL_STACK_TIMER, 1, "", AT(003010), AT(002010), AT(00100b));
        CHECK(KERNEL_STACK_TIMER, 1, "", AT(003010), AT(001410));
        CHECK(KERNEL_STACK_TIMER, 1, "", AT(003010), AT(001490));
}

/* A timer interrupt that came while softirqs of an earlier one ran. */
static void test_innermost_entry_counts(void **state) {
        CHECK(KERNEL_STACK_TIMER, 1,
              "driver_poll sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt do_syscall_64",
              AT(003010), AT(00100b), UINT64_C(0xffffffffc0800010), AT(002010), AT(00100b), AT(005010));
}

static void test_no_entry_keeps_all(void **state) {
        CHECK(KERNEL_STACK_TIMER, 0, "hrtimer_interrupt do_syscall_64", AT(003010), AT(005010));
        CHECK(KERNEL_STACK_PLAIN, 0,
              "hrtimer_interrupt sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt", AT(003010),
              AT(002010), AT(00100b));
}

static void test_tracing_frames_go(void **state) {
        CHECK(KERNEL_STACK_PLAIN, 1, "driver_poll do_syscall_64", BPF(00010), BPF(00410), AT(003810),
              UINT64_C(0xffffffffc0800010), AT(005010));
        CHECK(KERNEL_STACK_TIMER, 1, "driver_poll", BPF(00010), AT(003910), UINT64_C(0xffffffffc0800010));
}

static void test_bpf_culprits_stay(void **state) {
        CHECK(KERNEL_STACK_TIMER, 1, "bpf_prog_0123456789abcdef_spin bpf_trampoline_6442506740 do_syscall_64",
              BPF(00010), BPF(00410), AT(003010), AT(00100b), BPF(00810), BPF(00410), AT(005010));
        CHECK(KERNEL_STACK_PLAIN, 0, "bpf_prog_0123456789abcdef_spin do_syscall_64", BPF(00810), AT(005010));
}

static void test_return_addresses(void **state) {
        const struct fixture *fixture = *state;
        const uint64_t addresses[] = { AT(003000), AT(004200), AT(00100b), AT(004200), AT(005010) };
        _cleanup_(stack_unrefp) struct stack *stack = NULL;

        /* innermost and interrupted addresses are exact; the callers' belong to the byte before */
        CHECK(KERNEL_STACK_PLAIN, 0,
              "hrtimer_interrupt calls_do_exit_last asm_sysvec_apic_timer_interrupt after_it do_syscall_64",
              AT(003000), AT(004200), AT(00100b), AT(004200), AT(005010));
        assert_int_equal(kernel_stack_symbolise(fixture->kallsyms, NULL, KERNEL_STACK_PLAIN, addresses, 5, &stack),
                         0);
        assert_int_equal(stack->frames[1].offset, 0x100);
        assert_int_equal(stack->frames[3].offset, 0);
}

static void test_frames_without_symbol(void **state) {
        CHECK(KERNEL_STACK_PLAIN, 0, "? driver_poll", UINT64_C(0x1234), UINT64_C(0xffffffffc0800010));
        CHECK(KERNEL_STACK_PLAIN, 0, "__pfx_do_exit", AT(004008));
        CHECK(KERNEL_STACK_PLAIN, 0, "driver_poll", UINT64_C(0xffffffffc0800010), UINT64_C(0), AT(005010));
}

static void test_modules_are_kept(void **state) {
        const struct fixture *fixture = *state;
        const uint64_t addresses[] = { UINT64_C(0xffffffffc0800010), AT(005010) };
        _cleanup_(stack_unrefp) struct stack *stack = NULL;

        assert_int_equal(kernel_stack_symbolise(fixture->kallsyms, NULL, KERNEL_STACK_PLAIN, addresses, 2, &stack),
                         0);
        assert_string_equal(stack->frames[0].module, "driver");
        assert_int_equal(stack->frames[0].offset, 0x10);
        assert_null(stack->frames[1].module);
}

static void test_no_memory(void **state) {
        const struct fixture *fixture = *state;
        const uint64_t addresses[] = { UINT64_C(0xffffffffc0800010), AT(004008), UINT64_C(0x1234) };
        unsigned nth = 1;

        for (;; nth++) {
                _cleanup_(stack_unrefp) struct stack *stack = NULL;
                int r;

                alloc_fail_at(nth);
                r = kernel_stack_symbolise(fixture->kallsyms, NULL, KERNEL_STACK_PLAIN, addresses, 3, &stack);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(stack);
        }
        assert_true(nth > 4);
}

/* The list of loaded programs corrects what kallsyms said when it was read: a program that is gone has no symbol, one
 * that came since has its own, and no address goes to a neighbour. */
static void test_programs(void **state) {
        struct fixture *fixture = *state;
        struct bpf_program_range ranges[] = {
                { BPF(00500), 0x100, "bpf_prog_0011223344556677_next" }, /* behind a trampoline */
                { BPF(00800), 0x100, "bpf_prog_0123456789abcdef_other" },
                { BPF(00a00), 0x100, "bpf_prog_fedcba9876543210_new" },
        };
        const struct bpf_programs programs = { .ranges = ranges, .n_ranges = ELEMENTSOF(ranges) };
        const uint64_t addresses[] = { BPF(00810), BPF(00a20), BPF(00910), BPF(00010), BPF(00410),
                                       BPF(00510) };
        static const char *const expected[] = { "bpf_prog_0123456789abcdef_spin", "bpf_prog_fedcba9876543210_new",
                                                NULL, NULL, "bpf_trampoline_6442506740",
                                                "bpf_prog_0011223344556677_next" };
        _cleanup_(stack_unrefp) struct stack *stack = NULL;

        assert_int_equal(kernel_stack_symbolise(fixture->kallsyms, &programs, KERNEL_STACK_TIMER, addresses,
                                                ELEMENTSOF(addresses), &stack),
                         0);
        assert_int_equal(stack->n_frames, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                if (expected[i])
                        assert_string_equal(stack->frames[i].symbol, expected[i]);
                else
                        assert_null(stack->frames[i].symbol);
        }
        assert_int_equal(stack->frames[1].offset, 0x20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_timer_frames_go),
                cmocka_unit_test(test_user_mode_leaves_nothing),
                cmocka_unit_test(test_innermost_entry_counts),
                cmocka_unit_test(test_no_entry_keeps_all),
                cmocka_unit_test(test_tracing_frames_go),
                cmocka_unit_test(test_bpf_culprits_stay),
                cmocka_unit_test(test_return_addresses),
                cmocka_unit_test(test_frames_without_symbol),
                cmocka_unit_test(test_modules_are_kept),
                cmocka_unit_test(test_programs),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
