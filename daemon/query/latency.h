/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Timer lateness per CPU over a span, from the always-on log2 histogram, and the share of time that was
 * watched. Pure. Quantiles are the upper edges of their buckets, capped by the largest value seen:
 * they never understate.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/query/histogram.h"
#include "daemon/query/span.h"
#include "daemon/store/store.h"

struct latency_cpu {
        int cpu;
        uint64_t n;       /* timer expiries measured */
        uint64_t p50_ns, p99_ns, p999_ns, max_ns; /* 0 when n is 0 */
        double coverage;  /* observed time / wall time while online, 0..1 */
};

struct latency {
        struct latency_cpu *cpus; /* ascending CPU ids */
        size_t n_cpus;
        uint64_t n_lost;       /* windows that were found, but not recorded: the kernel's buffer was full */
        uint64_t n_suppressed; /* the same: above the limit of events per second */
};

/* Reads source "irq-delay", per CPU and in ns: "lateness" (histogram), "lateness-max" (gauge: largest since
 * start), "observed" (counter) and "watched" (counter: wall time for which the collector was responsible for
 * this online CPU); and the counters "lost" and "suppressed". 0; -ENOENT nothing to compare in the span; -ENOMEM. */
int latency_query(const struct store *store, uint64_t since_us, uint64_t until_us,
                  const struct cpu_set *cpus, struct latency **ret_latency);
/* The same in three steps, for those who read the source for more than this: a reader, a scan with it, and what it has
 * gathered. -ENOENT already in the first when there is no such source. */
struct latency_sums;
int latency_sums_new(const struct store *store, const struct cpu_set *cpus, struct latency_sums **ret_sums);
struct latency_sums *latency_sums_free(struct latency_sums *sums);
DEFINE_CLEANUP(struct latency_sums *, latency_sums_free)
struct scan_reader latency_reader(struct latency_sums *sums);
int latency_finish(const struct latency_sums *sums, struct latency **ret_latency);

struct latency *latency_free(struct latency *latency);
DEFINE_CLEANUP(struct latency *, latency_free)
