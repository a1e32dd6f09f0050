/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's events, oldest first, and the stacks that they share. Private to daemon/store.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/event.h"
#include "daemon/store/hash-table.h"

struct event_entry {
        struct event *event;   /* owned reference */
        size_t bytes;          /* of the event without its stacks */
        uint64_t monotonic_ns; /* when it was heard of: never less than that of the entry before */
};

struct events {
        struct event_entry *items;
        size_t first, n, allocated; /* items[first .. first + n) */
        size_t bytes;               /* of events and stacks, without the items array */
        int64_t last_id;        /* given */
        int64_t last_stored_id; /* of those that were added */
        uint64_t forgotten_us;      /* the latest time of those that were dropped */
        uint64_t latest_ns;         /* the latest moment on the monotonic clock heard of */
        struct hash_table stacks; /* of struct stack_entry */
};

/* 0 or -ENOMEM. */
int events_init(struct events *events);
void events_done(struct events *events);
/* The id for an event that is to be added: larger than any before, also over restarts. */
int64_t events_next_id(struct events *events, const struct event *event);
/* The event has its id, which is larger than those there are. See store_add_event(). 0 or -ENOMEM, then neither changed. */
int events_add(struct events *events, struct event *event);
struct event *events_at(const struct events *events, size_t index);
struct event *events_find(const struct events *events, int64_t id);
/* Forgets the oldest one; there must be one. */
void events_drop(struct events *events);
/* Forgets those older than retention_ns; now_ns is on the monotonic clock. */
void events_expire(struct events *events, uint64_t now_ns, uint64_t retention_ns);
size_t events_memory(const struct events *events);
