/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/softirqs: no read outside them; what is accepted reads the same after it was printed
 * again as the kernel prints it, and is refused when cut.
 */

#include <stdbool.h>
#include <string.h>

#include "daemon/collect/proc-softirqs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

struct printer {
        FILE *out;
        bool has_header;
};

static int print_row(const struct proc_softirqs_row *row, const struct proc_table *table, void *userdata) {
        struct printer *printer = userdata;

        for (size_t i = 0; !printer->has_header && i < table->n_cpus; i++)
                fprintf(printer->out, "CPU%-8d%s", table->cpus[i], i + 1 < table->n_cpus ? "" : "\n");
        printer->has_header = true;

        CHECK(row->name.size > 0);
        fprintf(printer->out, "%12.*s:", (int)row->name.size, row->name.data);
        for (size_t i = 0; i < table->n_cpus; i++)
                fprintf(printer->out, " %10llu", (unsigned long long)row->counts[i]);
        fputc('\n', printer->out);
        return 0;
}

static int print(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        _cleanup_(proc_table_done) struct proc_table table = {};
        struct printer printer = {};
        int r;

        printer.out = open_memstream(ret_text, ret_size);
        CHECK(printer.out);
        r = proc_softirqs_parse(text, size, &table, print_row, &printer);
        CHECK(fclose(printer.out) == 0);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        const char *text = (const char *)data;

        if (print(text, size, &once, &once_size) < 0)
                return 0;

        CHECK(print(once, once_size, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(text, size - 1, &cut, &cut_size) == -EBADMSG);
        return 0;
}
