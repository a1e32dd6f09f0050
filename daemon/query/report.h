/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The answer to "what held interrupts off, and what ate my softirq time": windows, latency, softirqs and
 * interrupts over one span, with findings. Pure: store + request -> result. Parts that no collector
 * delivers are NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/query/affinity.h"
#include "daemon/query/findings.h"
#include "daemon/query/gauges.h"
#include "daemon/query/histograms.h"
#include "daemon/query/latency.h"
#include "daemon/query/load.h"
#include "daemon/query/moments.h"
#include "daemon/query/packets.h"
#include "daemon/query/rates.h"
#include "daemon/query/slow.h"
#include "daemon/query/windows.h"

/* Trouble that lasts this long counts. Long enough that bursts of a healthy machine are not trouble, short enough to
 * find half a minute of it in a report of any length. */
#define REPORT_STRETCH_NS (10 * NSEC_PER_SEC)
/* What was usual before the span is judged by this much of the past. */
#define REPORT_HISTORY_NS (3600 * NSEC_PER_SEC)

struct status;

struct report_request {
        uint64_t since_us, until_us;
        const struct cpu_set *cpus; /* NULL: all */
        const struct status *status; /* of the daemon now, for findings about itself; NULL: none */
        bool captured; /* from captures: nobody watched, and what they lack is nobody's failure */
};

struct report_gap {
        char *collector;
        uint64_t since_us, until_us; /* clipped to the report's span */
        char *reason;
        bool before_start;           /* older than the oldest pass kept; not a failure */
};

struct report {
        uint64_t since_us, until_us;
        bool filtered;              /* a selection of CPUs, not the machine */
        bool captured;              /* as in the request */
        struct windows *windows;    /* never NULL */
        struct slow *slow;          /* never NULL; for findings */
        struct latency *latency;    /* NULL: irq-delay does not run */
        struct load *load;          /* never NULL; with the worst stretches of REPORT_STRETCH_NS */
        struct moments moments;     /* for findings */
        struct rates *softirqs;     /* of load; NULL: not collected */
        struct rates *interrupts;   /* the same */
        struct affinity *affinity;  /* never NULL */
        struct histograms *softirq_times; /* NULL: spans are not measured */
        struct histograms *hardirq_times;
        struct packets *packets;    /* NULL: none were sampled */
        struct gauges *isolated;    /* CPUs that are to be left alone, at the end; NULL: not collected */
        struct gauges *irqbalance;  /* whether it runs */
        struct report_gap *gaps;    /* includes the time before the daemon started watching */
        size_t n_gaps;
        struct findings findings;
};

/* 0; -EINVAL when since_us >= until_us; -ENOMEM. */
int report_query(const struct store *store, const struct report_request *request,
                 struct report **ret_report);
struct report *report_free(struct report *report);
DEFINE_CLEANUP(struct report *, report_free)
