/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Selection and grouping of events. Pure. Groups are worst first: by summed lower bounds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/store.h"

struct events_request {
        uint64_t since_us, until_us; /* ends of windows in (since_us, until_us], as with passes */
        uint32_t kinds;              /* bit per enum event_kind; 0: all */
        const struct cpu_set *cpus;  /* NULL: all */
        const char *culprit;         /* exact name; NULL: any */
        int64_t after_id;            /* only ids above; 0: all */
        size_t limit;                /* 0: no limit; the NEWEST limit events are kept */
};

/* By the conditions of the request, but for its limit. */
bool events_match(const struct event *event, const struct events_request *request);
/* Borrowed events, oldest first, in a heap array that the caller frees. 0 or -ENOMEM. */
int events_query(const struct store *store, const struct events_request *request, struct event ***ret_events,
                 size_t *ret_n);

/* What belongs together: one class, one culprit and, where the culprit comes from a stack, one stack. */
struct window_group {
        char *culprit;     /* NULL: not known */
        char *fingerprint; /* of the culprit's stack, see culprit.h; NULL: there was none */
        char *caller;      /* where other groups have the same culprit and class: the function further
                            * out in the stack that tells this one from them. NULL: not needed or known */
        enum event_class class;
        uint64_t count;
        uint64_t total_min_ns, total_max_ns; /* sums of the bounds */
        uint64_t worst_min_ns, worst_max_ns; /* bounds of the worst window */
        int64_t worst_id;                    /* its event id */
        struct event *worst;                 /* the window itself; an owned reference */
        uint64_t largest_max_ns;             /* the largest upper bound, perhaps of another window */
        uint64_t first_us, last_us;
        struct cpu_set cpus;
        char (*comms)[EVENT_COMM_MAX]; /* distinct task names, most windows first, at most 8 */
        size_t n_comms;
};

struct window_class {
        enum event_class class;
        uint64_t count;
        uint64_t total_min_ns, worst_max_ns;
};

struct windows {
        uint64_t count;
        uint64_t worst_ns; /* largest lower bound: what is certain */
        struct window_group *by_culprit;
        size_t n_by_culprit;
        struct window_class *by_class;
        size_t n_by_class;
};

/* Groups n events, which it sorts. 0 or -ENOMEM. */
int windows_group(struct event **events, size_t n, struct windows **ret_windows);
/* Groups the events of kind irq-delay in a span. 0 or -ENOMEM. */
int windows_query(const struct store *store, uint64_t since_us, uint64_t until_us, const struct cpu_set *cpus,
                  struct windows **ret_windows);
struct windows *windows_free(struct windows *windows);
DEFINE_CLEANUP(struct windows *, windows_free)
