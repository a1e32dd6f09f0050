/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/net/snmp and /proc/net/netstat: the few of their counters that tell a SYN flood, a
 * listener that does not keep up and a UDP flood. Of the network namespace that the daemon runs in; TCP over
 * IPv4 and IPv6, UDP over IPv4.
 */

#include "daemon/collect/collector-settings.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-net-snmp.h"
#include "daemon/collect/registry.h"

#define SNMP_PATH "proc/net/snmp"
#define NETSTAT_PATH "proc/net/netstat"

enum { FILE_MAX = 1024 * 1024 };

enum {
        METRIC_TCP,
        _METRIC_MAX,
};

static const struct metric_desc tcp_metrics[] = {
        [METRIC_TCP] = {
                .name = "tcp",
                .unit = "1",
                .help = "Connections opened, refused and dropped, SYN cookies, UDP packets",
                .row_name = "counter",
                .type = METRIC_COUNTER,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(tcp_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc tcp_settings[] = {
        COLLECTOR_SETTING_ENABLED("Whether the counters of TCP and UDP are read"),
        COLLECTOR_SETTING_INTERVAL("Time between two readings of /proc/net/snmp and /proc/net/netstat"),
        COLLECTOR_SETTING_BUDGET,
};

static const struct config_section tcp_section = {
        .name = "tcp",
        .settings = tcp_settings,
        .n_settings = ELEMENTSOF(tcp_settings),
};

/* What is kept of hundreds. */
static const struct {
        struct text_slice group, name;
        const char *row;
} wanted[] = {
#define WANTED(group, name, row) \
        { TEXT_SLICE(group), TEXT_SLICE(name), row }
        WANTED("Tcp", "AttemptFails", "AttemptFails"),
        WANTED("Tcp", "PassiveOpens", "PassiveOpens"),
        WANTED("Tcp", "InSegs", "InSegs"),
        WANTED("Tcp", "OutRsts", "OutRsts"),
        WANTED("Udp", "InDatagrams", "UdpInDatagrams"),
        WANTED("Udp", "NoPorts", "UdpNoPorts"),
        WANTED("Udp", "RcvbufErrors", "UdpRcvbufErrors"),
        WANTED("TcpExt", "SyncookiesSent", "SyncookiesSent"),
        WANTED("TcpExt", "SyncookiesRecv", "SyncookiesRecv"),
        WANTED("TcpExt", "SyncookiesFailed", "SyncookiesFailed"),
        WANTED("TcpExt", "ListenOverflows", "ListenOverflows"),
        WANTED("TcpExt", "ListenDrops", "ListenDrops"),
        WANTED("TcpExt", "TCPReqQFullDoCookies", "TCPReqQFullDoCookies"),
        WANTED("TcpExt", "TCPReqQFullDrop", "TCPReqQFullDrop"),
#undef WANTED
};

struct tcp {
        struct proc_file snmp;
        struct proc_file netstat;
        struct batch *batch; /* during sample() */
        size_t n_rows;       /* of the last pass */
};

static int tcp_probe(const struct collector_env *env, const char **ret_reason) {
        int r;

        r = proc_file_probe(env->root_fd, SNMP_PATH,
                            "there is no /proc/net/snmp: the kernel has no IPv4 (CONFIG_INET)",
                            "/proc/net/snmp may not be read: run as root", ret_reason);
        if (r < 0)
                return r;

        return proc_file_probe(env->root_fd, NETSTAT_PATH,
                               "there is no /proc/net/netstat: the kernel has no IPv4 (CONFIG_INET)",
                               "/proc/net/netstat may not be read: run as root", ret_reason);
}

static void *tcp_close(void *state) {
        struct tcp *tcp = state;

        if (!tcp)
                return NULL;

        proc_file_done(&tcp->snmp);
        proc_file_done(&tcp->netstat);
        free(tcp);
        return NULL;
}
DEFINE_CLEANUP(struct tcp *, tcp_close)

static int tcp_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(tcp_closep) struct tcp *tcp = NULL;
        int r;

        tcp = calloc(1, sizeof(*tcp));
        if (!tcp)
                return -ENOMEM;
        tcp->snmp.fd = tcp->netstat.fd = -EBADF;

        r = proc_file_open(&tcp->snmp, env->root_fd, SNMP_PATH, FILE_MAX);
        if (r >= 0)
                r = proc_file_open(&tcp->netstat, env->root_fd, NETSTAT_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(tcp);
        return 0;
}

static int tcp_add(const struct proc_net_snmp_value *value, void *userdata) {
        struct tcp *tcp = userdata;

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                if (text_slice_same(value->name, wanted[i].name) &&
                    text_slice_same(value->group, wanted[i].group))
                        return value->negative ? -EBADMSG
                                               : batch_add_single(tcp->batch, METRIC_TCP, wanted[i].row,
                                                                  value->value);

        return 0;
}

static int tcp_read(struct tcp *tcp, struct proc_file *file) {
        int r;

        r = proc_file_read(file);
        if (r < 0)
                return r;

        return proc_net_snmp_parse(file->buffer.data, file->buffer.size, tcp_add, tcp);
}

/* The counters are fixed when the kernel is built: fewer rows than before are a file that ended between two
 * lines. A lasting change costs one pass. */
static int tcp_check_rows(struct tcp *tcp, size_t n_rows) {
        bool fewer = n_rows < tcp->n_rows || n_rows == 0;

        tcp->n_rows = n_rows;
        return fewer ? -EBADMSG : 0;
}

static int tcp_fill(struct tcp *tcp, struct batch *batch) {
        int r;

        tcp->batch = batch;
        r = tcp_read(tcp, &tcp->snmp);
        if (r >= 0)
                r = tcp_read(tcp, &tcp->netstat);
        tcp->batch = NULL;
        if (r < 0)
                return r;

        return tcp_check_rows(tcp, batch->n_rows);
}

static int tcp_sample(void *state, struct batch *batch) {
        int r;

        r = tcp_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int tcp_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled, interval and budget are the caller's business */
}

const struct collector_ops collector_tcp = {
        .name = "tcp",
        .summary = "TCP and UDP: SYN cookies, full queues, drops",
        .section = &tcp_section,
        .metrics = tcp_metrics,
        .n_metrics = ELEMENTSOF(tcp_metrics),
        .probe = tcp_probe,
        .open = tcp_open,
        .sample = tcp_sample,
        .reconfigure = tcp_reconfigure,
        .close = tcp_close,
};
