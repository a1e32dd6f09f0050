/* SPDX-License-Identifier: Apache-2.0 */

/* The collectors of CPU time and of the network, as test-collect-proc.c does it for those of interrupts. */

#include "tests/unit/collect-fixture.h"

#include <dirent.h>

#include "common/cpulist.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

static const struct collector_ops *const load_collectors[] = {
        &collector_cpu,
        &collector_ksoftirqd,
        &collector_softnet,
        &collector_netdev,
        &collector_tcp,
        &collector_pressure,
        NULL,
};

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
                "container-host",
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
                check_machine("IRQWATCH_FIXTURES", machines[i], load_collectors);
}

static void test_big_machines(void **state) {
        check_machine("IRQWATCH_BIG_FIXTURES", "x86-64cpus", load_collectors);
        check_machine("IRQWATCH_BIG_FIXTURES", "x86-512cpus", load_collectors);
}

/* A machine that changes under an open collector: files are rewritten in place, so that open ones follow. */
static void copy_file(const struct temp_tree *tree, int from_fd, const char *path) {
        _cleanup_(text_buffer_done) struct text_buffer text = {};

        assert_int_equal(text_buffer_read(&text, from_fd, path, SIZE_MAX), 0);
        temp_tree_write(tree, path, text.data);
}

static void copy_tasks(const struct temp_tree *tree, int from_fd) {
        static const char *const files[] = { "comm", "stat", "schedstat" };
        DIR *dir = fdopendir(openat(from_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;
        char path[512];

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                for (size_t i = 0;
                     entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && i < ELEMENTSOF(files); i++) {
                        snprintf(path, sizeof(path), "proc/%s/%s", entry->d_name, files[i]);
                        copy_file(tree, from_fd, path);
                }
        closedir(dir);
}

static void become(const struct temp_tree *tree, const char *machine) {
        static const char *const files[] = {
                "proc/stat",
                "proc/net/softnet_stat",
                "proc/net/dev",
                "proc/net/snmp",
                "proc/net/netstat",
                "proc/pressure/irq",
                "expected/cpu",
                "expected/ksoftirqd",
                "expected/softnet",
                "expected/netdev",
                "expected/tcp",
                "expected/pressure",
                "sys/devices/system/cpu/online",
        };
        _cleanup_(closep) int from_fd = open_machine("IRQWATCH_FIXTURES", machine);

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (faccessat(from_fd, files[i], R_OK, 0) == 0)
                        copy_file(tree, from_fd, files[i]);
        copy_tasks(tree, from_fd);
}

static void check_sequence(const struct collector_ops *ops, const char *const *machines) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *collector;

        temp_tree_init(&tree);
        become(&tree, machines[0]);
        collector = open_collector(ops, tree.fd);
        for (; *machines; machines++) {
                become(&tree, *machines);
                check_sample(ops, collector, tree.fd, *machines);
        }
        assert_null(ops->close(collector));
}

static void test_hotplug(void **state) {
        static const char *const there_and_back[] = { "x86-hotplug.1", "x86-hotplug.2", "x86-hotplug.1",
                                                      NULL };
        static const char *const coming[] = { "x86-hotplug.2", "x86-hotplug.1", NULL };

        for (size_t i = 0; load_collectors[i]; i++) {
                if (load_collectors[i] == &collector_cpu)
                        continue; /* its fixtures are two machines, not one: test_cpu_hotplug() */
                check_sequence(load_collectors[i], there_and_back);
                check_sequence(load_collectors[i], coming);
        }
}

/* A bad pass leaves nothing behind that would spoil the next. */
static void test_recovery(void **state) {
        static const char *const machines[] = { "x86-sparse",      "broken-mid-number", "x86-sparse",
                                                "broken-empty",    "broken-garbage",    "x86-sparse",
                                                "broken-long-row", "x86-sparse",        NULL };

        check_sequence(&collector_cpu, machines);
        check_sequence(&collector_netdev, machines);
        check_sequence(&collector_tcp, machines);
}

static void expect(const struct collector_ops *ops, void *collector, const char *expected) {
        _cleanup_(freep) char *text = sample_text(ops, collector);

        if (!strstr(text, expected))
                fail_msg("%s has no \"%s\":\n%s", ops->name, expected, text);
}

#define STAT_END "intr 1 2 3\nctxt 7\n"

static void test_cpu_hotplug(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *cpu;

        temp_tree_init(&tree);
        temp_tree_write(
                &tree, "proc/stat",
                "cpu  3 0 0 9 0 0 0 0 0 0\ncpu0 1 0 0 4 0 0 0 0 0 0\ncpu2 2 0 0 5 0 0 0 0 0 0\n" STAT_END);
        cpu = open_collector(&collector_cpu, tree.fd);
        expect(&collector_cpu, cpu, "cpus 0,2\ncpu-time{mode=\"user\"} 0=10000000 2=20000000\n");

        temp_tree_write(&tree, "proc/stat", "cpu  1 0 0 4 0 0 0 0 0 0\ncpu0 1 0 0 4 0 0 0 0 0 0\n" STAT_END);
        expect(&collector_cpu, cpu, "cpus 0\ncpu-time{mode=\"user\"} 0=10000000\n");

        temp_tree_write(
                &tree, "proc/stat",
                "cpu  1 0 0 4 0 0 0 0 0 0\ncpu0 1 0 0 4 0 0 0 0 0 0\ncpu9 3 0 0 5 0 0 0 0 0 0\n" STAT_END);
        expect(&collector_cpu, cpu, "cpus 0,9\ncpu-time{mode=\"user\"} 0=10000000 9=30000000\n");
        collector_cpu.close(cpu);
}

static void set_iowait(const struct temp_tree *tree, unsigned ticks) {
        char text[256];

        snprintf(text, sizeof(text), "cpu  0 0 0 0 %u 0 0 0 0 0\ncpu0 0 0 0 0 %u 0 0 0 0 0\n" STAT_END, ticks,
                 ticks);
        temp_tree_write(tree, "proc/stat", text);
}

/* A small step backwards stands still, a large one is a counter that began anew. */
static void test_cpu_backwards(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *cpu;

        temp_tree_init(&tree);
        set_iowait(&tree, 1000);
        cpu = open_collector(&collector_cpu, tree.fd);
        expect(&collector_cpu, cpu, "iowait\"} 0=10000000000\n");
        set_iowait(&tree, 999);
        expect(&collector_cpu, cpu, "iowait\"} 0=10000000000\n");
        set_iowait(&tree, 500); /* 5 s behind what was delivered, whatever was read */
        expect(&collector_cpu, cpu, "iowait\"} 0=10000000000\n");
        set_iowait(&tree, 1001);
        expect(&collector_cpu, cpu, "iowait\"} 0=10010000000\n");
        set_iowait(&tree, 500);
        expect(&collector_cpu, cpu, "iowait\"} 0=5000000000\n");
        set_iowait(&tree, 0);
        expect(&collector_cpu, cpu, "iowait\"} 0=5000000000\n");
        temp_tree_write(&tree, "proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n");
        expect(&collector_cpu, cpu, "gap EBADMSG\n");
        set_iowait(&tree, 501);
        expect(&collector_cpu, cpu, "iowait\"} 0=5010000000\n");
        collector_cpu.close(cpu);
}

/* Lines of CPUs that are not those of the list are booked to none. */
static void test_softnet_other_cpus(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *softnet;

        temp_tree_init(&tree);
        become(&tree, "x86-sparse");
        softnet = open_collector(&collector_softnet, tree.fd);
        check_sample(&collector_softnet, softnet, tree.fd, "x86-sparse");
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "0,2-3\n");
        expect(&collector_softnet, softnet, "gap EBADMSG\n");
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "0-4\n");
        expect(&collector_softnet, softnet, "gap EBADMSG\n");
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "");
        expect(&collector_softnet, softnet, "gap EBADMSG\n");
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "0,2-3,6\n");
        check_sample(&collector_softnet, softnet, tree.fd, "x86-sparse");
        collector_softnet.close(softnet);
}

static void test_tcp_pair_missing(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *tcp;

        temp_tree_init(&tree);
        become(&tree, "x86-sparse");
        tcp = open_collector(&collector_tcp, tree.fd);
        check_sample(&collector_tcp, tcp, tree.fd, "x86-sparse");
        temp_tree_write(&tree, "proc/net/snmp", "Tcp: InSegs\nTcp: 7\n");
        expect(&collector_tcp, tcp, "gap EBADMSG\n");
        expect(&collector_tcp, tcp,
               "tcp{counter=\"InSegs\"} -=7\n"); /* it stays so: the kernel has no more to say */
        temp_tree_write(&tree, "proc/net/snmp", "Tcp: InSegs\nTcp: -7\n");
        expect(&collector_tcp, tcp, "gap EBADMSG\n");
        collector_tcp.close(tcp);
}

static void write_netdevs(const struct temp_tree *tree, unsigned n) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        fputs("Inter-|   Receive                                                |  Transmit\n"
              " face |bytes    packets errs drop fifo frame compressed multicast|"
              "bytes    packets errs drop fifo colls carrier compressed\n",
              f);
        for (unsigned i = 0; i < n; i++)
                fprintf(f, "veth%u: %u %u 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", i, i, i);
        assert_int_equal(fclose(f), 0);
        temp_tree_write(tree, "proc/net/dev", text);
        free(text);
}

static uint64_t counter_of(const struct collector_ops *ops, void *state, const char *name) {
        struct collector_info info;

        assert_int_equal(ops->describe(state, &info), 0);
        for (size_t i = 0; i < info.n_counters; i++)
                if (strcmp(info.counters[i].name, name) == 0)
                        return info.counters[i].value;

        fail_msg("%s has no counter %s", ops->name, name);
        return 0;
}

static void test_netdev_left_out(void **state) {
        _cleanup_(config_freep) struct config *config = default_config(&collector_netdev);
        _cleanup_(temp_tree_done) struct temp_tree tree;
        _cleanup_(batch_done) struct batch batch = {};
        char *error = NULL;
        void *netdev;

        temp_tree_init(&tree);
        write_netdevs(&tree, 64);
        netdev = open_collector(&collector_netdev, tree.fd);
        assert_int_equal(collector_netdev.sample(netdev, &batch), 0);
        assert_int_equal(batch.n_rows, 64 * 8);
        assert_int_equal(counter_of(&collector_netdev, netdev, "devicesLeftOut"), 0);

        write_netdevs(&tree, 1000);
        batch_clear(&batch);
        assert_int_equal(collector_netdev.sample(netdev, &batch), 0);
        assert_int_equal(batch.n_rows, 64 * 8);
        assert_string_equal(batch.rows[0].key.name, "veth936");
        assert_int_equal(counter_of(&collector_netdev, netdev, "devicesLeftOut"), 936);
        assert_int_equal(counter_of(&collector_netdev, netdev, "devices"), 1000);

        assert_int_equal(config_set(config, "netdev", "max-devices", "2", &error), 0);
        assert_int_equal(collector_netdev.reconfigure(netdev, config), 0);
        batch_clear(&batch);
        assert_int_equal(collector_netdev.sample(netdev, &batch), 0);
        assert_int_equal(batch.n_rows, 2 * 8);
        collector_netdev.close(netdev);
}

/* Names are the administrator's: any bytes. */
static void test_netdev_labels(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *netdev;

        temp_tree_init(&tree);
        temp_tree_write(&tree, "proc/net/dev",
                        "Inter-|   Receive                                                |  Transmit\n"
                        " face |bytes    packets errs drop fifo frame compressed multicast|"
                        "bytes    packets errs drop fifo colls carrier compressed\n"
                        "e\x1b[0m\xff: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
        netdev = open_collector(&collector_netdev, tree.fd);
        expect(&collector_netdev, netdev, "rx-packets{device=\"e\\x1b[0m\\xff\"} -=2\n");
        expect(&collector_netdev, netdev, "tx-drops{device=\"e\\x1b[0m\\xff\"} -=12\n");
        collector_netdev.close(netdev);
}

static void write_ksoftirqd(const struct temp_tree *tree, int pid, int cpu, const char *times) {
        char path[64], text[128];

        snprintf(path, sizeof(path), "proc/%i/comm", pid);
        snprintf(text, sizeof(text), "ksoftirqd/%i\n", cpu);
        temp_tree_write(tree, path, text);
        snprintf(path, sizeof(path), "proc/%i/stat", pid);
        snprintf(text, sizeof(text), "%i (ksoftirqd/%i) S 2 0 0 0 -1 69238848 0 0\n", pid, cpu);
        temp_tree_write(tree, path, text);
        snprintf(path, sizeof(path), "proc/%i/schedstat", pid);
        temp_tree_write(tree, path, times);
}

/* A thread that does not show up is looked for again, but not in every pass. */
static void test_ksoftirqd_missing(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        void *ksoftirqd;

        temp_tree_init(&tree);
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "0-1\n");
        write_ksoftirqd(&tree, 14, 0, "5 6 7\n");
        ksoftirqd = open_collector(&collector_ksoftirqd, tree.fd);
        for (unsigned i = 0; i < 50; i++)
                expect(&collector_ksoftirqd, ksoftirqd, "cpus 0\ncpu-time{} 0=5\nrun-delay{} 0=6\n");
        assert_int_equal(counter_of(&collector_ksoftirqd, ksoftirqd, "threadsMissing"), 1);
        assert_int_equal(counter_of(&collector_ksoftirqd, ksoftirqd, "searches"), 1);
        assert_non_null(collector_ksoftirqd.degraded(ksoftirqd));

        write_ksoftirqd(&tree, 20, 1, "8 9 10\n");
        for (unsigned i = 0; i < 10; i++)
                free(sample_text(&collector_ksoftirqd, ksoftirqd));
        expect(&collector_ksoftirqd, ksoftirqd, "cpus 0-1\ncpu-time{} 0=5 1=8\nrun-delay{} 0=6 1=9\n");
        assert_int_equal(counter_of(&collector_ksoftirqd, ksoftirqd, "searches"), 2);
        assert_null(collector_ksoftirqd.degraded(ksoftirqd));

        /* A CPU that comes is looked for at once. */
        write_ksoftirqd(&tree, 26, 2, "11 12 13\n");
        temp_tree_write(&tree, "sys/devices/system/cpu/online", "0,2\n");
        expect(&collector_ksoftirqd, ksoftirqd, "cpus 0,2\ncpu-time{} 0=5 2=11\nrun-delay{} 0=6 2=12\n");
        temp_tree_write(&tree, "proc/26/schedstat", "11 12\n");
        expect(&collector_ksoftirqd, ksoftirqd, "gap EBADMSG\n");
        collector_ksoftirqd.close(ksoftirqd);
}

static void test_pressure_refused(void **state) {
        const struct collector_ops *ops = &collector_pressure;
        _cleanup_(temp_tree_done) struct temp_tree tree;
        const char *reason = NULL;

        temp_tree_init(&tree);
        assert_int_equal(ops->probe(&(struct collector_env){ .root_fd = tree.fd }, &reason), -EOPNOTSUPP);
        assert_non_null(strstr(reason, "CONFIG_IRQ_TIME_ACCOUNTING"));
}

static void check_no_memory(const struct collector_ops *ops, int root_fd, unsigned nth, bool *ret_reached) {
        _cleanup_(config_freep) struct config *config = default_config(ops);
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true, .config = config };
        _cleanup_(batch_done) struct batch batch = {};
        void *collector = NULL;
        int r;

        alloc_fail_at(nth);
        r = ops->open(&env, &collector);
        if (r >= 0)
                r = ops->sample(collector, &batch);
        *ret_reached = alloc_fail_end();
        assert_int_equal(r, *ret_reached ? -ENOMEM : 0);
        assert_true((batch.n_rows == 0) == *ret_reached);
        assert_null(ops->close(collector));
}

static void test_no_memory(void **state) {
        for (size_t i = 0; load_collectors[i]; i++) {
                const char *machine = load_collectors[i] == &collector_netdev ? "container-host" : "x86-7.x";
                _cleanup_(closep) int root_fd = open_machine("IRQWATCH_FIXTURES", machine);
                bool reached = true;
                unsigned nth;

                for (nth = 1; reached; nth++)
                        check_no_memory(load_collectors[i], root_fd, nth, &reached);
                assert_true(nth > 5);
        }
}

static const struct setting_desc *find_setting(const struct collector_ops *ops, const char *name) {
        for (size_t i = 0; i < ops->section->n_settings; i++)
                if (strcmp(ops->section->settings[i].name, name) == 0)
                        return &ops->section->settings[i];

        return NULL;
}

static void test_settings(void **state) {
        for (size_t i = 0; load_collectors[i]; i++) {
                const struct setting_desc *enabled = find_setting(load_collectors[i], "enabled");
                const struct setting_desc *interval = find_setting(load_collectors[i], "interval");

                assert_string_equal(load_collectors[i]->section->name, load_collectors[i]->name);
                assert_int_equal(enabled->type, SETTING_BOOLEAN);
                assert_int_equal(interval->type, SETTING_DURATION);
                assert_int_equal(interval->min, 100 * NSEC_PER_MSEC);
                assert_true(interval->runtime);
        }
}

static bool is_registered(const struct collector_ops *ops) {
        for (size_t i = 0; collector_registry[i]; i++)
                if (collector_registry[i] == ops)
                        return true;

        return false;
}

/* The machine that this runs on: whatever its kernel prints is understood. */
static void test_here(void **state) {
        const struct collector_ops *const *ops;

        for (ops = load_collectors; *ops; ops++) {
                _cleanup_(config_freep) struct config *config = default_config(*ops);
                _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                const struct collector_env env = { .root_fd = root_fd, .config = config };
                _cleanup_(batch_done) struct batch batch = {};
                const char *reason = NULL;
                void *collector = NULL;
                int r;

                assert_true(is_registered(*ops));
                r = (*ops)->probe(&env, &reason);
                if (r < 0) { /* a kernel or a container without the file, never a failure */
                        assert_int_equal(r, -EOPNOTSUPP);
                        assert_non_null(reason);
                        continue;
                }

                assert_int_equal((*ops)->open(&env, &collector), 0);
                assert_int_equal((*ops)->sample(collector, &batch), 0);
                assert_true(batch.n_rows > 0);
                (*ops)->close(collector);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_big_machines),
                cmocka_unit_test(test_hotplug),
                cmocka_unit_test(test_recovery),
                cmocka_unit_test(test_cpu_hotplug),
                cmocka_unit_test(test_cpu_backwards),
                cmocka_unit_test(test_softnet_other_cpus),
                cmocka_unit_test(test_tcp_pair_missing),
                cmocka_unit_test(test_netdev_left_out),
                cmocka_unit_test(test_netdev_labels),
                cmocka_unit_test(test_ksoftirqd_missing),
                cmocka_unit_test(test_pressure_refused),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
