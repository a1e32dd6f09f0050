/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/user-stack-test.h"

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
