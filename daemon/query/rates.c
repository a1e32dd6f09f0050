/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/rates.h"

#include <string.h>

#include "daemon/query/span.h"

/* What a row of the store gathered while the passes went by. Cells are indexed by CPU id, because which
 * CPUs there are is known only at the end. */
struct rates_sum {
        bool seen;    /* had a value at the start or later */
        bool changed; /* within the span */
        unsigned n_resets;
        uint64_t single;
        uint64_t *cells;
        size_t n_cells;
};

struct rates_sums {
        const struct store *store;
        unsigned source, metric;
        const struct cpu_set *filter; /* NULL: all */
        struct cpu_set cpus, online;
        struct rates_sum *rows; /* by the store's row index */
        size_t n_rows;
};

static void rates_sums_done(struct rates_sums *sums) {
        for (size_t i = 0; i < sums->n_rows; i++)
                free(sums->rows[i].cells);
        free(sums->rows);
        cpu_set_done(&sums->cpus);
        cpu_set_done(&sums->online);
}

static bool rates_wants(const struct rates_sums *sums, int cpu) {
        return !sums->filter || cpu_set_contains(sums->filter, cpu);
}

static int rates_reserve_cell(struct rates_sum *row, size_t cpu) {
        size_t n = MAX(row->n_cells * 2, cpu + 1);
        uint64_t *cells;

        if (cpu < row->n_cells)
                return 0;

        cells = reallocarray(row->cells, n, sizeof(*cells));
        if (!cells)
                return -ENOMEM;

        memset(cells + row->n_cells, 0, (n - row->n_cells) * sizeof(*cells));
        row->cells = cells;
        row->n_cells = n;
        return 0;
}

static int rates_add_delta(struct rates_sum *row, int cpu, uint64_t delta) {
        int r;

        if (cpu == CPU_NONE) {
                row->single += delta;
                return 0;
        }

        r = rates_reserve_cell(row, (size_t)cpu);
        if (r < 0)
                return r;

        row->cells[cpu] += delta;
        return 0;
}

static int rates_add_change(struct rates_sums *sums, const struct store_change *change, bool baseline) {
        struct rates_sum *row = &sums->rows[change->row];

        if (store_row_at(sums->store, sums->source, change->row)->metric != sums->metric)
                return 0;
        /* A value of no CPU is no part of a selection of CPUs. */
        if (change->cpu == CPU_NONE ? !!sums->filter : !rates_wants(sums, change->cpu))
                return 0;

        row->seen = true;
        if (baseline)
                return 0;

        row->changed = true;
        row->n_resets += change->reset;
        return rates_add_delta(row, change->cpu, change->delta);
}

static int rates_add_cpus(struct rates_sums *sums, const struct cpu_set *cpus) {
        int r;

        cpu_set_clear(&sums->online);
        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1)) {
                if (!rates_wants(sums, cpu))
                        continue;
                r = cpu_set_add(&sums->online, cpu);
                if (r < 0)
                        return r;
                r = cpu_set_add(&sums->cpus, cpu);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int rates_add_pass(const struct store_pass *pass, bool baseline, void *userdata) {
        struct rates_sums *sums = userdata;
        int r;

        r = rates_add_cpus(sums, pass->cpus);
        for (size_t i = 0; r == 0 && i < pass->n_changes; i++)
                r = rates_add_change(sums, &pass->changes[i], baseline);

        return r;
}

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

static int rates_fill_row(const struct rates *rates, const struct rates_sum *sum, struct rates_row *row) {
        row->per_cpu = calloc(MAX(rates->n_cpus, (size_t)1), sizeof(*row->per_cpu));
        if (!row->per_cpu)
                return -ENOMEM;

        row->n_resets = sum->n_resets;
        row->single = row->total = sum->single;
        for (size_t i = 0; i < rates->n_cpus; i++) {
                size_t cpu = (size_t)rates->cpus[i];

                row->per_cpu[i] = cpu < sum->n_cells ? sum->cells[cpu] : 0;
                row->total += row->per_cpu[i];
        }

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

static int rates_fill_rows(struct rates *rates, const struct rates_sums *sums) {
        int r;

        rates->rows = calloc(MAX(sums->n_rows, (size_t)1), sizeof(*rates->rows));
        if (!rates->rows)
                return -ENOMEM;

        for (uint32_t i = 0; i < sums->n_rows; i++) {
                const struct store_row *from = store_row_at(sums->store, sums->source, i);
                struct rates_row *row = &rates->rows[rates->n_rows];

                if (!rates_sum_is_shown(sums, i))
                        continue;

                rates->n_rows++; /* first: what is half filled is freed with the rest */
                row->generation = from->generation;
                row->live = store_row_is_live(sums->store, sums->source, i);
                r = rates_copy_key(from, row);
                if (r < 0)
                        return r;
                r = rates_fill_row(rates, &sums->rows[i], row);
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

/* Gauges have no differences. */
static int rates_find_metric(const struct store *store, const struct rates_request *request,
                             struct rates_sums *sums) {
        const struct metric_desc *metrics;
        size_t n;
        int source;

        source = store_find_source(store, request->source);
        if (source < 0)
                return -ENOENT;

        metrics = store_source_metrics(store, (unsigned)source, &n);
        for (size_t i = 0; i < n; i++) {
                if (request->metric && strcmp(metrics[i].name, request->metric) != 0)
                        continue;
                if (metrics[i].type == METRIC_GAUGE)
                        return -ENOENT;
                sums->source = (unsigned)source;
                sums->metric = (unsigned)i;
                return 0;
        }

        return -ENOENT;
}

static int rates_sum_up(struct rates_sums *sums, const struct rates_request *request, struct span *ret_span) {
        sums->n_rows = store_n_rows(sums->store, sums->source);
        sums->rows = calloc(MAX(sums->n_rows, (size_t)1), sizeof(*sums->rows));
        if (!sums->rows) {
                sums->n_rows = 0;
                return -ENOMEM;
        }

        return span_scan(sums->store, sums->source, store_metric_bit(sums->metric), request->since_us,
                         request->until_us, rates_add_pass, sums, ret_span);
}

static int rates_fill(struct rates *rates, const struct rates_sums *sums, const struct span *span) {
        size_t n;
        int r;

        rates->metric = &store_source_metrics(sums->store, sums->source, &n)[sums->metric];
        rates->since_us = span->first.realtime_us;
        rates->until_us = span->last.realtime_us;
        rates->elapsed_ns = span->last.monotonic_ns - span->first.monotonic_ns;

        r = rates_copy_text(store_source_name(sums->store, sums->source), &rates->source);
        if (r < 0)
                return r;
        r = rates_fill_cpus(rates, sums);
        if (r < 0)
                return r;
        return rates_fill_rows(rates, sums);
}

int rates_query(const struct store *store, const struct rates_request *request, struct rates **ret_rates) {
        _cleanup_(rates_sums_done) struct rates_sums sums = { .store = store, .filter = request->cpus };
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct span span;
        int r;

        r = rates_find_metric(store, request, &sums);
        if (r < 0)
                return r;
        r = rates_sum_up(&sums, request, &span);
        if (r < 0)
                return r;

        rates = calloc(1, sizeof(*rates));
        if (!rates)
                return -ENOMEM;
        r = rates_fill(rates, &sums, &span);
        if (r < 0)
                return r;

        rates->n_gaps = span_n_gaps(store, sums.source, request->since_us, request->until_us);
        *ret_rates = TAKE_PTR(rates);
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
