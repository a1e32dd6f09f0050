/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of the store share: a source with one metric of each type, passes with few words, and a text
 * of all that a scan delivers, so that two states can be compared.
 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/store/store.h"

enum { WIDE, NARROW, LEVEL, N_METRICS };

static const struct metric_desc test_metrics[] = {
        [WIDE] = { .name = "wide", .unit = "1", .type = METRIC_COUNTER, .width_bits = 64 },
        [NARROW] = { .name = "narrow", .unit = "1", .type = METRIC_COUNTER, .width_bits = 32 },
        [LEVEL] = { .name = "level", .unit = "1", .type = METRIC_GAUGE, .width_bits = 64 },
};
_Static_assert(ELEMENTSOF(test_metrics) == N_METRICS, "a description per metric");

static const struct store_limits test_limits = {
        .budget_bytes = 64 << 20,
        .retention_ns = 3600 * NSEC_PER_SEC,
        .n_events_max = 1000,
        .n_series_max = 65536,
};

/* Pass number n of a clock that ticks once a second, in realtime microseconds. */
#define AT(n) (UINT64_C(1000000000) + (uint64_t)(n)*USEC_PER_SEC)

static inline void stamp_at(struct stamp *ret_stamp, unsigned n) {
        *ret_stamp = (struct stamp){ .monotonic_ns = (n + 1) * NSEC_PER_SEC, .realtime_us = AT(n) };
}

static inline struct store *new_store(const struct store_limits *limits, unsigned *ret_source) {
        struct store *store = NULL;

        assert_int_equal(store_new(limits, &store), 0);
        assert_int_equal(store_add_source(store, "test", test_metrics, N_METRICS, ret_source), 0);
        return store;
}

static inline void add_row(struct batch *batch, unsigned metric, const char *name) {
        assert_int_equal(batch_add_row(batch, metric, &(struct row_key){ .name = name }), 0);
}

static inline void add_cell(struct batch *batch, int cpu, uint64_t value) {
        assert_int_equal(batch_add(batch, cpu, value), 0);
}

/* A pass with one row: values of CPUs 0, 1, ... */
static inline int commit_values(struct store *store, unsigned source, unsigned n, unsigned metric,
                                const uint64_t *values, size_t n_values) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        stamp_at(&batch.stamp, n);
        add_row(&batch, metric, "row");
        for (size_t i = 0; i < n_values; i++)
                add_cell(&batch, (int)i, values[i]);

        return store_commit(store, source, &batch);
}
#define COMMIT(store, source, n, metric, ...) \
        assert_int_equal(commit_values(store, source, n, metric, (const uint64_t[]){ __VA_ARGS__ }, \
                                       ELEMENTSOF(((const uint64_t[]){ __VA_ARGS__ }))), \
                         0)

struct transcript {
        FILE *stream;
        const struct store *store;
        unsigned source;
};

static inline int transcribe(const struct store_pass *pass, void *userdata, const char *what) {
        const struct transcript *t = userdata;
        _cleanup_(freep) char *cpus = NULL;

        assert_int_equal(cpu_list_format(pass->cpus, &cpus), 0);
        fprintf(t->stream, "%s%llu cpus=%s%s:", what,
                (unsigned long long)((pass->stamp.realtime_us - AT(0)) / USEC_PER_SEC), cpus,
                pass->after_gap ? " after-gap" : "");

        for (size_t i = 0; i < pass->n_changes; i++) {
                const struct store_change *c = &pass->changes[i];
                const struct store_row *row = store_row_at(t->store, t->source, c->row);

                fprintf(t->stream, " %s", row->key.name);
                if (row->generation > 0)
                        fprintf(t->stream, "#%u", row->generation);
                if (c->cpu != CPU_NONE)
                        fprintf(t->stream, "@%i", c->cpu);
                fprintf(t->stream, "=%llu+%llu%s%s", (unsigned long long)c->value,
                        (unsigned long long)c->delta, c->first ? "first" : "", c->reset ? "reset" : "");
        }

        fputc('\n', t->stream);
        return 0;
}

static inline int transcribe_baseline(const struct store_pass *pass, void *userdata) {
        return transcribe(pass, userdata, "base ");
}

static inline int transcribe_pass(const struct store_pass *pass, void *userdata) {
        return transcribe(pass, userdata, "");
}

/* One line per delivered pass: "base 3 cpus=0-1: row@0=5+0". The caller frees it. */
static inline char *scan_text(const struct store *store, unsigned source, uint64_t since_us,
                              uint64_t until_us) {
        char *text = NULL;
        size_t size = 0;
        struct transcript t = { .store = store, .source = source };
        int r;

        t.stream = open_memstream(&text, &size);
        assert_non_null(t.stream);
        r = store_scan(store, source, since_us, until_us, transcribe_baseline, transcribe_pass, &t);
        if (r < 0)
                fprintf(t.stream, "error %i\n", r);
        assert_int_equal(fclose(t.stream), 0);
        return text;
}

static inline void check_scan(const struct store *store, unsigned source, uint64_t since_us,
                              uint64_t until_us, const char *expected) {
        _cleanup_(freep) char *text = scan_text(store, source, since_us, until_us);

        assert_string_equal(text, expected);
}
