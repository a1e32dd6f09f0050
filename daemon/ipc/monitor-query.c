/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a question is answered: at once from memory, which has the last hour, or from what is on disk, on another
 * thread, while the loop goes on. The answer is worked out by the same function over a store either way.
 */

#include <string.h>

#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"

enum { ENVELOPE_MAX = 4096 }; /* what a reply adds to its value */

/* A question on its way to the disk. */
struct monitor_query {
        struct history_query history; /* first: the job's result is found by it */
        struct monitor *monitor;
        struct varlink_call *call;      /* a reference; NULL: the peer is gone */
        struct json_object *parameters; /* a reference: params borrow their texts from it */
        struct monitor_params params;
        struct monitor_question question;
        struct status status; /* that the question points to */
        monitor_answer_fn fn;
        struct monitor_answer answer;
};

void monitor_answer_done(struct monitor_answer *answer) {
        (void)json_object_put(answer->value); /* the results say whether it was the last reference */
        (void)json_object_put(answer->error_parameters);
        *answer = (struct monitor_answer){};
}

int monitor_answer_within_limit(struct monitor_answer *answer, const char *key, monitor_make_fn make,
                                const void *result) {
        for (int with_lists = 1; with_lists >= 0; with_lists--) {
                struct json_object *value = NULL;
                size_t size;
                int r;

                r = make(result, with_lists, &value);
                if (r < 0)
                        return r;
                r = json_write_ahead(&value, &size);
                if (r >= 0 && size <= VARLINK_MESSAGE_MAX - ENVELOPE_MAX) {
                        answer->key = key;
                        answer->value = value;
                        return 0;
                }
                (void)json_object_put(value);
                if (r < 0)
                        return r;
        }

        answer->error = MONITOR_INTERFACE ".TooLarge";
        return 0;
}

/* Consumes the answer. */
static int conclude(struct varlink_call *call, struct monitor_answer *answer) {
        if (answer->error)
                return varlink_call_error(call, answer->error, TAKE_PTR(answer->error_parameters));

        return monitor_reply(call, answer->key, TAKE_PTR(answer->value));
}

static int answer_from_memory(struct varlink_call *call, const struct monitor *monitor,
                              const struct monitor_question *asked, monitor_answer_fn fn) {
        _cleanup_(monitor_answer_done) struct monitor_answer answer = {};
        struct monitor_question question = *asked;
        int r;

        question.tier = "memory";
        question.events_left_out = false;
        r = fn(&question, monitor->store, &answer);
        return r < 0 ? r : conclude(call, &answer);
}

/* Collectors that have no values do not count: they may never have had any. */
bool monitor_memory_has_samples(const struct monitor *monitor, const char *source, uint64_t since_us) {
        bool any = false;

        for (unsigned i = 0; i < store_n_sources(monitor->store); i++) {
                uint64_t first_us, last_us;

                if (source && strcmp(store_source_name(monitor->store, i), source) != 0)
                        continue;
                if (store_source_range(monitor->store, i, &first_us, &last_us) < 0)
                        continue;
                any = true;
                if (first_us > since_us)
                        return false;
        }

        return any;
}

bool monitor_memory_has_events(const struct monitor *monitor, const struct monitor_params *params) {
        if (params->since_us >= MAX(monitor->started_us, store_forgotten_us(monitor->store)))
                return true;

        /* All events from the oldest one on are there. */
        return params->after_id > 0 && store_n_events(monitor->store) > 0 &&
               store_event_at(monitor->store, 0)->id <= params->after_id;
}

static bool memory_suffices(const struct monitor *monitor, const struct monitor_params *params, unsigned needs) {
        if (!monitor->history)
                return true;
        if ((needs & MONITOR_SAMPLES) && !monitor_memory_has_samples(monitor, params->source, params->since_us))
                return false;
        if ((needs & MONITOR_ONE_EVENT))
                return store_find_event(monitor->store, params->id) != NULL;

        return !(needs & MONITOR_EVENTS) || monitor_memory_has_events(monitor, params);
}

static struct monitor_query *query_free(struct monitor_query *query) {
        if (!query)
                return NULL;

        (void)varlink_call_unref(query->call); /* returns NULL */
        (void)json_object_put(query->parameters);
        monitor_params_done(&query->params);
        status_done(&query->status);
        monitor_answer_done(&query->answer);
        free(query);
        return NULL;
}
DEFINE_CLEANUP(struct monitor_query *, query_free)

/* On another thread. To write a long answer, and to free what it was made of, takes milliseconds: not the
 * loop's, which has its passes to do. */
static int query_run(struct history_query *history, const struct store *store) {
        struct monitor_query *query = (struct monitor_query *)history;
        struct monitor_answer *answer = &query->answer;
        size_t size;
        int r;

        query->question.tier = disk_tier_to_string(history->loaded.tier);
        query->question.events_left_out = history->loaded.events_left_out;
        r = query->fn(&query->question, store, answer);
        if (r < 0 || !answer->value)
                return r;

        return json_write_ahead(&answer->value, &size);
}

/* A file that cannot be read is no reason to say nothing: what memory has is said to be from memory. */
static int query_conclude(struct monitor_query *query, int result) {
        if (result < 0 && result != -ENOMEM)
                return answer_from_memory(query->call, query->monitor, &query->question, query->fn);
        return result < 0 ? result : conclude(query->call, &query->answer);
}

static void query_done(struct history_query *history, int result) {
        struct monitor_query *query = (struct monitor_query *)history;

        if (query->call) {
                varlink_call_on_closed(query->call, NULL, NULL);
                if (result != -ECANCELED)
                        (void)query_conclude(query, result); /* without an answer the connection ends */
        }
        (void)query_free(query); /* returns NULL */
}

static void query_closed(struct varlink_call *call, void *data) {
        struct monitor_query *query = data;

        query->call = varlink_call_unref(query->call);
}

/* A million events are not for one reply. */
static bool wants_event(const struct event *event, void *userdata) {
        const struct monitor_query *query = userdata;
        const struct events_request request = monitor_events_request(&query->params);

        return events_match(event, &request);
}

static void fill_request(struct monitor_query *query, unsigned needs) {
        const struct monitor_params *params = &query->params;

        query->history = (struct history_query){
                .run = query_run,
                .done = query_done,
                .request = {
                        .since_us = params->since_us,
                        .until_us = MIN(params->until_us, query->question.now_us),
                        .samples = needs & MONITOR_SAMPLES,
                        .events = needs & (MONITOR_EVENTS | MONITOR_ONE_EVENT),
                        .source = params->source,
                        .step_us = params->step_us,
                        .after_id = params->after_id,
                        .event_id = needs & MONITOR_ONE_EVENT ? params->id : 0,
                },
        };
        if (needs & MONITOR_LIST) {
                query->history.request.events_max = params->limit;
                query->history.request.wants = wants_event;
                query->history.request.userdata = query;
        }
}

/* What the daemon is now says nothing of the past. Kept: it may be read on another thread, while the daemon changes. */
static int take_status(struct monitor_query *query, unsigned needs) {
        int r;

        if (!(needs & MONITOR_STATUS) || query->params.until_us < query->question.now_us)
                return 0;

        r = query->monitor->ops->get_status(query->monitor->userdata, &query->status);
        if (r >= 0)
                r = status_keep(&query->status);
        if (r >= 0)
                query->question.status = &query->status;
        return r;
}

static int query_new(struct varlink_call *call, struct monitor *monitor, struct json_object *parameters,
                     struct monitor_params *params, uint64_t now_us, unsigned needs, struct monitor_query **ret_query) {
        _cleanup_(query_freep) struct monitor_query *query = NULL;
        int r;

        query = calloc(1, sizeof(*query));
        if (!query)
                return -ENOMEM;

        query->monitor = monitor;
        query->call = varlink_call_ref(call);
        query->parameters = json_object_get(parameters);
        query->params = *params;
        *params = (struct monitor_params){};
        query->question = (struct monitor_question){ .params = &query->params, .now_us = now_us, .record = monitor->record };
        r = take_status(query, needs);
        if (r < 0)
                return r;

        fill_request(query, needs);
        *ret_query = TAKE_PTR(query);
        return 0;
}

int monitor_ask(struct varlink_call *call, struct monitor *monitor, const struct varlink_field *fields,
                struct json_object *parameters, unsigned needs, monitor_answer_fn fn) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        _cleanup_(query_freep) struct monitor_query *query = NULL;
        uint64_t now_us;
        int r;

        r = monitor_parse(call, monitor, fields, parameters, &params, &now_us);
        if (r != 0)
                return MIN(r, 0);
        if (needs & MONITOR_LIST)
                params.limit = params.limit ?: MONITOR_EVENTS_DEFAULT;
        if (needs & MONITOR_IRQ_DELAY)
                params.source = "irq-delay";

        r = query_new(call, monitor, parameters, &params, now_us, needs, &query);
        if (r < 0)
                return r;

        query->fn = fn;
        if (memory_suffices(monitor, &query->params, needs))
                return answer_from_memory(call, monitor, &query->question, fn);

        varlink_call_on_closed(call, query_closed, query);
        r = history_ask(monitor->history, &query->history);
        if (r < 0) {
                varlink_call_on_closed(call, NULL, NULL);
                return answer_from_memory(call, monitor, &query->question, fn);
        }

        TAKE_PTR(query);
        return 0;
}
