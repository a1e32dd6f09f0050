/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/net/softnet_stat: what each CPU received from the network in softirq context, what it
 * had to drop because its backlog was full, and how often it stopped with packets left because its budget was
 * used up. The counts are of all network namespaces.
 */

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/online-cpus.h"
#include "daemon/collect/proc-softnet.h"
#include "daemon/collect/registry.h"

#define SOFTNET_PATH "proc/net/softnet_stat"

enum {
        FILE_MAX = 4 * 1024 * 1024, /* CPU_LIMIT lines of 32 columns at most */
};

enum {
        METRIC_SOFTNET,
        METRIC_BACKLOG,
        _METRIC_MAX,
};

static const struct metric_desc softnet_metrics[] = {
        [METRIC_SOFTNET] = {
                .name = "softnet",
                .unit = "1",
                .help = "Packets received in softirq context, dropped, and times its budget was used up",
                .row_name = "counter",
                .type = METRIC_COUNTER,
                .width_bits = 32, /* unsigned int of struct softnet_data, include/linux/netdevice.h */
        },
        [METRIC_BACKLOG] = {
                .name = "backlog",
                .unit = "packets",
                .help = "Packets waiting in the CPU's backlog",
                .type = METRIC_GAUGE,
                .width_bits = 32,
        },
};
_Static_assert(ELEMENTSOF(softnet_metrics) == _METRIC_MAX, "one description per metric");

static const char *const counter_names[] = {
        [SOFTNET_PROCESSED] = "processed",
        [SOFTNET_DROPPED] = "dropped",
        [SOFTNET_TIME_SQUEEZE] = "time_squeeze",
        [SOFTNET_RECEIVED_RPS] = "received_rps",
        [SOFTNET_FLOW_LIMIT_COUNT] = "flow_limit_count",
};
_Static_assert(ELEMENTSOF(counter_names) == SOFTNET_BACKLOG, "one name per counter");

static const struct setting_desc softnet_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether packets processed and dropped per CPU are counted"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/net/softnet_stat"),
};

static const struct config_section softnet_section = {
        .name = "softnet",
        .settings = softnet_settings,
        .n_settings = ELEMENTSOF(softnet_settings),
};

struct softnet {
        struct proc_file file;
        struct online_cpus online;
        struct cpu_columns columns;
        struct softnet_layout layout;
};

static int softnet_probe(const struct collector_env *env, const char **ret_reason) {
        int r;

        r = online_cpus_probe(env->root_fd, ret_reason);
        if (r < 0)
                return r;

        return proc_file_probe(env->root_fd, SOFTNET_PATH,
                               "there is no /proc/net/softnet_stat: the kernel has no network (CONFIG_NET)",
                               "/proc/net/softnet_stat may not be read: run as root", ret_reason);
}

static void *softnet_close(void *state) {
        struct softnet *softnet = state;

        if (!softnet)
                return NULL;

        proc_file_done(&softnet->file);
        online_cpus_done(&softnet->online);
        cpu_columns_done(&softnet->columns);
        free(softnet);
        return NULL;
}
DEFINE_CLEANUP(struct softnet *, softnet_close)

static int softnet_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(softnet_closep) struct softnet *softnet = NULL;
        int r;

        softnet = calloc(1, sizeof(*softnet));
        if (!softnet)
                return -ENOMEM;
        softnet->file.fd = -EBADF;
        softnet->online = ONLINE_CPUS_CLOSED;
        softnet->columns.n_columns = _SOFTNET_COLUMN_MAX;

        r = online_cpus_open(&softnet->online, env->root_fd);
        if (r >= 0)
                r = proc_file_open(&softnet->file, env->root_fd, SOFTNET_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(softnet);
        return 0;
}

/* 1: CPUs came or went between list and file. */
static int softnet_read(struct softnet *softnet) {
        int r;

        r = online_cpus_read(&softnet->online);
        if (r >= 0)
                r = proc_file_read(&softnet->file);
        if (r < 0)
                return r;

        return proc_softnet_parse(softnet->file.buffer.data, softnet->file.buffer.size, &softnet->online.set,
                                  &softnet->columns, &softnet->layout);
}

static bool softnet_has(const struct softnet_layout *layout, enum softnet_column column) {
        return (column != SOFTNET_RECEIVED_RPS || layout->has_received_rps) &&
               (column != SOFTNET_FLOW_LIMIT_COUNT || layout->has_flow_limit) &&
               (column != SOFTNET_BACKLOG || layout->has_backlog);
}

static int softnet_add_row(struct softnet *softnet, struct batch *batch, enum softnet_column column) {
        bool is_counter = column < SOFTNET_BACKLOG;
        const struct row_key key = { .name = is_counter ? counter_names[column] : "" };
        int r;

        r = batch_add_row(batch, is_counter ? METRIC_SOFTNET : METRIC_BACKLOG, &key);
        if (r < 0)
                return r;

        return batch_add_cpus(batch, softnet->columns.cpus, softnet->columns.values[column],
                              softnet->columns.n_cpus);
}

static int softnet_fill(struct softnet *softnet, struct batch *batch) {
        int r;

        r = softnet_read(softnet);
        if (r > 0)
                r = softnet_read(softnet);
        if (r > 0)
                return -EBADMSG; /* not a CPU that came or went: lines are missing */

        for (enum softnet_column column = 0; r >= 0 && column < _SOFTNET_COLUMN_MAX; column++)
                if (softnet_has(&softnet->layout, column))
                        r = softnet_add_row(softnet, batch, column);

        return r;
}

static int softnet_sample(void *state, struct batch *batch) {
        int r;

        r = softnet_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int softnet_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled and interval are the caller's business */
}

const struct collector_ops collector_softnet = {
        .name = "softnet",
        .summary = "Packets received, dropped and squeezed per CPU",
        .section = &softnet_section,
        .metrics = softnet_metrics,
        .n_metrics = ELEMENTSOF(softnet_metrics),
        .probe = softnet_probe,
        .open = softnet_open,
        .sample = softnet_sample,
        .reconfigure = softnet_reconfigure,
        .close = softnet_close,
};
