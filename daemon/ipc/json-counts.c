/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-counts.h"

#include "daemon/ipc/json-writer.h"

void counts_done(struct counts *counts) {
        for (size_t i = 0; i < counts->n_metrics; i++)
                (void)rates_free(counts->metrics[i].rates); /* returns NULL */
        counts->n_metrics = 0;
}

static void set_cpu_list(struct json_writer *writer, const char *key, const struct rates *rates,
                         bool only_online) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        _cleanup_(freep) char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && rates && i < rates->n_cpus; i++)
                if (!only_online || rates->online[i])
                        r = cpu_set_add(&set, rates->cpus[i]);
        if (r >= 0)
                r = cpu_list_format(&set, &text);
        if (r < 0)
                writer->error = -ENOMEM;
        else
                json_set_text(writer, key, text);
}

/* A number, and what it counted, in turn. */
static void set_counts(struct json_writer *writer, const struct rates *rates, const struct rates_row *row) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < rates->n_cpus; i++) {
                if (row->per_cpu[i] == 0)
                        continue;
                json_append(&array, json_object_new_int(rates->cpus[i]));
                json_append(&array,
                            json_object_new_int64((int64_t)MIN(row->per_cpu[i], (uint64_t)INT64_MAX)));
        }

        json_set_writer(writer, "counts", &array);
}

static void append_row(struct json_writer *array, const struct rates *rates, const struct rates_row *row,
                       bool with_cpus) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "name", row->name);
        json_set_text(&object, "text", rates_row_label(rates, row, "actions"));
        json_set_u64(&object, "total", row->total);
        if (with_cpus)
                set_counts(&object, rates, row);
        else
                json_set_null(&object, "counts");
        json_append_writer(array, &object);
}

static void append_metric(struct json_writer *array, const struct counts_metric *metric, bool with_cpus) {
        struct json_writer object = json_writer_object(), rows = json_writer_array();
        const struct rates *rates = metric->rates;

        for (size_t i = 0; rates && i < rates->n_rows; i++)
                if (rates->rows[i].total > 0)
                        append_row(&rows, rates, &rates->rows[i], with_cpus);

        json_set_text(&object, "metric", metric->name);
        json_set_text(&object, "absent", metric->absent);
        json_set_u64(&object, "elapsedNsec", rates ? rates->elapsed_ns : 0);
        set_cpu_list(&object, "cpus", rates, false);
        set_cpu_list(&object, "online", rates, true);
        json_set_writer(&object, "rows", &rows);
        json_append_writer(array, &object);
}

int json_counts(const struct counts *counts, bool with_cpus, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), metrics = json_writer_array();

        for (size_t i = 0; i < counts->n_metrics; i++)
                append_metric(&metrics, &counts->metrics[i], with_cpus);

        if (counts->last_event_id >= 0)
                json_set_i64(&writer, "lastEventId", counts->last_event_id);
        else
                json_set_null(&writer, "lastEventId");
        json_set_text(&writer, "tier", counts->tier);
        json_set_writer(&writer, "metrics", &metrics);
        return json_writer_finish(&writer, ret_object);
}
