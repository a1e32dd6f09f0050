/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long something took over a span of time: for each key of a histogram metric (an interrupt, a softirq
 * vector, a function) the count, the sum, quantiles and buckets. Pure: store + request -> result. The basis
 * of "irqctl rates --latency".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/query/histogram.h"
#include "daemon/query/rates.h"
#include "daemon/query/span.h"

struct histogram {
        char *labels[METRIC_LABELS_MAX]; /* the key; NULL where it has none */
        uint64_t n;                      /* values in the span, never 0 */
        double per_second;
        bool has_total;
        uint64_t total_ns;                        /* their sum */
        uint64_t p50_ns, p99_ns, p999_ns, max_ns; /* never understate, as in latency.h */
        bool has_ksoftirqd; /* softirqs: the part of n and total_ns that ran in ksoftirqd */
        uint64_t n_ksoftirqd, ksoftirqd_ns;
        uint64_t buckets[HISTOGRAM_BUCKETS]; /* [e]: values in [2^e, 2^(e+1)) */
};

struct histograms {
        const struct metric_desc *metric; /* borrowed from the store */
        char *source;
        uint64_t since_us, until_us; /* as in struct rates */
        uint64_t elapsed_ns;
        struct histogram *items; /* largest total first; without totals most values first */
        size_t n_items;
        size_t n_gaps; /* gaps that touch the span as requested */
};

/* request->metric names a histogram in ns, "hardirq-time". By their names belong to it, as far as the source
 * has them: the sums "hardirq-total" and the gauges "hardirq-max" ("softirq-wait" has "softirq-wait-total"),
 * whose rows are named by the histogram's labels, separated by blanks; and to "softirq-time" the shares
 * "ksoftirqd-runs" and "ksoftirqd-total". 0; -ENOENT no such source, no such histogram, or not two passes to
 * compare; -ENOMEM. */
int histograms_query(const struct store *store, const struct rates_request *request,
                     struct histograms **ret_histograms);
/* The same in three steps, for those who read the source for more than this: a reader, a scan with it, and what it has
 * gathered. -ENOENT already in the first when there is no such histogram. request is borrowed until the last. */
struct histogram_sums;
int histogram_sums_new(const struct store *store, const struct rates_request *request,
                       struct histogram_sums **ret_sums);
struct histogram_sums *histogram_sums_free(struct histogram_sums *sums);
DEFINE_CLEANUP(struct histogram_sums *, histogram_sums_free)
struct scan_reader histograms_reader(struct histogram_sums *sums);
int histograms_finish(const struct histogram_sums *sums, const struct rates_request *request,
                      const struct span *span, struct histograms **ret_histograms);

struct histograms *histograms_free(struct histograms *histograms);
DEFINE_CLEANUP(struct histograms *, histograms_free)
