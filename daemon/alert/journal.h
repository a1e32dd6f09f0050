/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events to the journal: decides by a token bucket per kind which events get an entry (alerts have passed one per rule
 * before they are events, see engine.h), and sends them on a
 * thread of its own, so that neither a flood of events nor a journal that hangs costs the event loop
 * anything. What is left out is counted and summed up. Belongs to the loop's thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/store/event.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { JOURNAL_QUEUE_MAX = 64 }; /* entries that wait for the journal; more are dropped */

struct journal;

/* Section [journal] of the configuration. */
struct journal_settings {
        bool enabled;
        unsigned burst;       /* > 0 */
        uint64_t interval_ns; /* > 0 */
};

/* Since journal_new(). Once nothing is on its way, every event handed in while enabled, but
 * for routine, is in exactly one. */
struct journal_stats {
        uint64_t n_entries;    /* written, to the journal or stderr; summaries too */
        uint64_t n_suppressed; /* held back by the token bucket */
        uint64_t n_dropped;    /* lost: queue full, journal hung, no memory; summaries too */
};

/* Starts the thread. socket_path (borrowed) is JOURNAL_SOCKET but for tests; now_ns is CLOCK_MONOTONIC here
 * and below. 0 or -errno. */
int journal_new(const struct journal_settings *settings, const char *socket_path, uint64_t now_ns,
                struct journal **ret_journal);
/* Waits for the entry that is being sent (at most a quarter of a second unless the journal hangs in the
 * middle of one); those still waiting are lost. NULL-safe, returns NULL. */
struct journal *journal_free(struct journal *journal);
DEFINE_CLEANUP(struct journal *, journal_free)
/* Settings that did not change leave the buckets as they are. */
void journal_configure(struct journal *journal, const struct journal_settings *settings, uint64_t now_ns);

/* Sends the event's entry, or counts it as suppressed or dropped; routine has none (see journal-message.h) and is not
 * counted. Never blocks. The event is not kept. */
void journal_add(struct journal *journal, const struct event *event, uint64_t now_ns);
/* When journal_run() has a summary to send; UINT64_MAX: not needed. */
uint64_t journal_deadline(const struct journal *journal);
/* Sends the summaries that are due. */
void journal_run(struct journal *journal, uint64_t now_ns);

/* Readable when entries came back from the thread: call journal_collect(). Owned by the journal. */
int journal_fd(const struct journal *journal);
void journal_collect(struct journal *journal);
/* Entries on their way. */
unsigned journal_n_pending(const struct journal *journal);
void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats);
