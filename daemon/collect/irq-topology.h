/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which device, and which of its queues, an interrupt belongs to: from sysfs (PCI devices and their MSI
 * vectors, network and block devices) and from the names that drivers give to their interrupts. A snapshot;
 * knows nothing of affinities and of who asks.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct irq_topology;

enum { IRQ_QUEUE_MAX = 24 };

struct irq_place {
        const char *device;        /* network or block device; else what sits on the bus ("0000:00:1f.2",
                                    * "virtio3"); NULL: not known. Borrowed from topology and actions */
        const char *kind;          /* "net", "block" or NULL; a literal */
        char queue[IRQ_QUEUE_MAX]; /* "rx-0", "tx-1", "5" for both directions; "" when it is none */
        char name[IRQ_QUEUE_MAX];  /* private: room for device */
};

/* Reads sys/class/net, sys/block and sys/bus/pci below root_fd; what is not there is left out. 0, -ENOMEM. */
int irq_topology_read(int root_fd, struct irq_topology **ret_topology);
struct irq_topology *irq_topology_free(struct irq_topology *topology);
DEFINE_CLEANUP(struct irq_topology *, irq_topology_free)

/* actions: as in sys/kernel/irq/N/actions, without the newline. *ret_place must not outlive the topology and
 * is not to be copied: device may point into it. */
void irq_topology_find(const struct irq_topology *topology, unsigned irq, const char *actions,
                       struct irq_place *ret_place);

/* The queue that an action is named after: "eth0-TxRx-3" -> "3", "virtio0-input.0" -> "rx-0", "eth0" -> "".
 * device: the device's name, so that its own number is not taken for a queue; may be NULL. ret_queue has
 * IRQ_QUEUE_MAX bytes. Pure. */
void irq_queue_of_action(const char *action, const char *device, char *ret_queue);
