/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arithmetic on log2 histograms of nanoseconds, and on the gauge of the largest value that goes with one.
 * What latency.h and histograms.h share. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        HISTOGRAM_BUCKETS = 64, /* 2^63 ns and more is the last that an uint64_t can fall into */
};

/* The quantile q (0..1) of log2 bucket counts: upper edge of the bucket in which it falls; 0 when empty.
 * counts[e] is the number of values in [2^e, 2^(e+1)), for e = 0 also the zeros. */
uint64_t histogram_quantile(const uint64_t *counts, size_t n_buckets, double q);
/* First value above those of a bucket. */
uint64_t histogram_edge(size_t bucket);
/* The exponent that a bucket's row is named by; HISTOGRAM_BUCKETS when it is none. */
size_t histogram_bucket(const char *name);

/* The gauge "largest since the start" while the passes of a span go by. All-zero: none seen. */
struct histogram_peak {
        uint64_t last_ns;    /* its last value */
        uint64_t largest_ns; /* its largest, the start of the span included */
        uint64_t risen_ns;   /* the largest that it rose to within the span; 0: never rose */
};

/* What it was at the end of a pass and, where the pass stands for several, at most. */
void histogram_peak_add(struct histogram_peak *peak, uint64_t max, uint64_t value, bool baseline);
/* The largest value of the span; edge is that of its highest bucket, 0: there was none. Never understates. */
uint64_t histogram_peak_max(const struct histogram_peak *peak, uint64_t edge);
