/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * History that survives: writes what the memory store gets to disk, on a thread of its own, and reads it back
 * on another one. An event is told to nobody before it is on disk, or a time limit has passed; a disk that
 * hangs or fails costs nothing but that. Belongs to the loop's thread, and never makes it wait.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/worker.h"
#include "daemon/store/disk-load.h"
#include "daemon/store/disk.h"
#include "daemon/store/store.h"

enum {
        HISTORY_EVENTS_MAX = 4096, /* not yet written; of more the oldest never are */
        HISTORY_QUERIES_MAX = 32,  /* waiting */
};
/* Events wait for the disk no longer than this. */
#define HISTORY_PATIENCE_NS (2 * NSEC_PER_SEC)

struct history;

enum history_state {
        HISTORY_OPENING,
        HISTORY_WRITING,
        HISTORY_FAILING, /* tried again by itself; until then the memory store has it all */
        _HISTORY_STATE_MAX,
};
const char *history_state_to_string(enum history_state state) _const_;

struct history_settings {
        uint64_t flush_ns;
        struct disk_limits limits;
};

struct history_callbacks {
        /* The event may be told: it is on disk, or the disk was waited for long enough. In the order of their
         * ids. */
        void (*deliver)(void *userdata, struct event *event);
        /* The state changed: a sentence on what and why, borrowed. */
        void (*on_transition)(void *userdata, enum history_state state, const char *text);
};

/* Starts the threads and the opening of DIR/history.db. Strings in *run are copied, all else is borrowed for
 * the history's life. vfs: NULL but for tests. 0 or -errno. */
int history_new(const char *dir, const char *vfs, const struct disk_run *run,
                const struct history_settings *settings, struct store *store,
                const struct history_callbacks *callbacks, void *userdata, struct history **ret_history);
/* A file that nobody writes: only history_ask(), history_collect() and history_fd(1) are for this one. 0 or -errno;
 * -EBADMSG and -EPROTONOSUPPORT as of disk_file_open(). */
int history_open_file(const char *path, struct history **ret_history);
/* Writes what is left, for a short while, delivers all events, ends queries with -ECANCELED. Returns NULL. */
struct history *history_free(struct history *history);
DEFINE_CLEANUP(struct history *, history_free)
void history_configure(struct history *history, const struct history_settings *settings);
/* Waits until the file is open or cannot be, at most that long: ids of events go on from those on disk. */
void history_wait_open(struct history *history, uint64_t timeout_ns);

/* Takes a reference and gives the event its id. 0 or -ENOMEM. */
int history_add_event(struct history *history, struct event *event);

/* Readable: call history_collect(). Owned by the history. */
int history_fd(const struct history *history, unsigned index); /* 0 and 1 */
void history_collect(struct history *history);
/* When history_run() wants to be called, CLOCK_MONOTONIC. */
uint64_t history_deadline(const struct history *history);
void history_run(struct history *history, uint64_t now_ns);

/* A question about what memory no longer has: embedded in its owner's object. */
struct history_query {
        struct disk_load_request request;
        /* On another thread: with what was asked for in a store that lives only during the call. */
        int (*run)(struct history_query *query, const struct store *store);
        /* Instead, if the request wants neither samples nor events: reads the file itself. */
        int (*read)(struct history_query *query, struct disk_file *file);
        /* On the loop's thread. result: of run(), or why it was not called. May free the query. */
        void (*done)(struct history_query *query, int result);
        struct disk_load_result loaded; /* filled in before run() */
        /* private */
        struct job job;
        struct history *history;
        struct history_query *next;
        uint64_t waits_for, since_ns, generation;
        int result;
};
/* 0: done() will be called; -ENOBUFS: too many wait; -ENOTCONN: there is no file to read. */
int history_ask(struct history *history, struct history_query *query);

struct history_stats {
        enum history_state state;
        const char *reason;    /* borrowed; NULL when writing */
        const char *set_aside; /* borrowed: where a damaged file went, NULL: nowhere */
        const char *path;      /* borrowed */
        struct disk_stats disk;
        uint64_t n_flushes, n_failures;
        uint64_t n_queued;      /* events that are not on disk yet */
        uint64_t n_events_lost; /* that will never be */
        uint64_t n_late_events; /* told before they were on disk */
        uint64_t n_unreadable;  /* records that an answer had to leave out; the most of all answers */
        uint64_t written_per_hour;
};
void history_get_stats(const struct history *history, struct history_stats *ret_stats);
