/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-series.h"

#include <string.h>

#include "client/field.h"

size_t html_n_slices(uint64_t since_us, uint64_t until_us, size_t n_cpus) {
        uint64_t seconds = (until_us - since_us) / USEC_PER_SEC;
        size_t n = HTML_CELLS_MAX / MAX(n_cpus, (size_t)1);

        n = MAX(n, (size_t)HTML_SLICES_MIN);
        n = MIN(n, (size_t)HTML_SLICES_MAX);
        n = MIN(n, (size_t)seconds);
        return MAX(n, (size_t)1);
}

void html_matrix_init(struct html_matrix *matrix, uint64_t since_us, uint64_t until_us, size_t n_slices) {
        *matrix = (struct html_matrix){ .since_us = since_us, .until_us = until_us, .n_slices = n_slices };
}

void html_matrix_done(struct html_matrix *matrix) {
        for (size_t i = 0; i < matrix->n_series; i++) {
                free(matrix->series[i].name);
                free(matrix->series[i].values);
        }
        free(matrix->series);
        cpu_set_done(&matrix->cpus);
        *matrix = (struct html_matrix){};
}

uint64_t html_slice_start(const struct html_matrix *matrix, size_t slice) {
        return matrix->since_us + (matrix->until_us - matrix->since_us) * slice / matrix->n_slices;
}

static int html_grow(struct html_matrix *matrix, struct html_series *series, size_t n_ids) {
        size_t n = n_ids * matrix->n_slices, old = series->values ? matrix->n_ids * matrix->n_slices : 0;
        double *values;

        values = reallocarray(series->values, MAX(n, (size_t)1), sizeof(*values));
        if (!values)
                return -ENOMEM;

        for (size_t i = old; i < n; i++)
                values[i] = -1;
        series->values = values;
        return 0;
}

/* Room for a CPU in all series. */
static int html_add_cpu(struct html_matrix *matrix, int cpu) {
        size_t n_ids = MAX(matrix->n_ids, (size_t)cpu + 1);
        int r;

        r = cpu_set_add(&matrix->cpus, cpu);
        if (r < 0 || n_ids == matrix->n_ids)
                return r == -ERANGE ? 0 : r;

        for (size_t i = 0; i < matrix->n_series; i++) {
                r = html_grow(matrix, &matrix->series[i], n_ids);
                if (r < 0)
                        return r;
        }
        matrix->n_ids = n_ids;
        return 0;
}

/* The series of that name; made when there is none. *ret is good until the next one is made. */
static int html_find_series(struct html_matrix *matrix, const char *name, struct html_series **ret) {
        struct html_series *series;

        for (size_t i = 0; i < matrix->n_series; i++)
                if (strcmp(matrix->series[i].name, name) == 0) {
                        *ret = &matrix->series[i];
                        return 0;
                }

        series = reallocarray(matrix->series, matrix->n_series + 1, sizeof(*series));
        if (!series)
                return -ENOMEM;
        matrix->series = series;
        series += matrix->n_series;
        *series = (struct html_series){ .name = strdup(name) };
        if (!series->name)
                return -ENOMEM;

        matrix->n_series++;
        *ret = series;
        return html_grow(matrix, series, matrix->n_ids);
}

static void html_add_value(struct html_matrix *matrix, struct html_series *series, int cpu, size_t slice,
                           double value) {
        double *at = &series->values[(size_t)cpu * matrix->n_slices + slice];

        *at = MAX(*at, 0.0) + value;
        series->sum += value;
        series->most = MAX(series->most, *at);
}

/* A CPU that the source lists and that counted nothing has 0, not nothing. */
static int html_add_zeros(struct html_matrix *matrix, const char *name, size_t slice,
                          struct json_object *online) {
        struct html_series *series;
        int r;

        r = html_find_series(matrix, name, &series);
        for (size_t i = 0; r == 0 && i < array_length(online); i++) {
                int cpu = json_object_get_int(array_at(online, i));

                if (cpu_set_contains(&matrix->cpus, cpu))
                        html_add_value(matrix, series, cpu, slice, 0);
        }
        return r;
}

static int html_add_row(struct html_matrix *matrix, const char *name, size_t slice, struct json_object *row,
                        double seconds) {
        struct json_object *cells = field_array(row, "perCpu");
        struct html_series *series;
        int r;

        r = html_find_series(matrix, name, &series);
        for (size_t i = 0; r == 0 && i < array_length(cells); i++) {
                int cpu = (int)field_integer(array_at(cells, i), "cpu", -1);

                if (cpu_set_contains(&matrix->cpus, cpu))
                        html_add_value(matrix, series, cpu, slice,
                                       (double)field_u64(array_at(cells, i), "total") / seconds);
        }
        return r;
}

int html_matrix_add(struct html_matrix *matrix, size_t slice, struct json_object *rates, bool by_row) {
        struct json_object *rows = field_array(rates, "rows"), *online = field_array(rates, "online");
        struct json_object *cpus = field_array(rates, "cpus") ?: online; /* steps have only the latter */
        double seconds = (double)field_u64(rates, "elapsedNsec") / (double)NSEC_PER_SEC;
        int r = 0;

        if (seconds <= 0)
                return 0;

        for (size_t i = 0; r == 0 && i < array_length(cpus); i++) {
                int cpu = json_object_get_int(array_at(cpus, i));

                r = cpu >= 0 && cpu < CPU_LIMIT ? html_add_cpu(matrix, cpu) : 0;
        }
        if (r == 0)
                r = html_add_zeros(matrix, "", slice, online);
        for (size_t i = 0; r == 0 && i < array_length(rows); i++) {
                struct json_object *row = array_at(rows, i);
                const char *name = field_string(row, "name") ?: "?";

                r = html_add_row(matrix, "", slice, row, seconds);
                if (r == 0 && by_row)
                        r = html_add_zeros(matrix, name, slice, online);
                if (r == 0 && by_row)
                        r = html_add_row(matrix, name, slice, row, seconds);
        }
        return r;
}

int html_matrix_add_step(struct html_matrix *matrix, struct json_object *step, bool by_row) {
        uint64_t since_us = field_u64(step, "sinceUsec"), until_us = field_u64(step, "untilUsec");
        int r = 0;

        for (; r == 0 && matrix->next_slice < matrix->n_slices; matrix->next_slice++) {
                uint64_t start_us = html_slice_start(matrix, matrix->next_slice);
                uint64_t middle_us = start_us + (html_slice_start(matrix, matrix->next_slice + 1) - start_us) / 2;

                if (middle_us > until_us)
                        break;
                if (middle_us > since_us && !field_boolean(step, "missing"))
                        r = html_matrix_add(matrix, matrix->next_slice, step, by_row);
        }

        return r;
}

int html_matrix_add_histogram(struct html_matrix *matrix, int cpu, struct json_object *histograms) {
        struct json_object *items = field_array(histograms, "histograms");
        struct html_series *series;
        int r;

        r = html_add_cpu(matrix, cpu);
        if (r == 0)
                r = html_find_series(matrix, "", &series);
        for (size_t i = 0; r == 0 && i < array_length(items); i++) {
                struct json_object *buckets = field_array(array_at(items, i), "buckets");

                for (size_t j = 0; j < array_length(buckets); j++) {
                        uint64_t exponent = field_u64(array_at(buckets, j), "exponent");

                        if (exponent < matrix->n_slices)
                                html_add_value(matrix, series, cpu, (size_t)exponent,
                                               (double)field_u64(array_at(buckets, j), "count"));
                }
        }
        return r;
}

double html_value(const struct html_matrix *matrix, const struct html_series *series, int cpu, size_t slice) {
        if (cpu < 0 || (size_t)cpu >= matrix->n_ids || slice >= matrix->n_slices)
                return -1;

        return series->values[(size_t)cpu * matrix->n_slices + slice];
}
