/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One thread with a bounded queue for work that may block (symbol files, the journal socket, later a
 * database), so that the event loop never does. Jobs run in order; finished jobs come back to the
 * loop's thread through a file descriptor. Knows nothing of what the jobs are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct worker;

/* One piece of work, embedded in the caller's object and owned by the caller until worker_submit()
 * returned 0; then by the worker until done() is called. */
struct job {
        void (*run)(struct job *job);  /* on the worker's thread */
        void (*done)(struct job *job); /* on the loop's thread, from worker_collect(); also for jobs
                                        * that worker_free() drops unrun */
        bool ran;                      /* false in done() when the job was dropped */
        struct job *next;              /* the worker's */
};

/* Starts a thread called name (at most 15 characters) with room for n_max waiting jobs. All signals
 * are blocked in it. 0 or -errno. */
int worker_new(const char *name, unsigned n_max, struct worker **ret_worker);
/* Waits for the running job, drops the waiting ones through done(), returns NULL. NULL-safe. */
struct worker *worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free)

/* 0; -ENOBUFS when the queue is full: the drop is counted and the job stays the caller's. */
int worker_submit(struct worker *worker, struct job *job);
/* Becomes readable when finished jobs wait for worker_collect(). Owned by the worker. */
int worker_fd(const struct worker *worker);
/* Calls done() of every finished job. */
void worker_collect(struct worker *worker);
uint64_t worker_n_dropped(const struct worker *worker);
/* Jobs submitted and not yet handed back through done(). */
unsigned worker_n_pending(const struct worker *worker);
