/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * History on the event loop: its settings from the configuration, what it says of this run, its threads'
 * answers, and a timer for what is due. Says in the log when the disk fails and when it is well again.
 */

#include <systemd/sd-event.h>

#include "daemon/config.h"
#include "daemon/store/history.h"

struct history_loop;

/* What the manager knows of the machine. Borrowed for the call. */
struct history_loop_host {
        const char *state_dir;
        const char *possible_cpus; /* as a list */
};

/* deliver: an event that may be told; see history.h. 0 or -errno. */
int history_loop_new(sd_event *event, const struct config *config, const struct history_loop_host *host,
                     struct store *store, void (*deliver)(void *userdata, struct event *event),
                     void *userdata, struct history_loop **ret_loop);
struct history_loop *history_loop_free(struct history_loop *loop);
DEFINE_CLEANUP(struct history_loop *, history_loop_free)
void history_loop_configure(struct history_loop *loop, const struct config *config);
/* See history_add_event(). */
int history_loop_event(struct history_loop *loop, struct event *event);
/* For those who ask and for status. */
struct history *history_loop_get(const struct history_loop *loop);
