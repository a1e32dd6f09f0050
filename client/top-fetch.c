/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-fetch.h"

#include <string.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/message.h"
#include "client/remote.h"
#include "client/session.h"
#include "common/json-build.h"
#include "common/json-strict.h"

#define INTERFACE "io.irqwatch.monitor."
#define TIMEOUT_NS (5 * NSEC_PER_SEC)
/* How lateness is judged: a second holds too few timers for a p99. */
#define LATENCY_SPAN_US (60 * USEC_PER_SEC)
#define WINDOWS_SPAN_US (3600 * USEC_PER_SEC)
#define RETRY_US (30 * USEC_PER_SEC)
/* A p99 of a minute does not change from one update to the next. */
#define LATENCY_US (10 * USEC_PER_SEC)
/* It is long, and has something new only when the daemon comes to read more rarely: top_take_absent() sees
 * that. */
#define STATUS_US (300 * USEC_PER_SEC)
/* Also without a sign that there is something new: an alert may be raised without being told. */
#define LISTS_US (30 * USEC_PER_SEC)

void top_fetch_done(struct top_fetch *fetch) {
        fetch->client = varlink_client_free(fetch->client);
        free(fetch->trouble);
        fetch->trouble = NULL;
        fetch->busy = false;
}

/* The connection is of no more use. text is consumed. */
static int top_fetch_fail(struct top_fetch *fetch, char *text) {
        top_fetch_done(fetch);
        fetch->trouble = text;
        return text ? 1 : -ENOMEM;
}

static char *top_transport_text(int r) {
        switch (r) {
        case -ETIMEDOUT:
                return strdup(_("irqwatchd does not answer"));
        case -ECONNRESET:
        case -EPIPE:
                return strdup(_("irqwatchd closed the connection"));
        default:
                return strdup(strerror(-r));
        }
}

/* Once only: ssh may ask for a password, which it cannot do in the middle of the screen. */
static int top_connect_remote(struct top_fetch *fetch) {
        char *text = NULL;
        int r;

        r = fetch->connected ? EXIT_FAILED : remote_open(fetch->options, TIMEOUT_NS, &fetch->client);
        if (r == 0) {
                fetch->connected = true;
                return 0;
        }

        if (asprintf(&text, _("no connection to %s"), fetch->options->host) < 0)
                text = NULL;
        return top_fetch_fail(fetch, text);
}

/* Gives up what is awaited. A local connection is simply made anew; over ssh the one answer that is on its
 * way is waited for, and thrown away. */
static void top_abandon(struct top_fetch *fetch) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues;

        if (fetch->options->host && varlink_client_receive(fetch->client, &error, &reply, &continues) == 0)
                fetch->busy = false;
        else
                top_fetch_done(fetch);
}

static int top_connect(struct top_fetch *fetch) {
        int r;

        if (fetch->client)
                return 0;

        r = fetch->options->host ? top_connect_remote(fetch)
                                 : varlink_client_connect(fetch->options->socket, TIMEOUT_NS, &fetch->client);
        if (r > 0)
                return r;
        if (r < 0)
                return top_fetch_fail(fetch, connect_error_text(fetch->options->socket, r));

        /* Another daemon, maybe: it counts its events anew, and may have what the last one had not. */
        fetch->last_window = 0;
        fetch->listed_event = -1;
        fetch->with_stacks = false;
        memset(fetch->retry_us, 0, sizeof(fetch->retry_us));
        top_model_clear_windows(fetch->model);
        free(fetch->trouble);
        fetch->trouble = NULL;
        return 0;
}

static const struct {
        const char *method, *result;
} calls[_TOP_PART_MAX] = {
        [TOP_SOFTIRQS] = { "GetCounts", "counts" },  [TOP_INTERRUPTS] = { "GetCounts", "counts" },
        [TOP_CPU_TIME] = { "GetCounts", "counts" },  [TOP_KSOFTIRQD] = { "GetCounts", "counts" },
        [TOP_LATENCY] = { "GetLatency", "latency" }, [TOP_WINDOWS] = { "ListEvents", "events" },
        [TOP_ALERTS] = { "ListAlerts", "alerts" },   [TOP_STATUS] = { "GetStatus", "status" },
};

/* First the daemon's intervals, by which the spans of the others are chosen. */
static const enum top_part order[_TOP_PART_MAX] = {
        TOP_STATUS,    TOP_SOFTIRQS, TOP_INTERRUPTS, TOP_CPU_TIME,
        TOP_KSOFTIRQD, TOP_LATENCY,  TOP_WINDOWS,    TOP_ALERTS,
};

/* Where a span is shorter than the daemon's interval it holds no two readings: then the last two. */
static uint64_t top_rates_since(const struct top_fetch *fetch, enum top_part part) {
        uint64_t least_us = fetch->model->interval_ns[part] / NSEC_PER_USEC * 5 / 2;
        uint64_t until_us = fetch->until_us ?: fetch->now_us;

        return MIN(fetch->since_us, until_us > least_us ? until_us - least_us : 0);
}

static int top_add_windows_parameters(const struct top_fetch *fetch, struct json_object *parameters) {
        static const char *const kinds[] = { "irq-delay", "hardirq", "softirq", "softirq-latency", "alert" };
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < ELEMENTSOF(kinds); i++)
                if (json_array_append(array, json_object_new_string(kinds[i])) < 0)
                        return -ENOMEM;
        if (json_add(parameters, "kinds", TAKE_PTR(array)) < 0 ||
            json_add(parameters, "limit", json_object_new_int64(fetch->n_windows)) < 0)
                return -ENOMEM;
        if (!fetch->with_stacks && json_add(parameters, "stacks", json_object_new_boolean(false)) < 0)
                return -ENOMEM;
        return fetch->last_window > 0
                       ? json_add(parameters, "afterId", json_object_new_int64(fetch->last_window))
                       : 0;
}

/* All that are to be asked for with the same span, in one question: mostly all there are. */
static int top_add_metrics(struct top_fetch *fetch, struct json_object *parameters) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++) {
                fetch->counted[part] = !fetch->answered[part] && fetch->now_us >= fetch->retry_us[part] &&
                                       top_rates_since(fetch, part) == top_rates_since(fetch, fetch->part);
                if (fetch->counted[part] &&
                    (!array || json_array_append(array, json_object_new_string(top_part_name(part))) < 0))
                        return -ENOMEM;
        }

        return json_add(parameters, "metrics", TAKE_PTR(array));
}

static struct json_object *top_parameters(struct top_fetch *fetch) {
        uint64_t until_us = fetch->until_us ?: fetch->now_us, since_us = fetch->since_us;
        _cleanup_(json_putp) struct json_object *parameters = NULL;
        enum top_part part = fetch->part;
        int r = 0;

        if (part == TOP_STATUS || part == TOP_ALERTS)
                return json_object_new_object();

        if (part < _TOP_RATES_MAX)
                since_us = top_rates_since(fetch, part);
        else if (part == TOP_LATENCY)
                since_us = MIN(since_us, until_us - LATENCY_SPAN_US);
        else if (fetch->last_window > 0) /* those since the last list; some are told of late */
                since_us = MIN(since_us, fetch->windows_us - LATENCY_SPAN_US);
        else
                since_us = MIN(since_us, until_us - WINDOWS_SPAN_US);

        parameters = session_parameters(fetch->options, since_us, fetch->until_us);
        if (!parameters)
                return NULL;
        if (part < _TOP_RATES_MAX)
                r = top_add_metrics(fetch, parameters);
        if (r == 0 && part == TOP_WINDOWS)
                r = top_add_windows_parameters(fetch, parameters);
        return r < 0 ? NULL : TAKE_PTR(parameters);
}

/* Alerts and windows have events: while there is none, the lists are as they were. */
static bool top_is_due(const struct top_fetch *fetch, enum top_part part) {
        if (part < _TOP_RATES_MAX && fetch->answered[part])
                return false;
        if (part == TOP_ALERTS && fetch->alerted)
                return true;
        if (part == TOP_WINDOWS && (fetch->last_event < 0 || fetch->last_event != fetch->listed_event))
                return true;
        if (part == TOP_WINDOWS || part == TOP_ALERTS)
                return !fetch->live || fetch->now_us >= fetch->retry_us[part];
        return fetch->now_us >= fetch->retry_us[part];
}

/* Asks for the part, or for the next one that is to be asked for. 0; 1: there is none left; -ENOMEM. */
static int top_ask(struct top_fetch *fetch) {
        for (; fetch->step < ELEMENTSOF(order); fetch->step++) {
                _cleanup_(json_putp) struct json_object *parameters = NULL;
                char method[64];
                int r;

                fetch->part = order[fetch->step];
                if (!top_is_due(fetch, fetch->part))
                        continue;

                parameters = top_parameters(fetch);
                if (!parameters)
                        return -ENOMEM;
                (void)snprintf(method, sizeof(method), INTERFACE "%s", calls[fetch->part].method); /* fits */
                r = varlink_client_send(fetch->client, method, parameters, false);
                if (r < 0)
                        return top_fetch_fail(fetch, top_transport_text(r));
                return 0;
        }

        fetch->listed_event = fetch->last_event;
        fetch->busy = false;
        return 1;
}

int top_fetch_start(struct top_fetch *fetch, uint64_t now_us, uint64_t until_us, uint64_t span_ns) {
        bool was_live = fetch->live;
        uint64_t end_us = until_us ?: now_us;
        int r;

        if (fetch->busy) /* the answer to the last question is not wanted: a new connection has none to wait
                            for */
                top_fetch_done(fetch);
        r = top_connect(fetch);
        if (r != 0)
                return MIN(r, 0);

        fetch->live = until_us == 0;
        if (!fetch->live || !was_live) {
                fetch->last_window = 0;
                fetch->listed_event = -1;
                fetch->retry_us[TOP_LATENCY] = 0;
        }
        fetch->last_event = -1;
        memset(fetch->answered, 0, sizeof(fetch->answered));
        fetch->now_us = now_us;
        fetch->until_us = until_us;
        fetch->since_us = end_us - MIN(end_us - 1, span_ns / NSEC_PER_USEC);
        fetch->model->since_us = fetch->since_us;
        fetch->model->until_us = end_us;
        fetch->step = 0;
        fetch->busy = true;
        r = top_ask(fetch);
        return MIN(r, 0);
}

static int top_take_windows(struct top_fetch *fetch, struct json_object *events) {
        if (fetch->last_window == 0)
                top_model_clear_windows(fetch->model);
        for (size_t i = 0; i < array_length(events); i++) {
                fetch->alerted |= top_is_alert(array_at(events, i));
                if (fetch->live)
                        fetch->last_window =
                                MAX(fetch->last_window, field_integer(array_at(events, i), "id", 0));
        }
        return top_model_add_windows(fetch->model, events);
}

/* What is not there now will hardly be there the next second; but the two that all daemons have are asked for
 * always. */
static int top_take_absent(struct top_fetch *fetch, enum top_part part, const char *reason) {
        if (part != TOP_SOFTIRQS && part != TOP_INTERRUPTS && fetch->live)
                fetch->retry_us[part] = fetch->now_us + RETRY_US;
        /* Maybe it is read more rarely now, and the span has to be longer. */
        fetch->retry_us[TOP_STATUS] = MIN(fetch->retry_us[TOP_STATUS], fetch->now_us + RETRY_US);
        return top_model_set_absent(fetch->model, part, reason);
}

/* In the order in which they were asked for. */
static int top_take_counts(struct top_fetch *fetch, struct json_object *counts) {
        struct json_object *metrics = field_array(counts, "metrics");
        size_t n = 0;
        int r = 0;

        fetch->last_event = field_integer(counts, "lastEventId", -1);
        for (enum top_part part = 0; r == 0 && part < _TOP_RATES_MAX; part++) {
                struct json_object *metric;
                const char *absent;

                if (!fetch->counted[part])
                        continue;
                metric = array_at(metrics, n++);
                absent = metric ? field_string(metric, "absent") : "not answered";
                fetch->answered[part] = true;
                r = absent ? top_take_absent(fetch, part, absent)
                           : top_model_set_rates(fetch->model, part, metric);
        }

        return r;
}

static int top_take(struct top_fetch *fetch, struct json_object *reply) {
        struct json_object *result = json_object_object_get(reply, calls[fetch->part].result);

        switch (fetch->part) {
        case TOP_LATENCY:
                fetch->retry_us[TOP_LATENCY] = fetch->live ? fetch->now_us + LATENCY_US : 0;
                return top_model_set_latency(fetch->model, result);
        case TOP_WINDOWS:
                fetch->retry_us[TOP_WINDOWS] = fetch->now_us + LISTS_US;
                fetch->windows_us = fetch->now_us;
                return top_take_windows(fetch, result);
        case TOP_ALERTS:
                fetch->retry_us[TOP_ALERTS] = fetch->now_us + LISTS_US;
                fetch->alerted = false;
                return top_model_set_alerts(fetch->model, result);
        case TOP_STATUS:
                fetch->retry_us[TOP_STATUS] = fetch->now_us + STATUS_US;
                return top_model_set_status(fetch->model, result);
        default:
                return top_take_counts(fetch, result);
        }
}

/* An irqwatchd that cannot leave the stacks out is asked once more. */
static bool top_is_about_stacks(const struct top_fetch *fetch, const char *error,
                                struct json_object *parameters) {
        return fetch->part == TOP_WINDOWS && !fetch->with_stacks &&
               strcmp(error, "org.varlink.service.InvalidParameter") == 0 &&
               strcmp(field_string(parameters, "parameter") ?: "", "stacks") == 0;
}

static int top_take_error(struct top_fetch *fetch, const char *error, struct json_object *parameters) {
        const char *reason = field_string(parameters, "reason");
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!reason) {
                text = reply_error_text(error, parameters);
                if (!text)
                        return -ENOMEM;
        }
        if (fetch->part >= _TOP_RATES_MAX)
                return top_take_absent(fetch, fetch->part, reason ?: text);

        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++) {
                if (!fetch->counted[part])
                        continue;
                fetch->answered[part] = true;
                r = top_take_absent(fetch, part, reason ?: text);
                if (r < 0)
                        return r;
        }
        return 0;
}

int top_fetch_continue(struct top_fetch *fetch) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues = false;
        int r;

        r = varlink_client_receive(fetch->client, &error, &reply, &continues);
        if (r == -EINTR)
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return top_fetch_fail(fetch, top_transport_text(r));

        if (error && top_is_about_stacks(fetch, error, reply))
                fetch->with_stacks = true;
        else {
                r = error ? top_take_error(fetch, error, reply) : top_take(fetch, reply);
                if (r < 0)
                        return r;
                fetch->step++;
        }
        r = top_ask(fetch);
        if (r <= 0)
                return r;

        r = top_model_index(fetch->model, fetch->node_of, fetch->n_nodes);
        return r < 0 ? r : 1;
}

int top_fetch_fd(const struct top_fetch *fetch) {
        return fetch->busy ? varlink_client_fd(fetch->client) : -1;
}

int top_fetch_event(struct top_fetch *fetch, int64_t id, struct json_object **ret_event) {
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object(), *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        int r;

        *ret_event = NULL;
        if (!parameters || json_add(parameters, "id", json_object_new_int64(id)) < 0)
                return -ENOMEM;

        if (fetch->busy) /* the next fetch begins anew */
                top_abandon(fetch);
        r = top_connect(fetch);
        if (r != 0)
                return MIN(r, 0);
        r = varlink_client_call(fetch->client, INTERFACE "GetEvent", parameters, &error, &reply);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                top_fetch_done(fetch);
        else if (!error)
                *ret_event = json_object_get(field_object(reply, "event"));
        return 0;
}
