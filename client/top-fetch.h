/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fills a model from irqwatchd, one call after the other on one connection, without waiting: a daemon that
 * does not answer does not hold up the keys. Prints nothing.
 */

#include "client/options.h"
#include "client/top-model.h"
#include "common/varlink-client.h"

struct top_fetch {
        const struct options *options; /* borrowed */
        struct varlink_client *client; /* NULL: not connected */
        struct top_model *model;       /* borrowed */
        const int *node_of;            /* borrowed, may be NULL */
        size_t n_nodes;
        bool busy;
        bool connected;     /* once, at least */
        size_t step;        /* in the order of questions */
        enum top_part part; /* whose answer is awaited; a part that is rates stands for all of counted */
        bool counted[_TOP_RATES_MAX], answered[_TOP_RATES_MAX];
        uint64_t since_us, until_us, now_us;
        bool live;
        unsigned n_windows;               /* of the first list */
        int64_t last_window;              /* the newest known, while live */
        uint64_t windows_us;              /* when that was asked for */
        bool with_stacks;                 /* it knows no list without them: another version */
        bool alerted;                     /* an event tells that alerts are others now */
        int64_t last_event, listed_event; /* the newest of any kind, as counts tell, and when lists were asked for; -1:
                                           * not known */
        uint64_t retry_us[_TOP_PART_MAX]; /* a part that was not there is not asked for before */
        char *trouble;                    /* why the model is old; NULL: it is not */
};

void top_fetch_done(struct top_fetch *fetch);
/* Begins to ask for the span [until - span, until]; until_us 0: up to now_us, which is the present anyway.
 * What was being fetched is given up. Failures show in trouble. 0 or -ENOMEM. */
int top_fetch_start(struct top_fetch *fetch, uint64_t now_us, uint64_t until_us, uint64_t span_ns);
/* Takes one answer, and asks for what comes next; to be called when top_fetch_fd() is readable. 1: all is
 * there and the model is complete; 0: not yet; -ENOMEM. */
int top_fetch_continue(struct top_fetch *fetch);
/* For poll(), -1 when nothing is awaited. */
int top_fetch_fd(const struct top_fetch *fetch);
/* The whole event: 0, *ret_event owned, or NULL with trouble set; -ENOMEM. Waits. */
int top_fetch_event(struct top_fetch *fetch, int64_t id, struct json_object **ret_event);
