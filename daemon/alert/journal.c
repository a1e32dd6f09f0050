/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/journal.h"

#include <string.h>

#include "common/worker.h"
#include "daemon/alert/journal-entry.h"
#include "daemon/alert/journal-message.h"
#include "daemon/alert/ratelimit.h"

struct journal_bucket {
        struct ratelimit limit;
        uint64_t worst_ns; /* longest of the suppressed, by its lower bound */
};

struct journal {
        struct worker *worker;
        const char *socket_path;
        struct journal_settings settings;
        struct journal_bucket buckets[_EVENT_KIND_MAX];
        struct journal_stats stats;
};

/* On the worker's thread: touches the entry and what never changes, nothing else of the journal. */
static void entry_run(struct job *job) {
        struct journal_entry *entry = (struct journal_entry *)job;

        entry->result = journal_entry_send(entry, entry->journal->socket_path);
}

static void entry_done(struct job *job) {
        struct journal_entry *entry = (struct journal_entry *)job;

        if (job->ran && entry->result >= 0)
                entry->journal->stats.n_entries++;
        else
                entry->journal->stats.n_dropped++;

        journal_entry_free(entry);
}

_Static_assert(offsetof(struct journal_entry, job) == 0, "an entry is its job");

int journal_new(const struct journal_settings *settings, const char *socket_path, uint64_t now_ns,
                struct journal **ret_journal) {
        _cleanup_(journal_freep) struct journal *journal = NULL;
        int r;

        journal = calloc(1, sizeof(*journal));
        if (!journal)
                return -ENOMEM;

        journal->socket_path = socket_path;
        journal->settings = *settings;
        for (size_t i = 0; i < ELEMENTSOF(journal->buckets); i++)
                ratelimit_init(&journal->buckets[i].limit, settings->burst, settings->interval_ns, now_ns);

        r = worker_new("journal", JOURNAL_QUEUE_MAX, &journal->worker);
        if (r < 0)
                return r;

        *ret_journal = TAKE_PTR(journal);
        return 0;
}

struct journal *journal_free(struct journal *journal) {
        if (!journal)
                return NULL;

        worker_free(journal->worker); /* hands back what waited, through entry_done() */
        free(journal);
        return NULL;
}

void journal_configure(struct journal *journal, const struct journal_settings *settings, uint64_t now_ns) {
        bool same = settings->burst == journal->settings.burst &&
                    settings->interval_ns == journal->settings.interval_ns;

        journal->settings = *settings;
        for (size_t i = 0; !same && i < ELEMENTSOF(journal->buckets); i++)
                ratelimit_configure(&journal->buckets[i].limit, settings->burst, settings->interval_ns,
                                    now_ns);
}

/* Takes over the entry. */
static void journal_submit(struct journal *journal, struct journal_entry *entry) {
        entry->job = (struct job){ .run = entry_run, .done = entry_done };
        entry->journal = journal;
        if (worker_submit(journal->worker, &entry->job) == 0)
                return;

        journal->stats.n_dropped++;
        journal_entry_free(entry);
}

static void run_bucket(struct journal *journal, enum event_kind kind, uint64_t now_ns) {
        struct journal_bucket *bucket = &journal->buckets[kind];
        struct journal_entry *entry = NULL;
        uint64_t n = 0, span_ns = 0;

        if (!ratelimit_summary(&bucket->limit, now_ns, &n, &span_ns))
                return;

        if (journal_entry_new_summary(kind, n, span_ns, bucket->worst_ns, &entry) < 0)
                journal->stats.n_dropped++;
        else
                journal_submit(journal, entry);

        bucket->worst_ns = 0;
}

static void add_entry(struct journal *journal, const struct event *event) {
        struct journal_entry *entry = NULL;

        if (journal_entry_new(event, &entry) < 0)
                journal->stats.n_dropped++;
        else
                journal_submit(journal, entry);
}

void journal_add(struct journal *journal, const struct event *event, uint64_t now_ns) {
        struct journal_bucket *bucket = &journal->buckets[event->kind];

        if (!journal->settings.enabled || journal_message_is_routine(event))
                return;
        /* Each rule has a bucket of its own, where edges are held back before they become events. */
        if (event->kind == EVENT_ALERT) {
                add_entry(journal, event);
                return;
        }

        run_bucket(journal, event->kind, now_ns); /* before the entry that comes after it */
        if (!ratelimit_take(&bucket->limit, now_ns)) {
                journal->stats.n_suppressed++;
                bucket->worst_ns = MAX(bucket->worst_ns, event->has_duration ? event->duration_min_ns : 0);
                return;
        }

        add_entry(journal, event);
}

uint64_t journal_deadline(const struct journal *journal) {
        uint64_t deadline = UINT64_MAX;

        for (size_t i = 0; journal->settings.enabled && i < ELEMENTSOF(journal->buckets); i++)
                deadline = MIN(deadline, ratelimit_deadline(&journal->buckets[i].limit));

        return deadline;
}

void journal_run(struct journal *journal, uint64_t now_ns) {
        for (int kind = 0; journal->settings.enabled && kind < _EVENT_KIND_MAX; kind++)
                run_bucket(journal, kind, now_ns);
}

int journal_fd(const struct journal *journal) {
        return worker_fd(journal->worker);
}

void journal_collect(struct journal *journal) {
        worker_collect(journal->worker);
}

unsigned journal_n_pending(const struct journal *journal) {
        return worker_n_pending(journal->worker);
}

void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats) {
        *ret_stats = journal->stats;
}
