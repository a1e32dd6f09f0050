/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Steps of a metric as the RateSteps of io.irqwatch.monitor: as many of them as one reply should have.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/query/steps.h"

struct json_steps_request {
        const struct steps *steps;
        const char *tier;
        uint64_t step_us;
        bool with_cpus;   /* false: every perCpu list is empty */
        size_t bytes_max; /* steps are added until there are more */
};

/* *ret_n: how many of the steps it has; the next one, if any, lies in another of the steps asked for than the
 * last of these. 0 or -ENOMEM. */
int json_steps(const struct json_steps_request *request, struct json_object **ret_object, size_t *ret_n);
