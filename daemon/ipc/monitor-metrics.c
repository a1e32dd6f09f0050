/* SPDX-License-Identifier: Apache-2.0 */

/* GetMetrics and GetEventTotals: cumulative values, for exporters. */

#include "daemon/ipc/json-metrics.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/query/counters.h"

const struct varlink_field monitor_metrics_fields[] = {
        { "source", VARLINK_STRING, true },
        { "metrics", VARLINK_STRINGS, false },
        { "rows", VARLINK_STRINGS, false },
        { "perCpu", VARLINK_BOOLEAN, false },
        {},
};

static int make_metrics(const void *result, bool with_cpus, struct json_object **ret_object) {
        return json_metrics(result, with_cpus, ret_object);
}

int monitor_get_metrics(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        _cleanup_(counters_freep) struct counters *counters = NULL;
        struct monitor *monitor = userdata;
        int r;

        r = monitor_reply_recorded(call, monitor, NULL);
        if (r == 0)
                r = monitor_parse(call, monitor, monitor_metrics_fields, parameters, &params, NULL);
        if (r != 0)
                return MIN(r, 0);

        const struct counters_request request = {
                .source = params.source,
                .metrics = { params.metrics.names, params.metrics.n },
                .rows = { params.rows.names, params.rows.n },
                .per_cpu = params.per_cpu,
        };

        r = counters_query(monitor->store, &request, &counters);
        if (r == -ENOENT)
                return monitor_reply_no_data(call, params.source,
                                             store_find_source(monitor->store, params.source) < 0
                                                     ? "no collector of that name has run"
                                                     : "the collector has not taken a pass yet");
        if (r < 0)
                return r;
        return monitor_reply_within_limit(call, "metrics", make_metrics, counters);
}

int monitor_get_event_totals(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        const struct monitor *monitor = userdata;
        struct json_object *object;
        int r;

        r = monitor_reply_recorded(call, monitor, NULL);
        if (r != 0)
                return MIN(r, 0);
        r = json_event_totals(store_event_totals(monitor->store), &object);
        if (r < 0)
                return r;
        return monitor_reply(call, "totals", object);
}
