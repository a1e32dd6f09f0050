/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/steps.h"

#include <string.h>

#include "common/array.h"
#include "common/parse.h"

/* A row of the store, in the step that is being filled. */
struct steps_sum {
        bool wanted, touched;
        unsigned n_resets;
        uint64_t total;
        uint64_t *per_cpu; /* by CPU id */
        size_t n_per_cpu;
};

struct steps_walk {
        struct steps *steps;
        const struct steps_request *request;
        struct steps_sum *sums; /* by row of the store */
        size_t n_sums;
        struct stamp last; /* the latest pass */
        struct step step;  /* that is being filled */
        bool begun;        /* it has a pass */
};

static void steps_walk_done(struct steps_walk *walk) {
        for (size_t i = 0; i < walk->n_sums; i++)
                free(walk->sums[i].per_cpu);
        free(walk->sums);
        cpu_set_done(&walk->step.online);
}

static int steps_emit_cells(struct steps *steps, struct steps_sum *sum, struct steps_row *row) {
        row->first_cell = steps->n_cells;
        for (size_t cpu = 0; cpu < sum->n_per_cpu; cpu++) {
                int r;

                if (sum->per_cpu[cpu] == 0)
                        continue;
                r = ARRAY_RESERVE(steps->cells, steps->n_cells_allocated, steps->n_cells + 1);
                if (r < 0)
                        return r;
                steps->cells[steps->n_cells++] =
                        (struct steps_cell){ .cpu = (int)cpu, .total = sum->per_cpu[cpu] };
                row->n_cells++;
                sum->per_cpu[cpu] = 0;
        }

        return 0;
}

static int steps_emit_row(struct steps *steps, struct steps_sum *sum, uint32_t index) {
        struct steps_row row = { .row = index, .n_resets = sum->n_resets, .total = sum->total };
        int r;

        r = steps_emit_cells(steps, sum, &row);
        if (r >= 0)
                r = ARRAY_RESERVE(steps->rows, steps->n_rows_allocated, steps->n_rows + 1);
        if (r < 0)
                return r;

        steps->rows[steps->n_rows++] = row;
        sum->touched = false;
        sum->n_resets = 0;
        sum->total = 0;
        return 0;
}

/* Ends the step that is being filled; the next one begins with the latest pass. */
static int steps_emit(struct steps_walk *walk) {
        struct steps *steps = walk->steps;
        int r;

        if (walk->begun) {
                walk->step.until_us = walk->last.realtime_us;
                walk->step.first_row = steps->n_rows;
                for (uint32_t i = 0; i < walk->n_sums; i++) {
                        if (!walk->sums[i].touched)
                                continue;
                        r = steps_emit_row(steps, &walk->sums[i], i);
                        if (r < 0)
                                return r;
                }
                walk->step.n_rows = steps->n_rows - walk->step.first_row;

                r = ARRAY_RESERVE(steps->items, steps->n_items_allocated, steps->n_items + 1);
                if (r < 0)
                        return r;
                steps->items[steps->n_items++] = walk->step; /* with its CPUs */
        } else
                cpu_set_done(&walk->step.online);

        walk->step = (struct step){ .since_us = walk->last.realtime_us };
        walk->begun = false;
        return 0;
}

static int steps_add_cpu(struct steps_sum *sum, size_t cpu, uint64_t delta) {
        size_t n = MAX(sum->n_per_cpu * 2, cpu + 1);
        uint64_t *per_cpu;

        if (cpu >= sum->n_per_cpu) {
                per_cpu = reallocarray(sum->per_cpu, n, sizeof(*per_cpu));
                if (!per_cpu)
                        return -ENOMEM;
                memset(per_cpu + sum->n_per_cpu, 0, (n - sum->n_per_cpu) * sizeof(*per_cpu));
                sum->per_cpu = per_cpu;
                sum->n_per_cpu = n;
        }

        sum->per_cpu[cpu] += delta;
        return 0;
}

static int steps_add_change(struct steps_walk *walk, const struct store_change *change) {
        struct steps_sum *sum = &walk->sums[change->row];
        const struct cpu_set *cpus = walk->request->cpus;

        if (!sum->wanted || (change->delta == 0 && !change->reset))
                return 0;
        /* A value of no CPU is no part of a selection of CPUs. */
        if (cpus && (change->cpu == CPU_NONE || !cpu_set_contains(cpus, change->cpu)))
                return 0;

        sum->touched = true;
        sum->n_resets += change->reset;
        sum->total += change->delta;
        return walk->request->per_cpu && change->cpu != CPU_NONE
                       ? steps_add_cpu(sum, (size_t)change->cpu, change->delta)
                       : 0;
}

static int steps_set_online(struct steps_walk *walk, const struct store_pass *pass) {
        const struct cpu_set *cpus = walk->request->cpus;
        struct cpu_set *online = &walk->step.online;
        int r;

        if (!walk->request->per_cpu)
                return 0;
        if (!cpus)
                return cpu_set_copy(online, pass->cpus);

        cpu_set_clear(online);
        for (int cpu = cpu_set_next(pass->cpus, 0); cpu >= 0; cpu = cpu_set_next(pass->cpus, cpu + 1)) {
                r = cpu_set_contains(cpus, cpu) ? cpu_set_add(online, cpu) : 0;
                if (r < 0)
                        return r;
        }

        return 0;
}

static uint64_t steps_index(const struct steps_walk *walk, const struct stamp *stamp) {
        uint64_t since_us = walk->request->since_us;

        return stamp->realtime_us > since_us ? (stamp->realtime_us - since_us - 1) / walk->request->step_us
                                             : 0;
}

struct steps_gaps {
        const struct steps *steps;
        uint64_t since_us, until_us, length_us;
};

static int steps_sum_gap(const struct store_gap *gap, void *userdata) {
        struct steps_gaps *gaps = userdata;
        uint64_t since_us = MAX(gap->since_us, gaps->since_us), until_us = MIN(gap->until_us, gaps->until_us);

        if (gap->source == gaps->steps->source && until_us > since_us)
                gaps->length_us += until_us - since_us;
        return 0;
}

/* A pass after a gap brings what happened in all of it. A short one is bridged; one that is longer than a
 * step, and most of what the pass stands for, would put hours into one step. */
static bool steps_is_missing(const struct steps_walk *walk, const struct store_pass *pass) {
        struct steps_gaps gaps = {
                .steps = walk->steps,
                .since_us = walk->last.realtime_us,
                .until_us = pass->stamp.realtime_us,
        };

        if (!pass->after_gap)
                return false;

        (void)store_for_each_gap(walk->steps->store, gaps.since_us, gaps.until_us, steps_sum_gap,
                                 &gaps); /* returns what the callback returns: 0 */
        return gaps.length_us > walk->request->step_us &&
               gaps.length_us > (pass->stamp.monotonic_ns - walk->last.monotonic_ns) / NSEC_PER_USEC / 2;
}

/* A step of its own, of which nothing is known. */
static int steps_add_missing(struct steps_walk *walk, const struct store_pass *pass) {
        int r;

        r = steps_emit(walk);
        if (r < 0)
                return r;

        walk->step.index = steps_index(walk, &pass->stamp);
        walk->step.missing = walk->step.gap = true;
        walk->step.elapsed_ns = pass->stamp.monotonic_ns - walk->last.monotonic_ns;
        walk->begun = true;
        walk->last = pass->stamp;
        return steps_emit(walk);
}

static int steps_baseline(const struct store_pass *pass, void *userdata) {
        struct steps_walk *walk = userdata;

        walk->last = pass->stamp;
        walk->step = (struct step){ .since_us = pass->stamp.realtime_us };
        return 0;
}

static int steps_add_pass(const struct store_pass *pass, void *userdata) {
        struct steps_walk *walk = userdata;
        uint64_t index = steps_index(walk, &pass->stamp);
        uint64_t elapsed_ns = pass->stamp.monotonic_ns - walk->last.monotonic_ns;
        int r = 0;

        if (steps_is_missing(walk, pass))
                return steps_add_missing(walk, pass);

        if (walk->begun && index > walk->step.index)
                r = steps_emit(walk);
        for (size_t i = 0; r == 0 && i < pass->n_changes; i++)
                r = steps_add_change(walk, &pass->changes[i]);
        if (r == 0)
                r = steps_set_online(walk, pass);

        walk->step.index = walk->begun ? MAX(walk->step.index, index) : index;
        walk->step.gap |= pass->after_gap;
        walk->step.elapsed_ns += elapsed_ns;
        walk->begun = true;
        walk->last = pass->stamp;
        return r;
}

static bool steps_wants_row(const struct steps_request *request, const char *name) {
        for (size_t i = 0; i < request->n_rows; i++)
                if (strcmp(request->rows[i], name) == 0)
                        return true;

        return request->n_rows == 0;
}

static int steps_find_metric(struct steps *steps, const char *name, unsigned *ret_metric) {
        const struct metric_desc *metrics;
        size_t n;

        metrics = store_source_metrics(steps->store, steps->source, &n);
        for (size_t i = 0; i < n; i++) {
                if (name && strcmp(metrics[i].name, name) != 0)
                        continue;
                if (metrics[i].type == METRIC_GAUGE)
                        return -ENOENT;
                steps->metric = &metrics[i];
                *ret_metric = (unsigned)i;
                return 0;
        }

        return -ENOENT;
}

static int steps_prepare(struct steps_walk *walk, unsigned metric) {
        const struct steps *steps = walk->steps;
        size_t n = store_n_rows(steps->store, steps->source);

        walk->sums = calloc(MAX(n, (size_t)1), sizeof(*walk->sums));
        if (!walk->sums)
                return -ENOMEM;

        walk->n_sums = n;
        for (uint32_t i = 0; i < n; i++) {
                const struct store_row *row = store_row_at(steps->store, steps->source, i);

                walk->sums[i].wanted = row->metric == metric && steps_wants_row(walk->request, row->key.name);
        }

        return 0;
}

int steps_query(const struct store *store, const struct steps_request *request, struct steps **ret_steps) {
        _cleanup_(steps_freep) struct steps *steps = NULL;
        _cleanup_(steps_walk_done) struct steps_walk walk = { .request = request };
        struct store_scan scan;
        unsigned metric;
        int r;

        walk.steps = steps = calloc(1, sizeof(*steps));
        if (!steps)
                return -ENOMEM;
        steps->store = store;

        r = store_find_source(store, request->source);
        if (r < 0)
                return -ENOENT;
        steps->source = (unsigned)r;
        r = steps_find_metric(steps, request->metric, &metric);
        if (r >= 0)
                r = steps_prepare(&walk, metric);
        if (r < 0)
                return r;

        scan = (struct store_scan){
                .metrics = store_metric_bit(metric),
                .since_us = request->since_us,
                .until_us = request->until_us,
        };
        r = store_scan_for(store, steps->source, &scan, steps_baseline, steps_add_pass, &walk);
        if (r >= 0)
                r = steps_emit(&walk);
        if (r < 0 && r != -ENOENT) /* no pass: no steps */
                return r;

        *ret_steps = TAKE_PTR(steps);
        return 0;
}

struct steps *steps_free(struct steps *steps) {
        if (!steps)
                return NULL;

        for (size_t i = 0; i < steps->n_items; i++)
                cpu_set_done(&steps->items[i].online);
        free(steps->items);
        free(steps->rows);
        free(steps->cells);
        free(steps);
        return NULL;
}
