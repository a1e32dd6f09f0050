/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packet samples as the Packets of io.irqwatch.monitor.
 */

#include "daemon/ipc/json-writer.h"
#include "daemon/query/packets.h"

/* Sets the key to the samples' object, to null when packets is NULL. */
void json_set_packets(struct json_writer *writer, const char *key, const struct packets *packets);
