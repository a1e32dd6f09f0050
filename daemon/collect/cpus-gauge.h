/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A set of CPUs as a row of a gauge: 1 for each. The store keeps a gauge's value until it is told another, so
 * a row has to say 0 of a CPU that left the set; and it remembers which those are.
 *
 * On machines with more than 64 CPUs a set that has all of them is one value of no CPU instead of hundreds:
 * with thousands of interrupts that all CPUs may take, the values would need more memory than all other
 * history.
 */

#include <stdbool.h>

#include "common/cpulist.h"
#include "daemon/store/batch.h"

/* What was told of a row since it began. All-zero is nothing. */
struct cpus_gauge {
        struct cpu_set cpus;
        bool all;
};

void cpus_gauge_done(struct cpus_gauge *gauge);
/* Adds the values to the batch's newest row. 0 or -ENOMEM. */
int cpus_gauge_add(struct cpus_gauge *gauge, struct batch *batch, const struct cpu_set *cpus,
                   const struct cpu_set *online);
