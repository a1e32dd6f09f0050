/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-steps.h"

#include <string.h>

#include "daemon/ipc/json-writer.h"

static double per_second(uint64_t total, const struct step *step) {
        return step->elapsed_ns > 0 ? (double)total * (double)NSEC_PER_SEC / (double)step->elapsed_ns : 0;
}

/* Where there is none it is empty, as in RatesRow. */
static void set_labels(struct json_writer *writer, const char *key, const char *const *labels,
                       const struct metric_desc *metric) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < METRIC_LABELS_MAX && metric->labels[i]; i++) {
                const char *label = labels[i] ? labels[i] : "";

                json_append(&array, json_text(label, strlen(label)));
        }

        json_set_writer(writer, key, &array);
}

static void set_cells(struct json_writer *writer, const struct json_steps_request *request,
                      const struct step *step, const struct steps_row *row) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; request->with_cpus && i < row->n_cells; i++) {
                const struct steps_cell *cell = &request->steps->cells[row->first_cell + i];
                struct json_writer object = json_writer_object();

                json_set_i64(&object, "cpu", cell->cpu);
                json_set_u64(&object, "total", cell->total);
                json_set_double(&object, "perSecond", per_second(cell->total, step));
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "perCpu", &array);
}

static void append_row(struct json_writer *array, const struct json_steps_request *request,
                       const struct step *step, const struct steps_row *row) {
        const struct steps *steps = request->steps;
        const struct store_row *from = store_row_at(steps->store, steps->source, row->row);
        struct json_writer object = json_writer_object();

        json_set_text(&object, "name", from->key.name);
        set_labels(&object, "labels", from->key.labels, steps->metric);
        json_set_u64(&object, "resets", row->n_resets);
        json_set_u64(&object, "total", row->total);
        json_set_double(&object, "perSecond", per_second(row->total, step));
        set_cells(&object, request, step, row);
        json_append_writer(array, &object);
}

static int make_step(const struct json_steps_request *request, const struct step *step,
                     struct json_object **ret_object) {
        struct json_writer object = json_writer_object(), rows = json_writer_array();

        for (size_t i = 0; i < step->n_rows; i++)
                append_row(&rows, request, step, &request->steps->rows[step->first_row + i]);

        json_set_u64(&object, "sinceUsec", step->since_us);
        json_set_u64(&object, "untilUsec", step->until_us);
        json_set_u64(&object, "elapsedNsec", step->elapsed_ns);
        json_set_bool(&object, "gap", step->gap);
        json_set_bool(&object, "missing", step->missing);
        json_set_cpus(&object, "online", &step->online);
        json_set_writer(&object, "rows", &rows);
        return json_writer_finish(&object, ret_object);
}

static int append_steps(struct json_writer *array, const struct json_steps_request *request, size_t *ret_n) {
        const struct steps *steps = request->steps;
        size_t n, bytes = 0;

        for (n = 0; n < steps->n_items; n++) {
                struct json_object *object;
                size_t size;
                int r;

                if (n > 0 && bytes > request->bytes_max && steps->items[n].index > steps->items[n - 1].index)
                        break;
                r = make_step(request, &steps->items[n], &object);
                if (r < 0)
                        return r;
                r = json_size(object, &size);
                json_append(array, object); /* consumes it */
                if (r < 0)
                        return r;
                bytes += size;
        }

        *ret_n = n;
        return 0;
}

int json_steps(const struct json_steps_request *request, struct json_object **ret_object, size_t *ret_n) {
        const struct steps *steps = request->steps;
        struct json_writer writer = json_writer_object(), array = json_writer_array();
        size_t n = 0;
        int r;

        r = append_steps(&array, request, &n);
        json_set_text(&writer, "source", store_source_name(steps->store, steps->source));
        json_set_text(&writer, "metric", steps->metric->name);
        json_set_text(&writer, "unit", steps->metric->unit);
        json_set_text(&writer, "rowName", steps->metric->row_name);
        set_labels(&writer, "labelNames", steps->metric->labels, steps->metric);
        json_set_u64(&writer, "stepUsec", request->step_us);
        json_set_text(&writer, "tier", request->tier);
        json_set_writer(&writer, "steps", &array);
        if (r < 0) {
                json_writer_done(&writer);
                return r;
        }

        r = json_writer_finish(&writer, ret_object);
        if (r >= 0)
                *ret_n = n;
        return r;
}
