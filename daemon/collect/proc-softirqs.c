/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-softirqs.h"

static int parse_row(struct proc_line *line, struct proc_table *table, proc_softirqs_fn fn, void *userdata) {
        struct proc_softirqs_row row = { .name = line->name, .counts = table->counts };
        int r;

        r = proc_table_read_counts(table, line);
        if (r < 0)
                return r;

        if (proc_line_rest(line).size > 0)
                return -EBADMSG;

        return fn(&row, table, userdata);
}

int proc_softirqs_parse(const char *text, size_t size, struct proc_table *table, proc_softirqs_fn fn,
                        void *userdata) {
        const char *end = text + size;
        struct proc_line line;
        size_t n_rows = 0;
        int r;

        r = proc_table_read_header(table, &text, end);
        if (r < 0)
                return r;

        for (; (r = proc_table_next_line(&text, end, &line)) > 0; n_rows++) {
                r = parse_row(&line, table, fn, userdata);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return n_rows > 0 ? 0 : -EBADMSG;
}
