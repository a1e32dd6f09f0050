/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel's threads ksoftirqd/N, one per CPU: found among all tasks by name and by being of the kernel,
 * then held by their open schedstat, which stays theirs whatever becomes of the number. Knows nothing of
 * batches.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cpulist.h"
#include "common/fileio.h"
#include "daemon/collect/proc-task-stat.h"

/* All-zero knows none. */
struct ksoftirqd_threads {
        int *fds; /* by CPU; negative: not found */
        size_t n_fds;
        struct text_buffer text;
};

void ksoftirqd_threads_done(struct ksoftirqd_threads *threads);
/* Whether the CPU's thread is known. */
bool ksoftirqd_threads_have(const struct ksoftirqd_threads *threads, int cpu);
/* How many of the CPUs have no known thread. */
size_t ksoftirqd_threads_missing(const struct ksoftirqd_threads *threads, const struct cpu_set *cpus);
/* Looks for the threads of those CPUs that have none, through all tasks if it must: some microseconds for
 * each. That a thread is not there, or has no schedstat, is no error. 0, -ENOMEM, -EMFILE, -errno. */
int ksoftirqd_threads_find(struct ksoftirqd_threads *threads, int root_fd, const struct cpu_set *cpus);
/* The times of the CPU's thread, which is known. 0; 1: it is gone and no longer known; -EBADMSG, -ENOMEM,
 * -errno. */
int ksoftirqd_threads_read(struct ksoftirqd_threads *threads, int cpu, struct proc_schedstat *ret_schedstat);
