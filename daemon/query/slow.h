/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Single runs that took too long, and softirqs that waited too long: events of the kinds hardirq, softirq and
 * softirq-latency, summed up for findings. Pure. What happened inside a window with interrupts off is left
 * out: that window tells it, with its cause, be it the handler itself or the hypervisor that stopped both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/store.h"

/* Runs of one handler, runs of one softirq vector, or all waits. */
struct slow_group {
        enum event_kind kind;
        uint64_t count;
        uint64_t total_ns;   /* of waits too, though several vectors may wait over the same moment */
        struct event *worst; /* an owned reference, as the next */
        struct event *named; /* the worst one whose stack names a culprit; NULL: there is none */
        struct cpu_set cpus;
};

struct slow {
        struct slow_group *groups; /* by kind, then largest total first */
        size_t n_groups;
        uint64_t n_told; /* left out: most of each was stolen, lies in a window or, of waits, in a slow softirq */
};

/* 0 or -ENOMEM. */
int slow_query(const struct store *store, uint64_t since_us, uint64_t until_us, const struct cpu_set *cpus,
               struct slow **ret_slow);
struct slow *slow_free(struct slow *slow);
DEFINE_CLEANUP(struct slow *, slow_free)
/* Whether a stack that was taken inside names who took the time, more than the vector does. */
bool slow_is_named(const struct event *event);
/* The vector that an event of kind softirq or softirq-latency is about; NULL: not known. */
const char *slow_softirq(const struct event *event);
