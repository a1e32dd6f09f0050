/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a look at all processes tells, without ever looking at all of them at once: in how many other network
 * namespaces there are any, and whether irqbalance runs. Each step goes on where the last one stopped; the
 * figures are of the latest walk that came to its end.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/fileio.h"

struct process_walk {
        int root_fd; /* borrowed */
        DIR *dir;    /* proc; NULL: no walk is under way */
        uint64_t own_namespace;
        struct text_buffer buffer;

        /* Of the walk under way. */
        uint64_t *namespaces; /* inode numbers, ascending, without our own */
        size_t n_namespaces, namespaces_allocated;
        uint64_t balancer; /* process id, 0: none met */
        uint64_t n_denied;

        /* The answers. */
        bool complete; /* a walk came to its end: the figures below are known */
        size_t n_others;
        uint64_t balancer_found; /* process id of irqbalance, 0: it does not run */
        uint64_t n_unseen;       /* processes whose namespace we may not see */
};

/* Nothing is opened yet. */
void process_walk_init(struct process_walk *walk, int root_fd);
void process_walk_done(struct process_walk *walk);
/* Goes on with the walk under way, or begins one if there is none and begin says so, by n_max processes at
 * most. Whether the irqbalance that was found still runs is looked at in any case. 0 or -errno: without
 * proc/PID nothing is known. */
int process_walk_step(struct process_walk *walk, bool begin, unsigned n_max);
