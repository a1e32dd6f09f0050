/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/interrupts: no read outside them, slices inside them, labels fit for a terminal; what is
 * accepted reads the same after it was printed again as the kernel prints it, and is refused when cut.
 */

#include <string.h>

#include "daemon/collect/label.h"
#include "daemon/collect/proc-interrupts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

struct printer {
        const char *text;
        size_t size;
        FILE *out;
        bool has_header;
};

static void check_label(const struct printer *printer, struct text_slice slice) {
        _cleanup_(label_buffer_done) struct label_buffer buffer = {};
        const char *label;

        if (slice.size == 0)
                return;

        CHECK(slice.data >= printer->text && slice.data + slice.size <= printer->text + printer->size);
        CHECK(label_buffer_reset(&buffer, 1, slice.size) == 0);
        label = label_add(&buffer, slice, true);
        for (size_t i = 0; label[i]; i++)
                CHECK((unsigned char)label[i] >= ' ' && label[i] != 0x7f);
}

static int print_row(const struct proc_interrupts_row *row, const struct proc_table *table, void *userdata) {
        struct printer *printer = userdata;

        for (size_t i = 0; !printer->has_header && i < table->n_cpus; i++)
                fprintf(printer->out, "CPU%-8d%s", table->cpus[i], i + 1 < table->n_cpus ? "" : "\n");
        printer->has_header = true;

        CHECK(row->name.size > 0);
        check_label(printer, row->name);
        check_label(printer, row->chip);
        check_label(printer, row->hwirq);
        check_label(printer, row->actions);
        CHECK(row->numbered || (row->chip.size == 0 && row->hwirq.size == 0));

        fprintf(printer->out, "%.*s: ", (int)row->name.size, row->name.data);
        for (size_t i = 0; i < (row->single ? 1 : table->n_cpus); i++)
                fprintf(printer->out, "%10llu ", (unsigned long long)row->counts[i]);
        fputc('\n', printer->out);
        return 0;
}

static int print(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        _cleanup_(proc_table_done) struct proc_table table = {};
        struct printer printer = { .text = text, .size = size };
        int r;

        printer.out = open_memstream(ret_text, ret_size);
        CHECK(printer.out);
        r = proc_interrupts_parse(text, size, &table, print_row, &printer);
        CHECK(fclose(printer.out) == 0);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        const char *text = (const char *)data;

        if (print(text, size, &once, &once_size) < 0 || once_size == 0)
                return 0;

        CHECK(print(once, once_size, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(text, size - 1, &cut, &cut_size) == -EBADMSG);
        return 0;
}
