/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/symbols/user-process.h"
#include "daemon/symbols/user-stack.h"
#include "tests/harness/stopped-process.h"
#include "tests/harness/temp-tree.h"

#define CHAIN \
        "chain_12 chain_11 chain_10 chain_09 chain_08 chain_07 chain_06 chain_05 chain_04 chain_03 " \
        "chain_02 " \
        "chain_01 main"

static const struct user_symboliser_limits limits = { .n_files_max = 32, .file_bytes_max = 16 * 1024 * 1024 };

static const char *target_path(const char *name, char *path, size_t size) {
        const char *directory = getenv("IRQWATCH_TARGETS");

        assert_non_null(directory);
        (void)snprintf(path, size, "%s/target-%s", directory, name);
        return path;
}

static void print_stack(const struct stack *stack) {
        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                print_message("  #%zu %llx %s+0x%llx (%s) [%s]\n", i, (unsigned long long)frame->address,
                              frame->symbol ?: "?", (unsigned long long)frame->offset, frame->module ?: "-",
                              frame->note ?: "");
        }
}

/* Every word of expected is the symbol of a frame, in this order; with strict, of frames
 * that follow each other directly, from the innermost on. */
static void assert_functions(const struct stack *stack, const char *expected, bool strict) {
        char copy[2048], *saved = NULL;
        size_t i = 0;

        (void)snprintf(copy, sizeof(copy), "%s", expected);
        for (char *word = strtok_r(copy, " ", &saved); word; word = strtok_r(NULL, " ", &saved)) {
                for (;; i++) {
                        const char *symbol = i < stack->n_frames ? stack->frames[i].symbol : NULL;

                        if (symbol && strcmp(symbol, word) == 0)
                                break;
                        if (strict || i >= stack->n_frames) {
                                print_stack(stack);
                                fail_msg("frame %zu is not %s", i, word);
                        }
                }
                i++;
        }
}

/* Symbols that contain these texts, in this order. */
static void assert_contain(const struct stack *stack, const char *const *texts) {
        for (size_t i = 0; *texts; i++) {
                if (i == stack->n_frames) {
                        print_stack(stack);
                        fail_msg("%s is missing", *texts);
                }
                if (stack->frames[i].symbol && strstr(stack->frames[i].symbol, *texts))
                        texts++;
        }
}

static struct stack *symbolise_below(int root_fd, const struct user_snapshot *snapshot) {
        _cleanup_(user_symboliser_freep) struct user_symboliser *symboliser = NULL;
        struct stack *stack = NULL;

        assert_int_equal(user_symboliser_new(root_fd, &limits, &symboliser), 0);
        assert_int_equal(user_stack_symbolise(symboliser, snapshot, &stack), 0);
        assert_non_null(stack);
        return stack;
}

static struct stack *symbolise(const struct user_snapshot *snapshot) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return symbolise_below(root_fd, snapshot);
}

static bool has_note(const struct stack *stack, const char *text) {
        for (size_t i = 0; i < stack->n_frames; i++)
                if (stack->frames[i].note && strstr(stack->frames[i].note, text))
                        return true;
        return false;
}

static void start_target(struct stopped_process *process, const char *name, const char *argument) {
        char path[PATH_MAX];
        const char *const argv[] = { target_path(name, path, sizeof(path)), argument, NULL };

        assert_int_equal(stopped_process_start(process, argv, NULL, NULL), 0);
}

/* The whole chain, complete up to the program's start, nothing guessed. */
static void check_chain(const struct stack *stack, const char *module) {
        assert_functions(stack, CHAIN, true);
        assert_string_equal(stack->frames[0].module, module);
        assert_int_equal(strlen(stack->frames[0].build_id), 40);
        assert_true(stack->frames[0].address != 0);
        for (size_t i = 0; i < 13; i++)
                assert_null(stack->frames[i].note);
        for (size_t i = 1; i < 13; i++)
                assert_true(stack->frames[i].offset > 0);
        assert_false(has_note(stack, "caller"));
}

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
        char path[PATH_MAX];

        if (access(target_path("chain-cpp", path, sizeof(path)), X_OK) < 0)
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

static void test_signal_handler(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", "signal");
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, "handler", true);
        assert_functions(stack, "handler " CHAIN, false);
}

static void test_vdso(void **state) {
        struct stopped_process process;
        bool found = false;

        start_target(&process, "chain", "vdso");
        for (unsigned i = 0; i < 100 && !found; i++) {
                _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);

                assert_functions(stack, "read_clock " CHAIN, false);
                if (stack->frames[0].module && strcmp(stack->frames[0].module, "[vdso]") == 0) {
                        assert_string_equal(stack->frames[0].symbol, "__vdso_clock_gettime");
                        found = true;
                }
                stopped_process_again(&process);
        }
        stopped_process_kill(&process);
        if (!found)
                skip(); /* the C library does not use the vdso here */
}

/* More stack than the snapshot holds: what there is, and why there is no more. */
static void test_truncated(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", "deep");
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(
                stack,
                "chain_12 chain_11 chain_10 chain_09 chain_08 chain_07 chain_06 chain_05 chain_04 deep_03",
                true);
        assert_int_equal(stack->n_frames, 10);
        assert_non_null(strstr(stack->frames[9].note, "beyond the bytes of stack"));
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

/* What the kernel records with BPF_F_USER_BUILD_ID, made from the mappings. */
static void record_frames(struct stopped_process *process, const struct stack *stack) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(user_process_done) struct user_process mapped = { .proc_fd = -EBADF };

        assert_int_equal(user_process_open(root_fd, process->pid, &mapped), 0);
        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct user_map *map = user_process_find(&mapped, stack->frames[i].address);
                struct bpf_stack_build_id *frame = &process->frames[i];

                assert_non_null(map);
                frame->status = BPF_STACK_BUILD_ID_VALID;
                frame->offset = stack->frames[i].address - map->start + map->offset;
                for (size_t k = 0; k < 20; k++) {
                        unsigned byte;

                        assert_int_equal(sscanf(stack->frames[i].build_id + 2 * k, "%2x", &byte), 1);
                        frame->build_id[k] = (unsigned char)byte;
                }
        }
        process->snapshot.n_frames = stack->n_frames;
}

static void test_exited(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", NULL);
        _cleanup_(stack_unrefp) struct stack *alive = symbolise(&process.snapshot);
        record_frames(&process, alive);
        stopped_process_kill(&process);

        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        assert_int_equal(stack->n_frames, alive->n_frames);
        for (size_t i = 0; i < stack->n_frames; i++) {
                assert_null(stack->frames[i].symbol);
                assert_string_equal(stack->frames[i].build_id, alive->frames[i].build_id);
                assert_int_equal(stack->frames[i].offset, process.frames[i].offset);
                assert_non_null(strstr(stack->frames[i].note, "only build-id and offset are known"));
        }
        assert_non_null(strstr(stack->frames[0].note, "process exited"));

        /* without the kernel's frames the address is all there is */
        process.snapshot.n_frames = 0;
        _cleanup_(stack_unrefp) struct stack *address = symbolise(&process.snapshot);
        assert_int_equal(address->n_frames, 1);
        assert_int_equal(address->frames[0].address, alive->frames[0].address);
        assert_non_null(strstr(address->frames[0].note, "process exited"));
}

/* The files of a process that has exited are still in the cache: its build-ids lead to symbols. */
static void test_exited_but_known(void **state) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(user_symboliser_freep) struct user_symboliser *symboliser = NULL;
        _cleanup_(stack_unrefp) struct stack *alive = NULL, *stack = NULL;
        struct user_symboliser_stats stats;
        struct stopped_process process;

        assert_int_equal(user_symboliser_new(root_fd, &limits, &symboliser), 0);
        start_target(&process, "chain", NULL);
        assert_int_equal(user_stack_symbolise(symboliser, &process.snapshot, &alive), 0);
        record_frames(&process, alive);
        stopped_process_kill(&process);
        assert_int_equal(user_stack_symbolise(symboliser, &process.snapshot, &stack), 0);
        assert_functions(stack, CHAIN, true);
        for (size_t i = 0; i < 13; i++)
                assert_int_equal(stack->frames[i].offset, alive->frames[i].offset);

        user_symboliser_get_stats(symboliser, &stats);
        assert_int_equal(stats.n_stacks, 2);
        assert_int_equal(stats.n_unwound, 1);
        assert_true(stats.n_files >= 2);
        user_symboliser_drop_caches(symboliser);
        user_symboliser_get_stats(symboliser, &stats);
        assert_int_equal(stats.n_files, 0);
}

/* Files that are remembered are not kept open: their file systems can be unmounted. */
static void test_nothing_stays_open(void **state) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(user_symboliser_freep) struct user_symboliser *symboliser = NULL;
        struct user_symboliser_stats stats;
        struct stopped_process process;

        assert_int_equal(user_symboliser_new(root_fd, &limits, &symboliser), 0);
        start_target(&process, "chain", NULL);
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(stack_unrefp) struct stack *stack = NULL;

                assert_int_equal(user_stack_symbolise(symboliser, &process.snapshot, &stack), 0);
                assert_functions(stack, CHAIN, true);
                for (int fd = 3; fd < 256; fd++) {
                        char path[64], link[PATH_MAX] = "";

                        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                        if (readlink(path, link, sizeof(link) - 1) > 0) {
                                assert_null(strstr(link, "target-chain"));
                                assert_null(strstr(link, "libc.so"));
                        }
                }
        }
        stopped_process_kill(&process);
        user_symboliser_get_stats(symboliser, &stats);
        assert_int_equal(stats.n_files, 2);
}

/* The process has executed something else between the event and now. */
static void test_other_program(void **state) {
        struct stopped_process process, other;

        start_target(&process, "chain", NULL);
        _cleanup_(stack_unrefp) struct stack *alive = symbolise(&process.snapshot);
        record_frames(&process, alive);
        start_target(&other, "chain-exported", NULL);
        process.snapshot.tgid = other.pid;
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        stopped_process_kill(&other);
        assert_null(stack->frames[0].symbol);
        assert_non_null(strstr(stack->frames[0].note, "executed another program"));
}

/* Registers that cannot be used: the kernel's frames, named through the live process. */
static void test_frames_only(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", NULL);
        _cleanup_(stack_unrefp) struct stack *alive = symbolise(&process.snapshot);
        record_frames(&process, alive);
        process.snapshot.has_registers = 0;
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        process.snapshot.n_frames = 0;
        _cleanup_(stack_unrefp) struct stack *empty = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, CHAIN, true);
        assert_int_equal(empty->n_frames, 0);
}

static void test_wild_call(void **state) {
        struct stopped_process process;
        uint64_t ip;

        start_target(&process, "chain", NULL);
        /* as if chain_12 had called NULL: its address has been pushed */
        ip = process.snapshot.registers[USER_REGISTER_X86_64_RIP];
        (void)memmove(process.stack + 8, process.stack, sizeof(process.stack) - 8);
        (void)memcpy(process.stack, &ip, 8);
        process.snapshot.registers[USER_REGISTER_X86_64_RIP] = 0;
        process.snapshot.registers[USER_REGISTER_X86_64_RSP] -= 8;
        process.snapshot.stack_size = MIN(process.snapshot.stack_size + 8, sizeof(process.stack));
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_null(stack->frames[0].symbol);
        assert_non_null(strstr(stack->frames[0].note, "nothing is mapped"));
        assert_functions(stack, CHAIN, false);
}

/* Snapshots of nonsense end, and crash nothing. */
static void test_garbage(void **state) {
        struct stopped_process process;

        start_target(&process, "chain", NULL);
        for (unsigned seed = 1; seed <= 200; seed++) {
                uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15);
                struct user_snapshot snapshot = process.snapshot;
                _cleanup_(stack_unrefp) struct stack *stack = NULL;

                for (size_t i = 0; i < sizeof(process.stack); i += 8) {
                        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                        if (x % 3 == 0)
                                memcpy(process.stack + i, &x, 8);
                        else if (x % 3 == 1)
                                memcpy(process.stack + i, &(uint64_t){ snapshot.registers[7] + x % 20000 },
                                       8);
                        else
                                memcpy(process.stack + i, &(uint64_t){ snapshot.registers[16] + x % 4000 },
                                       8);
                }
                snapshot.registers[USER_REGISTER_X86_64_RIP] += x % 2000;
                if (seed % 5 == 0)
                        snapshot.registers[USER_REGISTER_X86_64_RSP] = UINT64_MAX - x % 4096;
                snapshot.registers[USER_REGISTER_X86_64_RBP] = snapshot.registers[7] + x % 16384;
                snapshot.stack_size = x % (sizeof(process.stack) + 1);
                stack = symbolise(&snapshot);
                assert_in_range(stack->n_frames, 1, USER_FRAMES_MAX);
        }
        stopped_process_kill(&process);
}

static void check_program(const char *const *argv, const char *expected) {
        struct stopped_process process;

        if (access(argv[0], X_OK) < 0)
                skip(); /* not installed */
        assert_int_equal(stopped_process_start(&process, argv, NULL, NULL), 0);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        stopped_process_kill(&process);
        assert_functions(stack, expected, false);
}

/* Stripped programs of the distribution, without frame pointers. */
static void test_bash(void **state) {
        check_program((const char *const[]){ "/bin/bash", "--norc", "-c", "echo ready; while :; do x=1; done",
                                             NULL },
                      "execute_command_internal parse_and_execute main __libc_start_main");
}

static void test_python(void **state) {
        check_program(
                (const char *const[]){ "/usr/bin/python3", "-S", "-c",
                                       "import sys\nsys.stdout.write('ready\\n'); sys.stdout.flush()\n"
                                       "def spin():\n while True: pass\nspin()",
                                       NULL },
                "_PyEval_EvalFrameDefault PyEval_EvalCode PyRun_SimpleStringFlags Py_RunMain Py_BytesMain "
                "__libc_start_main _start");
}

static void test_node(void **state) {
        static const char script[] =
                "function inner(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; }\n"
                "function middle(n) { return inner(n) + 1; }\n"
                "function outer(n) { return middle(n) + 1; }\n"
                "for (let i = 0; i < 3000; i++) outer(2000);\n"
                "require('fs').writeSync(1, 'ready\\n');\n"
                "for (;;) outer(1e6);\n";
        const char *const argv[] = { "/usr/bin/node",
                                     "--perf-basic-prof",
                                     "--interpreted-frames-native-stack",
                                     "--max-inlined-bytecode-size=0",
                                     "--logfile=/dev/null",
                                     "--no-logfile-per-isolate",
                                     "-e",
                                     script,
                                     NULL };
        struct stopped_process process;
        char map[64];

        if (access(argv[0], X_OK) < 0)
                skip(); /* not installed */
        assert_int_equal(stopped_process_start(&process, argv, NULL, NULL), 0);
        (void)snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)process.pid);
        _cleanup_(stack_unrefp) struct stack *stack = symbolise(&process.snapshot);
        assert_int_equal(unlink(map), 0);
        _cleanup_(stack_unrefp) struct stack *without = symbolise(&process.snapshot);
        stopped_process_kill(&process);

        /* optimised or not: "JS:*inner ...", "JS:~inner ..." */
        assert_contain(stack, (const char *const[]){ "inner [eval]", "middle [eval]", "outer [eval]",
                                                     "Builtins_JSEntry", "v8::internal::Execution::Call",
                                                     "node::Start(", "__libc_start_main", NULL });
        assert_null(without->frames[0].symbol);
        assert_true(has_note(without, "writes no /tmp/perf-PID.map"));
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
                cmocka_unit_test(test_signal_handler),
                cmocka_unit_test(test_vdso),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_deleted),
                cmocka_unit_test(test_mount_namespace),
                cmocka_unit_test(test_exited),
                cmocka_unit_test(test_exited_but_known),
                cmocka_unit_test(test_nothing_stays_open),
                cmocka_unit_test(test_other_program),
                cmocka_unit_test(test_frames_only),
                cmocka_unit_test(test_wild_call),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_bash),
                cmocka_unit_test(test_python),
                cmocka_unit_test(test_node),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
