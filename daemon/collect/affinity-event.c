/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/affinity-event.h"

static int add_cpus(struct event *event, const char *name, const struct cpu_set *cpus) {
        size_t n = cpu_set_count(cpus), i = 0;
        _cleanup_(freep) int64_t *integers = calloc(MAX(n, (size_t)1), sizeof(*integers));

        if (!integers)
                return -ENOMEM;

        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1))
                integers[i++] = cpu;
        return event_add_integers(event, name, integers, n);
}

/* "IRQ 24 virtio0-input.0" */
static int set_culprit(struct event *event, const struct irq_entry *entry) {
        if (asprintf(&event->culprit, "IRQ %u%s%s", entry->irq, *entry->actions ? " " : "", entry->actions) >=
            0)
                return 0;

        event->culprit = NULL;
        return -ENOMEM;
}

static int add_interrupt(struct event *event, const struct irq_entry *entry) {
        int r;

        r = event_add_integer(event, "irq", entry->irq);
        if (r == 0)
                r = event_add_string(event, "name", entry->actions);
        if (r == 0 && entry->device)
                r = event_add_string(event, "device", entry->device);
        if (r == 0 && *entry->queue)
                r = event_add_string(event, "queue", entry->queue);
        return r;
}

/* Of the old CPUs those that are offline now: then nobody moved the interrupt but the kernel itself, which
 * had to (kernel/irq/cpuhotplug.c: migrate_one_irq()). */
static int add_offline(struct event *event, const struct cpu_set *old, const struct cpu_set *online) {
        _cleanup_(cpu_set_done) struct cpu_set offline = {};
        int r;

        r = cpu_set_copy(&offline, old);
        if (r < 0)
                return r;

        for (int cpu = cpu_set_next(online, 0); cpu >= 0; cpu = cpu_set_next(online, cpu + 1))
                cpu_set_remove(&offline, cpu);
        return cpu_set_count(&offline) > 0 ? add_cpus(event, "offlineCpus", &offline) : 0;
}

static int add_change(struct event *event, const struct irq_change *change, const struct cpu_set *online) {
        const struct irq_entry *entry = change->entry;
        const struct cpu_set *old = change->configured ? change->old_configured : change->old_effective,
                             *new = change->configured ? &entry->configured.set : &entry->effective.set;
        int r;

        r = event_add_string(event, "cause", change->configured ? "configured" : "effective");
        if (r == 0)
                r = add_cpus(event, "oldCpus", old);
        if (r == 0)
                r = add_cpus(event, "newCpus", new);
        if (r == 0 && change->configured && entry->effective.text) {
                r = add_cpus(event, "oldEffectiveCpus", change->old_effective);
                if (r == 0)
                        r = add_cpus(event, "newEffectiveCpus", &entry->effective.set);
        }
        if (r == 0) /* where it went really is what a CPU that goes offline forces to change */
                r = add_offline(event, entry->effective.text ? change->old_effective : old, online);
        return r;
}

int affinity_event_new(const struct irq_change *change, const struct affinity_moment *moment,
                       struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        int r;

        r = event_new(EVENT_AFFINITY, &event);
        if (r < 0)
                return r;

        event->time_us = moment->now.realtime_us;
        event->monotonic_ns = moment->now.monotonic_ns;
        r = set_culprit(event, change->entry);
        if (r == 0)
                r = add_interrupt(event, change->entry);
        if (r == 0)
                r = add_change(event, change, moment->online);
        if (r == 0)
                r = event_add_integer(event, "sinceReadingNsec", (int64_t)change->since_reading_ns);
        if (r == 0 && moment->balancer >= 0)
                r = event_add_string(event, "irqbalance", moment->balancer ? "running" : "not running");
        if (r < 0)
                return r;

        *ret_event = TAKE_PTR(event);
        return 0;
}
