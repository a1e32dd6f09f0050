/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of the threads ksoftirqd/N: how long each ran, and how long it had to wait for its CPU with
 * softirqs pending. They take over when softirqs come faster than the end of an interrupt may handle them.
 */

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/cpu-columns.h"
#include "daemon/collect/ksoftirqd-threads.h"
#include "daemon/collect/online-cpus.h"
#include "daemon/collect/registry.h"

enum { SEARCH_EVERY = 60 }; /* passes between two searches for a thread that does not show up */

enum {
        METRIC_CPU_TIME,
        METRIC_RUN_DELAY,
        _METRIC_MAX,
};

static const struct metric_desc ksoftirqd_metrics[] = {
        [METRIC_CPU_TIME] = {
                .name = "cpu-time",
                .unit = "ns",
                .help = "Time that ksoftirqd ran",
                .type = METRIC_COUNTER,
                .width_bits = 64,
        },
        [METRIC_RUN_DELAY] = {
                .name = "run-delay",
                .unit = "ns",
                .help = "Time that ksoftirqd was runnable and waited for its CPU",
                .type = METRIC_COUNTER,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(ksoftirqd_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc ksoftirqd_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the CPU time of the ksoftirqd threads is read"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/PID/schedstat"),
};

static const struct config_section ksoftirqd_section = {
        .name = "ksoftirqd",
        .settings = ksoftirqd_settings,
        .n_settings = ELEMENTSOF(ksoftirqd_settings),
};

struct ksoftirqd {
        int root_fd; /* borrowed */
        struct online_cpus online;
        struct ksoftirqd_threads threads;
        struct cpu_set searched; /* the online CPUs of the last search */
        unsigned n_passes_since; /* then */
        size_t n_missing;        /* online CPUs without a thread, in the latest pass */
        uint64_t n_searches;
        struct cpu_columns times; /* by metric */
};

static void *ksoftirqd_close(void *state) {
        struct ksoftirqd *ksoftirqd = state;

        if (!ksoftirqd)
                return NULL;

        online_cpus_done(&ksoftirqd->online);
        ksoftirqd_threads_done(&ksoftirqd->threads);
        cpu_set_done(&ksoftirqd->searched);
        cpu_columns_done(&ksoftirqd->times);
        free(ksoftirqd);
        return NULL;
}
DEFINE_CLEANUP(struct ksoftirqd *, ksoftirqd_close)

static int ksoftirqd_search(struct ksoftirqd *ksoftirqd) {
        int r;

        r = cpu_set_copy(&ksoftirqd->searched, &ksoftirqd->online.set);
        if (r < 0)
                return r;

        ksoftirqd->n_passes_since = 0;
        ksoftirqd->n_searches++;
        return ksoftirqd_threads_find(&ksoftirqd->threads, ksoftirqd->root_fd, &ksoftirqd->online.set);
}

static int ksoftirqd_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(ksoftirqd_closep) struct ksoftirqd *ksoftirqd = NULL;
        int r;

        ksoftirqd = calloc(1, sizeof(*ksoftirqd));
        if (!ksoftirqd)
                return -ENOMEM;
        ksoftirqd->root_fd = env->root_fd;
        ksoftirqd->online = ONLINE_CPUS_CLOSED;
        ksoftirqd->times.n_columns = _METRIC_MAX;

        r = online_cpus_open(&ksoftirqd->online, env->root_fd);
        if (r >= 0)
                r = online_cpus_read(&ksoftirqd->online);
        if (r >= 0)
                r = ksoftirqd_search(ksoftirqd);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(ksoftirqd);
        return 0;
}

static int ksoftirqd_probe(const struct collector_env *env, const char **ret_reason) {
        _cleanup_(ksoftirqd_closep) struct ksoftirqd *ksoftirqd = NULL;
        void *state = NULL;
        int r;

        r = online_cpus_probe(env->root_fd, ret_reason);
        if (r >= 0)
                r = ksoftirqd_open(env, &state);
        if (r < 0)
                return r;

        ksoftirqd = state;
        if (ksoftirqd_threads_missing(&ksoftirqd->threads, &ksoftirqd->online.set) <
            cpu_set_count(&ksoftirqd->online.set))
                return 0;

        *ret_reason = "no ksoftirqd thread with a schedstat is to be seen: run irqwatchd in the host's PID "
                      "namespace, "
                      "without hidepid, on a kernel with CONFIG_SCHED_INFO";
        return -EOPNOTSUPP;
}

/* Looks for threads that are missing: at once when a CPU came, otherwise only now and then. */
static int ksoftirqd_find_missing(struct ksoftirqd *ksoftirqd) {
        bool due;

        ksoftirqd->n_passes_since++;
        if (ksoftirqd_threads_missing(&ksoftirqd->threads, &ksoftirqd->online.set) == 0)
                return 0;

        due = ksoftirqd->n_passes_since >= SEARCH_EVERY ||
              !cpu_set_equal(&ksoftirqd->searched, &ksoftirqd->online.set);
        return due ? ksoftirqd_search(ksoftirqd) : 0;
}

/* Reads all threads of online CPUs. 1: one of them is gone. */
static int ksoftirqd_read(struct ksoftirqd *ksoftirqd) {
        const struct cpu_set *online = &ksoftirqd->online.set;
        struct proc_schedstat schedstat;
        bool gone = false;
        int r;

        cpu_columns_clear(&ksoftirqd->times);
        for (int cpu = cpu_set_next(online, 0); cpu >= 0; cpu = cpu_set_next(online, cpu + 1)) {
                uint64_t values[_METRIC_MAX];

                if (!ksoftirqd_threads_have(&ksoftirqd->threads, cpu))
                        continue;

                r = ksoftirqd_threads_read(&ksoftirqd->threads, cpu, &schedstat);
                if (r < 0)
                        return r;
                if (r > 0) {
                        gone = true;
                        continue;
                }

                values[METRIC_CPU_TIME] = schedstat.run_ns;
                values[METRIC_RUN_DELAY] = schedstat.run_delay_ns;
                r = cpu_columns_add(&ksoftirqd->times, cpu, values);
                if (r < 0)
                        return r;
        }

        return gone;
}

static int ksoftirqd_read_all(struct ksoftirqd *ksoftirqd) {
        int r;

        r = online_cpus_read(&ksoftirqd->online);
        if (r >= 0)
                r = ksoftirqd_find_missing(ksoftirqd);
        if (r >= 0)
                r = ksoftirqd_read(ksoftirqd);
        if (r > 0) {
                r = ksoftirqd_search(ksoftirqd);
                if (r >= 0)
                        r = ksoftirqd_read(ksoftirqd);
        }
        if (r < 0)
                return r;

        ksoftirqd->n_missing = ksoftirqd_threads_missing(&ksoftirqd->threads, &ksoftirqd->online.set);
        return ksoftirqd->times.n_cpus > 0 ? 0 : -ENOENT;
}

static int ksoftirqd_fill(struct ksoftirqd *ksoftirqd, struct batch *batch) {
        const struct row_key key = { .name = "" };
        int r;

        r = ksoftirqd_read_all(ksoftirqd);
        for (unsigned metric = 0; r >= 0 && metric < _METRIC_MAX; metric++) {
                r = batch_add_row(batch, metric, &key);
                if (r >= 0)
                        r = batch_add_cpus(batch, ksoftirqd->times.cpus, ksoftirqd->times.values[metric],
                                           ksoftirqd->times.n_cpus);
        }

        return r;
}

static int ksoftirqd_sample(void *state, struct batch *batch) {
        int r;

        r = ksoftirqd_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int ksoftirqd_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled and interval are the caller's business */
}

static const char *ksoftirqd_degraded(void *state) {
        const struct ksoftirqd *ksoftirqd = state;

        return ksoftirqd->n_missing > 0 ? "the ksoftirqd threads of some online CPUs are not to be seen"
                                        : NULL;
}

static int ksoftirqd_describe(void *state, struct collector_info *ret_info) {
        const struct ksoftirqd *ksoftirqd = state;

        *ret_info = (struct collector_info){
                .counters = {
                        { "threadsMissing", ksoftirqd->n_missing },
                        { "searches", ksoftirqd->n_searches },
                },
                .n_counters = 2,
        };
        return 0;
}

const struct collector_ops collector_ksoftirqd = {
        .name = "ksoftirqd",
        .summary = "CPU time and waiting of the ksoftirqd threads",
        .section = &ksoftirqd_section,
        .metrics = ksoftirqd_metrics,
        .n_metrics = ELEMENTSOF(ksoftirqd_metrics),
        .probe = ksoftirqd_probe,
        .open = ksoftirqd_open,
        .sample = ksoftirqd_sample,
        .reconfigure = ksoftirqd_reconfigure,
        .degraded = ksoftirqd_degraded,
        .describe = ksoftirqd_describe,
        .close = ksoftirqd_close,
};
