/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/report.h"

#include <string.h>

/* Gaps are gathered source by source, oldest first. */
struct gap_walk {
        const struct store *store;
        struct report *report;
};

static int report_add_gap(struct report *report, const char *collector, uint64_t since_us, uint64_t until_us,
                          const char *reason, bool before_start) {
        struct report_gap *gaps, *gap;

        since_us = MAX(since_us, report->since_us);
        until_us = MIN(until_us, report->until_us);
        if (since_us >= until_us)
                return 0;

        gaps = reallocarray(report->gaps, report->n_gaps + 1, sizeof(*gaps));
        if (!gaps)
                return -ENOMEM;

        report->gaps = gaps;
        gap = &gaps[report->n_gaps++];
        *gap = (struct report_gap){
                .collector = strdup(collector),
                .since_us = since_us,
                .until_us = until_us,
                .reason = strdup(reason),
                .before_start = before_start,
        };
        return gap->collector && gap->reason ? 0 : -ENOMEM;
}

static int report_take_gap(const struct store_gap *gap, void *userdata) {
        const struct gap_walk *walk = userdata;

        return report_add_gap(walk->report, store_source_name(walk->store, gap->source), gap->since_us,
                              gap->until_us, gap->reason, false);
}

/* Where a source's record begins. */
struct record_start {
        unsigned source;
        uint64_t first_us;
};

static int report_note_gap(const struct store_gap *gap, void *userdata) {
        struct record_start *start = userdata;

        if (gap->source == start->source)
                start->first_us = MIN(start->first_us, gap->since_us);
        return 0;
}

/* What lies before the first pass, or attempt at one, that is known of. The reason holds in every case: a
 * first start, a restart (memory is empty then), and passes that were dropped since. */
static int report_add_start(const struct store *store, unsigned source, bool any_passes, struct report *report) {
        struct record_start start = { .source = source, .first_us = report->until_us };
        uint64_t first_us, last_us;
        bool has_passes = store_source_range(store, source, &first_us, &last_us) >= 0;

        if (has_passes)
                start.first_us = MIN(start.first_us, first_us);
        (void)store_for_each_gap(store, report->since_us, report->until_us, report_note_gap,
                                 &start); /* returns what the callback returns: 0 */

        /* Others delivered, this one never did nor failed to: it is switched off or cannot run here, as status says. */
        if (any_passes && !has_passes && start.first_us == report->until_us)
                return 0;

        return report_add_gap(
                report, store_source_name(store, source), report->since_us, start.first_us,
                "not on record: irqwatchd was not yet watching, or its history no longer reaches "
                "back that far",
                true);
}

static int report_fill_gaps(const struct store *store, struct report *report) {
        struct gap_walk walk = { .store = store, .report = report };
        uint64_t first_us, last_us;
        bool any_passes = false;
        int r;

        for (unsigned i = 0; i < store_n_sources(store); i++)
                any_passes = any_passes || store_source_range(store, i, &first_us, &last_us) >= 0;
        for (unsigned i = 0; i < store_n_sources(store); i++) {
                r = report_add_start(store, i, any_passes, report);
                if (r < 0)
                        return r;
        }

        return store_for_each_gap(store, report->since_us, report->until_us, report_take_gap, &walk);
}

static int report_fill_load(const struct store *store, const struct report_request *request, struct report *report) {
        const struct load_request load_request = {
                .since_us = request->since_us,
                .until_us = request->until_us,
                .cpus = request->cpus,
                .stretch_ns = REPORT_STRETCH_NS,
                .history_ns = REPORT_HISTORY_NS,
        };
        int r;

        r = load_query(store, &load_request, &report->load);
        if (r < 0)
                return r;

        report->softirqs = report->load->metrics[LOAD_SOFTIRQS];
        report->interrupts = report->load->metrics[LOAD_INTERRUPTS];
        return moments_query(store, report->load, request->cpus, &report->moments);
}

/* What irq-delay counts is most of all that is counted: read once for latency and both kinds of times. */
struct delay_readers {
        struct latency_sums *latency;
        struct histogram_sums *times[2];
        struct rates_request requests[2];
        struct scan_reader readers[3];
        size_t n;
};

static void delay_readers_done(struct delay_readers *delay) {
        (void)latency_sums_free(delay->latency); /* these return NULL */
        for (size_t i = 0; i < ELEMENTSOF(delay->times); i++)
                (void)histogram_sums_free(delay->times[i]);
}

/* Those for which there is something to read. */
static int delay_readers_init(struct delay_readers *delay, const struct store *store,
                              const struct report_request *request) {
        static const char *const metrics[] = { "softirq-time", "hardirq-time" };
        int r;

        r = latency_sums_new(store, request->cpus, &delay->latency);
        if (r == 0)
                delay->readers[delay->n++] = latency_reader(delay->latency);
        for (size_t i = 0; i < ELEMENTSOF(metrics) && (r == 0 || r == -ENOENT); i++) {
                delay->requests[i] = (struct rates_request){
                        .source = "irq-delay",
                        .metric = metrics[i],
                        .since_us = request->since_us,
                        .until_us = request->until_us,
                        .cpus = request->cpus,
                };
                r = histogram_sums_new(store, &delay->requests[i], &delay->times[i]);
                if (r == 0)
                        delay->readers[delay->n++] = histograms_reader(delay->times[i]);
        }

        return r == -ENOENT ? 0 : r;
}

static int report_fill_delay(const struct store *store, const struct report_request *request,
                             struct report *report) {
        _cleanup_(delay_readers_done) struct delay_readers delay = {};
        struct histograms **const times[] = { &report->softirq_times, &report->hardirq_times };
        struct span span;
        int r, source;

        r = delay_readers_init(&delay, store, request);
        if (r < 0 || delay.n == 0)
                return r;
        source = store_find_source(store, "irq-delay"); /* there is one: it has readers */
        r = span_scan_all(store, (unsigned)source, request->since_us, request->until_us, delay.readers, delay.n,
                              &span);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        if (delay.latency)
                r = latency_finish(delay.latency, &report->latency);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(times); i++)
                if (delay.times[i])
                        r = histograms_finish(delay.times[i], &delay.requests[i], &span, times[i]);
        return r;
}

/* Packets belong to no CPU: a selection of CPUs does not change them. */
static int report_fill_packets(const struct store *store, const struct report_request *request,
                               struct packets **ret_packets) {
        int r;

        r = packets_query(store, request->since_us, request->until_us, ret_packets);
        return r == -ENOENT ? 0 : r;
}

static int report_fill_gauge(const struct store *store, const struct report *report, const char *metric,
                             struct gauges **ret_gauges) {
        const struct gauges_request request = { .source = "affinity", .metric = metric, .at_us = report->until_us };
        int r;

        r = gauges_query(store, &request, ret_gauges);
        return r == -ENOENT ? 0 : r;
}

static int report_fill_affinity(const struct store *store, const struct report_request *request,
                                struct report *report) {
        int r;

        r = affinity_query(store, request->since_us, request->until_us, request->cpus, &report->affinity);
        if (r == 0)
                r = report_fill_gauge(store, report, "isolated", &report->isolated);
        if (r == 0)
                r = report_fill_gauge(store, report, "irqbalance", &report->irqbalance);
        return r;
}

static int report_fill(const struct store *store, const struct report_request *request,
                       struct report *report) {
        int r;

        r = windows_query(store, request->since_us, request->until_us, request->cpus, &report->windows);
        if (r < 0)
                return r;
        r = slow_query(store, request->since_us, request->until_us, request->cpus, &report->slow);
        if (r < 0)
                return r;
        r = report_fill_delay(store, request, report);
        if (r < 0)
                return r;
        r = report_fill_load(store, request, report);
        if (r < 0)
                return r;
        r = report_fill_affinity(store, request, report);
        if (r < 0)
                return r;
        r = report_fill_packets(store, request, &report->packets);
        if (r < 0)
                return r;
        r = report_fill_gaps(store, report);
        if (r < 0)
                return r;
        return findings_evaluate(report, request->status, &report->findings);
}

int report_query(const struct store *store, const struct report_request *request,
                 struct report **ret_report) {
        _cleanup_(report_freep) struct report *report = NULL;
        int r;

        if (request->since_us >= request->until_us)
                return -EINVAL;

        report = calloc(1, sizeof(*report));
        if (!report)
                return -ENOMEM;

        report->since_us = request->since_us;
        report->until_us = request->until_us;
        report->filtered = !!request->cpus;
        report->captured = request->captured;
        r = report_fill(store, request, report);
        if (r < 0)
                return r;

        *ret_report = TAKE_PTR(report);
        return 0;
}

struct report *report_free(struct report *report) {
        if (!report)
                return NULL;

        for (size_t i = 0; i < report->n_gaps; i++) {
                free(report->gaps[i].collector);
                free(report->gaps[i].reason);
        }
        free(report->gaps);
        (void)gauges_free(report->isolated);
        (void)gauges_free(report->irqbalance);
        (void)windows_free(report->windows); /* these return NULL */
        (void)slow_free(report->slow);
        (void)latency_free(report->latency);
        (void)load_free(report->load);
        moments_done(&report->moments);
        (void)affinity_free(report->affinity);
        (void)histograms_free(report->softirq_times);
        (void)histograms_free(report->hardirq_times);
        (void)packets_free(report->packets);
        findings_done(&report->findings);
        free(report);
        return NULL;
}
