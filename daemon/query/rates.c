/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/rates.h"

#include <string.h>

#include "daemon/query/rates-sum.h"

static int rates_copy_text(const char *text, char **ret_copy) {
        char *copy;

        if (!text)
                return 0;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        *ret_copy = copy;
        return 0;
}

static int rates_copy_key(const struct store_row *from, struct rates_row *row) {
        int r;

        r = rates_copy_text(from->key.name, &row->name);
        for (size_t i = 0; r == 0 && i < METRIC_LABELS_MAX; i++)
                r = rates_copy_text(from->key.labels[i], &row->labels[i]);

        return r;
}

/* A quarter that is shorter says little. */
#define RATES_LULL_NS_MIN (60 * NSEC_PER_SEC)

/* What lasted for less than half of the time is not what is usual, however much it was. */
static double rates_median(const double *values, size_t n) {
        double sorted[RATES_HISTORY_PARTS] = {};
        size_t i, j;

        for (i = 0; i < n; i++) {
                for (j = i; j > 0 && sorted[j - 1] > values[i]; j--)
                        sorted[j] = sorted[j - 1];
                sorted[j] = values[i];
        }

        return sorted[(n - 1) / 2];
}

static void rates_fill_cell(const struct rates *rates, const struct rates_sums *sums, struct rates_series *series,
                            struct rates_cell *cell) {
        const struct rates_history *history = sums->histories ? &sums->histories[series - sums->series] : NULL;

        peak_series_finish(&series->peak, &sums->clock, &cell->peak);
        for (size_t i = 0; i < RATES_PARTS; i++) {
                double rate = (double)series->parts[i] * (double)NSEC_PER_SEC / (double)MAX(sums->part_ns[i], UINT64_C(1));

                if (sums->part_ns[i] < RATES_LULL_NS_MIN)
                        continue;
                cell->lull = cell->has_lull ? MIN(cell->lull, rate) : rate;
                cell->has_lull = true;
        }
        if (history && history->n > 0) {
                cell->has_history = true;
                cell->history = rates_median(history->per_second, history->n);
        }
}

static int rates_fill_row(const struct rates *rates, const struct rates_sums *sums, struct rates_sum *sum,
                          struct rates_row *row) {
        bool with_cells = sums->request->stretch_ns > 0 || sums->request->history_ns > 0;

        row->per_cpu = calloc(MAX(rates->n_cpus, (size_t)1), sizeof(*row->per_cpu));
        if (with_cells)
                row->cells = calloc(MAX(rates->n_cpus, (size_t)1), sizeof(*row->cells));
        if (!row->per_cpu || (with_cells && !row->cells))
                return -ENOMEM;

        row->n_resets = sum->n_resets;
        row->single = row->total = sum->single;
        for (size_t i = 0; i < rates->n_cpus; i++) {
                struct rates_series *series = rates_sums_series(sums, sum, (size_t)rates->cpus[i]);

                if (!series)
                        continue;
                row->per_cpu[i] = series->peak.total;
                row->total += row->per_cpu[i];
                if (with_cells)
                        rates_fill_cell(rates, sums, series, &row->cells[i]);
        }

        if (with_cells)
                peak_series_finish(&sum->peak, &sums->clock, &row->peak);
        if (rates->elapsed_ns > 0)
                row->per_second = (double)row->total * (double)NSEC_PER_SEC / (double)rates->elapsed_ns;
        return 0;
}

/* The rows that took part: those that moved, and those at rest that are still there. */
static bool rates_sum_is_shown(const struct rates_sums *sums, uint32_t row) {
        if (sums->rows[row].changed)
                return true;

        return sums->rows[row].seen && store_row_is_live(sums->store, sums->source, row);
}

static int rates_fill_rows(struct rates *rates, const struct rates_sums *sums, int metric) {
        int r;

        rates->rows = calloc(MAX(sums->n_rows, (size_t)1), sizeof(*rates->rows));
        if (!rates->rows)
                return -ENOMEM;

        for (uint32_t i = 0; i < sums->n_rows; i++) {
                const struct store_row *from = store_row_at(sums->store, sums->source, i);
                struct rates_row *row = &rates->rows[rates->n_rows];

                if (sums->rows[i].metric != metric || !rates_sum_is_shown(sums, i))
                        continue;

                rates->n_rows++; /* first: what is half filled is freed with the rest */
                row->generation = from->generation;
                row->live = store_row_is_live(sums->store, sums->source, i);
                r = rates_copy_key(from, row);
                if (r < 0)
                        return r;
                r = rates_fill_row(rates, sums, &sums->rows[i], row);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int rates_fill_cpus(struct rates *rates, const struct rates_sums *sums) {
        size_t n = cpu_set_count(&sums->cpus), i = 0;

        rates->cpus = calloc(MAX(n, (size_t)1), sizeof(*rates->cpus));
        rates->online = calloc(MAX(n, (size_t)1), sizeof(*rates->online));
        if (!rates->cpus || !rates->online)
                return -ENOMEM;

        for (int cpu = cpu_set_next(&sums->cpus, 0); cpu >= 0; cpu = cpu_set_next(&sums->cpus, cpu + 1)) {
                rates->cpus[i] = cpu;
                rates->online[i++] = cpu_set_contains(&sums->online, cpu);
        }

        rates->n_cpus = n;
        return 0;
}

static int rates_make(const struct rates_sums *sums, int metric, struct rates **ret_rates) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        size_t n;
        int r;

        rates = calloc(1, sizeof(*rates));
        if (!rates)
                return -ENOMEM;

        rates->metric = &store_source_metrics(sums->store, sums->source, &n)[sums->metrics[metric]];
        rates->since_us = sums->span.first.realtime_us;
        rates->until_us = sums->span.last.realtime_us;
        rates->elapsed_ns = sums->span.last.monotonic_ns - sums->span.first.monotonic_ns;
        rates->history_ns = sums->history_ns;
        rates->n_gaps = span_n_gaps(sums->store, sums->source, sums->request->since_us, sums->request->until_us);

        r = rates_copy_text(store_source_name(sums->store, sums->source), &rates->source);
        if (r < 0)
                return r;
        r = rates_fill_cpus(rates, sums);
        if (r < 0)
                return r;
        r = rates_fill_rows(rates, sums, metric);
        if (r < 0)
                return r;

        *ret_rates = TAKE_PTR(rates);
        return 0;
}

/* Gauges have no differences. */
static unsigned rates_find_counter(const struct store *store, unsigned source, const char *name) {
        const struct metric_desc *metrics;
        size_t n;

        metrics = store_source_metrics(store, source, &n);
        for (size_t i = 0; i < n; i++)
                if (!name || strcmp(metrics[i].name, name) == 0)
                        return metrics[i].type == METRIC_GAUGE ? STORE_METRIC_NONE : (unsigned)i;

        return STORE_METRIC_NONE;
}

int rates_query_metrics(const struct store *store, const struct rates_request *request,
                        const char *const *metrics, size_t n, struct rates **ret_rates) {
        _cleanup_(rates_sums_done) struct rates_sums sums = { .store = store, .request = request };
        _cleanup_(freep) unsigned *numbers = calloc(MAX(n, (size_t)1), sizeof(*numbers));
        size_t n_found = 0;
        int r;

        if (!numbers)
                return -ENOMEM;
        r = store_find_source(store, request->source);
        if (r < 0)
                return -ENOENT;

        sums.source = (unsigned)r;
        sums.metrics = numbers;
        sums.n_metrics = n;
        for (size_t i = 0; i < n; i++) {
                numbers[i] = rates_find_counter(store, sums.source, metrics[i]);
                n_found += numbers[i] != STORE_METRIC_NONE;
                ret_rates[i] = NULL;
        }
        r = n_found > 0 ? rates_sums_fill(&sums) : -ENOENT;
        for (size_t i = 0; r == 0 && i < n; i++)
                if (numbers[i] != STORE_METRIC_NONE)
                        r = rates_make(&sums, (int)i, &ret_rates[i]);
        for (size_t i = 0; r < 0 && i < n; i++)
                ret_rates[i] = rates_free(ret_rates[i]);

        return r;
}

int rates_query(const struct store *store, const struct rates_request *request, struct rates **ret_rates) {
        struct rates *rates;
        int r;

        r = rates_query_metrics(store, request, &request->metric, 1, &rates);
        if (r < 0)
                return r;

        *ret_rates = rates;
        return 0;
}

struct rates *rates_free(struct rates *rates) {
        if (!rates)
                return NULL;

        for (size_t i = 0; i < rates->n_rows; i++) {
                free(rates->rows[i].name);
                for (size_t j = 0; j < METRIC_LABELS_MAX; j++)
                        free(rates->rows[i].labels[j]);
                free(rates->rows[i].per_cpu);
                free(rates->rows[i].cells);
        }
        free(rates->rows);
        free(rates->cpus);
        free(rates->online);
        free(rates->source);
        free(rates);
        return NULL;
}

int rates_cpu_index(const struct rates *rates, int cpu) {
        size_t low = 0, high = rates->n_cpus;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (rates->cpus[middle] == cpu)
                        return (int)middle;
                if (rates->cpus[middle] < cpu)
                        low = middle + 1;
                else
                        high = middle;
        }

        return -1;
}

const struct rates_row *rates_find_row(const struct rates *rates, const char *name) {
        const struct rates_row *found = NULL;

        for (size_t i = 0; rates && i < rates->n_rows; i++)
                if (strcmp(rates->rows[i].name, name) == 0 && (!found || rates->rows[i].live))
                        found = &rates->rows[i];

        return found;
}

const char *rates_row_label(const struct rates *rates, const struct rates_row *row, const char *name) {
        for (size_t i = 0; i < METRIC_LABELS_MAX && rates->metric->labels[i]; i++)
                if (strcmp(rates->metric->labels[i], name) == 0)
                        return row->labels[i];

        return NULL;
}

double rates_row_imbalance(const struct rates *rates, const struct rates_row *row) {
        uint64_t busiest = 0, total = 0;
        size_t n_online = 0;

        for (size_t i = 0; i < rates->n_cpus; i++) {
                busiest = MAX(busiest, row->per_cpu[i]);
                total += row->per_cpu[i];
                n_online += rates->online[i];
        }

        return total > 0 ? (double)busiest * (double)n_online / (double)total : 0;
}
