/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of /proc/softirqs (show_softirqs(), fs/proc/softirqs.c): one row per softirq vector, one column per
 * possible CPU, online or not. Text in, rows out; no I/O.
 */

#include "daemon/collect/proc-table.h"

struct proc_softirqs_row {
        struct text_slice name; /* "NET_RX" */
        const uint64_t *counts; /* n_cpus of the table; borrowed for the call */
};

/* Gets the row and the table, whose cpus belong to the counts. A negative return ends the parse. */
typedef int (*proc_softirqs_fn)(const struct proc_softirqs_row *row, const struct proc_table *table,
                                void *userdata);

/* Calls fn for every row. table is scratch that keeps its memory; slices point into text. 0; -EBADMSG:
 * truncated or garbled, the rows delivered so far are to be thrown away; -ENOMEM; what fn returned. */
int proc_softirqs_parse(const char *text, size_t size, struct proc_table *table, proc_softirqs_fn fn,
                        void *userdata);
