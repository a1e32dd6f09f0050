/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "daemon/store/history-private.h"

enum {
        RETRY_FIRST_MS = 1000,
        RETRY_MAX_MS = 30 * 1000,
        LOG_PAGES_ALARM = 16 * 1024, /* 64 MiB that could not be moved into the file: no more is added */
};

/* The job is the first member. */
static struct write_job *write_job_of(struct job *job) {
        return (struct write_job *)job;
}

/* In words for somebody who has to do something about it. */
static const char *why(int error) {
        switch (error) {
        case -ENOSPC:
                return "the disk is full";
        case -EROFS:
                return "the file system is read-only";
        case -EBADMSG:
                return "the file is damaged";
        case -EBUSY:
                return "another irqwatchd uses it: stop that one, or choose another directory with "
                       "--state-dir";
        case -EPROTONOSUPPORT:
                return "a newer irqwatchd wrote it, and this one leaves it alone: install that version "
                       "again, or move "
                       "the file away";
        default:
                return strerror(-error);
        }
}

/* On the writer's thread. */
static int open_disk(struct write_job *w) {
        struct history *h = w->history;
        char **set_aside = &w->set_aside;
        _cleanup_(freep) char *again = NULL;
        int r = 0;

        if (w->set_aside_first) {
                h->disk = disk_close(h->disk);
                r = disk_set_aside(h->dir, &w->set_aside);
                set_aside = &again; /* the new one cannot be damaged, too */
        }
        if (r >= 0 && !h->disk)
                r = disk_open(h->dir, h->vfs, &h->run, &w->limits, &h->disk, set_aside);
        else if (r >= 0 && w->reopen)
                r = disk_reopen(h->disk, h->vfs);
        return r;
}

static int write_disk(struct write_job *w) {
        struct disk *disk = w->history->disk;
        int r = 0;

        disk_set_limits(disk, &w->limits);
        r = disk_make_room(disk);
        if (r >= 0 && w->flush.n_segments + w->n_events > 0)
                r = disk_write(disk, w->flush.segments, w->flush.n_segments, w->events, w->n_events);
        return r;
}

static int look_after_disk(struct write_job *w) {
        struct disk *disk = w->history->disk;
        int r = 0;

        /* Not with every event: with what is written every few seconds. */
        w->stats = w->history->stats.disk;
        w->more = false;
        if (w->flush.n_segments > 0 || w->n_events == 0)
                r = disk_maintain(disk, &w->more);
        if (r >= 0 && (w->flush.n_segments > 0 || w->n_events == 0))
                r = disk_get_stats(disk, &w->stats);
        w->last_event_id = disk_last_event_id(disk);
        w->log_pages = disk_log_pages(disk);
        return r;
}

static void write_run(struct job *job) {
        struct write_job *w = write_job_of(job);

        w->result = open_disk(w);
        if (w->result >= 0)
                w->result = write_disk(w);
        w->written = w->result >= 0;
        if (w->result >= 0)
                w->result = look_after_disk(w);
}

static void clear(struct write_job *w) {
        flush_done(&w->flush);
        for (size_t i = 0; i < w->n_events; i++) {
                (void)stack_unref(w->copies[i].kernel_stack); /* return NULL */
                (void)stack_unref(w->copies[i].user_stack);
        }
        free(w->copies);
        free(w->events);
        free(w->set_aside);
        w->copies = NULL;
        w->events = NULL;
        w->n_events = 0;
        w->set_aside = NULL;
}

static void take_over(struct history *h, struct write_job *w) {
        if (w->flush.cursor.n > 0) {
                flush_cursor_done(&h->cursor);
                h->cursor = w->flush.cursor;
                w->flush.cursor = (struct flush_cursor){};
        }
        h->stats.n_flushes += w->flush.n_segments > 0;
        store_reserve_event_ids(h->store, w->last_event_id);
        history_items_written(h, w->n_events);
}

static void failed(struct history *h, struct write_job *w) {
        bool first = h->state != HISTORY_FAILING || h->hanging;

        h->stats.n_failures++;
        h->hanging = false;
        h->damaged = w->result == -EBADMSG;
        h->reopen = !h->damaged;
        h->retry_ms = first ? RETRY_FIRST_MS : MIN(h->retry_ms * 2, (unsigned)RETRY_MAX_MS);
        h->retry_ns = history_now_ns() + (h->damaged && first ? 0 : h->retry_ms * NSEC_PER_MSEC);
        if (h->damaged)
                flush_cursor_done(&h->cursor); /* the new file gets all that memory has */
        history_change_state(h, HISTORY_FAILING,
                             "%s: %s. Until it can be written, which is tried again and again, "
                             "everything is kept in memory",
                             h->path, why(w->result));
}

static void succeeded(struct history *h, struct write_job *w) {
        h->is_open = true;
        h->hanging = h->damaged = h->reopen = false;
        h->retry_ns = 0;
        h->stats.disk = w->stats;
        h->log_pages = w->log_pages;
        h->more = w->more || w->flush.more;
        if (w->set_aside) {
                free(h->set_aside);
                h->set_aside = TAKE_PTR(w->set_aside);
                h->generation++;
                history_change_state(h, HISTORY_WRITING,
                                     "%s was damaged: it is now %s, and a new one was begun", h->path,
                                     h->set_aside);
        } else if (h->state != HISTORY_WRITING)
                history_change_state(h, HISTORY_WRITING, "history is written to %s", h->path);
}

/* On the loop's thread. */
static void write_done(struct job *job) {
        struct write_job *w = write_job_of(job);
        struct history *h = w->history;
        uint64_t now_ns = history_now_ns();

        w->in_flight = false;
        if (job->ran && w->result >= 0)
                succeeded(h, w);
        if (job->ran && w->written)
                take_over(h, w);
        if (job->ran && w->result < 0)
                failed(h, w);
        clear(w);
        if (h->ending)
                return;

        history_lose_patience(h, now_ns);
        history_release_queries(h, w->number, now_ns);
        history_move_log(h, now_ns);
        history_write(h, now_ns);
}

void history_write_init(struct history *h) {
        h->write.history = h;
        h->write.job = (struct job){ .run = write_run, .done = write_done };
}

/* Those that are not on disk yet, whether they were told or not. 0 or -ENOMEM. */
static int take_events(struct history *h, struct write_job *w) {
        w->copies = calloc(h->n_items + 1, sizeof(*w->copies));
        w->events = calloc(h->n_items + 1, sizeof(*w->events));
        if (!w->copies || !w->events)
                return -ENOMEM;

        for (size_t i = 0; i < h->n_items; i++) {
                struct event *copy = &w->copies[i];

                *copy = *history_item(h, i)->event;
                copy->kernel_stack = copy->kernel_stack ? stack_ref(copy->kernel_stack) : NULL;
                copy->user_stack = copy->user_stack ? stack_ref(copy->user_stack) : NULL;
                w->events[w->n_events++] = copy;
        }

        return 0;
}

/* 1: there is something to do; 0; -ENOMEM. */
static int fill(struct history *h, struct write_job *w, uint64_t now_ns) {
        bool flush = h->is_open &&
                     (now_ns >= h->next_flush_ns || h->flush_wanted || h->more || h->reopen || h->damaged);
        int r;

        if (!flush && h->is_open && h->n_items == 0)
                return 0;

        w->limits = h->settings.limits;
        w->set_aside_first = h->damaged;
        w->reopen = h->reopen;
        r = take_events(h, w);
        if (r >= 0 && (flush || !h->is_open))
                r = flush_take(h->store, &h->cursor, &w->flush);
        if (r < 0)
                return r;

        if (flush || !h->is_open) {
                h->next_flush_ns = now_ns + h->settings.flush_ns;
                h->flush_wanted = h->more = false;
        }
        return 1;
}

/* A log that cannot be moved into the file would fill the disk. */
static bool log_is_too_long(struct history *h) {
        if (h->log_pages < LOG_PAGES_ALARM)
                return false;
        if (h->state == HISTORY_WRITING)
                history_change_state(
                        h, HISTORY_FAILING,
                        "%s: what was written cannot be synced to the disk; until it can, everything is "
                        "kept in memory",
                        h->path);
        return true;
}

void history_write(struct history *h, uint64_t now_ns) {
        struct write_job *w = &h->write;

        int r;

        if (!h->writer || w->in_flight || h->ending || now_ns < h->retry_ns)
                return;
        if (log_is_too_long(h)) {
                h->retry_ns = now_ns + RETRY_FIRST_MS * NSEC_PER_MSEC;
                return;
        }

        r = fill(h, w, now_ns);
        if (r > 0)
                r = worker_submit(h->writer, &w->job) < 0 ? -ENOBUFS : 1;
        if (r <= 0) {
                clear(w);
                if (r < 0) /* no memory */
                        h->retry_ns = now_ns + RETRY_FIRST_MS * NSEC_PER_MSEC;
                return;
        }

        w->number = ++h->number;
        w->in_flight = true;
}
