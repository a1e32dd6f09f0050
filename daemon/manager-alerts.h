/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Alerts on the event loop: takes the rules from the configuration, judges them on a timer from what the
 * queries say, hands edges on as events and starts units. Alerts do not know queries: here is where both
 * meet.
 */

#include <systemd/sd-event.h>

#include "daemon/alert/engine.h"
#include "daemon/config.h"
#include "daemon/store/store.h"

struct alerts_loop;
struct event_sink;

/* Everything is borrowed for the loop's life, the config for the call. 0 or -errno. */
int alerts_loop_new(sd_event *event, const struct store *store, struct event_sink *sink,
                    const struct config *config, struct alerts_loop **ret_loop);
struct alerts_loop *alerts_loop_free(struct alerts_loop *loop);
DEFINE_CLEANUP(struct alerts_loop *, alerts_loop_free)
/* Takes changed settings; rules that did not change keep their state. 0 or -errno. */
int alerts_loop_configure(struct alerts_loop *loop, const struct config *config);
const struct alert_engine *alerts_loop_engine(const struct alerts_loop *loop);
