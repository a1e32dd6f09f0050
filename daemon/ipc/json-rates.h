/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Differences of counters as the Rates of io.irqwatch.monitor, the CpuCount list that the Report shares with
 * it, and histograms as its Histograms.
 */

#include <json-c/json.h>
#include <stdbool.h>

#include "daemon/ipc/json-writer.h"
#include "daemon/query/histograms.h"
#include "daemon/query/rates.h"

/* with_cpus false leaves every perCpu list empty, for what would not fit into a message. 0 or -ENOMEM. */
int json_rates(const struct rates *rates, bool with_cpus, struct json_object **ret_object);
/* "perCpu" of a row: the CPUs that counted anything; where these are more than max, those with the most. By
 * ascending CPU. */
void json_set_per_cpu(struct json_writer *writer, const struct rates *rates, const struct rates_row *row,
                      size_t max);
/* with_buckets false leaves every buckets list empty, likewise. 0 or -ENOMEM. */
int json_histograms(const struct histograms *histograms, bool with_buckets, struct json_object **ret_object);
