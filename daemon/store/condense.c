/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/condense.h"

#include <string.h>

#include "common/array.h"
#include "daemon/store/scan.h"

/* What a series did in the step so far. */
struct condense_cell {
        int32_t cpu;
        bool touched, first, reset;
        uint64_t value; /* kept over steps */
        uint64_t delta;
        double max; /* counters: per ns; gauges: the value */
};

/* A row of the coarser source. The same key that went away and came back goes on in it. */
struct condense_row {
        struct condense_cell *cells; /* ascending CPUs */
        size_t n_cells, n_allocated;
        uint64_t seen; /* number of the latest pass, of the finer ones, that has it */
};

struct condenser {
        const struct source *from;
        const struct condense_request *request;
        struct source *to;
        struct source_limits limits;
        struct row **targets;      /* by row of from; NULL: not yet asked for */
        struct condense_row *rows; /* by row of to */
        size_t n_rows;
        struct stamp last,
                emitted; /* of the latest finer pass, and of that which the latest coarser one ends with */
        struct cpu_set cpus;
        uint64_t n_seen;   /* finer passes */
        unsigned n_passes; /* in the step: that the finer ones stand for */
        bool begun, after_gap;
        unsigned n_steps;
        struct store_change *changes;
        size_t n_changes, n_changes_allocated;
};

enum { CHUNK_SIZE_ANY = INT32_MAX, DONE = 1 };

static void condenser_done(struct condenser *c) {
        for (size_t i = 0; i < c->n_rows; i++)
                free(c->rows[i].cells);
        free(c->rows);
        free(c->targets);
        free(c->changes);
        cpu_set_done(&c->cpus);
}

static int reserve_row(struct condenser *c, size_t index) {
        size_t n = MAX(c->n_rows * 2, index + 1);
        struct condense_row *rows;

        if (index < c->n_rows)
                return 0;

        rows = reallocarray(c->rows, n, sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        memset(rows + c->n_rows, 0, (n - c->n_rows) * sizeof(*rows));
        c->rows = rows;
        c->n_rows = n;
        return 0;
}

/* The coarser row of a finer one. */
static int get_target(struct condenser *c, uint32_t index, struct row **ret_row) {
        const struct row *row = c->from->rows.items[index];
        int r;

        if (!c->targets[index] || c->targets[index]->last_pass != ROW_PASS_NONE) {
                r = source_import_row(c->to, row->identity.metric, &row->identity.key, &c->targets[index]);
                if (r >= 0)
                        r = reserve_row(c, c->targets[index]->index);
                if (r < 0)
                        return r;
        }

        *ret_row = c->targets[index];
        return 0;
}

static int get_cell(struct condense_row *row, int cpu, struct condense_cell **ret_cell) {
        size_t n = MAX(row->n_allocated * 2, (size_t)2), at = row->n_cells;
        struct condense_cell *cells = row->cells;

        while (at > 0 && cells[at - 1].cpu >= cpu)
                at--;
        if (at == row->n_cells || cells[at].cpu != cpu) {
                if (row->n_cells == row->n_allocated) {
                        cells = reallocarray(cells, n, sizeof(*cells));
                        if (!cells)
                                return -ENOMEM;
                        row->cells = cells;
                        row->n_allocated = n;
                }
                memmove(&cells[at + 1], &cells[at], (row->n_cells - at) * sizeof(*cells));
                cells[at] = (struct condense_cell){ .cpu = cpu };
                row->n_cells++;
        }

        *ret_cell = &row->cells[at];
        return 0;
}

/* Numbers beyond the largest one are that: to convert them is not defined. */
static uint64_t to_count(double value) {
        return value < (double)UINT64_MAX ? (uint64_t)value : UINT64_MAX;
}

/* elapsed_ns: of the finer passes together, which makes the largest rate a count again. */
static int take_cells(struct condenser *c, const struct row *target, struct condense_row *row,
                      uint64_t elapsed_ns) {
        bool gauge = c->to->metrics[target->identity.metric].type == METRIC_GAUGE;
        int r;

        r = ARRAY_RESERVE(c->changes, c->n_changes_allocated, c->n_changes + row->n_cells);
        if (r < 0)
                return r;

        for (size_t i = 0; i < row->n_cells; i++) {
                struct condense_cell *cell = &row->cells[i];
                double per_pass = (double)elapsed_ns / c->n_passes;

                if (!cell->touched)
                        continue;
                c->changes[c->n_changes++] = (struct store_change){
                        .row = target->index,
                        .cpu = cell->cpu,
                        .first = cell->first,
                        .reset = cell->reset,
                        .value = cell->value,
                        .delta = cell->delta,
                        .max = to_count(gauge ? cell->max : cell->max * per_pass + 0.5),
                };
                *cell = (struct condense_cell){ .cpu = cell->cpu, .value = cell->value };
        }

        return 0;
}

/* Rows that are gone, once their last changes are told. */
static void end_rows(struct condenser *c) {
        for (size_t i = 0; i < c->to->rows.n_items; i++) {
                struct row *target = c->to->rows.items[i];
                bool touched = false;

                if (!target || c->rows[i].seen == c->n_seen)
                        continue;
                for (size_t j = 0; j < c->rows[i].n_cells; j++)
                        touched |= c->rows[i].cells[j].touched;
                if (!touched)
                        source_end_row(c->to, target);
        }
}

static int collect_changes(struct condenser *c) {
        int r = 0;

        c->n_changes = 0;
        for (size_t i = 0; i < c->to->rows.n_items && r >= 0; i++)
                if (c->to->rows.items[i] && c->to->rows.items[i]->last_pass == ROW_PASS_NONE)
                        r = take_cells(c, c->to->rows.items[i], &c->rows[i],
                                       c->last.monotonic_ns - c->emitted.monotonic_ns);
        return r;
}

/* Ends the step with the latest finer pass. */
static int emit(struct condenser *c) {
        struct store_pass pass = {
                .stamp = c->last,
                .n_passes = c->n_passes,
                .cpus = &c->cpus,
                .after_gap = c->after_gap,
        };
        int r;

        end_rows(c);
        r = collect_changes(c);
        if (r < 0)
                return r;

        pass.changes = c->changes;
        pass.n_changes = c->n_changes;
        r = source_import(c->to, &pass, &c->limits);
        c->emitted = c->last;
        c->n_passes = 0;
        c->after_gap = false;
        return r;
}

static uint64_t step_of(const struct condenser *c, const struct stamp *stamp) {
        return (MAX(stamp->realtime_us, UINT64_C(1)) - 1) / c->request->step_us;
}

static void add_change(struct condenser *c, const struct store_pass *pass, const struct row *target,
                       const struct store_change *change, struct condense_cell *cell) {
        uint64_t elapsed_ns = pass->stamp.monotonic_ns - c->last.monotonic_ns;
        double max = (double)change->max;

        if (c->to->metrics[target->identity.metric].type != METRIC_GAUGE)
                max = elapsed_ns > 0 ? max * pass->n_passes / (double)elapsed_ns : 0;
        else if (!cell->touched && !change->first && c->n_passes > 0)
                max = MAX(max, (double)cell->value); /* which earlier passes of the step still had */

        cell->max = cell->touched ? MAX(cell->max, max) : max;
        cell->first |= change->first && !cell->touched;
        cell->reset |= change->reset || (change->first && cell->touched);
        cell->delta += change->delta;
        cell->value = change->value;
        cell->touched = true;
}

static int add_changes(struct condenser *c, const struct store_pass *pass) {
        for (size_t i = 0; i < pass->n_changes; i++) {
                struct condense_cell *cell = NULL;
                struct row *target = NULL;
                int r;

                r = get_target(c, pass->changes[i].row, &target);
                if (r >= 0)
                        r = get_cell(&c->rows[target->index], pass->changes[i].cpu, &cell);
                if (r < 0)
                        return r;
                add_change(c, pass, target, &pass->changes[i], cell);
        }

        return 0;
}

/* Rows that count nothing are there, too. */
static int see_rows(struct condenser *c) {
        uint64_t number = c->from->oldest->first_pass + c->n_seen++;

        for (size_t i = 0; i < c->from->rows.n_items; i++) {
                struct row *target = NULL;
                int r;

                if (!c->from->rows.items[i] || !row_in_pass(c->from->rows.items[i], number))
                        continue;
                r = get_target(c, (uint32_t)i, &target);
                if (r < 0)
                        return r;
                c->rows[target->index].seen = c->n_seen;
        }

        return 0;
}

/* The values that the first coarser pass is compared to; with nothing condensed before they are that pass
 * itself. What it took to get there is not part of any step. */
static int begin(struct condenser *c) {
        int r;

        for (size_t i = 0; i < c->n_rows; i++)
                for (size_t j = 0; j < c->rows[i].n_cells; j++) {
                        struct condense_cell *cell = &c->rows[i].cells[j];
                        bool seen = c->rows[i].seen == c->n_seen;

                        *cell = (struct condense_cell){
                                .cpu = cell->cpu,
                                .value = cell->value,
                                .first = seen,
                                .touched = seen,
                        };
                }

        c->begun = true;
        c->n_passes = 1;
        r = emit(c);
        c->limits.chunk_bytes = c->request->after_ns > 0 ? 0 : CHUNK_SIZE_ANY;
        return r;
}

static int lead_in(struct condenser *c, const struct store_pass *pass) {
        if (c->request->after_ns > 0 && pass->stamp.monotonic_ns < c->request->after_ns)
                return 0;
        if (c->request->after_ns > 0 && pass->stamp.monotonic_ns > c->request->after_ns)
                return -EBADMSG;

        return begin(c);
}

/* The step before this pass, if it belongs to another one. 0; DONE: it was the last. */
static int end_step(struct condenser *c, const struct store_pass *pass) {
        int r;

        if (!c->begun || c->n_passes == 0 || step_of(c, &pass->stamp) == step_of(c, &c->last))
                return 0;

        r = emit(c);
        if (c->n_steps == 0)
                c->limits.chunk_bytes = CHUNK_SIZE_ANY; /* the chunk that it began goes on */
        c->n_steps++;
        return r < 0 ? r : c->n_steps == c->request->n_max ? DONE : 0;
}

static int condense_pass(const struct store_pass *pass, void *userdata) {
        struct condenser *c = userdata;
        int r;

        r = end_step(c, pass);
        if (r == 0)
                r = see_rows(c);
        if (r == 0)
                r = cpu_set_copy(&c->cpus, pass->cpus);
        if (r == 0)
                r = add_changes(c, pass);
        if (r != 0)
                return r;

        c->last = pass->stamp;
        if (!c->begun)
                return lead_in(c, pass);

        c->n_passes += pass->n_passes;
        c->after_gap |= pass->after_gap;
        return 0;
}

enum {
        GAPS_MAX = 64
}; /* in a block; of more the last ones become one, which is then longer than they were */

static int copy_gaps(const struct condenser *c) {
        struct gaps *gaps = &c->to->gaps;

        for (size_t i = 0; i < c->from->gaps.n_items; i++) {
                const struct gap *gap = &c->from->gaps.items[i];
                int r;

                if (gap->until_us == UINT64_MAX || gap->until_monotonic_ns <= c->request->after_ns ||
                    gap->until_monotonic_ns > c->emitted.monotonic_ns)
                        continue;
                if (gaps->n_items >= GAPS_MAX) {
                        gaps->items[gaps->n_items - 1].until_us = gap->until_us;
                        gaps->items[gaps->n_items - 1].until_monotonic_ns = gap->until_monotonic_ns;
                        continue;
                }
                r = gaps_add(gaps, gap->since_us, gap->until_us, gap->until_monotonic_ns, gap->reason);
                if (r < 0)
                        return r;
        }

        return 0;
}

int condense(const struct source *from, const struct condense_request *request, struct source *to,
             const struct chunk **ret_chunk, unsigned *ret_n) {
        _cleanup_(condenser_done) struct condenser c = {
                .from = from,
                .request = request,
                .to = to,
                .limits = { .n_series_max = SIZE_MAX, .chunk_bytes = CHUNK_SIZE_ANY },
        };
        int r;

        c.targets = calloc(from->rows.n_items + 1, sizeof(struct row *));
        if (!c.targets)
                return -ENOMEM;

        r = source_scan(from, &(struct store_scan){ .metrics = STORE_ALL_METRICS, .until_us = UINT64_MAX },
                        condense_pass, condense_pass, &c);
        if (r == 0 && !c.begun)
                r = -EBADMSG;
        if (r == 0 && c.n_passes > 0 && request->to_the_end) {
                r = emit(&c);
                c.n_steps++;
        }
        if (r >= 0)
                r = copy_gaps(&c);
        if (r < 0)
                return r;

        *ret_chunk = to->newest;
        *ret_n = c.n_steps;
        return 0;
}
