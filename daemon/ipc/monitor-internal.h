/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What monitor.c (the interface, its questions and answers), monitor-events.c (lists of events) and
 * monitor-subscribe.c (streams of new ones) share.
 */

#include "common/varlink-frame.h"
#include "daemon/ipc/monitor-params.h"
#include "daemon/ipc/monitor.h"
#include "daemon/query/windows.h"

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
        struct history *history;   /* borrowed; NULL: there is only memory */
        const struct monitor_record *record; /* borrowed; NULL: this machine, now */
        uint64_t started_us;
        const struct monitor_ops *ops;
        void *userdata;
        struct varlink_interface interface;
        struct subscription *subscriptions;
        size_t n_subscriptions;
        bool publishing; /* the list is being walked: nothing may be taken out of it */
};

extern const struct varlink_field monitor_list_fields[];
extern const struct varlink_field monitor_subscribe_fields[];
extern const struct varlink_field monitor_metrics_fields[];
extern const struct varlink_field monitor_steps_fields[];
extern const struct varlink_field monitor_counts_fields[];
extern const struct varlink_field monitor_export_fields[];

/* Methods (see struct varlink_method). */
int monitor_list_events(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_get_metrics(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_get_counts(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_get_event_totals(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_list_boots(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_get_rate_steps(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_export(struct varlink_call *call, struct json_object *parameters, void *userdata);
int monitor_subscribe(struct varlink_call *call, struct json_object *parameters, void *userdata);

/* monitor_params_parse() at this moment; a parameter that is refused is answered. 0: go on; 1: answered;
 * negative: forward. *ret_now_us may be NULL. */
int monitor_parse(struct varlink_call *call, const struct monitor *monitor, const struct varlink_field *fields,
                  struct json_object *parameters, struct monitor_params *ret_params, uint64_t *ret_now_us);
/* Realtime, or that of the record. */
uint64_t monitor_now(const struct monitor *monitor);
/* 0: there is no record, go on; 1: answered, from the record (NULL: it has no such thing); negative: forward. */
int monitor_reply_recorded(struct varlink_call *call, const struct monitor *monitor, struct json_object *reply);
/* Replies {key: value}; value is consumed. */
int monitor_reply(struct varlink_call *call, const char *key, struct json_object *value);
/* Makes the reply's value with its long lists, those per CPU or of buckets, or without. */
typedef int (*monitor_make_fn)(const void *result, bool with_lists, struct json_object **ret_object);
/* Replies {key: value} with the lists if that fits into a message, or else without; the error TooLarge. */
int monitor_reply_within_limit(struct varlink_call *call, const char *key, monitor_make_fn make,
                               const void *result);
/* Why rates_query(), histograms_query() or steps_query() found nothing. */
const char *monitor_no_rates_reason(const struct store *store, const struct monitor_params *params, bool histogram);
/* The error NoData. */
int monitor_reply_no_data(struct varlink_call *call, const char *source, const char *reason);
/* Makes {key: value}; value is consumed; NULL value: null. 0 or -ENOMEM. */
int monitor_wrap(const char *key, struct json_object *value, struct json_object **ret_object);

/* monitor-query.c: questions about a span. */
enum monitor_needs {
        MONITOR_SAMPLES = 1 << 0,   /* of params->source, or all */
        MONITOR_EVENTS = 1 << 1,    /* of the span */
        MONITOR_ONE_EVENT = 1 << 2, /* that of params->id */
        MONITOR_STATUS = 1 << 4,    /* what the daemon is now, if the span reaches until now */
        MONITOR_IRQ_DELAY = 1 << 5, /* samples of that source only */
        MONITOR_LIST = 1 << 3,      /* only those that the parameters want, and no more than their limit */
};

struct monitor_question {
        const struct monitor_params *params;
        uint64_t now_us;
        const char *tier; /* what the store that is asked was made from: "memory", "raw", "10s" ... */
        bool events_left_out;
        const struct status *status; /* NULL: not asked for, or of the past */
        const struct monitor_record *record; /* NULL: this machine */
};

/* {key: value}, or an error. Both objects are owned. */
struct monitor_answer {
        const char *key;
        struct json_object *value;
        const char *error;
        struct json_object *error_parameters;
};
void monitor_answer_done(struct monitor_answer *answer);

/* Works out the answer, maybe on another thread: knows nothing but what it is given. 0 or -ENOMEM. */
typedef int (*monitor_answer_fn)(const struct monitor_question *question, const struct store *store,
                                 struct monitor_answer *answer);
/* On machines with very many CPUs the lists per CPU may not fit into a message: then without them. 0 or -ENOMEM. */
int monitor_answer_within_limit(struct monitor_answer *answer, const char *key, monitor_make_fn make,
                                const void *result);
/* Parses the parameters, and has fn answer from memory if that has what the question needs, else from disk. */
int monitor_ask(struct varlink_call *call, struct monitor *monitor, const struct varlink_field *fields,
                struct json_object *parameters, unsigned needs, monitor_answer_fn fn);
/* Does memory reach back that far? source NULL: of all collectors that have values. */
bool monitor_memory_has_samples(const struct monitor *monitor, const char *source, uint64_t since_us);
bool monitor_memory_has_events(const struct monitor *monitor, const struct monitor_params *params);
struct events_request monitor_events_request(const struct monitor_params *params);

void monitor_drop_subscriptions(struct monitor *monitor);
