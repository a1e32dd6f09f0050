/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A report as the Report of io.irqwatch.monitor, and the part of it that can be asked for alone.
 */

#include <json-c/json.h>
#include <stdbool.h>

#include "daemon/ipc/json-status.h"
#include "daemon/query/report.h"

enum {
        JSON_CULPRITS_MAX = 256, /* the worst; Windows.count and byClass are of all */
        JSON_TIMES_MAX = 64,     /* of hardirqs, and of softirqs, those with the largest totals */
        JSON_GAPS_MAX = 512,     /* the rest is cut */
};

struct json_report_request {
        const struct json_host *host;
        bool with_cpus; /* false leaves every perCpu list empty, for what would not fit into a message */
        size_t interrupts_max; /* only those with the most, the most first; 0: all, in the kernel's order */
        size_t per_cpu_max;    /* of a perCpu list, those with the most; 0: all that counted anything */
};

/* 0 or -ENOMEM. */
int json_report(const struct report *report, const struct json_report_request *request,
                struct json_object **ret_object);
/* The array of Latency; NULL: empty. 0 or -ENOMEM. */
int json_latency(const struct latency *latency, struct json_object **ret_array);
