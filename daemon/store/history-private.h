/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of history share: history.c (events on their way, state), history-write.c (the thread that
 * writes), history-query.c (the thread that reads, and that moves the log into the file).
 */

#include <stdarg.h>

#include "daemon/store/flush.h"
#include "daemon/store/history.h"

/* An event that is not on disk yet. */
struct event_item {
        struct event *event; /* a reference */
        uint64_t since_ns;
        bool told;
};

/* What the writer's thread is given, and what it gives back. There is one at a time. */
struct write_job {
        struct job job;
        struct history *history;
        uint64_t number;
        bool in_flight;
        /* given */
        struct flush flush;
        struct event *copies;  /* of events, with references to their stacks of their own: the store may
                                * exchange those  of the originals meanwhile */
        struct event **events; /* the copies' addresses */
        size_t n_events;
        struct disk_limits limits;
        bool set_aside_first, reopen;
        /* given back */
        int result;
        bool written; /* though what came after may have failed */
        char *set_aside;
        int64_t last_event_id, log_pages;
        struct disk_stats stats;
        bool more;
};

struct checkpoint_job {
        struct job job;
        struct history *history;
        bool in_flight;
        uint64_t generation;
        int result;
        int64_t n_left;
};

struct history {
        char *dir, *path;
        const char *vfs;
        struct disk_run run;
        char *run_texts[6]; /* that it points to */
        struct history_settings settings;
        struct store *store;
        const struct history_callbacks *callbacks;
        void *userdata;

        enum history_state state;
        char *reason, *set_aside;
        bool is_open;         /* there is a file that can be read */
        unsigned open_flags;  /* of the reader */
        bool hanging;         /* a job has been on its way for too long */
        bool damaged, reopen; /* what the next job begins with */
        bool ending;
        unsigned retry_ms;
        uint64_t retry_ns;   /* no job before then; 0: any time */
        uint64_t generation; /* of the file: counts those that were set aside */

        struct event_item *items; /* a ring */
        size_t first_item, n_items;

        struct worker *writer;
        struct disk *disk; /* the writer's */
        struct write_job write;
        struct flush_cursor cursor;
        uint64_t number; /* of the latest job */
        uint64_t next_flush_ns;
        bool flush_wanted, more;
        int64_t log_pages;
        uint64_t started_ns;
        struct history_stats stats;

        struct worker *reader;
        struct disk_file *file; /* the reader's */
        uint64_t file_generation;
        struct checkpoint_job checkpoint;
        uint64_t next_checkpoint_ns;
        struct history_query *waiting; /* for what is being written; oldest first */
        unsigned n_queries;            /* asked and not yet done */
};

uint64_t history_now_ns(void);
struct event_item *history_item(const struct history *history, size_t index);
/* Tells those that need not or cannot wait any longer. */
void history_lose_patience(struct history *history, uint64_t now_ns);
/* The oldest n are on disk. */
void history_items_written(struct history *history, size_t n);
/* Says so once per transition. */
void history_change_state(struct history *history, enum history_state state, const char *format, ...)
        _printf_(3, 4);

/* history-write.c. Starts a job if there is something to write and nothing against it. */
void history_write(struct history *history, uint64_t now_ns);
void history_write_init(struct history *history);

/* history-query.c. Sends on queries that waited for that job, or all of them. */
void history_release_queries(struct history *history, uint64_t number, uint64_t now_ns);
void history_cancel_queries(struct history *history);
/* Moves the log if that is due. */
void history_move_log(struct history *history, uint64_t now_ns);
void history_checkpoint_init(struct history *history);
