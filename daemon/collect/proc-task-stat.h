/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parsers of two files of a task: /proc/PID/stat (do_task_stat(), fs/proc/array.c) as far as its flags, and
 * /proc/PID/schedstat (proc_pid_schedstat(), fs/proc/base.c). Text in, values out; no I/O.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/collect/text-scan.h"

struct proc_task_stat {
        struct text_slice comm; /* any bytes: processes name themselves */
        bool kernel_thread;     /* PF_KTHREAD: no process can give itself that */
};

struct proc_schedstat {
        uint64_t run_ns;       /* on a CPU */
        uint64_t run_delay_ns; /* runnable, waiting for one */
};

/* 0; -EBADMSG: truncated or garbled. The slice points into text. */
int proc_task_stat_parse(const char *text, size_t size, struct proc_task_stat *ret_stat);
/* 0; -EBADMSG: truncated or garbled. */
int proc_schedstat_parse(const char *text, size_t size, struct proc_schedstat *ret_schedstat);
/* "ksoftirqd/12": 0 with the CPU; -EBADMSG: another name. */
int ksoftirqd_parse_comm(struct text_slice comm, int *ret_cpu);
