/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/moments.h"

#include <string.h>

enum {
        /* Below these there is nothing to be explained: see the rules that start from the same numbers. */
        MOMENT_PACKETS_PER_SECOND = 5000,
        MOMENT_REFUSED_PER_SECOND = 100,
        MOMENT_SAMPLED_PER_SECOND = 5,
        MOMENT_SHARE_PERCENT = 40, /* of one CPU, in softirqs */
};

/* Longer than a stretch: what looks at packets does so when it has seen the flood, not before. */
#define MOMENT_SAMPLES_US (30 * USEC_PER_SEC)

struct candidates {
        struct peak items[MOMENTS_MAX];
        size_t n;
};

static void add_candidate(struct candidates *candidates, const struct peak *peak) {
        if (candidates->n == MOMENTS_MAX)
                return;
        for (size_t i = 0; i < candidates->n; i++)
                if (peaks_overlap(&candidates->items[i], peak))
                        return;

        candidates->items[candidates->n++] = *peak;
}

/* The row whose worst stretch was the worst. */
static struct peak worst_row(const struct rates *rates) {
        struct peak worst = {};

        for (size_t i = 0; rates && i < rates->n_rows; i++)
                if (rates->rows[i].peak.per_second > worst.per_second)
                        worst = rates->rows[i].peak;

        return worst;
}

static struct peak worst_cpu(const struct rates *rates, const struct rates_row *row) {
        struct peak worst = {};

        for (size_t i = 0; row && row->cells && i < rates->n_cpus; i++)
                if (row->cells[i].peak.per_second > worst.per_second)
                        worst = row->cells[i].peak;

        return worst;
}

static void add_refused(const struct load *whole, struct candidates *candidates) {
        static const char *const counters[] = {
                "SyncookiesSent", "TCPReqQFullDrop", "AttemptFails", "UdpNoPorts", "UdpRcvbufErrors",
        };

        for (size_t i = 0; i < ELEMENTSOF(counters); i++) {
                struct peak peak = load_peak(whole, LOAD_TCP, counters[i], CPU_NONE);

                if (peak.per_second >= MOMENT_REFUSED_PER_SECOND)
                        add_candidate(candidates, &peak);
        }
}

/* Most telling first: the rest is looked at where there is room. */
static void find_candidates(const struct load *whole, struct candidates *candidates) {
        const struct rates *cpu_time = whole->metrics[LOAD_CPU_TIME];
        struct peak peak;

        add_refused(whole, candidates);
        peak = worst_row(whole->metrics[LOAD_PACKETS]);
        if (peak.per_second >= MOMENT_SAMPLED_PER_SECOND)
                add_candidate(candidates, &peak);
        peak = worst_row(whole->metrics[LOAD_RX_PACKETS]);
        if (peak.per_second >= MOMENT_PACKETS_PER_SECOND)
                add_candidate(candidates, &peak);
        peak = worst_cpu(cpu_time, rates_find_row(cpu_time, "softirq"));
        if (peak.per_second >= (double)NSEC_PER_SEC / 100 * MOMENT_SHARE_PERCENT)
                add_candidate(candidates, &peak);
}

int moments_query(const struct store *store, const struct load *whole, const struct cpu_set *cpus,
                  struct moments *ret_moments) {
        _cleanup_(moments_done) struct moments moments = {};
        struct candidates candidates = {};
        int r;

        find_candidates(whole, &candidates);
        for (size_t i = 0; i < candidates.n; i++) {
                const struct load_request request = {
                        .since_us = candidates.items[i].since_us,
                        .until_us = candidates.items[i].until_us,
                        .cpus = cpus,
                        .without_interrupts = true,
                        .samples_us = MOMENT_SAMPLES_US,
                };

                r = load_query(store, &request, &moments.items[moments.n]);
                if (r < 0)
                        return r;
                moments.n++;
        }

        *ret_moments = moments;
        moments = (struct moments){};
        return 0;
}

void moments_done(struct moments *moments) {
        for (size_t i = 0; i < moments->n; i++)
                moments->items[i] = load_free(moments->items[i]);
        moments->n = 0;
}
