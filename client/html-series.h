/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values per CPU over a span of time that is cut into equal slices, put together from one Rates or Histograms
 * object for each slice or CPU. Pure data; knows nothing of how it is drawn.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpulist.h"

enum { HTML_SLICES_MAX = 120, HTML_SLICES_MIN = 24, HTML_CELLS_MAX = 8192 };

/* Of one softirq, or of all interrupts together. */
struct html_series {
        char *name;
        double *values; /* by CPU id * n_slices + slice: per second; negative: not known */
        double sum, most; /* of all values; the largest */
};

struct html_matrix {
        uint64_t since_us, until_us;
        size_t n_slices;
        struct cpu_set cpus; /* that have a value anywhere */
        size_t n_ids;        /* CPU ids that values have room for */
        size_t next_slice;   /* those before it are filled by steps, or passed over */
        struct html_series *series;
        size_t n_series; /* the first is the sum of all rows; it is there when anything is */
};

/* How many slices: fewer with many CPUs, and none shorter than a second. */
size_t html_n_slices(uint64_t since_us, uint64_t until_us, size_t n_cpus) _const_;
void html_matrix_init(struct html_matrix *matrix, uint64_t since_us, uint64_t until_us, size_t n_slices);
void html_matrix_done(struct html_matrix *matrix);
/* The bounds of a slice. */
uint64_t html_slice_start(const struct html_matrix *matrix, size_t slice) _pure_;
/* Adds a slice's Rates; by_row: each row gets a series of its own, too. 0 or -ENOMEM. */
int html_matrix_add(struct html_matrix *matrix, size_t slice, struct json_object *rates, bool by_row);
/* Adds a RateStep to the slices whose middle lies in it: there may be several where only longer steps are on record, and
 * what is missing stays so. Steps come in their order. 0 or -ENOMEM. */
int html_matrix_add_step(struct html_matrix *matrix, struct json_object *step, bool by_row);
/* Adds one CPU's Histograms: slices are powers of two of nanoseconds, values are counts. 0 or -ENOMEM. */
int html_matrix_add_histogram(struct html_matrix *matrix, int cpu, struct json_object *histograms);
double html_value(const struct html_matrix *matrix, const struct html_series *series, int cpu,
                  size_t slice) _pure_;
