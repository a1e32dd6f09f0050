/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads a span of history from a file into a store, for the queries that know only stores: of samples the
 * tier whose steps suit the span, with finer ones at its ends as far as they are kept; and events. Belongs to
 * the thread that has the file open.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/disk-file.h"
#include "daemon/store/event.h"
#include "daemon/store/store.h"

enum {
        LOAD_EVENTS_MAX = 20000,
        LOAD_BYTES_MAX = 64 * 1024 * 1024,
};

struct disk_load_request {
        uint64_t since_us, until_us; /* realtime, (since_us, until_us] */
        bool samples, events;
        const char *source;        /* only this one; NULL: all */
        uint64_t step_us;          /* steps that the answer wants to tell apart; 0: whatever suits the span */
        size_t events_max;         /* the newest; 0: LOAD_EVENTS_MAX */
        int64_t after_id, last_id; /* of events: (after_id, last_id], 0: no such limit */
        int64_t event_id;          /* only this one */
        bool oldest_first;         /* events_max counts from the oldest */
        bool (*wants)(const struct event *event, void *userdata); /* as in struct disk_event_filter */
        void *userdata;
};

struct disk_load_result {
        enum disk_tier tier;  /* the coarsest that was used */
        bool events_left_out; /* there are more than events_max */
        size_t n_damaged;     /* records that could not be read */
};

/* A store with what was asked for; the descriptions in it are the file's. 0 or -errno. */
int disk_load(struct disk_file *file, const struct disk_load_request *request, struct store **ret_store,
              struct disk_load_result *ret_result);
