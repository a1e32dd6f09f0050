/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A table that is read one CPU after the other and delivered one column after the other, as a batch wants it:
 * what the parsers of per-CPU lines fill. Knows nothing of what a column means.
 */

#include <stddef.h>
#include <stdint.h>

enum { CPU_COLUMNS_MAX = 9 };

/* Keeps its memory between passes; made by { .n_columns = N }, ended by cpu_columns_done(). */
struct cpu_columns {
        size_t n_columns;
        int *cpus;                         /* the kernel's CPU ids, ascending */
        uint64_t *values[CPU_COLUMNS_MAX]; /* by column, then by position of cpus */
        size_t n_cpus;
        size_t allocated;
};

void cpu_columns_done(struct cpu_columns *columns);
/* Forgets all CPUs. */
void cpu_columns_clear(struct cpu_columns *columns);
/* One CPU with a value for each column. 0; -EBADMSG: not above the last one, or no CPU's number; -ENOMEM. */
int cpu_columns_add(struct cpu_columns *columns, int cpu, const uint64_t *values);
