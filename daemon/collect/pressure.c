/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/pressure/irq: how long all runnable tasks of a CPU were held up by interrupts and
 * softirqs, as the kernel's pressure stall information has it, summed up over all CPUs.
 */

#include <fcntl.h>

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-pressure.h"
#include "daemon/collect/registry.h"

#define PRESSURE_PATH "proc/pressure/irq"

enum { FILE_MAX = 4096 };

enum {
        METRIC_IRQ_STALL,
        _METRIC_MAX,
};

static const struct metric_desc pressure_metrics[] = {
        [METRIC_IRQ_STALL] = {
                .name = "irq-stall",
                .unit = "ns",
                .help = "Time in which interrupts and softirqs held up all runnable tasks of a CPU",
                .type = METRIC_COUNTER,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(pressure_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc pressure_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the pressure of interrupts is read"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/pressure/irq"),
};

static const struct config_section pressure_section = {
        .name = "pressure",
        .settings = pressure_settings,
        .n_settings = ELEMENTSOF(pressure_settings),
};

struct pressure {
        struct proc_file file;
};

/* Some kernels have the file where it cannot be read: psi_show() and psi_open(), kernel/sched/psi.c. */
static int pressure_try(int root_fd) {
        _cleanup_(closep) int fd = openat(root_fd, PRESSURE_PATH, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        char c;

        if (fd < 0)
                return -errno;

        return read(fd, &c, sizeof(c)) < 0 ? -errno : 0;
}

static int pressure_probe(const struct collector_env *env, const char **ret_reason) {
        int r;

        r = pressure_try(env->root_fd);
        if (r != -EOPNOTSUPP && r != -ENOSYS)
                return proc_file_probe(
                        env->root_fd, PRESSURE_PATH,
                        "there is no /proc/pressure/irq: it needs Linux 6.1 or newer with CONFIG_PSI "
                        "and CONFIG_IRQ_TIME_ACCOUNTING, and psi=1 on the kernel's command line where "
                        "PSI is off by default",
                        "/proc/pressure/irq may not be read: run as root", ret_reason);

        *ret_reason =
                "/proc/pressure/irq is switched off: boot with psi=1, and with a clock that can be used for "
                "interrupt time (no tsc=noirqtime)";
        return -EOPNOTSUPP;
}

static void *pressure_close(void *state) {
        struct pressure *pressure = state;

        if (!pressure)
                return NULL;

        proc_file_done(&pressure->file);
        free(pressure);
        return NULL;
}
DEFINE_CLEANUP(struct pressure *, pressure_close)

static int pressure_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(pressure_closep) struct pressure *pressure = NULL;
        int r;

        pressure = calloc(1, sizeof(*pressure));
        if (!pressure)
                return -ENOMEM;
        pressure->file.fd = -EBADF;

        r = proc_file_open(&pressure->file, env->root_fd, PRESSURE_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(pressure);
        return 0;
}

static int pressure_fill(struct pressure *pressure, struct batch *batch) {
        uint64_t total_us, total_ns;
        int r;

        r = proc_file_read(&pressure->file);
        if (r >= 0)
                r = proc_pressure_parse(pressure->file.buffer.data, pressure->file.buffer.size, &total_us);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(total_us, NSEC_PER_USEC, &total_ns))
                return -EBADMSG;

        return batch_add_single(batch, METRIC_IRQ_STALL, "", total_ns);
}

static int pressure_sample(void *state, struct batch *batch) {
        int r;

        r = pressure_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int pressure_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled and interval are the caller's business */
}

const struct collector_ops collector_pressure = {
        .name = "pressure",
        .summary = "Time in which interrupts held up tasks",
        .section = &pressure_section,
        .metrics = pressure_metrics,
        .n_metrics = ELEMENTSOF(pressure_metrics),
        .probe = pressure_probe,
        .open = pressure_open,
        .sample = pressure_sample,
        .reconfigure = pressure_reconfigure,
        .close = pressure_close,
};
