/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RPS and XPS of every queue of every network device: sys/class/net/DEVICE/queues/rx-N/rps_cpus and
 * tx-N/xps_cpus. Hosts of containers have thousands of devices, and xps_cpus takes the lock of the whole
 * network configuration (net/core/net-sysfs.c: xps_cpus_show()), so this is to be read now and then only.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cpulist.h"
#include "common/fileio.h"
#include "daemon/collect/cpus-gauge.h"

struct net_queue {
        char *name; /* "eth0/rx-0", valid UTF-8 on one line */
        bool is_tx;
        bool seen;               /* in the latest reading */
        struct cpu_set cpus;     /* in the mask */
        struct cpus_gauge gauge; /* for who makes rows of it */
};

struct net_queues {
        struct net_queue *items; /* only those that have, or had, CPUs in their mask; in no order */
        size_t n_items;
        struct text_buffer buffer;
};

void net_queues_done(struct net_queues *queues);
/* What is not there, or goes away meanwhile, is no failure. 0 or -ENOMEM. */
int net_queues_read(struct net_queues *queues, int root_fd);
