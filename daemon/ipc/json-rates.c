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

void json_set_per_cpu(struct json_writer *writer, const struct rates *rates, const struct rates_row *row,
                      bool with_cpus) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; with_cpus && i < rates->n_cpus; i++)
                if (row->per_cpu[i] > 0)
                        append_cpu(&array, rates, rates->cpus[i], row->per_cpu[i]);

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
        json_set_per_cpu(&object, rates, row, with_cpus);
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
