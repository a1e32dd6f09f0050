/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of packet evidence: watches how many packets devices receive and how large they are, and draws a
 * bounded sample of their headers when that looks like a flood. Without suspicion it reads two small files a
 * pass and nothing is attached.
 */

#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/packet-namespaces.h"
#include "daemon/collect/packet-sample.h"
#include "daemon/collect/packet-tally.h"
#include "daemon/collect/packet-trigger.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/registry.h"

#define DEVICES_PATH "proc/net/dev"
#define SOFTNET_PATH "proc/net/softnet_stat"
#define FIND_EVERY_NS (30 * NSEC_PER_SEC)    /* looking for namespaces, while there is reason to */
#define CHECK_EVERY_NS (100 * NSEC_PER_MSEC) /* a sample that runs: whether it is full */

enum {
        SOFTNET_MAX = 4 * 1024 * 1024, /* 170 bytes a CPU */
};

static const struct setting_desc settings[] = {
        { "enabled", "yes", NULL, "whether to sample packet headers when traffic looks like a flood", 0, 0,
          SETTING_BOOLEAN, true },
        { "interval", "1s", NULL, "how often packets are counted", 100 * NSEC_PER_MSEC, 60 * NSEC_PER_SEC,
          SETTING_DURATION, true },
        { "budget", "0.1%", NULL, "share of one CPU that counting may cost; beyond it the interval grows", 1,
          0, SETTING_PERCENT, false },
        { "min-packets", "10000", NULL, "packets per second that one device must receive", 100, 0,
          SETTING_COUNT, true },
        { "max-mean-size", "128", NULL, "mean size of these packets up to which they are suspect", 1,
          64 * 1024, SETTING_SIZE, true },
        { "cool-down", "1m", NULL, "time from one sample to the next; grows while the same suspicion lasts",
          NSEC_PER_SEC, 24 * 3600 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "duration", "2s", NULL, "how long a sample lasts at most", 100 * NSEC_PER_MSEC, 2 * NSEC_PER_SEC,
          SETTING_DURATION, true },
        { "max-sampled", "5000", NULL, "packets that a sample looks at", 100, ABI_PACKETS_MAX, SETTING_COUNT,
          true },
};

static const struct config_section section = {
        .name = "packets",
        .settings = settings,
        .n_settings = ELEMENTSOF(settings),
};

struct packets {
        int root_fd;
        struct packet_limits limits;
        struct proc_file softnet;
        uint64_t n_processed, n_processed_before; /* by all CPUs, at this pass and the one before */
        struct packet_namespaces namespaces;
        uint64_t found_ns; /* when namespaces were looked for; 0: there is no reason to */
        struct packet_trigger trigger;
        struct packet_sample *sample;
        struct packet_tally tally;
        uint64_t n_suspicious; /* passes */
        char degraded[128];
};

static int probe(const struct collector_env *env, const char **ret_reason) {
        int r;

        if (env->is_fixture) {
                *ret_reason = "measures the running kernel, which --root replaces by a directory";
                return -EOPNOTSUPP;
        }

        r = proc_file_probe(env->root_fd, DEVICES_PATH, "there is no /proc/net/dev: mount proc on /proc",
                            "/proc/net/dev may not be read: run as root", ret_reason);
        if (r == 0)
                r = proc_file_probe(env->root_fd, SOFTNET_PATH,
                                    "there is no /proc/net/softnet_stat: mount proc on /proc",
                                    "/proc/net/softnet_stat may not be read: run as root", ret_reason);
        return r < 0 ? r : packet_sample_probe(ret_reason);
}

static void read_settings(struct packets *p, const struct config *config) {
        p->limits = (struct packet_limits){
                .packets_min = config_get(config, "packets", "min-packets"),
                .mean_size_max = config_get(config, "packets", "max-mean-size"),
                .cool_down_ns = config_get(config, "packets", "cool-down"),
                .duration_ns = config_get(config, "packets", "duration"),
                .n_max = config_get(config, "packets", "max-sampled"),
        };
}

static void *close_collector(void *state) {
        struct packets *p = state;

        if (!p)
                return NULL;

        p->sample = packet_sample_free(p->sample); /* first: a running one ends here */
        packet_namespaces_done(&p->namespaces);
        proc_file_done(&p->softnet);
        free(p);
        return NULL;
}

static void close_collectorp(struct packets **p) {
        (void)close_collector(*p); /* returns NULL */
}

static int open_collector(const struct collector_env *env, void **ret_state) {
        _cleanup_(close_collectorp) struct packets *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;

        p->root_fd = env->root_fd;
        p->softnet.fd = -EBADF;
        read_settings(p, env->config);
        if ((r = proc_file_open(&p->softnet, p->root_fd, SOFTNET_PATH, SOFTNET_MAX)) < 0 ||
            (r = packet_namespaces_init(&p->namespaces, p->root_fd)) < 0 ||
            (r = packet_sample_new(&p->sample)) < 0)
                return r;

        *ret_state = TAKE_PTR(p);
        return 0;
}

static bool is_own_device_usable(void *userdata, const char *device) {
        const struct packets *p = userdata;

        return !packet_device_is_stacked(p->root_fd, device);
}

/* Packets that the machine took and the own namespace's devices do not account for. */
static uint64_t n_unexplained(const struct packets *p) {
        const struct packet_namespace *own = &p->namespaces.items[0];
        uint64_t n_own = 0, n = p->n_processed - p->n_processed_before;

        if (own->before_ns == 0 || p->n_processed < p->n_processed_before)
                return 0;

        for (size_t i = 0; i < own->after.n; i++) {
                struct packet_device change;

                if (packet_devices_change(&own->before, &own->after.items[i], &change) > 0)
                        n_own += change.rx_packets;
        }

        return n > n_own ? n - n_own : 0;
}

/* Other namespaces are looked at only while there is reason to. */
static int read_others(struct packets *p, uint64_t now_ns) {
        const struct packet_namespace *own = &p->namespaces.items[0];
        double seconds = (double)(own->after_ns - own->before_ns) / (double)NSEC_PER_SEC;
        int r;

        if ((double)n_unexplained(p) < (double)p->limits.packets_min * seconds || own->before_ns == 0) {
                packet_namespaces_forget(&p->namespaces);
                p->found_ns = 0;
                return 0;
        }

        if (p->found_ns == 0 || now_ns - p->found_ns >= FIND_EVERY_NS) {
                p->found_ns = now_ns;
                r = packet_namespaces_find(&p->namespaces, p->root_fd);
                if (r < 0)
                        return r;
        }

        packet_namespaces_read_others(&p->namespaces, p->root_fd);
        return 0;
}

static int read_counters(struct packets *p, uint64_t now_ns) {
        int r;

        r = proc_file_read(&p->softnet);
        if (r < 0)
                return r;

        p->n_processed_before = p->n_processed;
        r = packet_softnet_parse(p->softnet.buffer.data, p->softnet.buffer.size, &p->n_processed);
        if (r < 0)
                return r;
        r = packet_namespaces_read_own(&p->namespaces, p->root_fd);
        return r < 0 ? r : read_others(p, now_ns);
}

/* The namespace of the suspect; NULL when nothing is suspect. */
static const struct packet_namespace *find_suspect(struct packets *p, struct packet_suspect *suspect) {
        const struct packet_namespace *found = NULL;

        *suspect = (struct packet_suspect){};
        for (size_t i = 0; i < p->namespaces.n; i++) {
                const struct packet_namespace *netns = &p->namespaces.items[i];
                const struct packet_device *before = suspect->device;

                if (netns->before_ns == 0)
                        continue;
                packet_find_suspect(&p->limits, &netns->before, &netns->after,
                                    netns->after_ns - netns->before_ns, i == 0 ? is_own_device_usable : NULL,
                                    p, suspect);
                if (suspect->device != before)
                        found = netns;
        }

        return found;
}

static void start_sample(struct packets *p, const struct packet_suspect *suspect, uint32_t inode,
                         uint64_t now_ns) {
        const struct packet_sample_request request = {
                .device = suspect->device->name,
                .namespace_inode = inode,
                .one_in = packet_sample_ratio(&p->limits, suspect->per_second),
                .n_max = (uint32_t)p->limits.n_max,
                .until_ns = now_ns + p->limits.duration_ns,
        };
        int r;

        r = packet_sample_start(p->sample, &request);
        p->degraded[0] = '\0';
        if (r < 0)
                (void)snprintf(p->degraded, sizeof(p->degraded),
                               "packets look like a flood, but no sample could be taken: %s",
                               strerror(-r)); /* cut at the buffer's end */
}

static void finish_sample(struct packets *p) {
        struct packet_sample_result result;
        int r;

        r = packet_sample_finish(p->sample, &result);
        if (r == 0)
                r = packet_tally_add(&p->tally, result.packets, result.n_packets, result.n_observed,
                                     result.device);
        if (r < 0)
                (void)snprintf(p->degraded, sizeof(p->degraded), "a sample of packets was lost: %s",
                               strerror(-r)); /* cut at the buffer's end */
}

static int sample(void *state, struct batch *batch) {
        const struct packet_namespace *netns;
        struct packet_suspect suspect;
        struct packets *p = state;
        uint64_t now_ns = batch->stamp.monotonic_ns;
        int r;

        r = read_counters(p, now_ns);
        if (r < 0)
                return r;

        netns = find_suspect(p, &suspect);
        p->n_suspicious += !!netns;
        if (!packet_sample_is_running(p->sample) &&
            packet_trigger_step(&p->trigger, &p->limits, now_ns, suspect.per_second) && netns)
                start_sample(p, &suspect, netns->inode, now_ns);

        return packet_tally_report(&p->tally, batch);
}

static uint64_t next_deadline(void *state) {
        const struct packets *p = state;
        struct stamp now;

        if (!packet_sample_is_running(p->sample))
                return UINT64_MAX;

        stamp_now(&now);
        return now.monotonic_ns + CHECK_EVERY_NS;
}

static int dispatch(void *state, struct event_sink *sink) {
        struct packets *p = state;
        struct stamp now;

        stamp_now(&now);
        if (packet_sample_is_running(p->sample) && packet_sample_is_over(p->sample, now.monotonic_ns))
                finish_sample(p);
        return 0;
}

static int reconfigure(void *state, const struct config *config) {
        read_settings(state, config); /* a sample that runs goes on as it began */
        return 0;
}

static const char *degraded(void *state) {
        const struct packets *p = state;

        return p->degraded[0] ? p->degraded : NULL;
}

static int describe(void *state, struct collector_info *ret_info) {
        const struct packets *p = state;
        const struct collector_counter counters[] = {
                { "suspiciousPasses", p->n_suspicious },
                { "samples", p->tally.n_samples },
                { "packetsSampled", p->tally.n_drawn },
                { "packetsObserved", p->tally.n_observed },
                { "sampling", packet_sample_is_running(p->sample) },
                { "otherNamespaces", p->namespaces.n - 1 },
        };

        ret_info->n_counters = ELEMENTSOF(counters);
        memcpy(ret_info->counters, counters, sizeof(counters));
        return 0;
}

const struct collector_ops collector_packets = {
        .name = "packets",
        .summary = "Samples of packet headers when traffic looks like a flood",
        .section = &section,
        .metrics = packet_metrics,
        .n_metrics = _PACKET_METRIC_MAX,
        .probe = probe,
        .open = open_collector,
        .sample = sample,
        .dispatch = dispatch,
        .next_deadline = next_deadline,
        .reconfigure = reconfigure,
        .degraded = degraded,
        .describe = describe,
        .close = close_collector,
};
