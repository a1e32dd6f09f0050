/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events in a file of history. Equal stacks are kept once, and so are the texts that they are made of.
 */

#include "daemon/store/disk-file.h"
#include "daemon/store/event.h"

/* Within a transaction. boot: the id of the event's boot in the file. 0 or -errno. */
int disk_event_insert(struct disk_file *file, const struct event *event, int64_t boot);
/* Forgets the oldest n events at most, of those before that moment, with the stacks and texts that only they
 * had. *ret_n: how many. Within a transaction. */
int disk_event_drop(struct disk_file *file, int64_t before_us, unsigned n, unsigned *ret_n);
/* What to read; the same conditions as those of the queries. */
struct disk_event_filter {
        uint64_t since_us, until_us; /* (since_us, until_us] */
        int64_t after_id, last_id;   /* (after_id, last_id]; last_id 0: to the end */
        int64_t id;                  /* only this one; 0: any */
        bool newest_first;
        size_t limit; /* 0: no limit */
        /* NULL: all. Decides on an event that has everything but its stacks. */
        bool (*wants)(const struct event *event, void *userdata);
        void *userdata;
};
/* Calls fn for each event, which it may take a reference to; non-zero ends it and is returned. Those that are
 * damaged are left out and counted. */
int disk_event_read(struct disk_file *file, const struct disk_event_filter *filter,
                    int (*fn)(struct event *event, void *userdata), void *userdata, size_t *ret_n_damaged);
