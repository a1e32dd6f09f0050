/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/histogram.h"

#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"

size_t histogram_bucket(const char *name) {
        unsigned long bucket;
        char *end;

        bucket = strtoul(name, &end, 10);
        return *name && !*end && bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS;
}

uint64_t histogram_edge(size_t bucket) {
        return bucket >= 63 ? UINT64_MAX : UINT64_C(2) << bucket;
}

uint64_t histogram_quantile(const uint64_t *counts, size_t n_buckets, double q) {
        uint64_t total = 0, below = 0, rank;

        for (size_t i = 0; i < n_buckets; i++)
                total += counts[i];
        if (total == 0)
                return 0;

        rank = (uint64_t)ceil(q * (double)total);
        rank = MIN(MAX(rank, UINT64_C(1)), total);
        for (size_t i = 0; i < n_buckets; i++) {
                below += counts[i];
                if (below >= rank)
                        return histogram_edge(i);
        }

        return histogram_edge(n_buckets - 1);
}

static void peak_add(struct histogram_peak *peak, uint64_t value, bool baseline) {
        if (!baseline && value > peak->last_ns)
                peak->risen_ns = MAX(peak->risen_ns, value);

        peak->last_ns = value;
        peak->largest_ns = MAX(peak->largest_ns, value);
}

void histogram_peak_add(struct histogram_peak *peak, uint64_t max, uint64_t value, bool baseline) {
        if (!baseline)
                peak_add(peak, max, false);
        peak_add(peak, value, baseline);
}

/* That the gauge rose in the span makes it the span's own, exact maximum. Otherwise the highest bucket bounds
 * the span's values, and so does the gauge. A gauge below that bucket was started anew in between and knows
 * nothing of what came before. */
uint64_t histogram_peak_max(const struct histogram_peak *peak, uint64_t edge) {
        if (edge == 0)
                return 0;
        if (peak->risen_ns > 0 && peak->risen_ns >= edge / 2)
                return peak->risen_ns;
        return peak->largest_ns >= edge / 2 ? MIN(edge, peak->largest_ns) : edge;
}
