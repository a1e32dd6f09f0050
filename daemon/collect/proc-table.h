/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The layout that /proc/interrupts and /proc/softirqs share: a header line that names CPUs, then rows of a
 * name, a colon and one right-aligned count per CPU of the header. Pure text work, no I/O. Strict: whatever
 * the kernel cannot have printed is an error, so that a truncated or garbled file never yields a number.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/collect/text-scan.h"

/* The CPUs of the header and the counts of the current row. Keeps its memory between passes. All-zero is
 * empty; end with proc_table_done(). */
struct proc_table {
        int *cpus;        /* the kernel's CPU ids, ascending */
        uint64_t *counts; /* of the current row, by position of cpus */
        size_t n_cpus;
        size_t allocated;
};

/* One row's text, without its newline. */
struct proc_line {
        struct text_slice name; /* before the colon, without the padding */
        const char *cursor;     /* behind the colon; moved by the functions below */
        const char *end;
        size_t name_width; /* columns up to the colon, with the padding */
};

void proc_table_done(struct proc_table *table);

/* Reads the header line ("  CPU0  CPU3 ...") and moves *text behind it. CPU ids are ascending, as
 * for_each_online_cpu() and for_each_possible_cpu() print them. 0, -EBADMSG, -ENOMEM. */
int proc_table_read_header(struct proc_table *table, const char **text, const char *end);

/* Takes the next row apart into name and remainder and moves *text behind it. 1: there is a row; 0: the text
 * is at its end; -EBADMSG: no newline (the file is truncated) or no name. */
int proc_table_next_line(const char **text, const char *end, struct proc_line *ret_line);

/* Reads one count for every CPU of the header into table->counts. -EBADMSG when the row has fewer counts or
 * more: CPUs came or went while the kernel printed the file, or it is garbled. */
int proc_table_read_counts(struct proc_table *table, struct proc_line *line);

/* Reads one count. 0 or -EBADMSG. */
int proc_line_read_count(struct proc_line *line, uint64_t *ret_count);

/* What is left of the row, without blanks at its ends. */
struct text_slice proc_line_rest(const struct proc_line *line);
