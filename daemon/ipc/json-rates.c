/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-rates.h"

#include <string.h>

static void append_cpu(struct json_writer *array, const struct rates *rates, int cpu, uint64_t total) {
        struct json_writer object = json_writer_object();
        double per_second = 0;

        if (rates->elapsed_ns > 0)
                per_second = (double)total * (double)NSEC_PER_SEC / (double)rates->elapsed_ns;

        json_set_i64(&object, "cpu", cpu);
        json_set_u64(&object, "total", total);
        json_set_double(&object, "perSecond", per_second);
        json_append_writer(array, &object);
}

static int compare_largest(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return (*x < *y) - (*x > *y);
}

/* Which CPUs a list has: all that counted more than that, and so many of those that counted just that. */
struct cpu_threshold {
        uint64_t total;
        size_t n_equal;
};

/* 0 or -ENOMEM. */
static int find_threshold(const struct rates *rates, const struct rates_row *row, size_t max,
                          struct cpu_threshold *ret_threshold) {
        struct cpu_threshold threshold = {};
        uint64_t *totals;

        if (max > 0 && max < rates->n_cpus) {
                totals = reallocarray(NULL, rates->n_cpus, sizeof(*totals));
                if (!totals)
                        return -ENOMEM;
                memcpy(totals, row->per_cpu, rates->n_cpus * sizeof(*totals));
                qsort(totals, rates->n_cpus, sizeof(*totals), compare_largest);
                threshold.total = totals[max - 1];
                for (size_t i = max; threshold.total > 0 && i > 0 && totals[i - 1] == threshold.total; i--)
                        threshold.n_equal++;
                free(totals);
        }

        *ret_threshold = threshold;
        return 0;
}

void json_set_per_cpu(struct json_writer *writer, const struct rates *rates, const struct rates_row *row,
                      size_t max) {
        struct json_writer array = json_writer_array();
        struct cpu_threshold threshold;

        if (find_threshold(rates, row, max, &threshold) < 0)
                array.error = -ENOMEM;
        for (size_t i = 0; array.error == 0 && max > 0 && i < rates->n_cpus; i++) {
                uint64_t total = row->per_cpu[i];
                bool is_equal = total == threshold.total && threshold.n_equal > 0;

                if (total <= threshold.total && !is_equal)
                        continue;
                threshold.n_equal -= is_equal;
                append_cpu(&array, rates, rates->cpus[i], total);
        }

        json_set_writer(writer, "perCpu", &array);
}

/* As many labels as the metric has names for. */
static size_t count_labels(const struct metric_desc *metric) {
        size_t n = 0;

        while (n < METRIC_LABELS_MAX && metric->labels[n])
                n++;

        return n;
}

/* A label that a row does not have is empty, not null: systemd's varlinkctl refuses an interface that has arrays of
 * nullable elements. */
static void set_labels(struct json_writer *writer, const char *key, char *const *labels, size_t n) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < n; i++) {
                const char *label = labels[i] ? labels[i] : "";

                json_append(&array, json_text(label, strlen(label)));
        }

        json_set_writer(writer, key, &array);
}

static void append_row(struct json_writer *array, const struct rates *rates, const struct rates_row *row,
                       bool with_cpus) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "name", row->name);
        set_labels(&object, "labels", row->labels, count_labels(rates->metric));
        json_set_u64(&object, "generation", row->generation);
        json_set_bool(&object, "live", row->live);
        json_set_u64(&object, "resets", row->n_resets);
        json_set_u64(&object, "total", row->total);
        json_set_u64(&object, "single", row->single);
        json_set_double(&object, "perSecond", row->per_second);
        json_set_per_cpu(&object, rates, row, with_cpus ? SIZE_MAX : 0);
        json_append_writer(array, &object);
}

static void set_cpus(struct json_writer *writer, const char *key, const struct rates *rates,
                     bool only_online) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < rates->n_cpus; i++)
                if (!only_online || rates->online[i])
                        json_append(&array, json_object_new_int(rates->cpus[i]));

        json_set_writer(writer, key, &array);
}

int json_rates(const struct rates *rates, bool with_cpus, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), rows = json_writer_array();

        for (size_t i = 0; i < rates->n_rows; i++)
                append_row(&rows, rates, &rates->rows[i], with_cpus);

        json_set_text(&writer, "source", rates->source);
        json_set_text(&writer, "metric", rates->metric->name);
        json_set_text(&writer, "unit", rates->metric->unit);
        json_set_text(&writer, "rowName", rates->metric->row_name);
        set_labels(&writer, "labelNames", (char *const *)rates->metric->labels, count_labels(rates->metric));
        json_set_u64(&writer, "sinceUsec", rates->since_us);
        json_set_u64(&writer, "untilUsec", rates->until_us);
        json_set_u64(&writer, "elapsedNsec", rates->elapsed_ns);
        set_cpus(&writer, "cpus", rates, false);
        set_cpus(&writer, "online", rates, true);
        json_set_writer(&writer, "rows", &rows);
        json_set_u64(&writer, "gaps", rates->n_gaps);
        return json_writer_finish(&writer, ret_object);
}

static void set_buckets(struct json_writer *writer, const struct histogram *histogram, bool with_buckets) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; with_buckets && i < HISTOGRAM_BUCKETS; i++) {
                struct json_writer object;

                if (histogram->buckets[i] == 0)
                        continue;
                object = json_writer_object();
                json_set_u64(&object, "exponent", i);
                json_set_u64(&object, "count", histogram->buckets[i]);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "buckets", &array);
}

static void set_u64_if(struct json_writer *writer, const char *key, bool has, uint64_t value) {
        if (has)
                json_set_u64(writer, key, value);
        else
                json_set_null(writer, key);
}

static void append_histogram(struct json_writer *array, const struct histograms *histograms,
                             const struct histogram *histogram, bool with_buckets) {
        struct json_writer object = json_writer_object();

        set_labels(&object, "labels", histogram->labels, count_labels(histograms->metric));
        json_set_u64(&object, "count", histogram->n);
        json_set_double(&object, "perSecond", histogram->per_second);
        set_u64_if(&object, "totalNsec", histogram->has_total, histogram->total_ns);
        json_set_u64(&object, "p50Nsec", histogram->p50_ns);
        json_set_u64(&object, "p99Nsec", histogram->p99_ns);
        json_set_u64(&object, "p999Nsec", histogram->p999_ns);
        json_set_u64(&object, "maxNsec", histogram->max_ns);
        set_u64_if(&object, "ksoftirqdCount", histogram->has_ksoftirqd, histogram->n_ksoftirqd);
        set_u64_if(&object, "ksoftirqdNsec", histogram->has_ksoftirqd, histogram->ksoftirqd_ns);
        set_buckets(&object, histogram, with_buckets);
        json_append_writer(array, &object);
}

int json_histograms(const struct histograms *histograms, bool with_buckets, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), items = json_writer_array();

        for (size_t i = 0; i < histograms->n_items; i++)
                append_histogram(&items, histograms, &histograms->items[i], with_buckets);

        json_set_text(&writer, "source", histograms->source);
        json_set_text(&writer, "metric", histograms->metric->name);
        set_labels(&writer, "labelNames", (char *const *)histograms->metric->labels,
                   count_labels(histograms->metric));
        json_set_u64(&writer, "sinceUsec", histograms->since_us);
        json_set_u64(&writer, "untilUsec", histograms->until_us);
        json_set_u64(&writer, "elapsedNsec", histograms->elapsed_ns);
        json_set_writer(&writer, "histograms", &items);
        json_set_u64(&writer, "gaps", histograms->n_gaps);
        return json_writer_finish(&writer, ret_object);
}
