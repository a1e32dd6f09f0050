/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/moments.h"

#include <string.h>

enum {
        /* Below these there is nothing to be explained: see the rules that start from the same numbers. */
        MOMENT_PACKETS_PER_SECOND = 5000,
        MOMENT_REFUSED_PER_SECOND = 100,
        MOMENT_SHARE_PERCENT = 40, /* of one CPU, in softirqs */
};

/* What looks at packets does so when it has seen the flood, not before. */
#define MOMENT_SAMPLES_US (30 * USEC_PER_SEC)
/* A sample is on record when it is complete, two seconds and a pass after its first packet: what comes earlier in a
 * stretch was drawn before it, perhaps from another flood. */
#define MOMENT_DRAWN_US (3 * USEC_PER_SEC)
/* What led to a sample: the stretch that ends with it. */
#define MOMENT_BEFORE_SAMPLE_US (12 * USEC_PER_SEC)

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

/* What was sampled in a stretch. 0, *ret_packets NULL: nothing was. */
static int query_samples(const struct store *store, uint64_t since_us, uint64_t until_us,
                         struct packets **ret_packets) {
        int r;

        *ret_packets = NULL;
        if (since_us + MOMENT_DRAWN_US >= until_us)
                return 0;

        r = packets_query(store, since_us + MOMENT_DRAWN_US, until_us, ret_packets);
        return r == -ENOENT ? 0 : r;
}

static int add_sampled(const struct store *store, const struct load *whole, struct candidates *candidates) {
        _cleanup_(packets_freep) struct packets *packets = NULL;
        int r;

        r = query_samples(store, whole->since_us, whole->until_us, &packets);
        if (r < 0 || !packets)
                return r;

        add_candidate(candidates,
                      &(struct peak){
                              .since_us = MAX(packets->last_us - MOMENT_BEFORE_SAMPLE_US, whole->since_us),
                              .until_us = packets->last_us,
                      });
        return 0;
}

/* Most telling first: the rest is looked at where there is room. */
static int find_candidates(const struct store *store, const struct load *whole,
                           struct candidates *candidates) {
        const struct rates *cpu_time = whole->metrics[LOAD_CPU_TIME];
        struct peak peak;
        int r;

        add_refused(whole, candidates);
        r = add_sampled(store, whole, candidates);
        if (r < 0)
                return r;
        peak = worst_row(whole->metrics[LOAD_RX_PACKETS]);
        if (peak.per_second >= MOMENT_PACKETS_PER_SECOND)
                add_candidate(candidates, &peak);
        peak = worst_cpu(cpu_time, rates_find_row(cpu_time, "softirq"));
        if (peak.per_second >= (double)NSEC_PER_SEC / 100 * MOMENT_SHARE_PERCENT)
                add_candidate(candidates, &peak);
        return 0;
}

static int moment_query(const struct store *store, const struct peak *peak, const struct cpu_set *cpus,
                        struct moment *ret_moment) {
        const struct load_request request = {
                .since_us = peak->since_us,
                .until_us = peak->until_us,
                .cpus = cpus,
                .without_interrupts = true,
        };
        int r;

        r = load_query(store, &request, &ret_moment->load);
        if (r < 0)
                return r;
        return query_samples(store, peak->since_us, peak->until_us + MOMENT_SAMPLES_US, &ret_moment->packets);
}

int moments_query(const struct store *store, const struct load *whole, const struct cpu_set *cpus,
                  struct moments *ret_moments) {
        _cleanup_(moments_done) struct moments moments = {};
        struct candidates candidates = {};
        int r;

        r = find_candidates(store, whole, &candidates);
        for (size_t i = 0; r == 0 && i < candidates.n; i++)
                r = moment_query(store, &candidates.items[i], cpus, &moments.items[moments.n++]);
        if (r < 0)
                return r;

        *ret_moments = moments;
        moments = (struct moments){};
        return 0;
}

void moments_done(struct moments *moments) {
        for (size_t i = 0; i < moments->n; i++) {
                (void)load_free(moments->items[i].load); /* these return NULL */
                (void)packets_free(moments->items[i].packets);
        }

        *moments = (struct moments){};
}
