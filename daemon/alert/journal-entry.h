/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One structured journal entry: the fields of the journal contract as iovecs for sd_journal_sendv(3), built
 * from an event on the loop's thread and sent on a worker's. Knows nothing of limits and queues.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <systemd/sd-id128.h>

#include "common/cleanup.h"
#include "common/worker.h"
#include "daemon/store/event.h"

/* MESSAGE_ID of each kind of entry; explained in systemd/irqwatchd.catalog. Never reuse or change one. */
#define JOURNAL_ID_IRQ_DELAY SD_ID128_MAKE(91, e3, b7, f3, c5, b0, 48, 54, ad, ae, 27, 36, a3, 75, e2, f9)
#define JOURNAL_ID_HARDIRQ SD_ID128_MAKE(b3, 2d, df, b0, 6e, e9, 40, 7c, b8, 3a, fc, b2, b0, 6f, 90, 1b)
#define JOURNAL_ID_SOFTIRQ SD_ID128_MAKE(78, 1f, 99, d2, 8a, 5b, 4b, a3, ac, 37, 43, 09, 3e, 77, 0a, 5c)
#define JOURNAL_ID_SOFTIRQ_LATENCY \
        SD_ID128_MAKE(70, 7e, 6e, fb, f9, b3, 4d, 6b, ac, e4, 52, ae, 52, 2a, 15, f5)
#define JOURNAL_ID_AFFINITY SD_ID128_MAKE(24, 81, 80, a0, 91, a1, 42, 53, a5, 49, 03, cc, b9, ad, 43, fe)
#define JOURNAL_ID_ALERT SD_ID128_MAKE(b3, 07, 01, 91, a4, fc, 43, b4, 8e, 99, 70, 65, e7, 7b, f4, e5)
#define JOURNAL_ID_COLLECTOR SD_ID128_MAKE(60, 5e, 87, 75, 59, 1e, 45, e7, b8, 31, e0, 11, ad, 7e, b8, b1)
#define JOURNAL_ID_SUPPRESSED SD_ID128_MAKE(1f, f4, 1e, df, 5a, ee, 4d, c0, 9e, bd, ff, c9, eb, 7c, b2, be)

enum { JOURNAL_FIELDS_MAX = 24 };

struct journal;

struct journal_entry {
        struct job job;                          /* the journal's */
        struct journal *journal;                 /* borrowed, the journal's */
        int result;                              /* of journal_entry_send(), set on the worker's thread */
        int priority;                            /* of syslog.h */
        struct iovec fields[JOURNAL_FIELDS_MAX]; /* "NAME=value", owned; the first is MESSAGE */
        size_t n_fields;
};

/* The entry of one event. Alerts take RULE, STATE, VALUE, THRESHOLD and SUPPRESSED from the evidence of the same name
 * in lower case. 0 or -ENOMEM. */
int journal_entry_new(const struct event *event, struct journal_entry **ret_entry);
/* "37 windows suppressed in the last 10.0 s": n events of a kind within span_ns had no entry of their own;
 * the longest lasted at least worst_ns (0: they have no length). 0 or -ENOMEM. */
int journal_entry_new_summary(enum event_kind kind, uint64_t n, uint64_t span_ns, uint64_t worst_ns,
                              struct journal_entry **ret_entry);
struct journal_entry *journal_entry_free(struct journal_entry *entry);
DEFINE_CLEANUP(struct journal_entry *, journal_entry_free)

/* The text of MESSAGE, borrowed. */
const char *journal_entry_message(const struct journal_entry *entry);
/* MESSAGE_ID of an event's entry. */
sd_id128_t journal_message_id(enum event_kind kind);

enum { JOURNAL_SENT, JOURNAL_PRINTED };
/* Blocks for at most a quarter of a second: hands the entry to the journal (JOURNAL_SENT), or writes MESSAGE
 * to stderr where there is no journal behind socket_path (JOURNAL_PRINTED). -EAGAIN when the journal takes
 * nothing; other -errno. For a worker's thread. */
int journal_entry_send(const struct journal_entry *entry, const char *socket_path);
