/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The journal on the event loop: its settings from the configuration, its thread's answers, and a timer for
 * the summaries of what was suppressed.
 */

#include <systemd/sd-event.h>

#include "daemon/alert/journal.h"
#include "daemon/config.h"

struct journal_loop;

/* 0 or -errno. */
int journal_loop_new(sd_event *event, const struct config *config, struct journal_loop **ret_loop);
struct journal_loop *journal_loop_free(struct journal_loop *loop);
DEFINE_CLEANUP(struct journal_loop *, journal_loop_free)
void journal_loop_configure(struct journal_loop *loop, const struct config *config);
/* An event for the journal; see journal_add(). */
void journal_loop_event(struct journal_loop *loop, const struct event *event);
void journal_loop_get_stats(const struct journal_loop *loop, struct journal_stats *ret_stats);
