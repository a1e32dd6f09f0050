/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/user-stack-test.h"

static void test_c(void **state) {
        struct stopped_process process;
        char path[PATH_MAX];

        start_target(&process, "chain", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        check_chain(stack, target_path("chain", path, sizeof(path)));
        assert_functions(stack, "main _start", false);
}

static void test_stripped(void **state) {
        struct stopped_process process;
        char path[PATH_MAX];

        start_target(&process, "chain-stripped", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        check_chain(stack, target_path("chain-stripped", path, sizeof(path)));
}

/* Nothing names its functions: the frames are there, with file, build-id and offset, and say so. */
static void test_bare(void **state) {
        struct stopped_process process;

        start_target(&process, "chain-bare", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_true(stack->n_frames >= 14);
        for (size_t i = 0; i < 13; i++) {
                assert_null(stack->frames[i].symbol);
                assert_true(stack->frames[i].offset > 0);
                assert_non_null(stack->frames[i].build_id);
                assert_string_equal(stack->frames[i].note, "no symbol in the file fits");
        }
        assert_functions(stack, "__libc_start_main", false);
}

static void copy_file(const char *from, const struct temp_tree *tree, const char *to) {
        _cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int out = -EBADF;
        struct stat st;

        temp_tree_write(tree, to, "");
        out = openat(tree->fd, to, O_WRONLY | O_CLOEXEC);
        assert_true(in >= 0 && out >= 0);
        assert_int_equal(fstat(in, &st), 0);
        while (st.st_size > 0) {
                ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)st.st_size, 0);
                char buffer[65536];

                if (n <= 0) { /* across file systems on older kernels */
                        n = read(in, buffer, sizeof(buffer));
                        assert_true(n > 0 && write(out, buffer, (size_t)n) == n);
                }
                st.st_size -= n;
        }
        assert_int_equal(fchmod(out, 0700), 0);
}

/* The symbols of a bare file from DIR/.build-id, as debug packages install them. */
static void test_separate_debug_file(void **state) {
        struct stopped_process process;
        struct temp_tree tree;
        char path[PATH_MAX], debug[128];

        if (geteuid() != 0)
                skip(); /* debug files are taken only from root */
        start_target(&process, "chain-bare", NULL);
        _cleanup_(stack_unrefp) struct stack *bare = symbolise(&process.snapshot);
        assert_null(bare->frames[0].symbol);

        temp_tree_init(&tree);
        assert_int_equal(symlinkat("/proc", tree.fd, "proc"), 0);
        (void)snprintf(debug, sizeof(debug), "usr/lib/debug/.build-id/%.2s/%s.debug",
                       bare->frames[0].build_id, bare->frames[0].build_id + 2);
        copy_file(target_path("chain.debug", path, sizeof(path)), &tree, debug);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise_below(tree.fd, &process.snapshot);

        stopped_process_kill(&process);
        temp_tree_done(&tree);
        check_chain(stack, target_path("chain-bare", path, sizeof(path)));
}

static void test_packed_symbols(void **state) {
        struct stopped_process process;
        char path[PATH_MAX];
        struct stat st;

        if (stat(target_path("chain-mini", path, sizeof(path)), &st) < 0 || st.st_uid != 0)
                skip(); /* no xz when this was built, or not built by root: packed symbols are taken only from
                           root */
        start_target(&process, "chain-mini", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        check_chain(stack, path);
}

static void test_cpp(void **state) {
        struct stopped_process process;

        if (!has_target("chain-cpp"))
                skip(); /* no C++ compiler when this was built */
        start_target(&process, "chain-cpp", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_string_equal(stack->frames[0].symbol, "outer::spin(unsigned int)");
        assert_string_equal(stack->frames[1].symbol, "outer::Derived<double>::run(unsigned int)");
        assert_non_null(strstr(stack->frames[2].symbol, "outer::through<int>("));
        assert_string_equal(stack->frames[3].symbol, "main");
}

static void test_frame_pointers(void **state) {
        struct stopped_process process;

        start_target(&process, "chain-fp", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, CHAIN, true);
        assert_true(has_note(stack, "found by frame pointer"));
        assert_functions(stack, "main __libc_start_main", false);
}

/* Signatures are made where the processor has pointer authentication; elsewhere the instructions do nothing.
 */
static void test_signed_addresses(void **state) {
        struct stopped_process process;

        if (!has_target("chain-signed"))
                skip(); /* only built for arm64 */
        start_target(&process, "chain-signed", NULL);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, CHAIN, true);
        assert_functions(stack, "main __libc_start_main", false);
}

static void test_signal_handler(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", "signal");
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, "handler", true);
        assert_functions(stack, "handler " CHAIN, false);
}

static void test_leaf(void **state) {
        static const char *const targets[] = { "chain", "chain-signed" };

        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                struct stopped_process process;

                if (!has_target(targets[i]))
                        continue; /* only built for arm64 */
                start_target(&process, targets[i], "leaf");
                _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
                stopped_process_kill(&process);
                assert_functions(stack, "leaf " CHAIN, true);
        }
}

static void test_vdso(void **state) {
        struct stopped_process process;
        bool found = false;

        start_target(&process, "chain", "vdso");
        for (unsigned i = 0; i < 100 && !found; i++) {
                _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);

                found = stack->frames[0].module && strcmp(stack->frames[0].module, "[vdso]") == 0;
                if (found)
                        assert_non_null(
                                strstr(stack->frames[0].symbol, "_clock_gettime")); /* __vdso, __kernel */
                /* arm64's is built with signed return addresses, so that its own frame pointer is what leads
                 * out of it; this program has none that would lead on. */
                if (found && process.snapshot.arch == USER_ARCH_ARM64)
                        assert_functions(stack, "read_clock", false);
                else
                        assert_functions(stack, "read_clock " CHAIN, false);
                stopped_process_again(&process);
        }
        stopped_process_kill(&process);
        if (!found)
                skip(); /* the C library does not use the vdso here */
}

/* More stack than the snapshot holds: what there is, and why there is no more. */
static void test_truncated(void **state) {
        struct stopped_process process;
        size_t n;

        start_target(&process, "chain", "deep");
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(
                stack,
                "chain_12 chain_11 chain_10 chain_09 chain_08 chain_07 chain_06 chain_05 chain_04 deep_03",
                true);
        /* On arm64 a function keeps its return address at the low end of its frame. */
        n = process.snapshot.arch == USER_ARCH_ARM64 ? 11 : 10;
        assert_int_equal(stack->n_frames, n);
        assert_non_null(strstr(stack->frames[n - 1].note, "beyond the bytes of stack"));
}

static void test_deleted(void **state) {
        struct stopped_process process;
        struct temp_tree tree;
        char path[PATH_MAX], copy[PATH_MAX];
        const char *const argv[] = { copy, NULL };

        temp_tree_init(&tree);
        copy_file(target_path("chain", path, sizeof(path)), &tree, "deleted");
        (void)snprintf(copy, sizeof(copy), "%s/deleted", tree.path);
        assert_int_equal(stopped_process_start(&process, argv, NULL, NULL), 0);
        assert_int_equal(unlinkat(tree.fd, "deleted", 0), 0);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        temp_tree_done(&tree);
        check_chain(stack, copy);
}

struct namespace {
        const char *directory, *source;
};

/* A file system of its own over a directory that is empty for everybody else. */
static int enter_namespace(void *userdata) {
        const struct namespace *namespace = userdata;
        struct temp_tree tree;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", namespace->directory, "tmpfs", 0, NULL) < 0)
                return -errno;
        (void)snprintf(tree.path, sizeof(tree.path), "%s", namespace->directory);
        tree.fd = open(namespace->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        copy_file(namespace->source, &tree, "program");
        return 0;
}

static void test_mount_namespace(void **state) {
        struct stopped_process process;
        struct temp_tree tree;
        char path[PATH_MAX], program[PATH_MAX];
        struct namespace namespace = { .source = target_path("chain", path, sizeof(path)) };
        const char *const argv[] = { program, NULL };

        if (geteuid() != 0)
                skip(); /* a mount namespace takes root */
        temp_tree_init(&tree);
        namespace.directory = tree.path;
        (void)snprintf(program, sizeof(program), "%s/program", tree.path);
        assert_int_equal(stopped_process_start(&process, argv, enter_namespace, &namespace), 0);
        assert_int_equal(access(program, F_OK), -1);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        temp_tree_done(&tree);
        check_chain(stack, program);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_c),
                cmocka_unit_test(test_stripped),
                cmocka_unit_test(test_bare),
                cmocka_unit_test(test_separate_debug_file),
                cmocka_unit_test(test_packed_symbols),
                cmocka_unit_test(test_cpp),
                cmocka_unit_test(test_frame_pointers),
                cmocka_unit_test(test_signed_addresses),
                cmocka_unit_test(test_signal_handler),
                cmocka_unit_test(test_leaf),
                cmocka_unit_test(test_vdso),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_deleted),
                cmocka_unit_test(test_mount_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
