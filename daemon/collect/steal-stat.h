/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Steal time per CPU from /proc/stat, for kernels whose runqueues do not tell it (no prev_steal_time: s390,
 * ppc64). It is read by the pass and once a window is over, so it bounds what was stolen within the window
 * instead of telling it: the time between two readings is longer than the window, and the file counts in
 * ticks of USER_HZ.
 */

#include <stdint.h>

#include "common/cleanup.h"

struct steal_stat;

struct stolen {
        uint64_t certain_ns;  /* at least this much of the window was stolen */
        uint64_t possible_ns; /* and at most this much; 0: none was accounted */
};

/* 0, -errno. */
int steal_stat_new(int root_fd, struct steal_stat **ret_stat);
struct steal_stat *steal_stat_free(struct steal_stat *stat);
DEFINE_CLEANUP(struct steal_stat *, steal_stat_free)

/* Reads the file, to be compared with later. at_ns: the moment of CLOCK_MONOTONIC, as everywhere here. 0,
 * -errno. */
int steal_stat_read(struct steal_stat *stat, uint64_t at_ns);
/* What was stolen from the CPU in start_ns..end_ns, as the file has it now (at_ns). 0; 1: it was not read
 * before start_ns, or had not that CPU; -errno. */
int steal_stat_find(struct steal_stat *stat, int cpu, uint64_t start_ns, uint64_t end_ns, uint64_t at_ns,
                    struct stolen *ret_stolen);
