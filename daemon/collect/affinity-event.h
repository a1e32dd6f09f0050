/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A change of an interrupt's affinity as an event of kind "affinity": evidence irq, name, device, queue,
 * cause, oldCpus, newCpus, and what helps to tell who did it.
 */

#include "daemon/collect/irq-affinity.h"
#include "daemon/store/batch.h"
#include "daemon/store/event.h"

/* What was so when the change was noticed. */
struct affinity_moment {
        struct stamp now;
        const struct cpu_set *online;
        int balancer; /* 1: irqbalance runs, 0: it does not, -1: not known */
};

/* 0 or -ENOMEM. */
int affinity_event_new(const struct irq_change *change, const struct affinity_moment *moment,
                       struct event **ret_event);
