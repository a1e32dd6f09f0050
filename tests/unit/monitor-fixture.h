/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A monitor behind a real server, and a client, on one thread: the client waits in small steps between which
 * the server's loop runs.
 */

#include "tests/unit/alert-fixture.h"
#include "tests/unit/query-fixture.h"

#include <sys/stat.h>
#include <time.h>

#include "common/varlink-client.h"
#include "common/varlink-frame.h"
#include "daemon/alert/engine.h"
#include "daemon/ipc/monitor.h"

struct peer {
        struct store *store;
        struct monitor *monitor;
        sd_event *event;
        struct varlink_server *server;
        struct varlink_client *client;
        const struct varlink_interface *interfaces[2];
        char dir[32], path[48];
        char *threshold; /* of fake_status() and fake_set() */
        struct alert_engine *alerts;
        double value; /* what the alert's rule reads next */
};

static inline const struct alert_engine *fake_alerts(void *userdata) {
        return ((struct peer *)userdata)->alerts;
}

static inline int fake_read(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        const struct peer *peer = userdata;
        const struct alert_reading cpu = { .cpu = 1, .value = peer->value }, row = { "NET_RX", CPU_NONE, 200, NULL };
        int r;

        r = alert_readings_add(readings, &cpu);
        return r < 0 ? r : alert_readings_add(readings, &row);
}

static inline void fake_emit(void *userdata, struct event *event) {
        event->id = 7;
}

static inline void fake_judge(struct peer *peer, double seconds, double value) {
        const struct stamp now = stamp_at(seconds);

        peer->value = value;
        assert_int_equal(alert_engine_evaluate(peer->alerts, ALERT_METRIC_RULES, &now), 0);
}

/* Two alerts at second 10; that of CPU 1 is cleared at second 20. */
static inline void fake_alerts_start(struct peer *peer) {
        static const struct alert_engine_ops ops = { .read = fake_read, .emit = fake_emit };
        static const struct alert_burst burst = { .burst = 10, .interval_ns = NSEC_PER_SEC };
        struct alert_rule *rule =
                alert_test_rule("[alert drops]\nmetric = net/softnet\nthreshold = 100\nper = cpu\nfor = 0\nhold = 0\n");
        const struct stamp now = stamp_at(0);

        assert_int_equal(alert_engine_new(&ops, peer, &peer->alerts), 0);
        assert_int_equal(alert_engine_set_rules(peer->alerts, &rule, 1, &burst, &now), 0);
        fake_judge(peer, 10, 150);
        fake_judge(peer, 20, 3);
}

static inline int fake_status(void *userdata, struct status *ret_status) {
        struct peer *peer = userdata;
        struct status status = {
                .version = "1.2.3",
                .started_us = AT(-5),
                .cpu_ns = 7,
                .store_budget_bytes = 1 << 26,
                .has_history = true,
                .history = { .state = HISTORY_WRITING, .path = "/p" },
                .collectors = calloc(2, sizeof(*status.collectors)),
                .n_collectors = 2,
                .settings = calloc(1, sizeof(*status.settings)),
                .n_settings = 1,
        };

        assert_non_null(status.collectors);
        assert_non_null(status.settings);
        store_get_stats(peer->store, &status.store);
        status.collectors[0] = (struct status_collector){
                .name = "softirqs",
                .summary = "softirqs per CPU",
                .state = COLLECTOR_RUNNING,
                .n_passes = 3,
                .last_pass_us = AT(9),
                .info = { .counters = { { "lostRecords", UINT64_MAX } }, .n_counters = 1 },
        };
        status.collectors[1] = (struct status_collector){
                .name = "irq-delay",
                .summary = "windows",
                .state = COLLECTOR_UNSUPPORTED,
                .reason = "no BTF",
        };
        status.settings[0] = (struct status_setting){
                .section = "irq-delay",
                .key = "threshold",
                .value = strdup(peer->threshold),
                .runtime = true,
        };
        *ret_status = status;
        return 0;
}

static inline int fake_set(void *userdata, const char *section, const char *key, const char *value,
                           char **ret_error) {
        struct peer *peer = userdata;

        if (strcmp(section, "irq-delay") != 0 || strcmp(key, "threshold") != 0 || strcmp(value, "bad") == 0) {
                *ret_error = strdup("accepted: a duration");
                return -EINVAL;
        }

        free(peer->threshold);
        peer->threshold = strdup(value);
        return 0;
}

static inline void peer_connect(struct peer *peer) {
        peer->client = varlink_client_free(peer->client);
        assert_int_equal(varlink_client_connect(peer->path, NSEC_PER_MSEC, &peer->client), 0);
}

static inline void peer_start(struct peer *peer) {
        static const struct monitor_ops ops = { .get_status = fake_status, .get_alerts = fake_alerts, .set = fake_set };
        static const struct varlink_server_info info = { "v", "p", "1", "u" };
        static const struct varlink_server_limits limits = {
                .n_connections_max = 8,
                .n_connections_per_uid_max = 8,
                .n_streams_max = 4,
                .output_bytes_max = 2 << 20,
        };

        *peer = (struct peer){ .dir = "/tmp/test-monitor-XXXXXX", .threshold = strdup("10ms") };
        assert_non_null(mkdtemp(peer->dir));
        (void)snprintf(peer->path, sizeof(peer->path), "%s/socket", peer->dir); /* fits */
        peer->store = new_store();
        fake_alerts_start(peer);
        assert_int_equal(monitor_new(peer->store, &ops, peer, &peer->monitor), 0);
        peer->interfaces[0] = monitor_interface(peer->monitor);
        assert_int_equal(sd_event_new(&peer->event), 0);
        assert_int_equal(varlink_server_new(peer->event, &info, peer->interfaces, &limits, &peer->server), 0);
        assert_int_equal(varlink_server_listen(peer->server, peer->path, (gid_t)-1), 0);
        peer_connect(peer);
}

static inline void peer_stop(struct peer *peer) {
        peer->client = varlink_client_free(peer->client);
        peer->server = varlink_server_free(peer->server);
        peer->monitor = monitor_free(peer->monitor);
        peer->store = store_free(peer->store);
        peer->alerts = alert_engine_free(peer->alerts);
        peer->event = sd_event_unref(peer->event);
        assert_int_equal(rmdir(peer->dir), 0);
        free(peer->threshold);
}

static inline double now_seconds(void) {
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One reply. ret_error NULL: an error fails the test. Negative only when the server closed. */
static inline int peer_receive(struct peer *peer, char **ret_error, struct json_object **ret_parameters,
                               bool *ret_continues) {
        double deadline = now_seconds() + 20;
        char *error = NULL;
        int r;

        do {
                assert_true(now_seconds() < deadline);
                while (sd_event_run(peer->event, 0) > 0)
                        ;
                r = varlink_client_receive(peer->client, &error, ret_parameters, ret_continues);
        } while (r == -ETIMEDOUT);

        if (ret_error)
                *ret_error = error;
        else
                assert_null(error);
        return r;
}

static inline void peer_send(struct peer *peer, const char *method, const char *parameters, bool more) {
        _cleanup_(json_putp) struct json_object *object = NULL;
        char name[64];

        object = json_tokener_parse(parameters);
        assert_non_null(object);
        (void)snprintf(name, sizeof(name), "io.irqwatch.monitor.%s", method); /* fits */
        assert_int_equal(varlink_client_send(peer->client, name, object, more), 0);
}

/* The result's parameters, owned. */
static inline struct json_object *peer_call(struct peer *peer, const char *method, const char *parameters) {
        struct json_object *result = NULL;
        bool continues;

        peer_send(peer, method, parameters, false);
        assert_int_equal(peer_receive(peer, NULL, &result, &continues), 0);
        assert_false(continues);
        return result;
}

/* The call ends with this error, which has this parameter. */
static inline void peer_call_error(struct peer *peer, const char *method, const char *parameters,
                                   const char *expected, const char *key, const char *value) {
        _cleanup_(json_putp) struct json_object *result = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues;

        peer_send(peer, method, parameters, false);
        assert_int_equal(peer_receive(peer, &error, &result, &continues), 0);
        assert_non_null(error);
        assert_string_equal(error, expected);
        if (key)
                assert_string_equal(json_object_get_string(json_object_object_get(result, key)), value);
}

/* Follows keys and indices: at(report, "report.windows.byCulprit.0.count"). Borrowed. */
static inline struct json_object *at(struct json_object *object, const char *path) {
        char copy[128], *save = NULL;

        (void)snprintf(copy, sizeof(copy), "%s", path); /* fits */
        for (char *key = strtok_r(copy, ".", &save); key; key = strtok_r(NULL, ".", &save)) {
                if (json_object_is_type(object, json_type_array))
                        object = json_object_array_get_idx(object, strtoul(key, NULL, 10));
                else if (!json_object_object_get_ex(object, key, &object))
                        fail_msg("%s has no %s", path, key);
        }

        return object;
}

#define check_text(object, path, expected) \
        assert_string_equal(json_object_get_string(at(object, path)), expected)
#define check_int(object, path, expected) assert_int_equal(json_object_get_int64(at(object, path)), expected)
