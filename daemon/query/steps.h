/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a metric did over a span of time, step by step: rates.h in one scan for many spans that follow each
 * other. A step is never finer than what is recorded: where passes stand for longer (history that was
 * condensed, a collector with a long interval), so do the steps, and each says which passes it lies between.
 * Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/store.h"

struct steps_request {
        const char *source;
        const char *metric;          /* NULL: the source's first */
        uint64_t since_us, until_us; /* realtime; steps are counted from since_us on */
        uint64_t step_us;            /* not 0 */
        const struct cpu_set *cpus;  /* NULL: all */
        const char *const *rows;     /* names */
        size_t n_rows;               /* 0: all */
        bool per_cpu;                /* also by CPU */
};

struct steps_cell {
        int cpu;
        uint64_t total;
};

/* A row that counted something in a step, or started anew. */
struct steps_row {
        uint32_t row; /* of the store */
        unsigned n_resets;
        uint64_t total; /* of the selected CPUs */
        size_t first_cell, n_cells;
};

struct step {
        uint64_t index;              /* of the last of the steps asked for that this one stands for */
        uint64_t since_us, until_us; /* of the passes that it lies between */
        uint64_t elapsed_ns;         /* monotonic, between these */
        bool gap;     /* nothing was recorded for a part of it, which is bridged: counters went on */
        bool missing; /* nothing was recorded: there are no rows, and that is not 0 */
        size_t first_row, n_rows;
        struct cpu_set online; /* had values in the last pass; filled in if cells are asked for */
};

struct steps {
        const struct store *store; /* borrowed, as the metric and the texts of rows are */
        unsigned source;
        const struct metric_desc *metric;
        struct step *items;
        size_t n_items, n_items_allocated;
        struct steps_row *rows;
        size_t n_rows, n_rows_allocated;
        struct steps_cell *cells;
        size_t n_cells, n_cells_allocated;
};

/* 0, also when there is no pass to tell of; -ENOENT no such source or metric, or a gauge; -ENOMEM. */
int steps_query(const struct store *store, const struct steps_request *request, struct steps **ret_steps);
struct steps *steps_free(struct steps *steps);
DEFINE_CLEANUP(struct steps *, steps_free)
