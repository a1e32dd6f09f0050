/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/registry.h"

const struct collector_ops *const collector_registry[] = {
        &collector_irq_delay,
        &collector_softirqs,
        &collector_interrupts,
        &collector_cpu,
        &collector_ksoftirqd,
        &collector_softnet,
        &collector_netdev,
        &collector_tcp,
        &collector_pressure,
        &collector_affinity,
        &collector_packets,
        NULL,
};
