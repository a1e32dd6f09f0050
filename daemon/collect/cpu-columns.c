/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/cpu-columns.h"

#include <assert.h>

#include "common/cleanup.h"
#include "common/cpulist.h"

void cpu_columns_done(struct cpu_columns *columns) {
        free(columns->cpus);
        for (size_t i = 0; i < columns->n_columns; i++)
                free(columns->values[i]);
        *columns = (struct cpu_columns){ .n_columns = columns->n_columns };
}

void cpu_columns_clear(struct cpu_columns *columns) {
        columns->n_cpus = 0;
}

static int cpu_columns_grow(struct cpu_columns *columns) {
        size_t allocated = columns->allocated ? columns->allocated * 2 : 16;
        int *cpus;

        if (columns->n_cpus < columns->allocated)
                return 0;

        cpus = reallocarray(columns->cpus, allocated, sizeof(*cpus));
        if (!cpus)
                return -ENOMEM;
        columns->cpus = cpus;

        for (size_t i = 0; i < columns->n_columns; i++) {
                uint64_t *values = reallocarray(columns->values[i], allocated, sizeof(*values));

                if (!values)
                        return -ENOMEM;
                columns->values[i] = values;
        }

        columns->allocated = allocated;
        return 0;
}

int cpu_columns_add(struct cpu_columns *columns, int cpu, const uint64_t *values) {
        int r;

        assert(columns->n_columns <= CPU_COLUMNS_MAX);
        if (cpu < 0 || cpu >= CPU_LIMIT)
                return -EBADMSG;
        if (columns->n_cpus > 0 && cpu <= columns->cpus[columns->n_cpus - 1])
                return -EBADMSG;

        r = cpu_columns_grow(columns);
        if (r < 0)
                return r;

        for (size_t i = 0; i < columns->n_columns; i++)
                columns->values[i][columns->n_cpus] = values[i];
        columns->cpus[columns->n_cpus++] = cpu;
        return 0;
}
