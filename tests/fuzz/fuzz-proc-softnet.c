/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/net/softnet_stat of a machine with as many CPUs as there are lines: no read outside
 * them; what is accepted reads the same after it was printed again as the kernel prints it, and is refused
 * when cut.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-softnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static int print(const char *text, size_t size, const struct cpu_set *online, char **ret_text,
                 size_t *ret_size) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _SOFTNET_COLUMN_MAX };
        struct softnet_layout layout;
        FILE *out;
        int r;

        r = proc_softnet_parse(text, size, online, &columns, &layout);
        if (r != 0)
                return r;

        out = open_memstream(ret_text, ret_size);
        CHECK(out);
        CHECK(columns.n_cpus == cpu_set_count(online));
        for (size_t i = 0; i < columns.n_cpus; i++) {
                CHECK(cpu_set_contains(online, columns.cpus[i]));
                fprintf(out, "%08x %08x %08x", (unsigned)columns.values[SOFTNET_PROCESSED][i],
                        (unsigned)columns.values[SOFTNET_DROPPED][i],
                        (unsigned)columns.values[SOFTNET_TIME_SQUEEZE][i]);
                fputs(" 00000000 00000000 00000000 00000000 00000000 00000000", out);
                if (layout.has_received_rps)
                        fprintf(out, " %08x", (unsigned)columns.values[SOFTNET_RECEIVED_RPS][i]);
                if (layout.has_flow_limit)
                        fprintf(out, " %08x", (unsigned)columns.values[SOFTNET_FLOW_LIMIT_COUNT][i]);
                if (layout.has_backlog)
                        fprintf(out, " %08x %08x", (unsigned)columns.values[SOFTNET_BACKLOG][i],
                                (unsigned)columns.cpus[i]);
                fputc('\n', out);
        }
        CHECK(fclose(out) == 0);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        _cleanup_(cpu_set_done) struct cpu_set online = {};

        for (size_t i = 0; i < size; i++)
                if (data[i] == '\n')
                        CHECK(cpu_set_add(&online, (int)cpu_set_count(&online)) == 0);
        if (print((const char *)data, size, &online, &once, &once_size) != 0)
                return 0;

        CHECK(print(once, once_size, &online, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(once, once_size - 1, &online, &cut, &cut_size) == -EBADMSG);
        return 0;
}
