/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The collectors of this build by name, for registry.c and for tests; all others walk collector_registry.
 */

#include "daemon/collect/collector.h"

extern const struct collector_ops collector_irq_delay;
extern const struct collector_ops collector_softirqs;
extern const struct collector_ops collector_interrupts;
extern const struct collector_ops collector_cpu;
extern const struct collector_ops collector_ksoftirqd;
extern const struct collector_ops collector_softnet;
extern const struct collector_ops collector_netdev;
extern const struct collector_ops collector_tcp;
extern const struct collector_ops collector_pressure;
extern const struct collector_ops collector_affinity;
extern const struct collector_ops collector_packets;
