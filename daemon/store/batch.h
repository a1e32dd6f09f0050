/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One pass of one collector: cumulative values keyed by (metric, row, cpu), all read at one moment.
 * Filled by a collector, committed to the store as a whole or not at all. Holds no policy and computes
 * no differences.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"

/* A moment on both clocks, taken together. */
struct stamp {
        uint64_t monotonic_ns; /* CLOCK_MONOTONIC */
        uint64_t realtime_us;  /* CLOCK_REALTIME since the epoch */
};

/* Reads both clocks. */
void stamp_now(struct stamp *ret_stamp);

enum metric_type {
        METRIC_COUNTER,   /* only grows; a decrease is a reset (or a wrap of width_bits) */
        METRIC_GAUGE,     /* last value counts */
        METRIC_HISTOGRAM, /* rows are buckets: the row's name is the decimal exponent e of a bucket
                           * [2^e, 2^(e+1)) in unit; values are cumulative counts */
        _METRIC_TYPE_MAX,
};

enum { METRIC_LABELS_MAX = 3 };

/* A collector's static description of one metric. */
struct metric_desc {
        const char *name;     /* "softirqs", "interrupts", "lateness" */
        const char *unit;     /* "1", "ns", "bytes" */
        const char *help;     /* one line */
        const char *row_name; /* what a row's name is: "type", "irq"; NULL when there is one row */
        const char *labels[METRIC_LABELS_MAX]; /* names of a row's further labels, NULL-padded */
        enum metric_type type;
        uint8_t width_bits;   /* of the kernel's counter, for wraps: 32 or 64 */
        bool from_zero;       /* counts from the collector's start: a row that appears later began at zero */
};

/* What identifies a row within a metric; two rows are the same series only if all of it is equal.
 * Strings are borrowed for the call. Missing labels are NULL. */
struct row_key {
        const char *name;                      /* "NET_RX", "24", "LOC"; "" for the only row */
        const char *labels[METRIC_LABELS_MAX]; /* "IO-APIC", "6-edge", "ACPI:Ged" */
};

struct batch_cell {
        uint64_t value;
        int32_t cpu; /* or CPU_NONE */
};

struct batch_row {
        struct row_key key;    /* points into the batch's text */
        unsigned metric;       /* index into the collector's metrics */
        size_t first_cell;     /* cells[first_cell .. first_cell + n_cells) */
        size_t n_cells;
};

/* Read access for the store and for tests; filled only through the functions below. */
struct batch {
        struct stamp stamp;
        struct cpu_set cpus;   /* the CPUs that this pass had values for: absent is not zero */
        struct batch_row *rows;
        size_t n_rows;
        struct batch_cell *cells;
        size_t n_cells;
        /* private */
        char *text;
        size_t text_size, text_allocated, rows_allocated, cells_allocated;
};

void batch_init(struct batch *batch);
void batch_done(struct batch *batch);
/* Empties it for the next pass, keeping the memory. */
void batch_clear(struct batch *batch);

/* Starts a row; following cells belong to it. The key's text is copied. 0 or -ENOMEM. */
int batch_add_row(struct batch *batch, unsigned metric, const struct row_key *key);
/* One value; cpu is the kernel's CPU id (added to batch->cpus) or CPU_NONE. Zeros are values too:
 * add them, the store drops what it need not keep. 0, -ERANGE, -ENOMEM. */
int batch_add(struct batch *batch, int cpu, uint64_t value);
/* values[i] for CPU cpus[i], n times, as batch_add() would, in one go: for rows of hundreds of CPUs. 0, -ERANGE
 * (CPU_NONE is no CPU here), -ENOMEM; on failure the row has none of them. */
int batch_add_cpus(struct batch *batch, const int *cpus, const uint64_t *values, size_t n);
/* A row of one value that belongs to no CPU. */
int batch_add_single(struct batch *batch, unsigned metric, const char *name, uint64_t value);
