/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/rates-sum.h"

#include <string.h>

#include "common/array.h"

/* Passes are summed up before they are looked at, which is most of the work. Where the worst stretch is
 * wanted it is made of slices of half its length (peak.h); otherwise only the sum counts. */
#define RATES_JOIN_NS (5 * NSEC_PER_SEC)

void rates_sums_done(struct rates_sums *sums) {
        for (size_t i = 0; i < sums->n_rows; i++)
                free(sums->rows[i].cells);
        free(sums->rows);
        free(sums->series);
        free(sums->histories);
        cpu_set_done(&sums->cpus);
        cpu_set_done(&sums->online);
        peak_clock_done(&sums->clock);
}

static bool rates_wants(const struct rates_sums *sums, int cpu) {
        return !sums->request->cpus || cpu_set_contains(sums->request->cpus, cpu);
}

static int rates_reserve_cell(struct rates_sum *row, size_t cpu) {
        size_t n = MAX(row->n_cells * 2, cpu + 1);
        uint32_t *cells;

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

struct rates_series *rates_sums_series(const struct rates_sums *sums, const struct rates_sum *row,
                                       size_t cpu) {
        uint32_t place = cpu < row->n_cells ? row->cells[cpu] : 0;

        return place > 0 ? &sums->series[place - 1] : NULL;
}

static int rates_get_series(struct rates_sums *sums, struct rates_sum *row, size_t cpu,
                            struct rates_series **ret_series) {
        int r;

        *ret_series = rates_sums_series(sums, row, cpu);
        if (*ret_series)
                return 0;

        r = rates_reserve_cell(row, cpu);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(sums->series, sums->series_allocated, sums->n_series + 1);
        if (r < 0)
                return r;

        sums->series[sums->n_series++] = (struct rates_series){};
        row->cells[cpu] = (uint32_t)sums->n_series;
        *ret_series = &sums->series[sums->n_series - 1];
        return 0;
}

static int rates_add_delta(struct rates_sums *sums, struct rates_sum *row,
                           const struct store_change *change) {
        struct rates_series *series;
        int r;

        if (change->cpu == CPU_NONE) {
                row->single += change->delta;
                return 0;
        }

        r = rates_get_series(sums, row, (size_t)change->cpu, &series);
        if (r < 0)
                return r;

        if (series->peak.total == 0) {
                /* A counter that started over says nothing of what was before. */
                series->has_start = !change->reset && change->value >= change->delta;
                series->start = change->value - change->delta;
        }
        peak_series_add(&series->peak, &sums->clock, change->delta);
        series->parts[sums->part] += change->delta;
        return 0;
}

/* n changes of one row. */
static int rates_add_row(struct rates_sums *sums, const struct store_change *changes, size_t n, bool baseline) {
        struct rates_sum *row = &sums->rows[changes->row];
        uint64_t delta = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const struct store_change *change = &changes[i];

                /* A value of no CPU is no part of a selection of CPUs. */
                if (change->cpu == CPU_NONE ? !!sums->request->cpus : !rates_wants(sums, change->cpu))
                        continue;

                row->seen = true;
                if (baseline)
                        continue;

                row->changed = true;
                row->n_resets += change->reset;
                delta += change->delta;
                r = rates_add_delta(sums, row, change);
        }

        if (delta > 0)
                peak_series_add(&row->peak, &sums->clock, delta);
        return r;
}

static int rates_add_changes(struct rates_sums *sums, const struct store_change *changes, size_t n, bool baseline) {
        int r = 0;

        for (size_t first = 0, end; r == 0 && first < n; first = end) {
                for (end = first + 1; end < n && changes[end].row == changes[first].row;)
                        end++;
                if (sums->rows[changes[first].row].metric >= 0)
                        r = rates_add_row(sums, &changes[first], end - first, baseline);
        }

        return r;
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

/* Before the clock goes on: what a pass brings happened since the one before. */
static void rates_choose_part(struct rates_sums *sums, const struct stamp *stamp, bool baseline) {
        uint64_t quarter_ns =
                (sums->request->until_us - sums->request->since_us) * NSEC_PER_USEC / RATES_PARTS;

        if (baseline) {
                sums->part_start = *stamp;
                return;
        }

        sums->part = quarter_ns > 0
                             ? (sums->clock.now.monotonic_ns - sums->part_start.monotonic_ns) / quarter_ns
                             : 0;
        sums->part = MIN(sums->part, (size_t)RATES_PARTS - 1);
        sums->part_ns[sums->part] += stamp->monotonic_ns - sums->clock.now.monotonic_ns;
}

static int rates_add_pass(const struct store_pass *pass, bool baseline, void *userdata) {
        struct rates_sums *sums = userdata;
        int r;

        rates_choose_part(sums, &pass->stamp, baseline);
        r = baseline ? peak_clock_start(&sums->clock, sums->request->stretch_ns, &pass->stamp)
                     : peak_clock_advance(&sums->clock, &pass->stamp);
        if (r == 0)
                r = rates_add_cpus(sums, pass->cpus);
        return r < 0 ? r : rates_add_changes(sums, pass->changes, pass->n_changes, baseline);
}

/* The part from this pass to the one that was looked at before. A counter that started over has no history. */
static void rates_add_history(struct rates_sums *sums, size_t i, uint64_t value, uint64_t elapsed_ns) {
        struct rates_history *history = &sums->histories[i];

        if (!sums->series[i].has_start)
                return;
        if (value > history->end) {
                sums->series[i].has_start = false;
                history->n = 0;
                return;
        }

        history->per_second[history->n++] =
                (double)(history->end - value) * (double)NSEC_PER_SEC / (double)elapsed_ns;
        history->end = value;
}

static int rates_take_history(const struct store_pass *pass, void *userdata) {
        struct rates_sums *sums = userdata;
        uint64_t elapsed_ns;
        size_t i = 0;

        if (pass->stamp.monotonic_ns >= sums->history_end_ns)
                return 0; /* another boot, or the pass that was looked at before */

        elapsed_ns = sums->history_end_ns - pass->stamp.monotonic_ns;
        sums->history_end_ns = pass->stamp.monotonic_ns;
        sums->history_ns += elapsed_ns;
        for (i = 0; i < pass->n_changes; i++) {
                const struct store_change *change = &pass->changes[i];
                const struct rates_series *series = NULL;
                size_t place;

                if (change->cpu != CPU_NONE)
                        series = rates_sums_series(sums, &sums->rows[change->row], (size_t)change->cpu);
                if (!series)
                        continue;
                place = (size_t)(series - sums->series);
                rates_add_history(sums, place, change->value, elapsed_ns);
                sums->histories[place].in_pass = true;
        }
        /* Zeros are left out. */
        for (i = 0; i < sums->n_series; i++) {
                if (!sums->histories[i].in_pass)
                        rates_add_history(sums, i, 0, elapsed_ns);
                sums->histories[i].in_pass = false;
        }

        return 0;
}

/* The values at a few moments before the span are enough: what counters did in between is in their difference. */
static int rates_fill_history(struct rates_sums *sums, uint64_t metrics) {
        uint64_t first_us, last_us, since_us = sums->span.first.realtime_us, length_us, slack_us;
        int r = 0;

        if (store_source_range(sums->store, sums->source, &first_us, &last_us) < 0 || first_us >= since_us)
                return 0;

        length_us = MIN(since_us - first_us, sums->request->history_ns / NSEC_PER_USEC);
        slack_us = length_us / RATES_HISTORY_PARTS / 2; /* parts may differ, as each one's length is known */
        sums->history_end_ns = sums->span.first.monotonic_ns;
        sums->histories = calloc(MAX(sums->n_series, (size_t)1), sizeof(*sums->histories));
        if (!sums->histories)
                return -ENOMEM;
        for (size_t i = 0; i < sums->n_series; i++)
                sums->histories[i].end = sums->series[i].start;
        for (unsigned i = 1; r == 0 && i <= RATES_HISTORY_PARTS; i++) {
                uint64_t at_us = since_us - length_us * i / RATES_HISTORY_PARTS;

                r = store_values_at(sums->store, sums->source, metrics, at_us, slack_us, rates_take_history,
                                    sums);
        }
        return r == -ENOENT ? 0 : r;
}

static int rates_find_metric(const struct rates_sums *sums, uint32_t row) {
        unsigned metric = store_row_at(sums->store, sums->source, row)->metric;

        for (size_t i = 0; i < sums->n_metrics; i++)
                if (sums->metrics[i] == metric)
                        return (int)i;

        return -1;
}

int rates_sums_fill(struct rates_sums *sums) {
        struct store_scan request = {
                .since_us = sums->request->since_us,
                .until_us = sums->request->until_us,
                .join_ns = sums->request->stretch_ns > 0 ? sums->request->stretch_ns / 2 : RATES_JOIN_NS,
        };
        int r;

        sums->n_rows = store_n_rows(sums->store, sums->source);
        sums->rows = calloc(MAX(sums->n_rows, (size_t)1), sizeof(*sums->rows));
        if (!sums->rows) {
                sums->n_rows = 0;
                return -ENOMEM;
        }

        for (uint32_t i = 0; i < sums->n_rows; i++)
                sums->rows[i].metric = rates_find_metric(sums, i);
        for (size_t i = 0; i < sums->n_metrics; i++)
                if (sums->metrics[i] != STORE_METRIC_NONE)
                        request.metrics |= store_metric_bit(sums->metrics[i]);

        r = span_scan(sums->store, sums->source, &request, rates_add_pass, sums, &sums->span);
        if (r < 0 || sums->request->history_ns == 0)
                return r;
        return rates_fill_history(sums, request.metrics);
}
