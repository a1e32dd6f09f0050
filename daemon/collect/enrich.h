/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looks up, on the worker's thread, the names that belong to an event: kernel stack, functions, cgroup and container
 * of the task. Kept alive by the jobs under way, so a collector can be closed at any time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/worker.h"
#include "daemon/store/stack.h"

struct abi_user;
struct enricher;
struct kallsyms;

/* Takes over kallsyms. root_fd and the workers are borrowed and outlive every job; a worker that is NULL: its work is done on
 * the caller's thread. user_worker is for user stacks, which can take seconds. 0 or -ENOMEM (kallsyms stays the caller's). */
int enricher_new(struct kallsyms *kallsyms, int root_fd, struct worker *worker, struct worker *user_worker,
                 struct enricher **ret_enricher);
/* The last one out, a job or the owner, frees. Returns NULL; NULL-safe. */
struct enricher *enricher_unref(struct enricher *enricher);
DEFINE_CLEANUP(struct enricher *, enricher_unref)

enum enrich_stack_kind {
        ENRICH_STACK_NONE,
        ENRICH_STACK_TIMER, /* taken in a timer interrupt */
        ENRICH_STACK_PLAIN, /* taken where the work was done */
};

/* The name of the function at an address, for figures that are read on the loop's thread: never waits. False when there
 * is none, or while the worker is busy with the table: ask again later. */
bool enricher_name_function(void *enricher, uint64_t address, char *buf, size_t size);

/* One event's question and answer. The caller fills the first part, enrich() the rest. */
struct enrichment {
        struct job job; /* the enricher's */
        struct enricher *enricher;
        void (*done)(struct enrichment *enrichment); /* on the loop's thread, always called once */

        enum enrich_stack_kind stack_kind;
        const uint64_t *addresses; /* owned by the caller until done() */
        size_t n_addresses;
        uint64_t function;         /* 0: none */
        uint64_t cgroup_id;        /* 0: none */
        pid_t pid, tgid;           /* 0: none */
        const struct abi_user *user; /* owned by the caller until done(); NULL: none */

        int error;                 /* 0, or why the answers below are missing: -ENOBUFS, -ECANCELED, -ENOMEM */
        bool stripped;             /* the observer's frames were found and left out */
        bool in_idle;              /* the innermost frame is of the idle loop */
        bool kernel_named;         /* all but the user stack is there, and nobody writes it any more */
        bool user_skipped;         /* unwinding user stacks took more than its share of time */
        struct stack *stack;
        struct stack *user_stack;
        char *culprit;
        uint64_t fingerprint;      /* of the culprit's stack; 0: none */
        char *function_name;
        char *cgroup;
        char *container;
};

/* Gives memory back when nothing was asked for in a while; now_ns is CLOCK_MONOTONIC. Call now and then. */
void enricher_tidy(struct enricher *enricher, uint64_t now_ns);

/* Starts the work; done() is called from worker_collect(), or before this returns when there is no worker or its queue
 * is full. */
void enrich(struct enricher *enricher, struct enrichment *enrichment);
/* Frees the answers. */
void enrichment_done(struct enrichment *enrichment);
