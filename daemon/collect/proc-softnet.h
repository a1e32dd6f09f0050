/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of /proc/net/softnet_stat (softnet_seq_show(), net/core/net-procfs.c): one line of hexadecimal
 * columns per online CPU, without a header. The columns grew: 10 (flow_limit_count missing), 11 from 3.11, 13
 * with the length of the backlog and the CPU's number from 5.10, 15 from 6.4. Text in, columns out; no I/O.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cpulist.h"
#include "daemon/collect/cpu-columns.h"

enum softnet_column {
        SOFTNET_PROCESSED,
        SOFTNET_DROPPED,
        SOFTNET_TIME_SQUEEZE,
        SOFTNET_RECEIVED_RPS,
        SOFTNET_FLOW_LIMIT_COUNT,
        SOFTNET_BACKLOG, /* 0 where the kernel has no such column */
        _SOFTNET_COLUMN_MAX,
};

/* What this kernel's file has beyond the first columns. */
struct softnet_layout {
        bool has_received_rps;
        bool has_flow_limit;
        bool has_backlog;
};

/* Fills columns, one per enum softnet_column, with the CPUs of the text, which must be those that are online:
 * without a column that says so, the lines belong to them in ascending order. 0; 1: the text has other CPUs,
 * some came or went meanwhile, or lines are missing; -EBADMSG: truncated or garbled; -ENOMEM. */
int proc_softnet_parse(const char *text, size_t size, const struct cpu_set *online,
                       struct cpu_columns *columns, struct softnet_layout *ret_layout);
