/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of a report that tell where interrupts go: fields of an Interrupt, and AffinityChange of
 * io.irqwatch.monitor.
 */

#include "daemon/ipc/json-writer.h"
#include "daemon/query/affinity.h"

/* affinity, effectiveAffinity, device, queue of the interrupt of that name. */
void json_set_affinity(struct json_writer *object, const struct affinity *affinity, const char *irq);
/* affinityChanges, affinityChangesTotal. */
void json_set_affinity_changes(struct json_writer *object, const struct affinity *affinity);
