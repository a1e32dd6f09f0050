/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/stat: where each CPU spent its time. Without CONFIG_IRQ_TIME_ACCOUNTING (or
 * VIRT_CPU_ACCOUNTING) the kernel tells these modes apart by looking once per tick, and irq stays near zero.
 * The kernel writes the counts of all interrupts behind the CPUs whether they are wanted or not, in
 * proportion to IRQs times CPUs: "budget" is what the caller lets that cost.
 */

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-stat.h"
#include "daemon/collect/registry.h"

#define STAT_PATH "proc/stat"

enum {
        FILE_MAX = 8 * 1024 * 1024
}; /* CPU_LIMIT lines of 200 bytes, tens of thousands of interrupts, and room */

/* Times of a CPU may go backwards by little: iowait and idle are guessed at when they are read
 * (get_iowait_time(), fs/proc/stat.c; "iowait ... may decrease", Documentation/filesystems/proc.rst). More
 * than that is a counter that began anew, as idle did when a CPU came back before Linux 6.9. */
#define BACKWARDS_MAX_NS (5 * NSEC_PER_SEC)

enum {
        METRIC_CPU_TIME,
        _METRIC_MAX,
};

static const struct metric_desc cpu_metrics[] = {
        [METRIC_CPU_TIME] = {
                .name = "cpu-time",
                .unit = "ns",
                .help = "Time spent per mode; user includes guest",
                .row_name = "mode",
                .type = METRIC_COUNTER,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(cpu_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc cpu_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the CPUs' time per mode is read"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/stat"),
        COLLECTOR_SETTING_BUDGET,
};

static const struct config_section cpu_section = {
        .name = "cpu",
        .settings = cpu_settings,
        .n_settings = ELEMENTSOF(cpu_settings),
};

struct cpu {
        struct proc_file file;
        struct cpu_columns times;
        uint64_t (*latest)[_CPU_MODE_MAX]; /* by CPU id, in ns: what was delivered last */
        size_t n_latest;
        uint64_t tick_ns;
};

static int cpu_probe(const struct collector_env *env, const char **ret_reason) {
        return proc_file_probe(env->root_fd, STAT_PATH, "there is no /proc/stat: mount proc on /proc",
                               "/proc/stat may not be read: run as root", ret_reason);
}

static void *cpu_close(void *state) {
        struct cpu *cpu = state;

        if (!cpu)
                return NULL;

        proc_file_done(&cpu->file);
        cpu_columns_done(&cpu->times);
        free(cpu->latest);
        free(cpu);
        return NULL;
}
DEFINE_CLEANUP(struct cpu *, cpu_close)

static int cpu_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(cpu_closep) struct cpu *cpu = NULL;
        long user_hz = sysconf(_SC_CLK_TCK);
        int r;

        assert(user_hz > 0); /* a constant of the C library's port */

        cpu = calloc(1, sizeof(*cpu));
        if (!cpu)
                return -ENOMEM;
        cpu->file.fd = -EBADF;
        cpu->times.n_columns = _CPU_MODE_MAX;
        cpu->tick_ns = NSEC_PER_SEC / (uint64_t)user_hz;

        r = proc_file_open(&cpu->file, env->root_fd, STAT_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(cpu);
        return 0;
}

static int cpu_reserve_latest(struct cpu *cpu, size_t n) {
        uint64_t(*latest)[_CPU_MODE_MAX];

        if (n <= cpu->n_latest)
                return 0;

        latest = reallocarray(cpu->latest, n, sizeof(*latest));
        if (!latest)
                return -ENOMEM;

        memset(latest + cpu->n_latest, 0, (n - cpu->n_latest) * sizeof(*latest));
        cpu->latest = latest;
        cpu->n_latest = n;
        return 0;
}

/* Ticks to nanoseconds, in place; a small step backwards stands still until time has caught up. */
static int cpu_convert(struct cpu *cpu, enum cpu_mode mode) {
        uint64_t *values = cpu->times.values[mode];

        for (size_t i = 0; i < cpu->times.n_cpus; i++) {
                uint64_t *latest = &cpu->latest[cpu->times.cpus[i]][mode];

                if (__builtin_mul_overflow(values[i], cpu->tick_ns, &values[i]))
                        return -EBADMSG; /* 584 years of CPU time */
                if (values[i] < *latest && *latest - values[i] <= BACKWARDS_MAX_NS)
                        values[i] = *latest;
        }

        return 0;
}

/* Only what a whole pass delivered counts as delivered. */
static void cpu_remember(struct cpu *cpu) {
        for (size_t i = 0; i < cpu->times.n_cpus; i++)
                for (enum cpu_mode mode = 0; mode < _CPU_MODE_MAX; mode++)
                        cpu->latest[cpu->times.cpus[i]][mode] = cpu->times.values[mode][i];
}

static int cpu_add_rows(struct cpu *cpu, struct batch *batch) {
        int r;

        for (enum cpu_mode mode = 0; mode < _CPU_MODE_MAX; mode++) {
                const struct row_key key = { .name = cpu_mode_to_string(mode) };

                r = cpu_convert(cpu, mode);
                if (r >= 0)
                        r = batch_add_row(batch, METRIC_CPU_TIME, &key);
                if (r >= 0)
                        r = batch_add_cpus(batch, cpu->times.cpus, cpu->times.values[mode],
                                           cpu->times.n_cpus);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int cpu_fill(struct cpu *cpu, struct batch *batch) {
        int r;

        r = proc_file_read(&cpu->file);
        if (r >= 0)
                r = proc_stat_parse(cpu->file.buffer.data, cpu->file.buffer.size, &cpu->times);
        if (r >= 0)
                r = cpu_reserve_latest(cpu, (size_t)cpu->times.cpus[cpu->times.n_cpus - 1] + 1);
        if (r >= 0)
                r = cpu_add_rows(cpu, batch);
        if (r < 0)
                return r;

        cpu_remember(cpu);
        return 0;
}

static int cpu_sample(void *state, struct batch *batch) {
        int r;

        r = cpu_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int cpu_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled, interval and budget are the caller's business */
}

const struct collector_ops collector_cpu = {
        .name = "cpu",
        .summary = "Time per mode and CPU",
        .section = &cpu_section,
        .metrics = cpu_metrics,
        .n_metrics = ELEMENTSOF(cpu_metrics),
        .probe = cpu_probe,
        .open = cpu_open,
        .sample = cpu_sample,
        .reconfigure = cpu_reconfigure,
        .close = cpu_close,
};
