/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keeps one collector running on the event loop: opens it, takes its passes on time, commits them, drains its
 * events, retries with back-off when it fails, and slows it down when a pass costs more than its
 * budget. Knows the collector only through its ops. Does not log: transitions are told to its owner.
 */

#include <systemd/sd-event.h>

#include "daemon/collect/collector.h"
#include "daemon/query/status.h"

struct runner;

struct runner_callbacks {
        /* State or reason changed; both are borrowed for the call. */
        void (*on_transition)(void *userdata, const char *collector, enum collector_state state,
                              const char *reason);
};

/* Everything passed in is borrowed for the runner's life; the config inside env may be replaced through
 * runner_reconfigure(). The collector is started by runner_start(). 0 or -errno. */
int runner_new(sd_event *event, const struct collector_ops *ops, const struct collector_env *env,
               struct store *store, struct event_sink *sink, const struct runner_callbacks *callbacks,
               void *userdata, struct runner **ret_runner);
struct runner *runner_free(struct runner *runner);
DEFINE_CLEANUP(struct runner *, runner_free)

/* Probes and opens the collector as its settings say, or stops it. What cannot run is a state, not an error: 0;
 * negative only when the event loop itself fails. */
int runner_start(struct runner *runner);
/* Applies new settings; keeps the collector's state where it can. */
int runner_reconfigure(struct runner *runner, const struct config *config);
/* Lets the collector finish what it waited for (a worker handed jobs back). */
int runner_dispatch(struct runner *runner);
/* Before it is freed: what it has seen is delivered, even if that takes waiting for names, though not for
 * longer than until deadline_ns, CLOCK_MONOTONIC. What is undecided then is delivered as far as it is known.
 */
void runner_finish(struct runner *runner, uint64_t deadline_ns);
/* Strings in *ret_status are borrowed until the loop turns. */
void runner_get_status(struct runner *runner, struct status_collector *ret_status);
