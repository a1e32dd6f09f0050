/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store with passes and events of known values, for the tests of the queries. Time is in seconds after a
 * base, one pass a second unless a test says otherwise.
 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/registry.h"
#include "daemon/store/store.h"
#include "tests/harness/alloc-fail.h"

static uint64_t base_us _unused_ = UINT64_C(1700000000000000);

#define AT(seconds) (base_us + (uint64_t)(int64_t)((seconds)*1e6)) /* may lie before the base */
#define MSEC(ms) ((uint64_t)((ms)*1e6))

enum {
        DELAY_LATENESS,
        DELAY_LARGEST,
        DELAY_OBSERVED,
        DELAY_WATCHED,
        DELAY_LOST,
        DELAY_SUPPRESSED,
        DELAY_HARDIRQ_TIME,
        DELAY_HARDIRQ_TOTAL,
        DELAY_HARDIRQ_MAX,
        DELAY_SOFTIRQ_TIME,
        DELAY_SOFTIRQ_TOTAL,
        DELAY_SOFTIRQ_MAX,
        DELAY_SOFTIRQ_WAIT,
        DELAY_SOFTIRQ_WAIT_TOTAL,
        DELAY_SOFTIRQ_WAIT_MAX,
        DELAY_KSOFTIRQD_RUNS,
        DELAY_KSOFTIRQD_TOTAL,
};

static const struct metric_desc delay_metrics[] _unused_ = {
        [DELAY_LATENESS] = { "lateness", "ns", "", "bucket", {}, METRIC_HISTOGRAM, 64, true },
        [DELAY_LARGEST] = { "lateness-max", "ns", "", NULL, {}, METRIC_GAUGE, 64 },
        [DELAY_OBSERVED] = { "observed", "ns", "", NULL, {}, METRIC_COUNTER, 64, true },
        [DELAY_WATCHED] = { "watched", "ns", "", NULL, {}, METRIC_COUNTER, 64, true },
        [DELAY_LOST] = { "lost", "1", "", NULL, {}, METRIC_COUNTER, 64, true },
        [DELAY_SUPPRESSED] = { "suppressed", "1", "", NULL, {}, METRIC_COUNTER, 64, true },
        [DELAY_HARDIRQ_TIME] = { "hardirq-time", "ns", "", "bucket", { "irq", "action" }, METRIC_HISTOGRAM, 32, true },
        [DELAY_HARDIRQ_TOTAL] = { "hardirq-total", "ns", "", "irq", {}, METRIC_COUNTER, 64, true },
        [DELAY_HARDIRQ_MAX] = { "hardirq-max", "ns", "", "irq", {}, METRIC_GAUGE, 64 },
        [DELAY_SOFTIRQ_TIME] = { "softirq-time", "ns", "", "bucket", { "type" }, METRIC_HISTOGRAM, 32, true },
        [DELAY_SOFTIRQ_TOTAL] = { "softirq-total", "ns", "", "type", {}, METRIC_COUNTER, 64, true },
        [DELAY_SOFTIRQ_MAX] = { "softirq-max", "ns", "", "type", {}, METRIC_GAUGE, 64 },
        [DELAY_SOFTIRQ_WAIT] = { "softirq-wait", "ns", "", "bucket", { "type" }, METRIC_HISTOGRAM, 32, true },
        [DELAY_SOFTIRQ_WAIT_TOTAL] = { "softirq-wait-total", "ns", "", "type", {}, METRIC_COUNTER, 64, true },
        [DELAY_SOFTIRQ_WAIT_MAX] = { "softirq-wait-max", "ns", "", "type", {}, METRIC_GAUGE, 64 },
        [DELAY_KSOFTIRQD_RUNS] = { "ksoftirqd-runs", "1", "", "type", {}, METRIC_COUNTER, 64, true },
        [DELAY_KSOFTIRQD_TOTAL] = { "ksoftirqd-total", "ns", "", "type", {}, METRIC_COUNTER, 64, true },
};

/* The order of the packets collector's metrics. */
enum {
        PACKETS_SAMPLED,
        PACKETS_SOURCES,
        PACKETS_SAMPLES,
        PACKETS_OBSERVED,
        PACKETS_BYTES,
        PACKETS_DISTINCT,
        PACKETS_DEVICES,
};

static inline struct store *new_store(void) {
        static const struct store_limits limits = {
                .budget_bytes = UINT64_C(64) << 20,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = 10000,
                .n_series_max = 100000,
        };
        struct store *store = NULL;

        assert_int_equal(store_new(&limits, &store), 0);
        return store;
}

static inline unsigned add_delay_source(struct store *store) {
        unsigned source = 0;

        assert_int_equal(
                store_add_source(store, "irq-delay", delay_metrics, ELEMENTSOF(delay_metrics), &source), 0);
        return source;
}

/* With the metrics of the collector itself, whose names and labels the queries go by. */
static inline unsigned add_collector_source(struct store *store, const struct collector_ops *ops) {
        unsigned source = 0;

        assert_int_equal(store_add_source(store, ops->name, ops->metrics, ops->n_metrics, &source), 0);
        return source;
}

static inline struct stamp stamp_at(double seconds) {
        return (struct stamp){
                .realtime_us = AT(seconds),
                .monotonic_ns = 1000 * NSEC_PER_SEC + (uint64_t)(seconds * 1e9),
        };
}

/* Cells of CPUs 0, 1, ...; the batch then counts these CPUs as present. */
static inline void add_cells(struct batch *batch, unsigned metric, const struct row_key *key,
                             const uint64_t *values, size_t n) {
        assert_int_equal(batch_add_row(batch, metric, key), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(batch_add(batch, (int)i, values[i]), 0);
}

#define ADD_ROW(batch, metric, row_name, ...) \
        add_cells(batch, metric, &(struct row_key){ .name = row_name }, (const uint64_t[]){ __VA_ARGS__ }, \
                  ELEMENTSOF(((const uint64_t[]){ __VA_ARGS__ })))

/* A bucket of a histogram with labels: ADD_BUCKET(&batch, metric, "12", ("24", "eth0"), 1, 2) */
#define LABELS(...) { __VA_ARGS__ }
#define ADD_BUCKET(batch, metric, row_name, row_labels, ...) \
        add_cells(batch, metric, &(struct row_key){ .name = row_name, .labels = LABELS row_labels }, \
                  (const uint64_t[]){ __VA_ARGS__ }, ELEMENTSOF(((const uint64_t[]){ __VA_ARGS__ })))

static inline void commit(struct store *store, unsigned source, double seconds, struct batch *batch) {
        batch->stamp = stamp_at(seconds);
        assert_int_equal(store_commit(store, source, batch), 0);
        batch_clear(batch);
}

static inline void mark_gap(struct store *store, unsigned source, double seconds, const char *reason) {
        struct stamp stamp = stamp_at(seconds);

        assert_int_equal(store_mark_gap(store, source, &stamp, reason), 0);
}

/* A window that ended then. Borrowed from the store, to be completed by the caller; comm may be NULL. */
static inline struct event *add_window(struct store *store, double seconds, int cpu, enum event_class class,
                                       double min_ms, double max_ms, const char *culprit, const char *comm) {
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->class = class;
        event->time_us = AT(seconds);
        event->monotonic_ns = stamp_at(seconds).monotonic_ns;
        event->cpu = cpu;
        event->has_duration = true;
        event->duration_min_ns = MSEC(min_ms);
        event->duration_max_ns = MSEC(max_ms);
        if (culprit) {
                event->culprit = strdup(culprit);
                assert_non_null(event->culprit);
        }
        if (comm) {
                event->has_task = true;
                event->pid = event->tgid = 25319;
                (void)snprintf(event->comm, sizeof(event->comm), "%s", comm); /* cut like the kernel does */
        }
        assert_int_equal(store_add_event(store, event), 0);
        return store_find_event(store, event->id);
}

/* A run, or a wait, that ended then. name is the handler, or the vector. Borrowed from the store. */
static inline struct event *add_slow(struct store *store, double seconds, int cpu, enum event_kind kind, double ms,
                                     const char *name) {
        struct event *event;

        event = add_window(store, seconds, cpu, kind == EVENT_HARDIRQ ? CLASS_HARDIRQ : CLASS_SOFTIRQ, ms, ms,
                           kind == EVENT_HARDIRQ ? name : NULL, "node");
        event->kind = kind;
        if (kind != EVENT_HARDIRQ)
                assert_int_equal(event_add_string(event, "softirq", name), 0);
        return event;
}

/* Gives an event a kernel stack, innermost first: "f[module] g h", and a fingerprint unless NULL. */
static inline void set_stack(struct event *event, const char *text, const char *fingerprint) {
        _cleanup_(freep) char *copy = strdup(text);
        char *save = NULL;

        assert_non_null(copy);
        assert_int_equal(stack_new(16, &event->kernel_stack), 0);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                struct frame *frame = &event->kernel_stack->frames[event->kernel_stack->n_frames++];
                size_t n = strcspn(word, "[");

                frame->symbol = strcmp(word, "?") == 0 ? NULL : strndup(word, n);
                frame->module = word[n] ? strndup(word + n + 1, strlen(word + n) - 2) : NULL;
        }
        stack_seal(event->kernel_stack);
        if (fingerprint)
                assert_int_equal(event_add_string(event, "fingerprint", fingerprint), 0);
}
