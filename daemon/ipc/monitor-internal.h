/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What monitor.c (the interface, its questions and answers), monitor-events.c (lists of events) and
 * monitor-subscribe.c (streams of new ones) share.
 */

#include "common/varlink-frame.h"
#include "daemon/ipc/monitor-params.h"
#include "daemon/ipc/monitor.h"

#define MONITOR_INTERFACE "io.irqwatch.monitor"

enum {
        MONITOR_EVENTS_DEFAULT = 1000, /* in one reply, unless limit says otherwise */
        MONITOR_PAGE_EVENTS = 64,
        MONITOR_PAGE_BYTES = 256 * 1024,                   /* a page ends when it has more */
        MONITOR_EVENTS_BYTES = VARLINK_MESSAGE_MAX - 4096, /* room for the envelope of a reply */
};

struct subscription;

/* The interface, and who listens. */
struct monitor {
        const struct store *store; /* borrowed */
        const struct monitor_ops *ops;
        void *userdata;
        struct varlink_interface interface;
        struct subscription *subscriptions;
        size_t n_subscriptions;
        bool publishing; /* the list is being walked: nothing may be taken out of it */
};

extern const struct varlink_field monitor_list_fields[];
extern const struct varlink_field monitor_subscribe_fields[];

/* Methods (see struct varlink_method). */
int monitor_list_events(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_subscribe(struct varlink_call *call, struct json_object *parameters, void *userdata);

/* monitor_params_parse() at this moment; a parameter that is refused is answered. 0: go on; 1: answered;
 * negative: forward. *ret_now_us may be NULL. */
int monitor_parse(struct varlink_call *call, const struct varlink_field *fields,
                  struct json_object *parameters, struct monitor_params *ret_params, uint64_t *ret_now_us);
/* Replies {key: value}; value is consumed. */
int monitor_reply(struct varlink_call *call, const char *key, struct json_object *value);
/* Makes {key: value}; value is consumed; NULL value: null. 0 or -ENOMEM. */
int monitor_wrap(const char *key, struct json_object *value, struct json_object **ret_object);
void monitor_drop_subscriptions(struct monitor *monitor);
