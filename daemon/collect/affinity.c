/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of who may and does take each interrupt: affinities of IRQs, RPS and XPS masks, isolated CPUs,
 * irqbalance, and network namespaces that nobody here looks into. Changes of an IRQ's affinity become events.
 *
 * A pass reads two files for each IRQ in use, of some hundred of them at most; "budget" is what the caller lets that cost. What changes seldom
 * and costs more (names, devices, queue masks) is read on every TOPOLOGY_PASSES-th pass, and when IRQs came
 * or went.
 */

#include <stdbool.h>
#include <string.h>

#include "daemon/collect/affinity-event.h"
#include "daemon/collect/irq-affinity.h"
#include "daemon/collect/net-queues.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/process-walk.h"
#include "daemon/collect/registry.h"

enum {
        TOPOLOGY_PASSES = 6,
        PROCESSES_PER_PASS = 1024, /* some milliseconds */
        EVENTS_PENDING_MAX = IRQ_AFFINITY_READ_MAX, /* what a pass can find; they are delivered before the next */
};

enum {
        METRIC_AFFINITY,
        METRIC_EFFECTIVE_AFFINITY,
        METRIC_RPS,
        METRIC_XPS,
        METRIC_ISOLATED,
        METRIC_IRQBALANCE,
        METRIC_NAMESPACES,
        _METRIC_MAX,
};

static const struct metric_desc metrics[] = {
        [METRIC_AFFINITY] = {
                .name = "affinity",
                .unit = "1",
                .help = "1 for each CPU that may take the IRQ (smp_affinity_list); above 64 CPUs, when all may: 1 of no CPU",
                .row_name = "irq",
                .labels = { "device", "queue", "kind" },
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_EFFECTIVE_AFFINITY] = {
                .name = "effective-affinity",
                .unit = "1",
                .help = "1 for each CPU that the IRQ goes to (effective_affinity_list)",
                .row_name = "irq",
                .labels = { "device", "queue", "kind" },
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_RPS] = {
                .name = "rps",
                .unit = "1",
                .help = "1 for each CPU that packets of the receive queue are steered to (rps_cpus)",
                .row_name = "queue",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_XPS] = {
                .name = "xps",
                .unit = "1",
                .help = "1 for each CPU that uses the transmit queue (xps_cpus)",
                .row_name = "queue",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_ISOLATED] = {
                .name = "isolated",
                .unit = "1",
                .help = "1 for each CPU that is isolated (isolcpus=) or free of ticks (nohz_full=)",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_IRQBALANCE] = {
                .name = "irqbalance",
                .unit = "1",
                .help = "1 while irqbalance runs",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
        [METRIC_NAMESPACES] = {
                .name = "namespaces",
                .unit = "1",
                .help = "Network namespaces with processes, without the daemon's own: what is not seen",
                .type = METRIC_GAUGE,
                .width_bits = 64,
        },
};
_Static_assert(ELEMENTSOF(metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc settings[] = {
        {
                .name = "enabled",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "Whether to watch which CPUs take which interrupts",
        },
        {
                .name = "interval",
                .type = SETTING_DURATION,
                .default_text = "10s",
                .help = "Time between two readings of all affinities; a change is found at the next one",
                .min = 100 * NSEC_PER_MSEC,
                .runtime = true,
        },
        {
                .name = "budget",
                .type = SETTING_PERCENT,
                .default_text = "0.2%",
                .help = "Share of one CPU that reading may cost; beyond it the interval grows",
                .min = 1, /* 0 would mean: never */
        },
};

static const struct config_section section = {
        .name = "affinity",
        .settings = settings,
        .n_settings = ELEMENTSOF(settings),
};

struct affinity {
        int root_fd;
        struct irq_affinity irqs;
        struct net_queues queues;
        struct process_walk processes;
        struct cpu_set online, isolated;
        struct cpus_gauge isolated_gauge;
        bool knows_isolated;
        unsigned n_passes;

        struct event *pending[EVENTS_PENDING_MAX]; /* owned references, waiting for dispatch() */
        size_t n_pending;
        uint64_t n_changes, n_dropped;
        const struct affinity_moment *moment; /* during sample() */
};

static int affinity_probe(const struct collector_env *env, const char **ret_reason) {
        int r;

        r = proc_file_probe(env->root_fd, "proc/irq",
                            "there is no /proc/irq: the kernel has no SMP, or proc is not mounted",
                            "/proc/irq may not be read: run as root", ret_reason);
        if (r < 0)
                return r;

        return proc_file_probe(
                env->root_fd, "sys/kernel/irq",
                "there is no /sys/kernel/irq: mount sysfs on /sys; the kernel needs CONFIG_SPARSE_IRQ",
                "/sys/kernel/irq may not be read: run as root", ret_reason);
}

static void *affinity_close(void *state) {
        struct affinity *affinity = state;

        if (!affinity)
                return NULL;

        for (size_t i = 0; i < affinity->n_pending; i++)
                event_unref(affinity->pending[i]);
        irq_affinity_done(&affinity->irqs);
        net_queues_done(&affinity->queues);
        process_walk_done(&affinity->processes);
        cpu_set_done(&affinity->online);
        cpu_set_done(&affinity->isolated);
        cpus_gauge_done(&affinity->isolated_gauge);
        free(affinity);
        return NULL;
}

static void affinity_closep(struct affinity **affinity) {
        (void)affinity_close(*affinity); /* returns NULL */
}

static int affinity_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(affinity_closep) struct affinity *affinity = NULL;
        int r;

        affinity = calloc(1, sizeof(*affinity));
        if (!affinity)
                return -ENOMEM;

        affinity->root_fd = env->root_fd;
        process_walk_init(&affinity->processes, env->root_fd);
        r = irq_affinity_init(&affinity->irqs, env->root_fd);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(affinity);
        return 0;
}

/* More changes than anybody could read are counted only. */
static int on_change(const struct irq_change *change, void *userdata) {
        struct affinity *affinity = userdata;
        int r;

        affinity->n_changes++;
        if (affinity->n_pending == EVENTS_PENDING_MAX) {
                affinity->n_dropped++;
                return 0;
        }

        r = affinity_event_new(change, affinity->moment, &affinity->pending[affinity->n_pending]);
        if (r < 0)
                return r;

        affinity->n_pending++;
        return 0;
}

static int add_irq(const struct affinity *affinity, struct batch *batch, unsigned metric,
                   struct irq_entry *entry, struct irq_cpus *cpus) {
        char name[16];
        const struct row_key key = {
                .name = name,
                .labels = { entry->device, *entry->queue ? entry->queue : NULL, entry->kind },
        };
        int r;

        if (!cpus->text)
                return 0;

        (void)snprintf(name, sizeof(name), "%u", entry->irq); /* ten digits at most */
        r = batch_add_row(batch, metric, &key);
        if (r < 0)
                return r;

        return cpus_gauge_add(&cpus->gauge, batch, &cpus->set, &affinity->online);
}

static int add_irqs(struct affinity *affinity, struct batch *batch) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < affinity->irqs.n_entries; i++) {
                struct irq_entry *entry = &affinity->irqs.entries[i];

                r = add_irq(affinity, batch, METRIC_AFFINITY, entry, &entry->configured);
                if (r == 0)
                        r = add_irq(affinity, batch, METRIC_EFFECTIVE_AFFINITY, entry, &entry->effective);
        }

        return r;
}

static int add_queues(struct affinity *affinity, struct batch *batch) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < affinity->queues.n_items; i++) {
                struct net_queue *queue = &affinity->queues.items[i];

                r = batch_add_row(batch, queue->is_tx ? METRIC_XPS : METRIC_RPS,
                                  &(struct row_key){ .name = queue->name });
                if (r == 0)
                        r = cpus_gauge_add(&queue->gauge, batch, &queue->cpus, &affinity->online);
        }

        return r;
}

/* A list that is not there is none; without nohz_full= its file says "(null)" (drivers/base/cpu.c). */
static int read_isolated(struct affinity *affinity) {
        static const char *const paths[] = {
                "sys/devices/system/cpu/isolated",
                "sys/devices/system/cpu/nohz_full",
        };
        int r;

        cpu_set_clear(&affinity->isolated);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(cpu_set_done) struct cpu_set cpus = {};

                r = cpu_list_read(affinity->root_fd, paths[i], &cpus);
                if (r == -ENOMEM)
                        return r;
                affinity->knows_isolated = affinity->knows_isolated || r >= 0;

                for (int cpu = cpu_set_next(&cpus, 0); cpu >= 0; cpu = cpu_set_next(&cpus, cpu + 1))
                        if ((r = cpu_set_add(&affinity->isolated, cpu)) < 0)
                                return r;
        }

        return 0;
}

static int add_isolated(struct affinity *affinity, struct batch *batch) {
        int r;

        r = read_isolated(affinity);
        if (r < 0 || !affinity->knows_isolated)
                return r;

        r = batch_add_row(batch, METRIC_ISOLATED, &(struct row_key){ .name = "" });
        if (r < 0)
                return r;

        return cpus_gauge_add(&affinity->isolated_gauge, batch, &affinity->isolated, &affinity->online);
}

static int add_processes(struct affinity *affinity, struct batch *batch) {
        int r;

        if (!affinity->processes.complete)
                return 0;

        r = batch_add_single(batch, METRIC_IRQBALANCE, "", affinity->processes.balancer_found != 0);
        if (r < 0)
                return r;

        return batch_add_single(batch, METRIC_NAMESPACES, "", affinity->processes.n_others);
}

/* Processes first: events say whether irqbalance runs. That nothing is known of processes is no reason to
 * know nothing of interrupts. */
static int read_machine(struct affinity *affinity, const struct stamp *now) {
        bool with_topology = affinity->n_passes % TOPOLOGY_PASSES == 0;
        struct affinity_moment moment = {
                .now = *now,
                .online = &affinity->online,
        };
        int r;

        r = process_walk_step(&affinity->processes, with_topology, PROCESSES_PER_PASS);
        if (r == -ENOMEM)
                return r;
        moment.balancer = affinity->processes.complete ? affinity->processes.balancer_found != 0 : -1;

        r = cpu_list_read(affinity->root_fd, "sys/devices/system/cpu/online", &affinity->online);
        if (r >= 0 && with_topology)
                r = net_queues_read(&affinity->queues, affinity->root_fd);
        if (r < 0)
                return r;

        affinity->moment = &moment;
        r = irq_affinity_read(&affinity->irqs, with_topology, now->monotonic_ns, on_change, affinity);
        affinity->moment = NULL;
        return r;
}

static int affinity_fill(struct affinity *affinity, struct batch *batch) {
        int r;

        r = read_machine(affinity, &batch->stamp);
        if (r == 0)
                r = add_irqs(affinity, batch);
        if (r == 0)
                r = add_queues(affinity, batch);
        if (r == 0)
                r = add_isolated(affinity, batch);
        if (r == 0)
                r = add_processes(affinity, batch);
        if (r < 0)
                return r;

        affinity->n_passes++;
        return 0;
}

static int affinity_sample(void *state, struct batch *batch) {
        int r;

        r = affinity_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

/* At once, when there is anything to deliver. */
static uint64_t affinity_next_deadline(void *state) {
        const struct affinity *affinity = state;

        return affinity->n_pending > 0 ? 0 : UINT64_MAX;
}

/* What cannot be delivered is counted, and does not stand in the way of the rest. */
static int affinity_dispatch(void *state, struct event_sink *sink) {
        struct affinity *affinity = state;
        int result = 0;

        for (size_t i = 0; i < affinity->n_pending; i++) {
                int r = sink->add(sink, affinity->pending[i]);

                if (r < 0) {
                        affinity->n_dropped++;
                        result = r;
                }
                event_unref(affinity->pending[i]);
        }

        affinity->n_pending = 0;
        return result;
}

static int affinity_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled, interval and budget are the caller's business */
}

static int affinity_describe(void *state, struct collector_info *ret_info) {
        const struct affinity *affinity = state;
        const struct collector_counter counters[] = {
                { "interrupts", affinity->irqs.n_entries },
                { "changes", affinity->n_changes },
                { "changesDropped", affinity->n_dropped },
                { "processesUnseen", affinity->processes.n_unseen },
        };

        _Static_assert(ELEMENTSOF(counters) <= COLLECTOR_COUNTERS_MAX, "counters fit");
        memcpy(ret_info->counters, counters, sizeof(counters));
        ret_info->n_counters = ELEMENTSOF(counters);
        return 0;
}

const struct collector_ops collector_affinity = {
        .name = "affinity",
        .summary = "Which CPUs take which interrupts, and changes of that",
        .section = &section,
        .metrics = metrics,
        .n_metrics = ELEMENTSOF(metrics),
        .probe = affinity_probe,
        .open = affinity_open,
        .sample = affinity_sample,
        .dispatch = affinity_dispatch,
        .next_deadline = affinity_next_deadline,
        .reconfigure = affinity_reconfigure,
        .describe = affinity_describe,
        .close = affinity_close,
};
