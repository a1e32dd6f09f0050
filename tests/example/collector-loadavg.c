/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The example of CONTRIBUTING.md: a whole collector in one file. Reads /proc/loadavg: how many tasks run or
 * wait for a CPU, and how many there are. Real ones are in daemon/collect/ and are named in registry.c; this
 * one is built by its test only (tests/unit/test-example-collector.c).
 */

#include "tests/example/collector-loadavg.h"

#include <stdio.h>

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/proc-file.h"

#define LOADAVG_PATH "proc/loadavg"

enum { FILE_MAX = 256 };

/* 1. What it measures: names, units, and what a difference of two values means. */
enum {
        METRIC_RUNNABLE,
        METRIC_TASKS,
        _METRIC_MAX,
};

static const struct metric_desc loadavg_metrics[] = {
        [METRIC_RUNNABLE] = {
                .name = "runnable",
                .unit = "1",
                .help = "Tasks that run or wait for a CPU",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_TASKS] = {
                .name = "tasks",
                .unit = "1",
                .help = "Tasks that exist",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(loadavg_metrics) == _METRIC_MAX, "one description per metric");

/* 2. Its section of irqwatchd.conf. "enabled" and "interval" every collector has. */
static const struct setting_desc loadavg_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the number of runnable tasks is read"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/loadavg"),
};

static const struct config_section loadavg_section = {
        .name = "loadavg",
        .settings = loadavg_settings,
        .n_settings = ELEMENTSOF(loadavg_settings),
};

/* 3. Can it run here? If not, the reason is shown by "irqctl status"; the daemon goes on without it. */
static int loadavg_probe(const struct collector_env *env, const char **ret_reason) {
        return proc_file_probe(env->root_fd, LOADAVG_PATH, "there is no /proc/loadavg: proc is not mounted",
                               "/proc/loadavg may not be read: run as root", ret_reason);
}

/* 4. What it keeps between two passes. close() takes NULL and half-built objects. */
static void *loadavg_close(void *state) {
        struct proc_file *file = state;

        if (!file)
                return NULL;

        proc_file_done(file);
        free(file);
        return NULL;
}
DEFINE_CLEANUP(struct proc_file *, loadavg_close)

static int loadavg_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(loadavg_closep) struct proc_file *file = NULL;
        int r;

        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        file->fd = -EBADF;

        r = proc_file_open(file, env->root_fd, LOADAVG_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(file);
        return 0;
}

/* 5. One pass: all values or none. Differences, rates and findings are the business of others. */
static int loadavg_fill(struct proc_file *file, struct batch *batch) {
        unsigned long long runnable, tasks;
        char text[FILE_MAX + 1];
        int r;

        r = proc_file_read(file);
        if (r < 0)
                return r;

        (void)snprintf(text, sizeof(text), "%.*s", (int)file->buffer.size, file->buffer.data);
        /* fs/proc/loadavg.c: three averages, runnable/all, the newest pid */
        if (sscanf(text, "%*f %*f %*f %llu/%llu", &runnable, &tasks) != 2)
                return -EBADMSG;

        r = batch_add_single(batch, METRIC_RUNNABLE, "", runnable);
        return r < 0 ? r : batch_add_single(batch, METRIC_TASKS, "", tasks);
}

static int loadavg_sample(void *state, struct batch *batch) {
        int r;

        r = loadavg_fill(state, batch);
        if (r < 0)
                batch_clear(batch);
        return r;
}

/* 6. The one thing that others see. */
const struct collector_ops collector_loadavg = {
        .name = "loadavg",
        .summary = "Tasks that run or wait for a CPU",
        .section = &loadavg_section,
        .metrics = loadavg_metrics,
        .n_metrics = ELEMENTSOF(loadavg_metrics),
        .probe = loadavg_probe,
        .open = loadavg_open,
        .sample = loadavg_sample,
        .close = loadavg_close,
};
