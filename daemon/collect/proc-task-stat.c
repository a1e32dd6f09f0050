/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-task-stat.h"

#include <string.h>

#include "common/cleanup.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; the same on all kernels since 2.6.30 */

/* Behind the name: state ppid pgrp session tty_nr tpgid flags. */
enum { WORDS_BEFORE_FLAGS = 6 };

/* The only line of a file. */
static int read_only_line(const char *text, size_t size, struct text_slice *ret_line) {
        const char *end = text + size;

        return text_next_line(&text, end, ret_line) > 0 && text == end ? 0 : -EBADMSG;
}

/* Takes "123 (name)" off the line. A name can have parentheses and blanks, what follows cannot. */
static int read_comm(struct text_slice *line, struct text_slice *ret_comm) {
        const char *open = memchr(line->data, '(', line->size), *close = memrchr(line->data, ')', line->size);

        if (!open || !close || close < open)
                return -EBADMSG;

        *ret_comm = (struct text_slice){ open + 1, (size_t)(close - open - 1) };
        *line = text_slice_skip(*line, (size_t)(close + 1 - line->data));
        return 0;
}

int proc_task_stat_parse(const char *text, size_t size, struct proc_task_stat *ret_stat) {
        struct text_slice comm, word;
        const char *end = text + size;
        struct text_slice rest = { text, size };
        uint64_t flags;
        int r;

        /* Names can have newlines too, nothing else: the line ends with the text. */
        if (size == 0 || end[-1] != '\n')
                return -EBADMSG;
        rest.size--;

        r = read_comm(&rest, &comm);
        if (r < 0)
                return r;
        if (memchr(rest.data, '\n', rest.size))
                return -EBADMSG;
        for (unsigned i = 0; i < WORDS_BEFORE_FLAGS; i++)
                if (!text_next_word(&rest, &word))
                        return -EBADMSG;
        r = text_next_u64(&rest, &flags);
        if (r < 0)
                return r;

        *ret_stat = (struct proc_task_stat){ .comm = comm, .kernel_thread = flags & PF_KTHREAD };
        return 0;
}

int proc_schedstat_parse(const char *text, size_t size, struct proc_schedstat *ret_schedstat) {
        struct proc_schedstat schedstat = {};
        struct text_slice line, rest;
        uint64_t n_runs;
        int r;

        r = read_only_line(text, size, &line);
        if (r >= 0)
                r = text_next_u64(&line, &schedstat.run_ns);
        if (r >= 0)
                r = text_next_u64(&line, &schedstat.run_delay_ns);
        if (r >= 0)
                r = text_next_u64(&line, &n_runs);
        if (r < 0)
                return r;
        if (text_next_word(&line, &rest))
                return -EBADMSG;

        *ret_schedstat = schedstat;
        return 0;
}

int ksoftirqd_parse_comm(struct text_slice comm, int *ret_cpu) {
        static const char prefix[] = "ksoftirqd/";

        if (!text_slice_starts_with(comm, prefix))
                return -EBADMSG;

        return text_slice_to_cpu(text_slice_skip(comm, sizeof(prefix) - 1), ret_cpu);
}
