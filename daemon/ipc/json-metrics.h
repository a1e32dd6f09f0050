/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cumulative values as the Metrics and EventTotals of io.irqwatch.monitor.
 */

#include <json-c/json.h>
#include <stdbool.h>

#include "daemon/ipc/json-writer.h"
#include "daemon/query/counters.h"

/* with_cpus false leaves every perCpu list empty, for what would not fit into a message. 0 or -ENOMEM. */
int json_metrics(const struct counters *counters, bool with_cpus, struct json_object **ret_object);
int json_event_totals(const struct event_totals *totals, struct json_object **ret_object);
