/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-metrics.h"

#include <string.h>

static const char *const type_words[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
};
_Static_assert(ELEMENTSOF(type_words) == _METRIC_TYPE_MAX, "a word for each type");

static size_t metrics_count_labels(const struct metric_desc *desc) {
        size_t n = 0;

        while (n < METRIC_LABELS_MAX && desc->labels[n])
                n++;

        return n;
}

static void metrics_set_texts(struct json_writer *writer, const char *key, const char *const *texts,
                              size_t n) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < n; i++) {
                const char *text = texts[i] ? texts[i] : ""; /* no nulls in arrays: see json-rates.c */

                json_append(&array, json_text(text, strlen(text)));
        }

        json_set_writer(writer, key, &array);
}

static void metrics_set_values(struct json_writer *writer, const struct counter_row *row, bool with_cpus) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; with_cpus && i < row->n_values; i++) {
                struct json_writer object = json_writer_object();

                json_set_i64(&object, "cpu", row->values[i].cpu);
                json_set_u64(&object, "value", row->values[i].value);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "perCpu", &array);
}

static void metrics_append_row(struct json_writer *array, const struct counter_metric *metric,
                               const struct counter_row *row, bool with_cpus) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "name", row->row->key.name);
        metrics_set_texts(&object, "labels", row->row->key.labels, metrics_count_labels(metric->desc));
        json_set_u64(&object, "total", row->total);
        metrics_set_values(&object, row, with_cpus);
        json_append_writer(array, &object);
}

static void metrics_append(struct json_writer *array, const struct counter_metric *metric, bool with_cpus) {
        struct json_writer object = json_writer_object(), rows = json_writer_array();
        const struct metric_desc *desc = metric->desc;

        for (size_t i = 0; i < metric->n_rows; i++)
                metrics_append_row(&rows, metric, &metric->rows[i], with_cpus);

        json_set_text(&object, "name", desc->name);
        json_set_text(&object, "type", type_words[desc->type]);
        json_set_text(&object, "unit", desc->unit);
        json_set_text(&object, "help", desc->help);
        json_set_text(&object, "rowName", desc->row_name);
        metrics_set_texts(&object, "labelNames", desc->labels, metrics_count_labels(desc));
        json_set_writer(&object, "rows", &rows);
        json_append_writer(array, &object);
}

int json_metrics(const struct counters *counters, bool with_cpus, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), metrics = json_writer_array();

        for (size_t i = 0; i < counters->n_metrics; i++)
                metrics_append(&metrics, &counters->metrics[i], with_cpus);

        json_set_text(&writer, "source", counters->source);
        json_set_u64(&writer, "timeUsec", counters->stamp.realtime_us);
        json_set_cpus(&writer, "cpus", counters->cpus);
        json_set_writer(&writer, "metrics", &metrics);
        return json_writer_finish(&writer, ret_object);
}

static void totals_set_example(struct json_writer *writer, const struct event_example *example) {
        struct json_writer object = json_writer_object();

        if (example->id == 0) {
                json_writer_done(&object);
                json_set_null(writer, "example");
                return;
        }

        json_set_i64(&object, "id", example->id);
        json_set_u64(&object, "timeUsec", example->time_us);
        json_set_u64(&object, "durationNsec", example->duration_ns);
        json_set_text(&object, "comm", *example->comm ? example->comm : NULL);
        json_set_text(&object, "culprit", *example->culprit ? example->culprit : NULL);
        json_set_writer(writer, "example", &object);
}

static void totals_append(struct json_writer *array, struct json_writer *object,
                          const struct event_total *total) {
        json_set_u64(object, "count", total->count);
        json_set_u64(object, "totalNsec", total->total_min_ns);
        totals_set_example(object, &total->latest);
        json_append_writer(array, object);
}

static void totals_set_kinds(struct json_writer *writer, const struct event_totals *totals) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < _EVENT_KIND_MAX; i++) {
                struct json_writer object = json_writer_object();

                json_set_text(&object, "kind", event_kind_to_string((enum event_kind)i));
                json_set_u64(&object, "count", totals->by_kind[i]);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "kinds", &array);
}

static void totals_set_classes(struct json_writer *writer, const struct event_totals *totals) {
        struct json_writer array = json_writer_array();

        for (size_t i = CLASS_NONE + 1; i < _EVENT_CLASS_MAX; i++) {
                struct json_writer object = json_writer_object();

                json_set_text(&object, "class", event_class_to_string((enum event_class)i));
                totals_append(&array, &object, &totals->by_class[i]);
        }

        json_set_writer(writer, "classes", &array);
}

static void totals_set_lengths(struct json_writer *writer, const struct event_totals *totals) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < EVENT_TOTALS_LENGTHS; i++) {
                struct json_writer object = json_writer_object();

                if (i < ELEMENTSOF(event_totals_edges_ns))
                        json_set_u64(&object, "maxNsec", event_totals_edges_ns[i]);
                else
                        json_set_null(&object, "maxNsec");
                totals_append(&array, &object, &totals->by_length[i]);
        }

        json_set_writer(writer, "lengths", &array);
}

int json_event_totals(const struct event_totals *totals, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object();

        totals_set_kinds(&writer, totals);
        totals_set_classes(&writer, totals);
        totals_set_lengths(&writer, totals);
        return json_writer_finish(&writer, ret_object);
}
