/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An irq-delay collector of the test's own and all events that it delivered.
 */

#include "common/cleanup.h"
#include "daemon/collect/collector.h"

struct watch {
        struct event_sink sink;
        const struct config_section *sections[1]; /* borrowed by config */
        struct config *config;
        void *collector;
        int root_fd;
        unsigned n_cpus;
        struct event **events; /* as they came, owned */
        size_t n_events, n_allocated;
        struct batch batch;
};

/* Opens it with "KEY=VALUE" settings, NULL-terminated. 0; -EOPNOTSUPP with *ret_missing; -errno. watch_done()
 * either way. */
int watch_open(struct watch *watch, const char *const *settings, const char **ret_missing);
void watch_done(struct watch *watch);

/* Lets it work for so long. 0 or -errno. */
int watch_pump(struct watch *watch, uint64_t duration_ns);
/* For how long a CPU has been observed so far, and the moment for which that holds. 0 or -errno. */
int watch_read_observed(struct watch *watch, unsigned cpu, uint64_t *ret_now_ns, uint64_t *ret_observed_ns);
