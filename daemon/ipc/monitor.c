/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/monitor.h"

#include <string.h>

#include "common/varlink-frame.h"
#include "daemon/ipc/json-alerts.h"
#include "daemon/ipc/json-event.h"
#include "daemon/ipc/json-rates.h"
#include "daemon/ipc/json-report.h"
#include "daemon/ipc/json-status.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/query/histograms.h"
#include "daemon/query/latency.h"
#include "daemon/query/rates.h"
#include "daemon/query/report.h"

/* The interface file itself, turned into string literals by the build. */
static const char monitor_description[] =
#include "daemon/io.irqwatch.monitor.varlink.inc"
        ;

uint64_t monitor_now(const struct monitor *monitor) {
        struct stamp now;

        if (monitor->record)
                return monitor->record->now_us;

        stamp_now(&now);
        return now.realtime_us;
}

int monitor_parse(struct varlink_call *call, const struct monitor *monitor, const struct varlink_field *fields,
                  struct json_object *parameters, struct monitor_params *ret_params, uint64_t *ret_now_us) {
        uint64_t now_us = monitor_now(monitor);
        const char *invalid;
        int r;

        r = monitor_params_parse(fields, parameters, now_us, ret_params, &invalid);
        if (r < 0)
                return r;
        if (r > 0) {
                r = varlink_call_invalid_parameter(call, invalid);
                return r < 0 ? r : 1;
        }

        if (ret_now_us)
                *ret_now_us = now_us;
        return 0;
}

int monitor_wrap(const char *key, struct json_object *value, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object();

        if (value)
                json_set(&writer, key, value);
        else
                json_set_null(&writer, key);
        return json_writer_finish(&writer, ret_object);
}

int monitor_reply(struct varlink_call *call, const char *key, struct json_object *value) {
        struct json_object *object;
        int r;

        r = monitor_wrap(key, value, &object);
        if (r < 0)
                return r;
        return varlink_call_reply(call, object);
}

int monitor_reply_recorded(struct varlink_call *call, const struct monitor *monitor, struct json_object *reply) {
        int r;

        if (!monitor->record)
                return 0;

        r = reply ? varlink_call_reply(call, json_object_get(reply))
                  : varlink_call_error(call, MONITOR_INTERFACE ".NotRecorded", NULL);
        return r < 0 ? r : 1;
}

static int get_status(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct monitor *monitor = userdata;
        _cleanup_(status_done) struct status status = {};
        struct json_object *object;
        struct json_host host;
        int r;

        r = monitor_reply_recorded(call, monitor, monitor->record ? monitor->record->status : NULL);
        if (r != 0)
                return MIN(r, 0);
        r = json_host_read(&host);
        if (r < 0)
                return r;
        r = monitor->ops->get_status(monitor->userdata, &status);
        if (r < 0)
                return r;
        r = json_status(&status, &host, monitor_now(monitor), &object);
        if (r < 0)
                return r;
        return monitor_reply(call, "status", object);
}

/* On machines with very many CPUs the lists per CPU may not fit into a message: then without them. */
int monitor_reply_within_limit(struct varlink_call *call, const char *key, monitor_make_fn make, const void *result) {
        struct json_object *object;
        int r;

        for (int with_lists = 1; with_lists >= 0; with_lists--) {
                r = make(result, with_lists, &object);
                if (r < 0)
                        return r;
                r = monitor_reply(call, key, object);
                if (r != -EMSGSIZE)
                        return r;
        }

        return varlink_call_error(call, MONITOR_INTERFACE ".TooLarge", NULL);
}

static const struct varlink_field report_fields[] = {
        { "sinceUsec", VARLINK_INTEGER, true },
        { "untilUsec", VARLINK_INTEGER, false },
        { "cpus", VARLINK_INTEGERS, false },
        { "interruptsMax", VARLINK_INTEGER, false },
        { "perCpuMax", VARLINK_INTEGER, false },
        {},
};

/* What an answer is made from. */
struct answered {
        const struct monitor_question *question;
        const void *result;
        const struct json_host *host; /* of a report */
};

/* Says where the answer is from. Consumes the object. */
static int add_origin(const struct answered *answered, bool with_events, struct json_object *object,
                      struct json_object **ret_object) {
        struct json_writer writer = { .object = object };

        json_set_text(&writer, "tier", answered->question->tier);
        if (with_events)
                json_set_bool(&writer, "eventsLeftOut", answered->question->events_left_out);
        return json_writer_finish(&writer, ret_object);
}

static int make_report(const void *userdata, bool with_cpus, struct json_object **ret_object) {
        const struct answered *answered = userdata;
        const struct json_report_request request = {
                .host = answered->host,
                .with_cpus = with_cpus,
                .interrupts_max = answered->question->params->interrupts_max,
                .per_cpu_max = answered->question->params->per_cpu_max,
        };
        struct json_object *object;
        int r;

        r = json_report(answered->result, &request, &object);
        return r < 0 ? r : add_origin(answered, true, object, ret_object);
}

static int answer_report(const struct monitor_question *question, const struct store *store,
                         struct monitor_answer *answer) {
        _cleanup_(report_freep) struct report *result = NULL;
        const struct monitor_params *params = question->params;
        const struct report_request request = {
                .since_us = params->since_us,
                .until_us = MIN(params->until_us, question->now_us),
                .cpus = params->has_cpus ? &params->cpus : NULL,
                .status = question->status,
                .captured = question->record && question->record->captured,
        };
        struct json_host host;
        int r = 0;

        if (question->record)
                host = question->record->host;
        else
                r = json_host_read(&host);
        if (r >= 0)
                r = report_query(store, &request, &result);
        if (r < 0)
                return r;

        return monitor_answer_within_limit(
                answer, "report", make_report,
                &(struct answered){ .question = question, .result = result, .host = &host });
}

static int report(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, report_fields, parameters, MONITOR_SAMPLES | MONITOR_EVENTS | MONITOR_STATUS,
                           answer_report);
}

static int make_latency(const void *result, bool with_cpus _unused_, struct json_object **ret_object) {
        return json_latency(result, ret_object);
}

/* Where nothing was measured the list is empty, as in a report. */
static int answer_latency(const struct monitor_question *question, const struct store *store,
                          struct monitor_answer *answer) {
        _cleanup_(latency_freep) struct latency *latency = NULL;
        const struct monitor_params *params = question->params;
        int r;

        r = latency_query(store, params->since_us, MIN(params->until_us, question->now_us),
                          params->has_cpus ? &params->cpus : NULL, &latency);
        if (r < 0 && r != -ENOENT)
                return r;
        return monitor_answer_within_limit(answer, "latency", make_latency, latency);
}

static const struct varlink_field latency_fields[] = {
        { "sinceUsec", VARLINK_INTEGER, true },
        { "untilUsec", VARLINK_INTEGER, false },
        { "cpus", VARLINK_INTEGERS, false },
        {},
};

static int get_latency(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, latency_fields, parameters, MONITOR_SAMPLES | MONITOR_IRQ_DELAY,
                           answer_latency);
}

static const struct varlink_field event_fields[] = { { "id", VARLINK_INTEGER, true }, {} };

static int answer_event(const struct monitor_question *question, const struct store *store,
                        struct monitor_answer *answer) {
        const struct event *event = store_find_event(store, question->params->id);
        size_t size;

        if (!event) {
                answer->error = MONITOR_INTERFACE ".NoSuchEvent";
                return monitor_wrap("id", json_object_new_int64(question->params->id), &answer->error_parameters);
        }

        answer->key = "event";
        return json_event_within(event, MONITOR_EVENTS_BYTES, true, &answer->value, &size);
}

static int get_event(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, event_fields, parameters, MONITOR_ONE_EVENT, answer_event);
}

static const struct varlink_field rates_fields[] = {
        { "source", VARLINK_STRING, true },     { "metric", VARLINK_STRING, false },
        { "sinceUsec", VARLINK_INTEGER, true }, { "untilUsec", VARLINK_INTEGER, false },
        { "cpus", VARLINK_INTEGERS, false },    {},
};

static int make_rates(const void *userdata, bool with_cpus, struct json_object **ret_object) {
        const struct answered *answered = userdata;
        struct json_object *object;
        int r;

        r = json_rates(answered->result, with_cpus, &object);
        return r < 0 ? r : add_origin(answered, false, object, ret_object);
}

const char *monitor_no_rates_reason(const struct store *store, const struct monitor_params *params, bool histogram) {
        const struct metric_desc *metrics;
        int source;
        size_t n;

        source = store_find_source(store, params->source);
        if (source < 0)
                return "no collector of that name has run";

        metrics = store_source_metrics(store, (unsigned)source, &n);
        for (size_t i = 0; i < n; i++) {
                if (params->metric && strcmp(metrics[i].name, params->metric) != 0)
                        continue;
                if (histogram && metrics[i].type != METRIC_HISTOGRAM)
                        return "this metric is no histogram";
                return metrics[i].type == METRIC_GAUGE ? "this metric is a gauge: it has values, but no rate"
                                                       : "fewer than two passes in that span to compare";
        }

        return "the collector has no metric of that name";
}

static int make_no_data(const char *source, const char *reason, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object();

        json_set_text(&writer, "source", source);
        json_set_text(&writer, "reason", reason);
        return json_writer_finish(&writer, ret_object);
}

int monitor_reply_no_data(struct varlink_call *call, const char *source, const char *reason) {
        struct json_object *object;
        int r;

        r = make_no_data(source, reason, &object);
        return r < 0 ? r : varlink_call_error(call, MONITOR_INTERFACE ".NoData", object);
}

static int answer_no_data(const char *source, const char *reason, struct monitor_answer *answer) {
        answer->error = MONITOR_INTERFACE ".NoData";
        return make_no_data(source, reason, &answer->error_parameters);
}

static struct rates_request rates_request_of(const struct monitor_question *question) {
        const struct monitor_params *params = question->params;

        return (struct rates_request){
                .source = params->source,
                .metric = params->metric,
                .since_us = params->since_us,
                .until_us = MIN(params->until_us, question->now_us),
                .cpus = params->has_cpus ? &params->cpus : NULL,
        };
}

static int answer_rates(const struct monitor_question *question, const struct store *store,
                        struct monitor_answer *answer) {
        const struct rates_request request = rates_request_of(question);
        _cleanup_(rates_freep) struct rates *rates = NULL;
        int r;

        r = rates_query(store, &request, &rates);
        if (r == -ENOENT)
                return answer_no_data(request.source, monitor_no_rates_reason(store, question->params, false), answer);
        if (r < 0)
                return r;

        return monitor_answer_within_limit(answer, "rates", make_rates,
                                           &(struct answered){ .question = question, .result = rates });
}

static int get_rates(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, rates_fields, parameters, MONITOR_SAMPLES, answer_rates);
}

static const struct varlink_field histograms_fields[] = {
        { "source", VARLINK_STRING, true },     { "metric", VARLINK_STRING, true },
        { "sinceUsec", VARLINK_INTEGER, true }, { "untilUsec", VARLINK_INTEGER, false },
        { "cpus", VARLINK_INTEGERS, false },    {},
};

static int make_histograms(const void *userdata, bool with_buckets, struct json_object **ret_object) {
        const struct answered *answered = userdata;
        struct json_object *object;
        int r;

        r = json_histograms(answered->result, with_buckets, &object);
        return r < 0 ? r : add_origin(answered, false, object, ret_object);
}

static int answer_histograms(const struct monitor_question *question, const struct store *store,
                             struct monitor_answer *answer) {
        const struct rates_request request = rates_request_of(question);
        _cleanup_(histograms_freep) struct histograms *histograms = NULL;
        int r;

        r = histograms_query(store, &request, &histograms);
        if (r == -ENOENT)
                return answer_no_data(request.source, monitor_no_rates_reason(store, question->params, true), answer);
        if (r < 0)
                return r;

        return monitor_answer_within_limit(answer, "histograms", make_histograms,
                                           &(struct answered){ .question = question, .result = histograms });
}

static int get_histograms(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, histograms_fields, parameters, MONITOR_SAMPLES, answer_histograms);
}

static int list_alerts(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct monitor *monitor = userdata;
        struct json_object *object;
        int r;

        r = monitor_reply_recorded(call, monitor, monitor->record ? monitor->record->alerts : NULL);
        if (r != 0)
                return MIN(r, 0);
        r = json_alerts(monitor->ops->get_alerts(monitor->userdata), &object);
        if (r < 0)
                return r;
        r = varlink_call_reply(call, object);
        return r == -EMSGSIZE ? varlink_call_error(call, MONITOR_INTERFACE ".TooLarge", NULL) : r;
}

static const struct varlink_field set_fields[] = {
        { "name", VARLINK_STRING, true },
        { "value", VARLINK_STRING, true },
        {},
};

/* The setting's value as status has it, or NULL when there is none of that name. */
static int get_setting(struct monitor *monitor, const char *section, const char *key, char **ret_value) {
        _cleanup_(status_done) struct status status = {};
        int r;

        r = monitor->ops->get_status(monitor->userdata, &status);
        if (r < 0)
                return r;

        for (size_t i = 0; i < status.n_settings; i++) {
                struct status_setting *setting = &status.settings[i];

                if (strcmp(setting->section, section) == 0 && strcmp(setting->key, key) == 0) {
                        *ret_value = TAKE_PTR(setting->value);
                        return 0;
                }
        }

        *ret_value = NULL;
        return 0;
}

static int reply_invalid_setting(struct varlink_call *call, const char *name, const char *reason) {
        struct json_writer writer = json_writer_object();
        struct json_object *object;
        int r;

        json_set_text(&writer, "name", name);
        json_set_text(&writer, "reason", reason ?: "the value was refused");
        r = json_writer_finish(&writer, &object);
        if (r < 0)
                return r;
        return varlink_call_error(call, MONITOR_INTERFACE ".InvalidSetting", object);
}

static int reply_setting(struct varlink_call *call, const char *name, const char *value,
                         const char *previous) {
        struct json_writer writer = json_writer_object();
        struct json_object *object;
        int r;

        json_set_text(&writer, "name", name);
        json_set_text(&writer, "value", value ?: "");
        json_set_text(&writer, "previous", previous ?: "");
        r = json_writer_finish(&writer, &object);
        if (r < 0)
                return r;
        return varlink_call_reply(call, object);
}

static int change_setting(struct monitor *monitor, struct varlink_call *call, const char *name,
                          const char *section, const char *key, const char *value) {
        _cleanup_(freep) char *previous = NULL, *now = NULL, *error = NULL;
        int r;

        r = get_setting(monitor, section, key, &previous);
        if (r < 0)
                return r;
        r = monitor->ops->set(monitor->userdata, section, key, value, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return reply_invalid_setting(call, name, error);
        r = get_setting(monitor, section, key, &now);
        if (r < 0)
                return r;
        return reply_setting(call, name, now, previous);
}

static int set(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        _cleanup_(freep) char *section = NULL;
        char *dot;
        int r;

        r = monitor_reply_recorded(call, userdata, NULL);
        if (r == 0)
                r = monitor_parse(call, userdata, set_fields, parameters, &params, NULL);
        if (r != 0)
                return MIN(r, 0);

        section = strdup(params.name);
        if (!section)
                return -ENOMEM;
        dot = strrchr(section, '.'); /* the last one: keys have none, names of alerts may */
        if (!dot)
                return reply_invalid_setting(call, params.name,
                                             "a setting is named SECTION.KEY, as in irq-delay.threshold");

        *dot = '\0';
        return change_setting(userdata, call, params.name, section, dot + 1, params.value);
}

static const struct varlink_method monitor_methods[] = {
        { "GetStatus", NULL, 0, get_status },
        { "Report", report_fields, 0, report },
        { "ListEvents", monitor_list_fields, VARLINK_METHOD_MAY_STREAM, monitor_list_events },
        { "Subscribe", monitor_subscribe_fields, VARLINK_METHOD_STREAMS, monitor_subscribe },
        { "GetEvent", event_fields, 0, get_event },
        { "ListBoots", NULL, 0, monitor_list_boots },
        { "GetRates", rates_fields, 0, get_rates },
        { "GetRateSteps", monitor_steps_fields, VARLINK_METHOD_STREAMS, monitor_get_rate_steps },
        { "GetCounts", monitor_counts_fields, 0, monitor_get_counts },
        { "GetHistograms", histograms_fields, 0, get_histograms },
        { "ListAlerts", NULL, 0, list_alerts },
        { "GetMetrics", monitor_metrics_fields, 0, monitor_get_metrics },
        { "GetEventTotals", NULL, 0, monitor_get_event_totals },
        { "Export", monitor_export_fields, VARLINK_METHOD_STREAMS, monitor_export },
        { "GetLatency", latency_fields, 0, get_latency },
        { "Set", set_fields, VARLINK_METHOD_ROOT, set },
        {},
};

int monitor_new(const struct store *store, const struct monitor_ops *ops, void *userdata,
                struct monitor **ret_monitor) {
        struct monitor *monitor;
        struct stamp now;

        monitor = calloc(1, sizeof(*monitor));
        if (!monitor)
                return -ENOMEM;

        stamp_now(&now);
        *monitor = (struct monitor){
                .store = store,
                .started_us = now.realtime_us,
                .ops = ops,
                .userdata = userdata,
                .interface = {
                        .name = MONITOR_INTERFACE,
                        .description = monitor_description,
                        .methods = monitor_methods,
                        .userdata = monitor,
                },
        };
        *ret_monitor = monitor;
        return 0;
}

void monitor_use_history(struct monitor *monitor, struct history *history) {
        monitor->history = history;
}

struct monitor *monitor_free(struct monitor *monitor) {
        if (!monitor)
                return NULL;

        monitor_drop_subscriptions(monitor);
        free(monitor);
        return NULL;
}

void monitor_use_record(struct monitor *monitor, const struct monitor_record *record) {
        monitor->record = record;
        monitor->started_us = UINT64_MAX; /* of what is in a file memory has nothing */
}

const struct varlink_interface *monitor_interface(const struct monitor *monitor) {
        return &monitor->interface;
}
