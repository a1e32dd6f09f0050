/* SPDX-License-Identifier: Apache-2.0 */

/* The collector of affinities through its ops: a whole machine against its golden dump, and small machines
 * that change under it. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fileio.h"
#include "daemon/collect/registry.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

static const struct collector_ops *const ops = &collector_affinity;

/* A machine, the collector that watches it, and what that told. */
struct fixture {
        struct temp_tree tree;
        void *collector;
        struct batch batch;
        uint64_t now_ns;
        struct event_sink sink;
        struct event *events[1024];
        size_t n_events;
};

static int keep_event(struct event_sink *sink, struct event *event) {
        struct fixture *f = (struct fixture *)((char *)sink - offsetof(struct fixture, sink));

        assert_true(f->n_events < ELEMENTSOF(f->events));
        f->events[f->n_events++] = event_ref(event);
        return 0;
}

static void forget_events(struct fixture *f) {
        while (f->n_events > 0)
                event_unref(f->events[--f->n_events]);
}

static void *open_collector(int root_fd) {
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true };
        const char *reason = NULL;
        void *state = NULL;

        assert_int_equal(ops->probe(&env, &reason), 0);
        assert_int_equal(ops->open(&env, &state), 0);
        assert_int_equal(ops->next_deadline(state), UINT64_MAX);
        return state;
}

static void write_irq(struct fixture *f, unsigned irq, const char *actions, const char *configured,
                      const char *effective) {
        char path[128];

        (void)snprintf(path, sizeof(path), "proc/irq/%u/smp_affinity_list", irq);
        temp_tree_write(&f->tree, path, configured);
        (void)snprintf(path, sizeof(path), "proc/irq/%u/effective_affinity_list", irq);
        if (effective)
                temp_tree_write(&f->tree, path, effective);
        (void)snprintf(path, sizeof(path), "sys/kernel/irq/%u/actions", irq);
        temp_tree_write(&f->tree, path, actions);
}

static void remove_irq(struct fixture *f, unsigned irq) {
        static const char *const files[] = { "smp_affinity_list", "effective_affinity_list" };
        char path[128];

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(path, sizeof(path), "proc/irq/%u/%s", irq, files[i]);
                assert_int_equal(unlinkat(f->tree.fd, path, 0), 0);
        }
        (void)snprintf(path, sizeof(path), "proc/irq/%u", irq);
        assert_int_equal(unlinkat(f->tree.fd, path, AT_REMOVEDIR), 0);
}

static void write_balancer(struct fixture *f, const char *comm) {
        temp_tree_write(&f->tree, "proc/1/comm", comm);
        temp_tree_write(&f->tree, "proc/1/ns/x", "");
        assert_int_equal(symlinkat("net:[100]", f->tree.fd, "proc/1/ns/net"), 0);
        assert_int_equal(symlinkat("1", f->tree.fd, "proc/self"), 0);
}

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){ .sink.add = keep_event, .now_ns = 1000 * NSEC_PER_SEC };
        temp_tree_init(&f.tree);
        temp_tree_write(&f.tree, "sys/devices/system/cpu/online", "0-3\n");
        write_irq(&f, 24, "eth0-TxRx-0\n", "0-3\n", "1\n");
        write_irq(&f, 25, "eth0-TxRx-1\n", "2\n", "2\n");
        f.collector = open_collector(f.tree.fd);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        forget_events(f);
        batch_done(&f->batch);
        assert_null(ops->close(f->collector));
        temp_tree_done(&f->tree);
        return 0;
}

/* One pass, ten seconds after the last; then its events, as the runner would. */
static void pass(struct fixture *f) {
        batch_clear(&f->batch);
        f->now_ns += 10 * NSEC_PER_SEC;
        f->batch.stamp =
                (struct stamp){ .monotonic_ns = f->now_ns, .realtime_us = f->now_ns / NSEC_PER_USEC };
        assert_int_equal(ops->sample(f->collector, &f->batch), 0);
        if (ops->next_deadline(f->collector) != UINT64_MAX)
                assert_int_equal(ops->dispatch(f->collector, &f->sink), 0);
        assert_int_equal(ops->next_deadline(f->collector), UINT64_MAX);
}

static void dump_row(FILE *file, const struct batch *batch, const struct batch_row *row) {
        const struct metric_desc *metric = &ops->metrics[row->metric];

        fprintf(file, "%s{", metric->name);
        if (metric->row_name)
                fprintf(file, "%s=\"%s\"", metric->row_name, row->key.name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (row->key.labels[i])
                        fprintf(file, ",%s=\"%s\"", metric->labels[i], row->key.labels[i]);
        fputc('}', file);
        for (size_t i = row->first_cell; i < row->first_cell + row->n_cells; i++)
                if (batch->cells[i].cpu == CPU_NONE)
                        fprintf(file, " -=%llu", (unsigned long long)batch->cells[i].value);
                else
                        fprintf(file, " %i=%llu", batch->cells[i].cpu,
                                (unsigned long long)batch->cells[i].value);
        fputc('\n', file);
}

/* The caller frees. */
static char *dump(const struct batch *batch) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        for (size_t i = 0; i < batch->n_rows; i++)
                dump_row(file, batch, &batch->rows[i]);
        assert_int_equal(fclose(file), 0);
        return text;
}

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in the order of their bytes, for what comes in the order of a directory. The caller frees. */
static char *sort_lines(char *text) {
        char *lines[4096], *sorted = NULL, *save = NULL;
        size_t n = 0, size = 0;
        FILE *file = open_memstream(&sorted, &size);

        assert_non_null(file);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                assert_true(n < ELEMENTSOF(lines));
                lines[n++] = line;
        }
        qsort(lines, n, sizeof(*lines), compare_lines);
        for (size_t i = 0; i < n; i++)
                fprintf(file, "%s\n", lines[i]);
        assert_int_equal(fclose(file), 0);
        return sorted;
}

static void assert_dump(const struct fixture *f, const char *expected) {
        _cleanup_(freep) char *text = dump(&f->batch);

        assert_string_equal(text, expected);
}

static int open_machine(const char *name) {
        _cleanup_(freep) char *path = NULL;
        int fd;

        assert_true(asprintf(&path, "%s/%s", getenv("IRQWATCH_BIG_FIXTURES"), name) > 0);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                fail_msg("%s: %s", path, strerror(errno));
        return fd;
}

static void test_machine(void **state) {
        _cleanup_(text_buffer_done) struct text_buffer expected = {};
        _cleanup_(closep) int root_fd = open_machine("x86-irqs");
        _cleanup_(batch_done) struct batch batch = {};
        void *collector = open_collector(root_fd);

        assert_int_equal(text_buffer_read(&expected, root_fd, "expected/affinity", SIZE_MAX), 0);
        for (unsigned i = 0; i < 8; i++) {
                _cleanup_(freep) char *text = NULL, *sorted = NULL;

                batch_clear(&batch);
                assert_int_equal(ops->sample(collector, &batch), 0);
                text = dump(&batch);
                sorted = sort_lines(text);
                assert_string_equal(sorted, expected.data);
                assert_int_equal(ops->next_deadline(collector), UINT64_MAX); /* nothing changed */
        }
        assert_null(ops->close(collector));
}

static void assert_text(const struct event *event, const char *name, const char *expected) {
        const struct evidence *evidence = event_find_evidence(event, name);

        if (!expected) {
                assert_null(evidence);
                return;
        }
        assert_non_null(evidence);
        assert_int_equal(evidence->type, EVIDENCE_STRING);
        assert_string_equal(evidence->string, expected);
}

static void assert_cpus(const struct event *event, const char *name, const char *expected) {
        const struct evidence *evidence = event_find_evidence(event, name);
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        _cleanup_(freep) char *text = NULL;

        if (!expected) {
                assert_null(evidence);
                return;
        }
        assert_non_null(evidence);
        assert_int_equal(evidence->type, EVIDENCE_INTEGERS);
        for (size_t i = 0; i < evidence->n_integers; i++)
                assert_int_equal(cpu_set_add(&cpus, (int)evidence->integers[i]), 0);
        assert_int_equal(cpu_list_format(&cpus, &text), 0);
        assert_string_equal(text, expected);
}

static uint64_t single(const struct fixture *f, const char *metric) {
        for (size_t i = 0; i < f->batch.n_rows; i++)
                if (strcmp(ops->metrics[f->batch.rows[i].metric].name, metric) == 0)
                        return f->batch.cells[f->batch.rows[i].first_cell].value;

        return UINT64_MAX; /* not known */
}

/* Somebody wrote to smp_affinity. */
static void test_configured(void **state) {
        struct fixture *f = *state;
        const struct event *event;

        pass(f);
        assert_int_equal(f->n_events, 0); /* the first values are no change */
        pass(f);
        assert_int_equal(f->n_events, 0);

        write_irq(f, 24, "eth0-TxRx-0\n", "3\n", "3\n");
        pass(f);
        assert_int_equal(f->n_events, 1);
        event = f->events[0];
        assert_int_equal(event->kind, EVENT_AFFINITY);
        assert_int_equal(event->cpu, CPU_NONE);
        assert_false(event->has_duration);
        assert_int_equal(event->monotonic_ns, f->now_ns);
        assert_int_equal(event->time_us, f->now_ns / NSEC_PER_USEC);
        assert_string_equal(event->culprit, "IRQ 24 eth0-TxRx-0");
        assert_int_equal(event_find_evidence(event, "irq")->integer, 24);
        assert_int_equal(event_find_evidence(event, "sinceReadingNsec")->integer, 10 * NSEC_PER_SEC);
        assert_text(event, "name", "eth0-TxRx-0");
        assert_text(event, "cause", "configured");
        assert_text(event, "device", NULL);
        assert_text(event, "irqbalance", NULL); /* there are no processes to ask */
        assert_cpus(event, "oldCpus", "0-3");
        assert_cpus(event, "newCpus", "3");
        assert_cpus(event, "oldEffectiveCpus", "1");
        assert_cpus(event, "newEffectiveCpus", "3");
        assert_cpus(event, "offlineCpus", NULL);

        pass(f);
        assert_int_equal(f->n_events, 1); /* told once */
}

/* The kernel moved it because a CPU went offline. */
static void test_effective(void **state) {
        struct fixture *f = *state;

        write_balancer(f, "irqbalance\n");
        pass(f);
        assert_int_equal(single(f, "irqbalance"), 1);
        assert_int_equal(single(f, "namespaces"), 0);
        write_irq(f, 24, "eth0-TxRx-0\n", "0-3\n", "0\n");
        temp_tree_write(&f->tree, "sys/devices/system/cpu/online", "0,2-3\n");
        pass(f);
        assert_int_equal(f->n_events, 1);
        assert_text(f->events[0], "cause", "effective");
        assert_text(f->events[0], "irqbalance", "running");
        assert_cpus(f->events[0], "oldCpus", "1");
        assert_cpus(f->events[0], "newCpus", "0");
        assert_cpus(f->events[0], "oldEffectiveCpus", NULL);
        assert_cpus(f->events[0], "offlineCpus", "1");
}

/* A CPU that an interrupt left gets its zero, for as long as the row lives; and may come back. */
static void test_cells(void **state) {
        struct fixture *f = *state;

        pass(f);
        assert_dump(f, "affinity{irq=\"24\"} 0=1 1=1 2=1 3=1\neffective-affinity{irq=\"24\"} 1=1\n"
                       "affinity{irq=\"25\"} 2=1\neffective-affinity{irq=\"25\"} 2=1\n");
        write_irq(f, 25, "eth0-TxRx-1\n", "0\n", "0\n");
        for (unsigned i = 0; i < 2; i++) {
                pass(f);
                assert_dump(f, "affinity{irq=\"24\"} 0=1 1=1 2=1 3=1\neffective-affinity{irq=\"24\"} 1=1\n"
                               "affinity{irq=\"25\"} 0=1 2=0\neffective-affinity{irq=\"25\"} 0=1 2=0\n");
        }
        write_irq(f, 25, "eth0-TxRx-1\n", "2\n", "\n");
        pass(f);
        assert_dump(f, "affinity{irq=\"24\"} 0=1 1=1 2=1 3=1\neffective-affinity{irq=\"24\"} 1=1\n"
                       "affinity{irq=\"25\"} 0=0 2=1\neffective-affinity{irq=\"25\"} 0=0 2=0\n");
        assert_int_equal(f->n_events, 2);
        assert_cpus(f->events[1], "newEffectiveCpus", ""); /* shut down */
}

/* On large machines "all" is one value. */
static void test_many_cpus(void **state) {
        struct fixture *f = *state;

        temp_tree_write(&f->tree, "sys/devices/system/cpu/online", "0-99,101-127\n");
        write_irq(f, 24, "x\n", "0-127\n", "100\n");
        write_irq(f, 25, "y\n", "0,5\n", "5\n");
        pass(f);
        assert_dump(f, "affinity{irq=\"24\"} -=1\neffective-affinity{irq=\"24\"} 100=1\n"
                       "affinity{irq=\"25\"} 0=1 5=1\neffective-affinity{irq=\"25\"} 5=1\n");
        write_irq(f, 24, "x\n", "7\n", "7\n");
        pass(f);
        assert_int_equal(f->n_events, 1);
        assert_cpus(f->events[0], "oldCpus", "0-127");
        assert_dump(f, "affinity{irq=\"24\"} -=0 7=1\neffective-affinity{irq=\"24\"} 7=1 100=0\n"
                       "affinity{irq=\"25\"} 0=1 5=1\neffective-affinity{irq=\"25\"} 5=1\n");
}

/* What goes away and comes back is new, with whatever affinity. */
static void test_hotplug(void **state) {
        struct fixture *f = *state;

        pass(f);
        remove_irq(f, 24);
        pass(f);
        assert_dump(f, "affinity{irq=\"25\"} 2=1\neffective-affinity{irq=\"25\"} 2=1\n");
        write_irq(f, 24, "eth0-TxRx-0\n", "3\n", "3\n");
        write_irq(f, 7, "early\n", "1\n", "1\n");
        pass(f);
        assert_int_equal(f->batch.n_rows, 6);
        assert_string_equal(f->batch.rows[0].key.name, "7");
        assert_string_equal(f->batch.rows[2].key.name, "24");
        assert_string_equal(f->batch.rows[4].key.name, "25");
        assert_int_equal(f->n_events, 0);
}

/* Between two passes the number went to somebody else. */
static void test_reused_number(void **state) {
        struct fixture *f = *state;

        pass(f);
        write_irq(f, 24, "nvme0q1\n", "3\n", "3\n");
        pass(f);
        assert_int_equal(f->n_events, 0);
        assert_dump(f, "affinity{irq=\"24\",device=\"nvme0\",queue=\"1\",kind=\"block\"} 3=1\n"
                       "effective-affinity{irq=\"24\",device=\"nvme0\",queue=\"1\",kind=\"block\"} 3=1\n"
                       "affinity{irq=\"25\"} 2=1\neffective-affinity{irq=\"25\"} 2=1\n");
        write_irq(f, 24, "nvme0q1\n", "2\n", "2\n");
        pass(f);
        assert_int_equal(f->n_events, 1); /* and from then on it is watched */
        assert_text(f->events[0], "device", "nvme0");
        assert_text(f->events[0], "queue", "1");
        assert_cpus(f->events[0], "oldCpus", "3");
}

/* An interface that is taken down frees its interrupts and keeps their numbers. */
static void test_no_handler(void **state) {
        struct fixture *f = *state;

        pass(f);
        write_irq(f, 24, "\n", "3\n", "0\n");
        pass(f);
        assert_int_equal(f->batch.n_rows, 2);
        write_irq(f, 24, "\n", "2\n", "2\n");
        pass(f);
        write_irq(f, 24, "eth0-TxRx-0\n", "0\n", "0\n");
        pass(f);
        assert_int_equal(f->batch.n_rows, 4);
        assert_int_equal(f->n_events, 0);
}

/* Kernels without effective affinities have no such file. */
static void test_no_effective(void **state) {
        struct fixture *f = *state;

        write_irq(f, 30, "gpio\n", "0-3\n", NULL);
        pass(f);
        assert_int_equal(f->batch.n_rows, 5);
        write_irq(f, 30, "gpio\n", "1\n", NULL);
        temp_tree_write(&f->tree, "sys/devices/system/cpu/online", "1-3\n");
        pass(f);
        assert_int_equal(f->n_events, 1);
        assert_cpus(f->events[0], "newCpus", "1");
        assert_cpus(f->events[0], "newEffectiveCpus", NULL);
        assert_cpus(f->events[0], "offlineCpus", "0");
}

/* Of many interrupts some take their turn in each pass: every change is told once, none is dropped, and each says
 * how long ago its own reading before was. */
static void test_many_changes(void **state) {
        enum { IRQS = 600, FIRST = 100 };
        struct fixture *f = *state;
        struct collector_info info = {};
        bool seen[IRQS] = {};
        size_t n;

        for (unsigned irq = FIRST; irq < FIRST + IRQS; irq++)
                write_irq(f, irq, "x\n", "0\n", "0\n");
        pass(f);
        for (unsigned irq = FIRST; irq < FIRST + IRQS; irq++)
                write_irq(f, irq, "x\n", "1\n", "1\n");
        pass(f);
        n = f->n_events;
        assert_true(n > 0 && n < IRQS);
        pass(f);
        assert_int_equal(f->n_events, IRQS);
        for (size_t i = 0; i < f->n_events; i++) {
                const struct evidence *irq = event_find_evidence(f->events[i], "irq");

                assert_non_null(irq);
                assert_false(seen[irq->integer - FIRST]);
                assert_int_equal(event_find_evidence(f->events[i], "sinceReadingNsec")->integer,
                                 (i < n ? 10 : 20) * (int64_t)NSEC_PER_SEC);
                seen[irq->integer - FIRST] = true;
        }
        assert_int_equal(ops->describe(f->collector, &info), 0);
        assert_string_equal(info.counters[1].name, "changes");
        assert_int_equal(info.counters[1].value, IRQS);
        assert_string_equal(info.counters[2].name, "changesDropped");
        assert_int_equal(info.counters[2].value, 0);
        pass(f);
        assert_int_equal(f->n_events, IRQS);
}

/* RPS is set, changed and taken back; masks are read on every sixth pass. */
static void test_queues(void **state) {
        struct fixture *f = *state;
        static const char path[] = "sys/class/net/veth0/queues/rx-0/rps_cpus";

        temp_tree_write(&f->tree, path, "0\n");
        temp_tree_write(&f->tree, "sys/class/net/veth0/queues/tx-0/byte_queue_limits/limit", "1\n");
        for (unsigned i = 0; i < 6; i++)
                pass(f);
        assert_int_equal(f->batch.n_rows, 4);

        temp_tree_write(&f->tree, path, "00000000,00000009\n");
        pass(f);
        assert_int_equal(f->batch.n_rows, 5);
        assert_string_equal(f->batch.rows[4].key.name, "veth0/rx-0");
        assert_string_equal(ops->metrics[f->batch.rows[4].metric].name, "rps");
        assert_int_equal(f->batch.rows[4].n_cells, 2);
        assert_int_equal(f->batch.cells[f->batch.n_cells - 1].cpu, 3);

        temp_tree_write(&f->tree, path, "0\n");
        for (unsigned i = 0; i < 6; i++)
                pass(f);
        assert_int_equal(f->batch.rows[4].n_cells, 2); /* two zeros */
        assert_int_equal(f->batch.cells[f->batch.n_cells - 1].value, 0);
}

static void test_isolated(void **state) {
        struct fixture *f = *state;

        temp_tree_write(&f->tree, "sys/devices/system/cpu/isolated", "2\n");
        temp_tree_write(&f->tree, "sys/devices/system/cpu/nohz_full", "(null)\n");
        pass(f);
        assert_int_equal(single(f, "isolated"), 1);
        assert_int_equal(f->batch.cells[f->batch.n_cells - 1].cpu, 2);
        temp_tree_write(&f->tree, "sys/devices/system/cpu/isolated", "\n");
        pass(f);
        assert_int_equal(single(f, "isolated"), 0);
}

/* A list that cannot be read as one is a gap, not an empty set. */
static void test_garbled(void **state) {
        struct fixture *f = *state;

        pass(f);
        write_irq(f, 24, "eth0-TxRx-0\n", "0-\n", "1\n");
        assert_true(ops->sample(f->collector, &f->batch) < 0);
        assert_int_equal(f->batch.n_rows, 0);
        write_irq(f, 24, "eth0-TxRx-0\n", "0-3\n", "1\n");
        pass(f);
        assert_int_equal(f->batch.n_rows, 4);
        assert_int_equal(f->n_events, 0);
}

static void test_probe(void **state) {
        struct temp_tree tree;
        struct collector_env env;
        const char *reason = NULL;
        void *collector = NULL;

        temp_tree_init(&tree);
        env = (struct collector_env){ .root_fd = tree.fd, .is_fixture = true };
        assert_int_equal(ops->probe(&env, &reason), -EOPNOTSUPP);
        assert_non_null(strstr(reason, "/proc/irq"));
        temp_tree_write(&tree, "proc/irq/default_smp_affinity", "f\n");
        assert_int_equal(ops->probe(&env, &reason), -EOPNOTSUPP);
        assert_non_null(strstr(reason, "CONFIG_SPARSE_IRQ"));
        assert_true(ops->open(&env, &collector) < 0);
        assert_null(collector);
        temp_tree_done(&tree);
}

static void check_no_memory(int root_fd, unsigned nth, bool *ret_reached) {
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
        assert_true(*ret_reached == (batch.n_rows == 0));
        assert_null(ops->close(collector));
}

static void test_no_memory(void **state) {
        struct fixture *f = *state;
        bool reached = true;
        unsigned nth;

        write_balancer(f, "init\n");
        temp_tree_write(&f->tree, "sys/class/net/veth0/queues/rx-0/rps_cpus", "3\n");
        temp_tree_write(&f->tree, "sys/bus/pci/devices/0000:00:03.0/msi_irqs/24", "msix\n");
        temp_tree_write(&f->tree, "sys/devices/system/cpu/isolated", "2\n");
        assert_int_equal(
                symlinkat("../../devices/pci0000:00/0000:00:03.0/net/eth0", f->tree.fd, "sys/class/net/eth0"),
                0);
        for (nth = 1; reached; nth++)
                check_no_memory(f->tree.fd, nth, &reached);
        assert_true(nth > 20);
}

/* A change for which there is no memory. */
static void test_no_memory_for_change(void **state) {
        struct fixture *f = *state;
        bool reached = true;

        pass(f);
        for (unsigned nth = 1, cpu = 0; reached; nth++) {
                char list[8];

                (void)snprintf(list, sizeof(list), "%u\n", ++cpu % 4);
                write_irq(f, 24, "eth0-TxRx-0\n", list, list);
                alloc_fail_at(nth);
                batch_clear(&f->batch);
                (void)ops->sample(f->collector, &f->batch); /* fails or not: it must go on */
                reached = alloc_fail_end();
                (void)ops->dispatch(f->collector, &f->sink);
        }
        forget_events(f);
        pass(f);
        assert_int_equal(f->batch.n_rows, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_machine),
                TEST(test_configured),
                TEST(test_effective),
                TEST(test_cells),
                TEST(test_many_cpus),
                TEST(test_hotplug),
                TEST(test_reused_number),
                TEST(test_no_handler),
                TEST(test_no_effective),
                TEST(test_many_changes),

                TEST(test_queues),
                TEST(test_isolated),
                TEST(test_garbled),
                cmocka_unit_test(test_probe),
                TEST(test_no_memory),
                TEST(test_no_memory_for_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
