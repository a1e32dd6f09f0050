/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any JSON as the parameters of any method of io.irqwatch.monitor: what is refused is named, what is accepted
 * is within its range and gets an answer that is valid JSON. What stands before the first brace is the method's name.
 */

#include <string.h>

#include "common/varlink-frame.h"
#include "daemon/collect/registry.h"
#include "daemon/ipc/json-event.h"
#include "daemon/ipc/json-rates.h"
#include "daemon/ipc/json-report.h"
#include "daemon/ipc/monitor-params.h"
#include "daemon/ipc/monitor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_US = 100 * 1000000 };

static struct store *store;
static struct monitor *monitor;

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static void add_event(uint64_t time_us, int cpu) {
        _cleanup_(event_unrefp) struct event *event = NULL;

        CHECK(event_new(EVENT_IRQ_DELAY, &event) == 0);
        event->class = CLASS_IRQ_OFF;
        event->time_us = time_us;
        event->cpu = cpu;
        event->has_task = event->has_duration = true;
        event->duration_min_ns = event->duration_max_ns = NSEC_PER_SEC;
        memcpy(event->comm, "\xff x", 4);
        event->culprit = strdup("f");
        CHECK(event->culprit && store_add_event(store, event) == 0);
}

/* Twenty passes and events, one a second. */
static void fill_store(void) {
        static const struct store_limits limits = {
                .budget_bytes = 1 << 24,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = 100,
                .n_series_max = 1000,
        };
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source;

        CHECK(store_new(&limits, &store) == 0);
        CHECK(monitor_new(store, NULL, NULL, &monitor) == 0);
        CHECK(store_add_source(store, "softirqs", collector_softirqs.metrics, collector_softirqs.n_metrics,
                               &source) == 0);
        batch_init(&batch);
        for (unsigned i = 1; i <= 20; i++) {
                batch_clear(&batch);
                batch.stamp = (struct stamp){ i * NSEC_PER_SEC, i * USEC_PER_SEC };
                CHECK(batch_add_row(&batch, 0, &(struct row_key){ .name = "NET_RX" }) == 0);
                for (int cpu = 0; cpu < 4; cpu++)
                        CHECK(batch_add(&batch, cpu, i * 1000 * (unsigned)cpu) == 0);
                CHECK(store_commit(store, source, &batch) == 0);
                add_event(i * USEC_PER_SEC, (int)i % 5 - 1);
        }
}

/* The object, which is consumed, survives the wire. */
static void check_json(struct json_object *object) {
        _cleanup_(json_putp) struct json_object *again = NULL, *owned = object;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        CHECK(varlink_serialize(owned, &text, &size) == 0);
        CHECK(varlink_parse(text, size, &again) == 0);
        CHECK(json_object_is_type(again, json_type_object));
}

static void check_report(const struct monitor_params *params, const struct cpu_set *cpus) {
        const struct report_request request = { params->since_us, MIN(params->until_us, (uint64_t)NOW_US),
                                                cpus };
        static const struct json_host host = { "host", "kernel", "boot" };
        _cleanup_(report_freep) struct report *report = NULL;
        struct json_object *object;

        CHECK(report_query(store, &request, &report) == 0);
        CHECK(json_report(report, &(struct json_report_request){ .host = &host, .with_cpus = true },
                          &object) == 0);
        check_json(object);
}

static void check_rates(const struct monitor_params *params, const struct cpu_set *cpus) {
        const struct rates_request request = { params->source, params->metric, params->since_us,
                                               params->until_us, cpus };
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct json_object *object;

        if (rates_query(store, &request, &rates) < 0)
                return;

        CHECK(rates->elapsed_ns > 0 && rates->since_us < rates->until_us);
        CHECK(json_rates(rates, true, &object) == 0);
        check_json(object);
}

static void check_events(const struct monitor_params *params, const struct cpu_set *cpus) {
        const struct events_request request = { params->since_us, params->until_us, params->kinds, cpus,
                                                params->culprit,  params->after_id, params->limit };
        _cleanup_(freep) struct event **events = NULL;
        size_t n;

        CHECK(events_query(store, &request, &events, &n) == 0);
        CHECK(!params->limit || n <= params->limit);
        for (size_t i = 0; i < n; i++) {
                struct json_object *object;

                CHECK(events[i]->id > params->after_id && events[i]->time_us > params->since_us);
                CHECK(!cpus || cpu_set_contains(cpus, events[i]->cpu));
                CHECK(json_event(events[i], &object) == 0);
                check_json(object);
        }
}

static void check_params(const struct monitor_params *params) {
        const struct cpu_set *cpus = params->has_cpus ? &params->cpus : NULL;

        CHECK(params->since_us < params->until_us && params->since_us < NOW_US);
        CHECK(params->after_id >= 0 && params->id >= 0);
        CHECK(params->kinds < UINT32_C(1) << _EVENT_KIND_MAX);
        CHECK(!cpus || cpu_set_count(cpus) > 0);
        check_report(params, cpus);
        check_events(params, cpus);
        if (params->source)
                check_rates(params, cpus);
}

static const struct varlink_method *find_method(const char *name, size_t n) {
        const struct varlink_method *method = monitor_interface(monitor)->methods;

        while (method->name && (strlen(method->name) != n || memcmp(method->name, name, n) != 0))
                method++;
        return method->name ? method : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(json_putp) struct json_object *parameters = NULL;
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        _cleanup_(freep) char *text = NULL;
        const struct varlink_method *method;
        const char *invalid = NULL;
        size_t n;
        int r;

        if (!monitor)
                fill_store();
        text = strndup((const char *)data, size);
        CHECK(text);
        n = strcspn(text, "{");
        method = find_method(text, n);
        if (!method || !method->fields || varlink_parse(text + n, strlen(text + n), &parameters) < 0)
                return 0;

        r = monitor_params_parse(method->fields, parameters, NOW_US, &params, &invalid);
        CHECK(r == 0 || (r == 1 && invalid));
        if (r == 0)
                check_params(&params);
        return 0;
}
