/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/stat: no read outside them; what is accepted reads the same after it was printed
 * again as the kernel prints it, and is refused when cut.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static int print(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _CPU_MODE_MAX };
        FILE *out;
        int r;

        r = proc_stat_parse(text, size, &columns);
        if (r < 0)
                return r;

        out = open_memstream(ret_text, ret_size);
        CHECK(out);
        fputs("cpu  1 2 3 4 5 6 7 8 9 10\n", out);
        CHECK(columns.n_cpus > 0);
        for (size_t i = 0; i < columns.n_cpus; i++) {
                CHECK(i == 0 || columns.cpus[i] > columns.cpus[i - 1]);
                fprintf(out, "cpu%d", columns.cpus[i]);
                for (unsigned mode = 0; mode < _CPU_MODE_MAX; mode++)
                        fprintf(out, " %llu", (unsigned long long)columns.values[mode][i]);
                fputs(" 0\n", out);
        }
        fputs("intr 0\n", out);
        CHECK(fclose(out) == 0);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        const char *text = (const char *)data;

        if (print(text, size, &once, &once_size) < 0)
                return 0;

        CHECK(print(once, once_size, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(once, once_size - 1, &cut, &cut_size) == -EBADMSG);
        return 0;
}
