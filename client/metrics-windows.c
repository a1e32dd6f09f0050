/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/field.h"
#include "client/metrics-internal.h"
#include "common/parse.h"

/* Buckets of ours end at powers of two, as the kernel side's do: nothing is interpolated. */
struct edge {
        unsigned exponent; /* values below 2^exponent ns; 64: all */
        const char *le;
};

/* As many as a classic histogram of this product may have, with the one that has no edge. */
enum { BUCKETS_MAX = 12 };

static const struct edge lateness_edges[] = {
        { 12, "4.096e-06" },   { 14, "1.6384e-05" },  { 16, "6.5536e-05" },  { 18, "0.000262144" },
        { 20, "0.001048576" }, { 21, "0.002097152" }, { 22, "0.004194304" }, { 23, "0.008388608" },
        { 24, "0.016777216" }, { 26, "0.067108864" }, { 28, "0.268435456" }, { 64, "+Inf" },
};
_Static_assert(ELEMENTSOF(lateness_edges) <= BUCKETS_MAX, "few series");

/* Fewer: there is one histogram for each type of softirq. */
static const struct edge softirq_edges[] = {
        { 11, "2.048e-06" },   { 13, "8.192e-06" },   { 15, "3.2768e-05" },  { 17, "0.000131072" },
        { 19, "0.000524288" }, { 21, "0.002097152" }, { 23, "0.008388608" }, { 25, "0.033554432" },
        { 27, "0.134217728" }, { 64, "+Inf" },
};
_Static_assert(ELEMENTSOF(softirq_edges) <= BUCKETS_MAX, "few series");

/* Adds up the rows of a log2 histogram; label NULL: all, otherwise those whose first label it is. Returns how
 * many values there are. */
static uint64_t sum_buckets(struct json_object *metric, const char *label, const struct edge *edges,
                            size_t n_edges, struct metrics_bucket *ret_buckets) {
        struct json_object *rows = field_array(metric, "rows");
        uint64_t n = 0;

        for (size_t i = 0; i < n_edges; i++)
                ret_buckets[i] = (struct metrics_bucket){ .le = edges[i].le };

        for (size_t i = 0; i < array_length(rows); i++) {
                struct json_object *row = array_at(rows, i);
                uint64_t exponent;
                size_t at = 0;

                if ((label && strcmp(metrics_row_label(row, 0), label) != 0) ||
                    parse_u64(field_string(row, "name") ?: "", &exponent) < 0 || exponent >= 64)
                        continue;
                while (at + 1 < n_edges && exponent + 1 > edges[at].exponent)
                        at++;
                ret_buckets[at].count += field_u64(row, "total");
                n += field_u64(row, "total");
        }

        return n;
}

void families_write_lateness(struct families *families) {
        static const struct metrics_family family = { "irqwatch_timer_lateness_seconds", "seconds",
                                                      "How long after their time timer interrupts ran.",
                                                      METRICS_HISTOGRAM };
        struct json_object *metric = metrics_find(families->answers->items[ANSWER_DELAYS], "lateness");
        struct metrics_bucket buckets[BUCKETS_MAX];

        metrics_family(&families->writer, &family);
        if (!metric)
                return;
        (void)sum_buckets(metric, NULL, lateness_edges, ELEMENTSOF(lateness_edges),
                          buckets); /* also when empty */
        metrics_histogram(&families->writer, NULL, buckets, ELEMENTSOF(lateness_edges), NULL);
}

void families_write_softirq_times(struct families *families) {
        static const struct metrics_family family = { "irqwatch_softirq_seconds", "seconds",
                                                      "How long softirq handlers ran.", METRICS_HISTOGRAM };
        struct json_object *metric = metrics_find(families->answers->items[ANSWER_DELAYS], "softirq-time");
        struct json_object *totals =
                field_array(metrics_find(families->answers->items[ANSWER_DELAYS], "softirq-total"), "rows");
        struct metrics_bucket buckets[BUCKETS_MAX];

        metrics_family(&families->writer, &family);
        for (size_t i = 0; i < array_length(totals); i++) {
                const char *type = field_string(array_at(totals, i), "name") ?: "";
                const struct metrics_label labels[] = { { "type", type }, {} };
                uint64_t sum_ns = field_u64(array_at(totals, i), "total");

                if (sum_buckets(metric, type, softirq_edges, ELEMENTSOF(softirq_edges), buckets) > 0)
                        metrics_histogram(&families->writer, labels, buckets, ELEMENTSOF(softirq_edges),
                                          &sum_ns);
        }
}

/* The latest window counted somewhere, to be looked up by its id. */
struct example {
        char id[24];
        struct metrics_exemplar_labels fitted;
        struct metrics_exemplar exemplar;
};

/* NULL when there was none. */
static const struct metrics_exemplar *fill_example(struct json_object *from, struct example *example) {
        struct json_object *object = field_object(from, "example");
        const struct metrics_label labels[] = { { "event_id", example->id },
                                                { "comm", field_string(object, "comm") ?: "" },
                                                { "culprit", field_string(object, "culprit") ?: "" },
                                                {} };

        if (!object)
                return NULL;

        (void)snprintf(example->id, sizeof(example->id), "%lld",
                       (long long)field_integer(object, "id", 0)); /* fits */
        metrics_exemplar_fit(labels, &example->fitted);
        example->exemplar = (struct metrics_exemplar){
                .labels = example->fitted.labels,
                .value_ns = field_u64(object, "durationNsec"),
                .time_us = field_u64(object, "timeUsec"),
        };
        return &example->exemplar;
}

/* 0.001 as text; whole numbers as OpenMetrics wants them, "1.0". */
static void edge_text(uint64_t ns, char *buf, size_t size) {
        (void)snprintf(buf, size, ns % NSEC_PER_SEC == 0 ? "%.1f" : "%.10g",
                       (double)ns / (double)NSEC_PER_SEC);
}

static void write_lengths(struct families *families, struct json_object *lengths) {
        static const struct metrics_family family = {
                "irqwatch_window_seconds", "seconds",
                "Windows in which a CPU took no interrupts, by the lower bound of their length.",
                METRICS_HISTOGRAM
        };
        size_t n = MIN(array_length(lengths), (size_t)BUCKETS_MAX);
        struct metrics_bucket buckets[BUCKETS_MAX];
        struct example examples[BUCKETS_MAX];
        char edges[BUCKETS_MAX][24];
        uint64_t sum_ns = 0;

        for (size_t i = 0; i < n; i++) {
                struct json_object *length = array_at(lengths, i);

                edge_text(field_u64(length, "maxNsec"), edges[i], sizeof(edges[i]));
                buckets[i] = (struct metrics_bucket){
                        .le = field_has(length, "maxNsec") ? edges[i] : "+Inf",
                        .count = field_u64(length, "count"),
                        .exemplar = fill_example(length, &examples[i]),
                };
                sum_ns += field_u64(length, "totalNsec");
        }

        metrics_family(&families->writer, &family);
        metrics_histogram(&families->writer, NULL, buckets, n, &sum_ns);
}

void families_write_windows(struct families *families) {
        static const struct metrics_family windows = { "irqwatch_windows", NULL,
                                                       "Windows in which a CPU took no interrupts, by cause.",
                                                       METRICS_COUNTER };
        static const struct metrics_family events = { "irqwatch_events", NULL, "Events recorded, by kind.",
                                                      METRICS_COUNTER };
        struct json_object *totals = families->answers->items[ANSWER_EVENTS];
        struct json_object *classes = field_array(totals, "classes"), *kinds = field_array(totals, "kinds");

        metrics_family(&families->writer, &windows);
        for (size_t i = 0; i < array_length(classes); i++) {
                const struct metrics_label labels[] = {
                        { "class", field_string(array_at(classes, i), "class") ?: "" }, {}
                };
                struct example example;

                metrics_u64_example(&families->writer, labels, field_u64(array_at(classes, i), "count"),
                                    fill_example(array_at(classes, i), &example));
        }
        write_lengths(families, field_array(totals, "lengths"));

        metrics_family(&families->writer, &events);
        for (size_t i = 0; i < array_length(kinds); i++) {
                const struct metrics_label labels[] = {
                        { "kind", field_string(array_at(kinds, i), "kind") ?: "" }, {}
                };

                metrics_u64(&families->writer, labels, field_u64(array_at(kinds, i), "count"));
        }
}
