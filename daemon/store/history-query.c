/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>

#include "daemon/store/history-private.h"

enum {
        LOG_PAGES_MAX = 512, /* 2 MiB: what is moved at once, and synced */
};
#define CHECKPOINT_PAUSE_NS (5 * NSEC_PER_SEC) /* after one that moved little */

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* On the reader's thread. The file may have been set aside since it was opened. */
static int open_file(struct history *h, uint64_t generation) {
        if (h->file && h->file_generation == generation)
                return 0;

        h->file = disk_file_close(h->file);
        h->file_generation = generation;
        return disk_file_open(h->path, h->open_flags, h->vfs, &h->file);
}

static int answer(struct history_query *query) {
        struct history *h = query->history;
        _cleanup_(store_freep) struct store *store = NULL;
        int r;

        r = open_file(h, query->generation);
        if (r < 0)
                return r;
        if (!query->request.samples && !query->request.events)
                return query->read(query, h->file);

        r = disk_load(h->file, &query->request, &store, &query->loaded);
        return r < 0 ? r : query->run(query, store);
}

static void query_run(struct job *job) {
        struct history_query *query = container_of(job, struct history_query, job);

        query->result = answer(query);
}

static void query_done(struct job *job) {
        struct history_query *query = container_of(job, struct history_query, job);
        struct history_stats *stats = &query->history->stats;

        query->history->n_queries--;
        stats->n_unreadable = MAX(stats->n_unreadable, query->loaded.n_damaged);
        query->done(query, job->ran ? query->result : -ECANCELED);
}

static void submit(struct history *h, struct history_query *query) {
        query->generation = h->generation;
        query->job = (struct job){ .run = query_run, .done = query_done };
        if (worker_submit(h->reader, &query->job) >= 0)
                return;

        h->n_queries--; /* cannot be: there are never more than fit */
        query->done(query, -ENOBUFS);
}

int history_ask(struct history *h, struct history_query *query) {
        struct history_query **link = &h->waiting;
        uint64_t now_ns = history_now_ns();

        if (!h->is_open)
                return -ENOTCONN;
        if (h->n_queries >= HISTORY_QUERIES_MAX)
                return -ENOBUFS;

        h->n_queries++;
        query->history = h;
        query->next = NULL;
        query->since_ns = now_ns;
        query->waits_for = h->number + 1; /* what is on its way now does not have the latest */
        while (*link)
                link = &(*link)->next;
        *link = query;

        h->flush_wanted = true;
        history_write(h, now_ns);
        if (h->state != HISTORY_WRITING)
                history_release_queries(h, UINT64_MAX, now_ns);
        return 0;
}

void history_release_queries(struct history *h, uint64_t number, uint64_t now_ns) {
        struct history_query **link = &h->waiting;

        if (h->state != HISTORY_WRITING)
                number = UINT64_MAX; /* the latest is in memory only, however long one waits */

        while (*link) {
                struct history_query *query = *link;

                if (query->waits_for > number && now_ns < query->since_ns + HISTORY_PATIENCE_NS) {
                        link = &query->next;
                        continue;
                }
                *link = query->next;
                submit(h, query);
        }
}

void history_cancel_queries(struct history *h) {
        while (h->waiting) {
                struct history_query *query = h->waiting;

                h->waiting = query->next;
                h->n_queries--;
                query->done(query, -ECANCELED);
        }
}

static void checkpoint_run(struct job *job) {
        struct checkpoint_job *c = container_of(job, struct checkpoint_job, job);

        c->result = open_file(c->history, c->generation);
        if (c->result >= 0)
                c->result = sql_checkpoint(c->history->file->sql, &c->n_left);
}

static void checkpoint_done(struct job *job) {
        struct checkpoint_job *c = container_of(job, struct checkpoint_job, job);
        struct history *h = c->history;

        c->in_flight = false;
        if (h->ending)
                return;
        if (c->result < 0)
                h->stats.n_failures++;
        else
                h->log_pages = c->n_left; /* until the next commit says how many there are */
        if (c->result < 0 || c->n_left > LOG_PAGES_MAX)
                h->next_checkpoint_ns = history_now_ns() + CHECKPOINT_PAUSE_NS;
        history_write(h, history_now_ns());
}

void history_checkpoint_init(struct history *h) {
        h->checkpoint.history = h;
        h->checkpoint.job = (struct job){ .run = checkpoint_run, .done = checkpoint_done };
}

void history_move_log(struct history *h, uint64_t now_ns) {
        struct checkpoint_job *c = &h->checkpoint;

        if (c->in_flight || h->log_pages < LOG_PAGES_MAX || now_ns < h->next_checkpoint_ns)
                return;

        c->generation = h->generation;
        c->in_flight = worker_submit(h->reader, &c->job) >= 0; /* else with the next commit */
}
