/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events of io.irqwatch.monitor, as JSON, into the frame tree: which of them count, in which order their
 * frames stand, and what each weighs. Knows nothing of where the events came from.
 */

#include <json-c/json.h>

#include "client/flame-tree.h"
#include "common/cpulist.h"

enum flame_weight {
        FLAME_WEIGHT_TIME,  /* lower bounds of the durations, nanoseconds */
        FLAME_WEIGHT_COUNT, /* windows */
};

/* Which events are taken; all-zero takes all. Everything is borrowed. */
struct flame_filter {
        const char *const *kinds; /* NULL-terminated, or NULL */
        const struct cpu_set *cpus;
        uint64_t since_us, until_us; /* of the ends of windows; 0: no limit */
        const char *culprit;         /* the event's own; of an event without one, any of its kernel frames */
};

/* What went into a tree. */
struct flame_summary {
        uint64_t n_events;     /* in the tree */
        uint64_t n_other;      /* filtered out */
        uint64_t n_unweighted; /* left out: no duration, but weights are times */
        uint64_t first_us, last_us;
        struct cpu_set cpus;
};

void flame_summary_done(struct flame_summary *summary);

/*
 * Adds an array of Event objects. A stack is, outermost first: comm, user frames, kernel frames. From the
 * entry of an interrupt or a softirq inwards kernel frames are FLAME_INTERRUPT. When the class says that it
 * was not the interrupted code that held the CPU (a handler that its stack does not show, steal, ...), what
 * did stands above that code as one more frame. Wrongly typed members are taken as missing. *summary is added
 * to. 0 or -ENOMEM.
 */
int flame_events_add(struct flame_tree *tree, struct json_object *events, enum flame_weight weight,
                     const struct flame_filter *filter, struct flame_summary *summary);

/* Whether a kernel function is where the CPU enters interrupt or softirq context, on any architecture. */
bool flame_is_interrupt_entry(const char *symbol) _pure_;
/* Whether it is where user space enters the kernel, or a kernel thread starts. */
bool flame_is_kernel_entry(const char *symbol) _pure_;
