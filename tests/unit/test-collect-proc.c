/* SPDX-License-Identifier: Apache-2.0 */

/* The proc collectors through their ops, on whole fixture machines: text dumps of batches against golden
 * files. */

#include "tests/unit/collect-fixture.h"

#include "tests/harness/alloc-fail.h"

static const struct collector_ops *const proc_collectors[] = { &collector_softirqs, &collector_interrupts, NULL };
enum { N_COLLECTORS = ELEMENTSOF(proc_collectors) - 1 };

static void test_machines(void **state) {
        static const char *const machines[] = {
                "arm32",
                "arm64",
                "arm64-wide",
                "broken-empty",
                "broken-garbage",
                "broken-header-only",
                "broken-long-row",
                "broken-mid-line",
                "broken-mid-number",
                "broken-no-header",
                "broken-no-newline",
                "broken-overwritten",
                "broken-short-row",
                "ppc64-xics",
                "ppc64-xive",
                "riscv64",
                "s390x",
                "x86-1cpu",
                "x86-7.x",
                "x86-guest",
                "x86-hotplug.1",
                "x86-hotplug.2",
                "x86-laptop",
                "x86-sparse",
                "x86-wrap.1",
                "x86-wrap.2",
        };

        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                check_machine("IRQWATCH_FIXTURES", machines[i], proc_collectors);
}

static void test_512_cpus(void **state) {
        check_machine("IRQWATCH_BIG_FIXTURES", "x86-512cpus", proc_collectors);
}

/* A machine that changes under an open collector: a directory whose files are rewritten in place. */
struct machine {
        char root[32];
        int root_fd;
        const char *now; /* the fixture it looks like */
};

static const char *const machine_files[] = { "proc/softirqs", "proc/interrupts",
                                             "sys/devices/system/cpu/online", "expected/softirqs",
                                             "expected/interrupts" };
static const char *const machine_dirs[] = {
        "proc", "sys", "sys/devices", "sys/devices/system", "sys/devices/system/cpu", "expected"
};

static void machine_write(const struct machine *machine, const char *path, const char *data, size_t size) {
        _cleanup_(closep) int fd =
                openat(machine->root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
}

static void machine_become(struct machine *machine, const char *fixture) {
        _cleanup_(closep) int fd = open_machine("IRQWATCH_FIXTURES", fixture);

        machine->now = fixture;
        for (size_t i = 0; i < ELEMENTSOF(machine_files); i++) {
                _cleanup_(text_buffer_done) struct text_buffer text = {};

                assert_int_equal(text_buffer_read(&text, fd, machine_files[i], SIZE_MAX), 0);
                machine_write(machine, machine_files[i], text.data, text.size);
        }
}

/* Drops the last lines of a file: a read that ended between two lines. */
static void machine_cut(struct machine *machine, const char *path, unsigned n_lines) {
        _cleanup_(text_buffer_done) struct text_buffer text = {};

        assert_int_equal(text_buffer_read(&text, machine->root_fd, path, SIZE_MAX), 0);
        for (; n_lines > 0; n_lines--)
                do
                        text.size--;
                while (text.data[text.size - 1] != '\n');
        machine_write(machine, path, text.data, text.size);
}

static void machine_init(struct machine *machine, const char *fixture) {
        *machine = (struct machine){ .root = "/tmp/irqwatch-test-XXXXXX" };
        assert_non_null(mkdtemp(machine->root));
        machine->root_fd = open(machine->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(machine->root_fd >= 0);
        for (size_t i = 0; i < ELEMENTSOF(machine_dirs); i++)
                assert_int_equal(mkdirat(machine->root_fd, machine_dirs[i], 0700), 0);
        machine_become(machine, fixture);
}

static void machine_done(struct machine *machine) {
        for (size_t i = 0; i < ELEMENTSOF(machine_files); i++)
                (void)unlinkat(machine->root_fd, machine_files[i], 0); /* may be gone */
        for (size_t i = ELEMENTSOF(machine_dirs); i > 0; i--)
                assert_int_equal(unlinkat(machine->root_fd, machine_dirs[i - 1], AT_REMOVEDIR), 0);
        assert_int_equal(rmdir(machine->root), 0);
        machine->root_fd = close_safe(machine->root_fd);
}

static void machine_check(struct machine *machine, const struct collector_ops *ops, void *state) {
        check_sample(ops, state, machine->root_fd, machine->now);
}

static void machine_check_gap(const struct collector_ops *ops, void *state) {
        _cleanup_(freep) char *text = sample_text(ops, state);

        assert_string_equal(text, "gap EBADMSG\n");
}

static void check_sequence(const char *const *fixtures) {
        for (size_t i = 0; i < N_COLLECTORS; i++) {
                _cleanup_(machine_done) struct machine machine;
                void *collector;

                machine_init(&machine, fixtures[0]);
                collector = open_collector(proc_collectors[i], machine.root_fd);
                for (const char *const *fixture = fixtures; *fixture; fixture++) {
                        machine_become(&machine, *fixture);
                        machine_check(&machine, proc_collectors[i], collector);
                }
                proc_collectors[i]->close(collector);
        }
}

static void test_wrap(void **state) {
        check_sequence((const char *const[]){ "x86-wrap.1", "x86-wrap.2", NULL });
}

static void test_hotplug(void **state) {
        check_sequence((const char *const[]){ "x86-hotplug.1", "x86-hotplug.2", "x86-hotplug.1", NULL });
}

/* A bad pass leaves nothing behind that would spoil the next. */
static void test_recovery(void **state) {
        check_sequence((const char *const[]){ "x86-sparse", "broken-mid-number", "x86-sparse",
                                              "broken-garbage", "broken-empty", "x86-laptop",
                                              "broken-long-row", "x86-laptop", NULL });
}

static void check_lines_missing(const struct collector_ops *ops, const char *path) {
        _cleanup_(machine_done) struct machine machine;
        _cleanup_(freep) char *accepted = NULL;
        void *collector;

        machine_init(&machine, "x86-sparse");
        collector = open_collector(ops, machine.root_fd);
        machine_check(&machine, ops, collector);

        machine_cut(&machine, path, 2);
        machine_check_gap(ops, collector);
        /* That it stays so means that the kernel has no more to say. */
        accepted = sample_text(ops, collector);
        assert_memory_equal(accepted, "cpus 0,2-3,6\n", 13);
        ops->close(collector);
}

static void test_lines_missing(void **state) {
        check_lines_missing(&collector_softirqs, "proc/softirqs");
        check_lines_missing(&collector_interrupts, "proc/interrupts");
}

/* Without sysfs every column counts as online. */
static void test_no_sysfs(void **state) {
        _cleanup_(machine_done) struct machine machine;
        _cleanup_(freep) char *text = NULL;
        void *collector;

        machine_init(&machine, "x86-sparse");
        assert_int_equal(unlinkat(machine.root_fd, "sys/devices/system/cpu/online", 0), 0);
        collector = open_collector(&collector_softirqs, machine.root_fd);
        text = sample_text(&collector_softirqs, collector);
        assert_non_null(strstr(text, "cpus 0-7\n"));
        assert_non_null(strstr(
                text, "{type=\"NET_RX\"} 0=3349499 1=111 2=2976923 3=46381531 4=222 5=333 6=3014991 7=0\n"));
        collector_softirqs.close(collector);
}

/* A list that cannot be understood is no list of all CPUs. */
static void test_garbled_sysfs(void **state) {
        _cleanup_(machine_done) struct machine machine;
        _cleanup_(freep) char *text = NULL;
        void *collector;

        machine_init(&machine, "x86-sparse");
        machine_write(&machine, "sys/devices/system/cpu/online", "0-", 2);
        collector = open_collector(&collector_softirqs, machine.root_fd);
        text = sample_text(&collector_softirqs, collector);
        assert_string_equal(text, "gap EINVAL\n");
        collector_softirqs.close(collector);
}

static void test_probe_without_proc(void **state) {
        _cleanup_(machine_done) struct machine machine;
        struct collector_env env = {};

        machine_init(&machine, "x86-sparse");
        env.root_fd = machine.root_fd;
        assert_int_equal(unlinkat(machine.root_fd, "proc/softirqs", 0), 0);
        assert_int_equal(unlinkat(machine.root_fd, "proc/interrupts", 0), 0);
        for (size_t i = 0; i < N_COLLECTORS; i++) {
                const char *reason = NULL;
                void *collector = NULL;

                assert_int_equal(proc_collectors[i]->probe(&env, &reason), -EOPNOTSUPP);
                assert_non_null(strstr(reason, proc_collectors[i]->name));
                assert_true(proc_collectors[i]->open(&env, &collector) < 0);
                assert_null(collector);
        }
}

static void check_no_memory(const struct collector_ops *ops, int root_fd, unsigned nth, bool *ret_reached) {
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true };
        _cleanup_(batch_done) struct batch batch = {};
        void *collector = NULL;
        int r;

        alloc_fail_at(nth);
        r = ops->open(&env, &collector);
        if (r >= 0)
                r = ops->sample(collector, &batch);
        *ret_reached = alloc_fail_end();
        assert_int_equal(r, *ret_reached ? -ENOMEM : 0);
        if (*ret_reached)
                assert_int_equal(batch.n_rows, 0);
        else
                assert_true(batch.n_rows > 0);
        assert_null(ops->close(collector));
}

static void test_no_memory(void **state) {
        for (size_t i = 0; i < N_COLLECTORS; i++) {
                _cleanup_(closep) int root_fd = open_machine("IRQWATCH_FIXTURES", "x86-sparse");
                bool reached = true;
                unsigned nth;

                for (nth = 1; reached; nth++)
                        check_no_memory(proc_collectors[i], root_fd, nth, &reached);
                assert_true(nth > 8);
        }
}

static const struct setting_desc *find_setting(const struct collector_ops *ops, const char *name) {
        for (size_t i = 0; i < ops->section->n_settings; i++)
                if (strcmp(ops->section->settings[i].name, name) == 0)
                        return &ops->section->settings[i];

        return NULL;
}

static void test_batch_add_cpus(void **state) {
        static const uint64_t values[] = { 7, 0, UINT64_MAX };
        _cleanup_(batch_done) struct batch batch = {};

        assert_int_equal(batch_add_row(&batch, 0, &(struct row_key){ .name = "a" }), 0);
        assert_int_equal(batch_add(&batch, 5, 1), 0);
        assert_int_equal(batch_add_cpus(&batch, (const int[]){ 0, 63, 64 }, values, 3), 0);
        assert_int_equal(batch_add_cpus(&batch, (const int[]){ 1, CPU_NONE }, values, 2), -ERANGE);
        assert_int_equal(batch_add_cpus(&batch, (const int[]){ CPU_LIMIT }, values, 1), -ERANGE);

        assert_int_equal(batch.n_cells, 4);
        assert_int_equal(batch.rows[0].n_cells, 4);
        assert_int_equal(batch.cells[3].cpu, 64);
        assert_true(batch.cells[3].value == UINT64_MAX);
        assert_true(cpu_set_contains(&batch.cpus, 5) && cpu_set_contains(&batch.cpus, 63));
}

static void test_settings(void **state) {
        for (size_t i = 0; i < N_COLLECTORS; i++) {
                const struct setting_desc *enabled = find_setting(proc_collectors[i], "enabled");
                const struct setting_desc *interval = find_setting(proc_collectors[i], "interval");

                assert_string_equal(proc_collectors[i]->section->name, proc_collectors[i]->name);
                assert_int_equal(enabled->type, SETTING_BOOLEAN);
                assert_string_equal(enabled->default_text, "yes");
                assert_int_equal(interval->type, SETTING_DURATION);
                assert_string_equal(interval->default_text, "1s");
                assert_int_equal(interval->min, 100 * NSEC_PER_MSEC);
                assert_true(interval->runtime);
        }

        assert_null(find_setting(&collector_softirqs, "budget"));
        assert_int_equal(find_setting(&collector_interrupts, "budget")->type, SETTING_PERCENT);
        assert_string_equal(find_setting(&collector_interrupts, "budget")->default_text, "0.5%");
}

static void test_registry(void **state) {
        unsigned n_found = 0;

        for (size_t n = 0; collector_registry[n]; n++) {
                for (size_t i = 0; i < n; i++)
                        assert_string_not_equal(collector_registry[i]->name, collector_registry[n]->name);
                n_found += collector_registry[n] == &collector_softirqs;
                n_found += collector_registry[n] == &collector_interrupts;
        }
        assert_int_equal(n_found, 2);
}

/* The machine that this runs on: whatever its kernel prints is understood. */
static void test_here(void **state) {
        const struct collector_env env = { .root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
        _cleanup_(cpu_set_done) struct cpu_set online = {};
        size_t n_run = 0;

        assert_int_equal(cpu_list_read(env.root_fd, "sys/devices/system/cpu/online", &online), 0);
        for (size_t i = 0; i < N_COLLECTORS; i++) {
                _cleanup_(batch_done) struct batch batch = {};
                const char *reason = NULL;
                void *collector = NULL;

                if (proc_collectors[i]->probe(&env, &reason) < 0)
                        continue; /* a container without these files */

                assert_int_equal(proc_collectors[i]->open(&env, &collector), 0);
                assert_int_equal(proc_collectors[i]->sample(collector, &batch), 0);
                assert_true(cpu_set_equal(&batch.cpus, &online));
                proc_collectors[i]->close(collector);
                n_run++;
        }
        (void)close(env.root_fd); /* only read from */
        if (n_run == 0)
                skip();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_512_cpus),
                cmocka_unit_test(test_wrap),
                cmocka_unit_test(test_hotplug),
                cmocka_unit_test(test_recovery),
                cmocka_unit_test(test_lines_missing),
                cmocka_unit_test(test_no_sysfs),
                cmocka_unit_test(test_garbled_sysfs),
                cmocka_unit_test(test_probe_without_proc),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_batch_add_cpus),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_registry),
                cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
