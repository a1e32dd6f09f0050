/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of the CPU lines of /proc/stat (show_stat(), fs/proc/stat.c): one line per online CPU with its time
 * per mode in ticks of USER_HZ. Text in, columns out; no I/O.
 */

#include <stddef.h>

#include "daemon/collect/cpu-columns.h"

enum cpu_mode {
        CPU_MODE_USER, /* with guest */
        CPU_MODE_NICE,
        CPU_MODE_SYSTEM,
        CPU_MODE_IDLE,
        CPU_MODE_IOWAIT,
        CPU_MODE_IRQ,
        CPU_MODE_SOFTIRQ,
        CPU_MODE_STEAL,
        CPU_MODE_GUEST,
        _CPU_MODE_MAX,
};

/* "user", "nice", ... */
const char *cpu_mode_to_string(enum cpu_mode mode);

/* Fills columns, one per enum cpu_mode, with the CPUs that the text has. 0; -EBADMSG: truncated or garbled;
 * -ENOMEM. */
int proc_stat_parse(const char *text, size_t size, struct cpu_columns *columns);
