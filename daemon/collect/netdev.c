/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/net/dev: packets, bytes, drops and errors per network interface of the network namespace
 * that the daemon runs in. The kernel sums up per-CPU counters of every interface: "budget" is what the
 * caller lets that cost, "max-devices" bounds what is kept.
 */

#include <fcntl.h>

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/label.h"
#include "daemon/collect/netdev-select.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-net-dev.h"
#include "daemon/collect/registry.h"

#define NET_DEV_PATH "proc/net/dev"

enum { FILE_MAX = 16 * 1024 * 1024 }; /* 64 Ki interfaces */

#define NETDEV_METRIC(metric_name, metric_unit, metric_help) \
        { \
                .name = metric_name, .unit = metric_unit, .help = metric_help, .row_name = "device", \
                .type = METRIC_COUNTER, .width_bits = 64, \
        }

static const struct metric_desc netdev_metrics[] = {
        [NETDEV_RX_PACKETS] = NETDEV_METRIC("rx-packets", "1", "Packets received"),
        [NETDEV_RX_BYTES] = NETDEV_METRIC("rx-bytes", "bytes", "Bytes received"),
        [NETDEV_RX_DROPS] = NETDEV_METRIC("rx-drops", "1", "Packets received and dropped, or missed"),
        [NETDEV_RX_ERRORS] = NETDEV_METRIC("rx-errors", "1", "Errors in receiving"),
        [NETDEV_TX_PACKETS] = NETDEV_METRIC("tx-packets", "1", "Packets sent"),
        [NETDEV_TX_BYTES] = NETDEV_METRIC("tx-bytes", "bytes", "Bytes sent"),
        [NETDEV_TX_DROPS] = NETDEV_METRIC("tx-drops", "1", "Packets dropped instead of sent"),
        [NETDEV_TX_ERRORS] = NETDEV_METRIC("tx-errors", "1", "Errors in sending"),
};
_Static_assert(ELEMENTSOF(netdev_metrics) == _NETDEV_COUNTER_MAX, "one metric per counter");

static const struct setting_desc netdev_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the network interfaces' packets are counted"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/net/dev"),
        COLLECTOR_SETTING_BUDGET,
        {
                .name = "max-devices",
                .type = SETTING_COUNT,
                .default_text = "64",
                .help = "Network interfaces that are kept: those of hardware first, then the busiest",
                .min = 1,
                .max = 4096,
                .runtime = true,
        },
};

static const struct config_section netdev_section = {
        .name = "netdev",
        .settings = netdev_settings,
        .n_settings = ELEMENTSOF(netdev_settings),
};

struct netdev {
        int root_fd; /* borrowed */
        struct proc_file file;
        size_t n_max;
        struct proc_net_dev_row *rows; /* of this pass; names point into the file's text */
        bool *chosen;                  /* by position of rows */
        const char **names;            /* by position of rows, NULL for those left out; of labels */
        size_t n_rows, allocated;
        size_t n_left_out;
        struct netdev_select select;
        struct label_buffer labels;
};

static int netdev_probe(const struct collector_env *env, const char **ret_reason) {
        return proc_file_probe(env->root_fd, NET_DEV_PATH,
                               "there is no /proc/net/dev: the kernel has no network (CONFIG_NET)",
                               "/proc/net/dev may not be read: run as root", ret_reason);
}

static void *netdev_close(void *state) {
        struct netdev *netdev = state;

        if (!netdev)
                return NULL;

        proc_file_done(&netdev->file);
        netdev_select_done(&netdev->select);
        label_buffer_done(&netdev->labels);
        free(netdev->rows);
        free(netdev->chosen);
        free(netdev->names);
        free(netdev);
        return NULL;
}
DEFINE_CLEANUP(struct netdev *, netdev_close)

static int netdev_reconfigure(void *state, const struct config *config) {
        struct netdev *netdev = state;

        netdev->n_max = config_get(config, "netdev", "max-devices");
        return 0; /* the rest is the caller's business */
}

static int netdev_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(netdev_closep) struct netdev *netdev = NULL;
        int r;

        netdev = calloc(1, sizeof(*netdev));
        if (!netdev)
                return -ENOMEM;
        netdev->root_fd = env->root_fd;
        netdev->file.fd = -EBADF;

        r = proc_file_open(&netdev->file, env->root_fd, NET_DEV_PATH, FILE_MAX);
        if (r >= 0)
                r = netdev_reconfigure(netdev, env->config);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(netdev);
        return 0;
}

static int netdev_reserve(struct netdev *netdev) {
        size_t allocated = netdev->allocated ? netdev->allocated * 2 : 16;
        struct proc_net_dev_row *rows;
        const char **names;
        bool *chosen;

        if (netdev->n_rows < netdev->allocated)
                return 0;

        rows = reallocarray(netdev->rows, allocated, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        netdev->rows = rows;

        chosen = reallocarray(netdev->chosen, allocated, sizeof(*chosen));
        if (!chosen)
                return -ENOMEM;
        netdev->chosen = chosen;

        names = reallocarray(netdev->names, allocated, sizeof(*names));
        if (!names)
                return -ENOMEM;
        netdev->names = names;

        netdev->allocated = allocated;
        return 0;
}

static int netdev_take_row(const struct proc_net_dev_row *row, void *userdata) {
        struct netdev *netdev = userdata;
        int r;

        r = netdev_reserve(netdev);
        if (r < 0)
                return r;

        netdev->rows[netdev->n_rows] = *row;
        netdev->chosen[netdev->n_rows++] = true;
        return 0;
}

/* Interfaces of hardware, real or the hypervisor's, have a device; bridges, tunnels and veths have none. */
static bool netdev_is_physical(const char *name, void *userdata) {
        const struct netdev *netdev = userdata;
        char path[64];

        (void)snprintf(path, sizeof(path), "sys/class/net/%s/device", name); /* a name has at most 15 bytes */
        return faccessat(netdev->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int netdev_read(struct netdev *netdev) {
        int r;

        netdev->n_rows = 0;
        netdev->n_left_out = 0;
        r = proc_file_read(&netdev->file);
        if (r >= 0)
                r = proc_net_dev_parse(netdev->file.buffer.data, netdev->file.buffer.size, netdev_take_row,
                                       netdev);
        if (r < 0 || netdev->n_rows <= netdev->n_max)
                return r;

        netdev->n_left_out = netdev->n_rows - netdev->n_max;
        return netdev_select(&netdev->select, netdev->rows, netdev->n_rows, netdev->n_max, netdev_is_physical,
                             netdev, netdev->chosen);
}

static int netdev_make_names(struct netdev *netdev) {
        int r;

        r = label_buffer_reset(&netdev->labels, netdev->n_rows, netdev->n_rows * NETDEV_NAME_MAX);
        if (r < 0)
                return r;

        for (size_t i = 0; i < netdev->n_rows; i++)
                netdev->names[i] =
                        netdev->chosen[i] ? label_add(&netdev->labels, netdev->rows[i].name, false) : NULL;
        return 0;
}

static int netdev_add_metric(struct netdev *netdev, struct batch *batch, enum netdev_counter counter) {
        int r;

        for (size_t i = 0; i < netdev->n_rows; i++) {
                if (!netdev->names[i])
                        continue;

                r = batch_add_single(batch, counter, netdev->names[i], netdev->rows[i].counters[counter]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int netdev_fill(struct netdev *netdev, struct batch *batch) {
        int r;

        r = netdev_read(netdev);
        if (r >= 0)
                r = netdev_make_names(netdev);
        for (enum netdev_counter counter = 0; r >= 0 && counter < _NETDEV_COUNTER_MAX; counter++)
                r = netdev_add_metric(netdev, batch, counter);

        return r;
}

static int netdev_sample(void *state, struct batch *batch) {
        int r;

        r = netdev_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int netdev_describe(void *state, struct collector_info *ret_info) {
        const struct netdev *netdev = state;

        *ret_info = (struct collector_info){
                .counters = {
                        { "devices", netdev->n_rows },
                        { "devicesLeftOut", netdev->n_left_out },
                },
                .n_counters = 2,
        };
        return 0;
}

const struct collector_ops collector_netdev = {
        .name = "netdev",
        .summary = "Packets, bytes, drops and errors per network interface",
        .section = &netdev_section,
        .metrics = netdev_metrics,
        .n_metrics = ELEMENTSOF(netdev_metrics),
        .probe = netdev_probe,
        .open = netdev_open,
        .sample = netdev_sample,
        .reconfigure = netdev_reconfigure,
        .describe = netdev_describe,
        .close = netdev_close,
};
