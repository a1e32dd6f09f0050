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
#include "daemon/query/histograms.h"
#include "daemon/query/latency.h"
#include "daemon/query/packets.h"
#include "daemon/query/rates.h"
#include "daemon/query/slow.h"
#include "daemon/query/windows.h"

struct report_request {
        uint64_t since_us, until_us;
        const struct cpu_set *cpus; /* NULL: all */
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
        struct windows *windows;    /* never NULL */
        struct slow *slow;          /* never NULL; for findings */
        struct latency *latency;    /* NULL: irq-delay does not run */
        struct rates *softirqs;     /* NULL: not collected */
        struct rates *interrupts;
        struct affinity *affinity;  /* never NULL */
        struct histograms *softirq_times; /* NULL: spans are not measured */
        struct histograms *hardirq_times;
        struct packets *packets;    /* NULL: none were sampled */
        struct report_gap *gaps;    /* includes the time before the daemon started watching */
        size_t n_gaps;
        struct findings findings;
};

/* 0; -EINVAL when since_us >= until_us; -ENOMEM. */
int report_query(const struct store *store, const struct report_request *request,
                 struct report **ret_report);
struct report *report_free(struct report *report);
DEFINE_CLEANUP(struct report *, report_free)
