/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-alerts.h"

#include <string.h>

#include "common/log.h"
#include "daemon/collect/collector.h"
#include "daemon/config-alert.h"
#include "daemon/manager-readings.h"
#include "daemon/manager-unit.h"

/* A report costs some milliseconds on a large machine, and what it finds in a minute does not change faster.
 */
#define FINDINGS_INTERVAL_NS (10 * NSEC_PER_SEC)
/* Judging may wait for some other wake-up for this long. */
#define SLACK_US (250 * 1000)

struct alerts_loop {
        struct alert_engine *engine;
        struct alert_reader reader;
        struct unit_starter *units;
        struct event_sink *sink; /* borrowed */
        sd_event_source *timer;
        uint64_t interval_ns;
        uint64_t findings_ns; /* when findings were judged last */
        bool memory_failed;   /* and said so */
};

static int read_rule(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        struct alerts_loop *loop = userdata;

        return alert_reader_read(&loop->reader, rule, readings);
}

static void emit(void *userdata, struct event *event) {
        struct alerts_loop *loop = userdata;

        if (loop->sink->add(loop->sink, event) < 0)
                log_error("no memory to record an alert");
}

static void start_unit(void *userdata, const struct alert_rule *rule) {
        struct alerts_loop *loop = userdata;

        unit_starter_start(loop->units, rule->unit);
}

static const struct alert_engine_ops engine_ops = {
        .read = read_rule,
        .emit = emit,
        .start_unit = start_unit,
};

static void judge(struct alerts_loop *loop, enum alert_which which, const struct stamp *now) {
        int r;

        r = alert_engine_evaluate(loop->engine, which, now);
        if (r < 0 && !loop->memory_failed)
                log_warning("alerts: not every rule could be judged: %s", strerror(-r));
        loop->memory_failed = r < 0;
}

static bool is_set(const struct alerts_loop *loop) {
        return loop->interval_ns > 0 && alert_engine_n_rules(loop->engine) > 0;
}

/* Findings are rarer than the timer, never more often than they cost. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct alerts_loop *loop = userdata;
        struct stamp now;
        int r;

        stamp_now(&now);
        alert_reader_begin(&loop->reader, now.realtime_us);
        judge(loop, ALERT_METRIC_RULES, &now);
        if (alert_engine_wants_findings(loop->engine) &&
            now.monotonic_ns >= loop->findings_ns + FINDINGS_INTERVAL_NS - SLACK_US * NSEC_PER_USEC) {
                judge(loop, ALERT_FINDING_RULES, &now);
                loop->findings_ns = now.monotonic_ns;
        }
        alert_reader_end(&loop->reader);

        r = sd_event_source_set_time_relative(source, loop->interval_ns / NSEC_PER_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int load_rules(struct alerts_loop *loop, const struct config *config, bool enabled) {
        const struct alert_burst burst = {
                .burst = (unsigned)config_get(config, "journal", "burst"), /* at most 10000 */
                .interval_ns = config_get(config, "journal", "interval"),
        };
        struct alert_rule **rules = NULL;
        struct stamp now;
        size_t n = 0;
        int r;

        r = config_get_alert_rules(config, &rules, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++)
                rules[i]->enabled &= enabled;
        stamp_now(&now);
        r = alert_engine_set_rules(loop->engine, rules, n, &burst, &now);
        config_free_rules(rules, n);
        return r;
}

int alerts_loop_configure(struct alerts_loop *loop, const struct config *config) {
        bool enabled = config_get_boolean(config, "alerts", "enabled");
        uint64_t interval_ns = config_get(config, "alerts", "interval"), before_ns = loop->interval_ns;
        int r;

        r = load_rules(loop, config, enabled);
        if (r < 0)
                return r;

        loop->interval_ns = enabled ? interval_ns : 0;
        if (!is_set(loop))
                return sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
        if (before_ns == interval_ns)
                return 0; /* its next time stands */

        r = sd_event_source_set_time_relative(loop->timer, interval_ns / NSEC_PER_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT);
}

int alerts_loop_new(sd_event *event, const struct store *store, struct event_sink *sink,
                    const struct config *config, struct alerts_loop **ret_loop) {
        _cleanup_(alerts_loop_freep) struct alerts_loop *loop = NULL;
        int r;

        loop = calloc(1, sizeof(*loop));
        if (!loop)
                return -ENOMEM;

        loop->sink = sink;
        loop->reader.store = store;
        if ((r = alert_engine_new(&engine_ops, loop, &loop->engine)) < 0 ||
            (r = unit_starter_new(event, NULL, &loop->units)) < 0 ||
            (r = sd_event_add_time(event, &loop->timer, CLOCK_MONOTONIC, 0, SLACK_US, on_timer, loop)) < 0 ||
            (r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF)) < 0 ||
            (r = alerts_loop_configure(loop, config)) < 0)
                return r;

        *ret_loop = TAKE_PTR(loop);
        return 0;
}

struct alerts_loop *alerts_loop_free(struct alerts_loop *loop) {
        if (!loop)
                return NULL;

        sd_event_source_disable_unref(loop->timer);
        alert_reader_end(&loop->reader);
        unit_starter_free(loop->units);
        alert_engine_free(loop->engine);
        free(loop);
        return NULL;
}

const struct alert_engine *alerts_loop_engine(const struct alerts_loop *loop) {
        return loop->engine;
}
