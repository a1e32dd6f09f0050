/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The interface of all collectors. A collector reads the kernel and reports what it saw; it decides nothing,
 * computes no differences, does not log and knows neither store internals nor clients. Adding one is one
 * file here, possibly one in bpf/, and one line in registry.c's list.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/collector-info.h"
#include "daemon/config.h"
#include "daemon/store/batch.h"
#include "daemon/store/event.h"

struct worker;

/* All that a collector may touch. */
struct collector_env {
        int root_fd;              /* "/" or a fixture tree; paths are relative: "proc/softirqs" */
        bool is_fixture;          /* root_fd is not "/": kernel-side collectors are unsupported */
        unsigned n_possible_cpus; /* highest possible CPU id + 1 */
        const struct config *config;
        struct worker *worker;      /* for what may block for some milliseconds; NULL in tests that have none */
        struct worker *slow_worker; /* for what may take seconds */
};

/* Where a collector delivers finished events. */
struct event_sink {
        /* Takes its own reference. 0 or negative errno. */
        int (*add)(struct event_sink *sink, struct event *event);
};

struct collector_ops {
        const char *name;               /* config section, query id, log prefix */
        const char *summary;            /* one line */
        const struct config_section *section;   /* its settings; "enabled" and "interval" are required */
        const struct metric_desc *metrics;      /* indexed by the file's own enum, size asserted */
        size_t n_metrics;
        /* 0: can run here. -EOPNOTSUPP: cannot, *ret_reason (a literal or static text) says why and what
         * would help. Other negatives: trying failed. */
        int (*probe)(const struct collector_env *env, const char **ret_reason);
        int (*open)(const struct collector_env *env, void **ret_state);
        /* Fills the batch (already cleared and stamped). Negative: this pass is a gap. */
        int (*sample)(void *state, struct batch *batch);
        int (*event_fd)(void *state);                              /* optional: readable -> dispatch() */
        int (*dispatch)(void *state, struct event_sink *sink);     /* optional */
        /* Optional: for work that waits for time to pass. Returns the CLOCK_MONOTONIC moment in ns at which
         * dispatch() wants to be called even without the fd, UINT64_MAX for none. */
        uint64_t (*next_deadline)(void *state);
        /* Optional, for those that have event_fd(), dispatch() and next_deadline(): before close(), the
         * events that dispatch() would have waited with. */
        int (*finish)(void *state, struct event_sink *sink);
        /* Optional: takes changed settings without losing anything. -EOPNOTSUPP: close and open again. */
        int (*reconfigure)(void *state, const struct config *config);
        /* Optional: why it does less than configured, NULL: it does not; borrowed from the state. Asked after every
         * pass, so it must cost nothing; describe() is asked only when a client wants to know. */
        const char *(*degraded)(void *state);
        int (*describe)(void *state, struct collector_info *ret_info);   /* optional */
        void *(*close)(void *state);             /* NULL-safe, returns NULL */
};

/* All collectors of this build, NULL-terminated, in the order of status. */
extern const struct collector_ops *const collector_registry[];
