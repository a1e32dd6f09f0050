/* SPDX-License-Identifier: Apache-2.0 */

/* GetCounts: several metrics over one span in one small answer, for programs that ask all the time. */

#include <string.h>

#include "daemon/ipc/json-counts.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/query/rates.h"

const struct varlink_field monitor_counts_fields[] = {
        { "metrics", VARLINK_STRINGS, true },
        { "sinceUsec", VARLINK_INTEGER, true },
        { "untilUsec", VARLINK_INTEGER, false },
        { "cpus", VARLINK_INTEGERS, false },
        {},
};

static int make_counts(const void *result, bool with_cpus, struct json_object **ret_object) {
        return json_counts(result, with_cpus, ret_object);
}

/* "cpu/cpu-time", or "softirqs" for the source's first metric. */
static int query_one(const struct monitor_question *question, const struct store *store,
                     struct counts_metric *metric) {
        const struct monitor_params *params = question->params;
        _cleanup_(freep) char *source = strdup(metric->name);
        char *slash = source ? strchr(source, '/') : NULL;
        int r;

        if (!source)
                return -ENOMEM;
        if (slash)
                *slash++ = '\0';

        const struct rates_request request = {
                .source = source,
                .metric = slash,
                .since_us = params->since_us,
                .until_us = MIN(params->until_us, question->now_us),
                .cpus = params->has_cpus ? &params->cpus : NULL,
        };

        r = rates_query(store, &request, &metric->rates);
        if (r == -ENOENT) {
                metric->absent = monitor_no_rates_reason(
                        store, &(const struct monitor_params){ .source = source, .metric = slash }, false);
                return 0;
        }
        return r;
}

static int answer_counts(const struct monitor_question *question, const struct store *store,
                         struct monitor_answer *answer) {
        const struct monitor_names *names = &question->params->metrics;
        _cleanup_(counts_done) struct counts counts = { .last_event_id = -1, .tier = question->tier };
        size_t n_events = store_n_events(store);
        int r;

        if (names->n > COUNTS_METRICS_MAX) {
                answer->error = "org.varlink.service.InvalidParameter";
                return monitor_wrap("parameter", json_object_new_string("metrics"),
                                    &answer->error_parameters);
        }

        /* What is read from disk for this has no events. */
        if (strcmp(question->tier, "memory") == 0)
                counts.last_event_id = n_events > 0 ? store_event_at(store, n_events - 1)->id : 0;
        for (size_t i = 0; i < names->n; i++) {
                struct counts_metric *metric = &counts.metrics[counts.n_metrics++];

                *metric = (struct counts_metric){ .name = names->names[i] };
                r = query_one(question, store, metric);
                if (r < 0)
                        return r;
        }

        return monitor_answer_within_limit(answer, "counts", make_counts, &counts);
}

int monitor_get_counts(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        return monitor_ask(call, userdata, monitor_counts_fields, parameters, MONITOR_SAMPLES, answer_counts);
}
