/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/monitor-fixture.h"

#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"

static int setup(void **state) {
        static struct peer peer;
        struct stamp now;

        stamp_now(&now);
        base_us = now.realtime_us - 1000 * USEC_PER_SEC;
        peer_start(&peer);
        *state = &peer;
        return 0;
}

static int teardown(void **state) {
        peer_stop(*state);
        return 0;
}

static void check_invalid(struct peer *peer, const char *method, const char *parameters, const char *name) {
        peer_call_error(peer, method, parameters, "org.varlink.service.InvalidParameter", "parameter", name);
}

static void test_invalid_parameters(void **state) {
        static const struct {
                const char *method, *parameters, *name;
        } cases[] = {
                { "Report", "{}", "sinceUsec" },
                { "Report", "{\"sinceUsec\": null}", "sinceUsec" },
                { "Report", "{\"sinceUsec\": \"1\"}", "sinceUsec" },
                { "Report", "{\"sinceUsec\": -1}", "sinceUsec" },
                { "Report", "{\"sinceUsec\": 9000000000000000000}", "sinceUsec" }, /* in the future */
                { "Report", "{\"sinceUsec\": 5, \"untilUsec\": 5}", "untilUsec" },
                { "Report", "{\"sinceUsec\": 5, \"untilUsec\": -5}", "untilUsec" },
                { "Report", "{\"sinceUsec\": 5, \"cpus\": [0, -1]}", "cpus" },
                { "Report", "{\"sinceUsec\": 5, \"cpus\": [8192]}", "cpus" },
                { "Report", "{\"sinceUsec\": 5, \"cpus\": []}", "cpus" },
                { "Report", "{\"sinceUsec\": 5, \"cpus\": [0.5]}", "cpus" },
                { "Report", "{\"sinceUsec\": 5, \"interruptsMax\": 0}", "interruptsMax" },
                { "Report", "{\"sinceUsec\": 5, \"interruptsMax\": \"1\"}", "interruptsMax" },
                { "Report", "{\"sinceUsec\": 5, \"perCpuMax\": 0}", "perCpuMax" },
                { "GetRates", "{\"source\": \"softirqs\", \"sinceUsec\": 5, \"perCpuMax\": 1}", "perCpuMax" },
                { "Report", "{\"sinceUsec\": 5, \"other\": 1}", "other" },
                { "GetLatency", "{\"sinceUsec\": 5, \"interruptsMax\": 1}", "interruptsMax" },
                { "ListEvents", "{\"kinds\": [\"irq-delay\", \"irq-dela\"]}", "kinds" },
                { "ListEvents", "{\"kinds\": []}", "kinds" },
                { "ListEvents", "{\"limit\": 0}", "limit" },
                { "ListEvents", "{\"limit\": -3}", "limit" },
                { "ListEvents", "{\"afterId\": -1}", "afterId" },
                { "ListEvents", "{\"stacks\": 0}", "stacks" },
                { "ListEvents", "{\"untilUsec\": 0}", "untilUsec" },
                { "GetEvent", "{\"id\": -1}", "id" },
                { "GetRates", "{\"sinceUsec\": 1}", "source" },
                { "GetRates", "{\"source\": \"softirqs\"}", "sinceUsec" },
                { "GetCounts", "{\"sinceUsec\": 1}", "metrics" },
                { "GetCounts", "{\"sinceUsec\": 1, \"metrics\": []}", "metrics" },
                { "GetCounts", "{\"metrics\": [\"softirqs\"]}", "sinceUsec" },
                { "GetCounts",
                  "{\"sinceUsec\": 1, \"metrics\": [\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
                  "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}",
                  "metrics" },
                { "GetMetrics", "{}", "source" },
                { "GetMetrics", "{\"source\": \"softirqs\", \"metrics\": []}", "metrics" },
                { "GetMetrics", "{\"source\": \"softirqs\", \"rows\": []}", "rows" },
                { "GetMetrics", "{\"source\": \"softirqs\", \"perCpu\": 1}", "perCpu" },
                { "GetHistograms", "{\"source\": \"irq-delay\", \"sinceUsec\": 1}", "metric" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_invalid(*state, cases[i].method, cases[i].parameters, cases[i].name);
}

/* What the server would not let through: the parser does not count on that. */
static void test_unchecked_parameters(void **state) {
        static const struct varlink_field fields[] = {
                { "sinceUsec", VARLINK_INTEGER, false }, { "kinds", VARLINK_STRINGS, false },
                { "cpus", VARLINK_INTEGERS, false },     { "culprit", VARLINK_STRING, true },
                { "limit", VARLINK_INTEGER, false },     {},
        };
        static const struct {
                const char *parameters, *invalid;
        } cases[] = {
                { "{\"culprit\": \"a\\u0000b\"}", "culprit" },
                { "{\"culprit\": 5}", "culprit" },
                { "{}", "culprit" },
                { "{\"culprit\": \"f\", \"cpus\": 5}", "cpus" },
                { "{\"culprit\": \"f\", \"cpus\": [\"5\"]}", "cpus" },
                { "{\"culprit\": \"f\", \"cpus\": [null]}", "cpus" },
                { "{\"culprit\": \"f\", \"kinds\": [null]}", "kinds" },
                { "{\"culprit\": \"f\", \"kinds\": {}}", "kinds" },
                { "{\"culprit\": \"f\", \"limit\": 1.5}", "limit" },
                { "{\"culprit\": \"f\", \"sinceUsec\": 1000}", "sinceUsec" }, /* now */
                { "{\"culprit\": \"f\", \"sinceUsec\": 999, \"limit\": 7}", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(monitor_params_done) struct monitor_params params = {};
                _cleanup_(json_putp) struct json_object *object = json_tokener_parse(cases[i].parameters);
                const char *invalid = NULL;

                assert_int_equal(monitor_params_parse(fields, object, 1000, &params, &invalid),
                                 cases[i].invalid ? 1 : 0);
                if (cases[i].invalid)
                        assert_string_equal(invalid, cases[i].invalid);
                else
                        assert_int_equal(params.limit, 7);
        }
}

static void test_no_such_event(void **state) {
        peer_call_error(*state, "GetEvent", "{\"id\": 42}", "io.irqwatch.monitor.NoSuchEvent", "id", "42");
}

static void check_no_data(struct peer *peer, const char *source, const char *metric, const char *reason) {
        char parameters[128];

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"%s\", \"metric\": %s, \"sinceUsec\": 1}", source, metric); /* fits */
        peer_call_error(peer, "GetRates", parameters, "io.irqwatch.monitor.NoData", "source", source);
        peer_call_error(peer, "GetRates", parameters, "io.irqwatch.monitor.NoData", "reason", reason);
}

static void test_no_data(void **state) {
        struct peer *peer = *state;

        (void)add_delay_source(peer->store);
        check_no_data(peer, "softirqs", "null", "no collector of that name has run");
        check_no_data(peer, "irq-delay", "\"x\"", "the collector has no metric of that name");
        check_no_data(peer, "irq-delay", "\"lateness-max\"",
                      "this metric is a gauge: it has values, but no rate");
        check_no_data(peer, "irq-delay", "null", "fewer than two passes in that span to compare");
}

/* An event that is large as JSON: its stack has long names. */
static void add_large_event(struct store *store, double second, size_t n_frames, char letter) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        char name[1001] = "";

        memset(name, letter, sizeof(name) - 1);
        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->time_us = AT(second);
        event->class = CLASS_IRQ_OFF;
        assert_int_equal(stack_new(n_frames, &event->kernel_stack), 0);
        for (size_t i = 0; i < n_frames; i++)
                event->kernel_stack->frames[i].symbol = strdup(name);
        event->kernel_stack->n_frames = n_frames;
        stack_seal(event->kernel_stack);
        assert_int_equal(store_add_event(store, event), 0);
}

/* Reads a whole list. Checks that ids grow and returns how many there were. */
static size_t read_list(struct peer *peer, const char *parameters, int64_t *ret_first, int64_t *ret_last,
                        size_t *ret_replies) {
        size_t n = 0, replies = 0;
        int64_t last = 0;
        bool continues;

        peer_send(peer, "ListEvents", parameters, true);
        do {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                struct json_object *events;

                assert_int_equal(peer_receive(peer, NULL, &reply, &continues), 0);
                events = at(reply, "events");
                assert_in_range(json_object_array_length(events), 0, 64);
                for (size_t i = 0; i < json_object_array_length(events); i++) {
                        int64_t id = json_object_get_int64(at(json_object_array_get_idx(events, i), "id"));

                        assert_true(id > last);
                        if (n == 0)
                                *ret_first = id;
                        last = id;
                        n++;
                }
                replies++;
        } while (continues);

        *ret_last = last;
        *ret_replies = replies;
        return n;
}

static void test_list_pages(void **state) {
        struct peer *peer = *state;
        int64_t first = 0, last = 0;
        size_t replies;

        assert_int_equal(read_list(peer, "{}", &first, &last, &replies), 0);
        assert_int_equal(replies, 1); /* an empty one */
        for (unsigned i = 0; i < 200; i++)
                (void)add_window(peer->store, i, i % 2, CLASS_IRQ_OFF, 10, 11, "f", "x");

        assert_int_equal(read_list(peer, "{}", &first, &last, &replies), 200);
        assert_int_equal(replies, 4);
        assert_int_equal(first, store_event_at(peer->store, 0)->id);
        assert_int_equal(last, store_event_at(peer->store, 199)->id);
        /* A limit counts from the newest. */
        assert_int_equal(read_list(peer, "{\"limit\": 70}", &first, &last, &replies), 70);
        assert_int_equal(replies, 2);
        assert_int_equal(first, store_event_at(peer->store, 130)->id);
        assert_int_equal(read_list(peer, "{\"cpus\": [1], \"culprit\": \"f\"}", &first, &last, &replies),
                         100);
        assert_int_equal(read_list(peer, "{\"limit\": 64}", &first, &last, &replies), 64);
        assert_int_equal(replies, 1);
        assert_int_equal(read_list(peer, "{\"culprit\": \"g\"}", &first, &last, &replies), 0);
}

/* 40 MB of JSON through a queue of 2 MiB: the pages wait for the reader. */
static void test_list_is_paced(void **state) {
        struct varlink_server_stats stats;
        struct peer *peer = *state;
        int64_t first, last;
        size_t replies;

        for (unsigned i = 0; i < 400; i++)
                add_large_event(peer->store, i, 100, 'a');

        assert_int_equal(read_list(peer, "{}", &first, &last, &replies), 400);
        assert_in_range(replies, 100, 400);
        varlink_server_get_stats(peer->server, &stats);
        assert_int_equal(stats.n_dropped_messages, 0);
        assert_int_equal(stats.n_streams, 0);
}

/* Events that come while a list is read are no part of it, and those that go are left out. */
static void test_list_and_store_moves_on(void **state) {
        static const struct store_limits fewer = {
                .budget_bytes = UINT64_C(64) << 20,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = 10,
                .n_series_max = 1000,
        };
        struct peer *peer = *state;
        bool continues = true;
        size_t n = 0;

        for (unsigned i = 0; i < 100; i++)
                add_large_event(peer->store, i, 100, 'a');

        peer_send(peer, "ListEvents", "{}", true);
        while (continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;

                assert_int_equal(peer_receive(peer, NULL, &reply, &continues), 0);
                n += json_object_array_length(at(reply, "events"));
                if (n < 10)
                        store_set_limits(peer->store, &fewer);
                (void)add_window(peer->store, 500, 0, CLASS_IRQ_OFF, 1, 2, "late", "x");
        }

        assert_in_range(n, 10, 99);
}

/* A peer that goes away in the middle of a list leaves nothing behind (ASan looks for leaks). */
static void test_list_abandoned(void **state) {
        struct varlink_server_stats stats;
        double deadline = now_seconds() + 20;
        struct peer *peer = *state;

        for (unsigned i = 0; i < 400; i++)
                add_large_event(peer->store, i, 100, 'a');

        peer_send(peer, "ListEvents", "{}", true);
        (void)sd_event_run(peer->event, 1000);
        peer_connect(peer);
        do {
                assert_true(now_seconds() < deadline);
                (void)sd_event_run(peer->event, 1000);
                varlink_server_get_stats(peer->server, &stats);
        } while (stats.n_streams > 0 || stats.n_connections != 1);
}

static void test_list_at_once(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL, *large = NULL, *after = NULL;
        struct peer *peer = *state;
        char parameters[64];

        for (unsigned i = 0; i < 1100; i++)
                (void)add_window(peer->store, i * 0.1, 0, CLASS_IRQ_OFF, 10, 11, "f", "x");

        reply = peer_call(peer, "ListEvents", "{}");
        assert_int_equal(json_object_array_length(at(reply, "events")), 1000);
        check_int(reply, "events.0.id", store_event_at(peer->store, 100)->id);
        check_int(reply, "events.999.id", store_event_at(peer->store, 1099)->id);

        (void)snprintf(parameters, sizeof(parameters), "{\"afterId\": %" PRId64 "}",
                       store_event_at(peer->store, 1090)->id); /* fits */
        after = peer_call(peer, "ListEvents", parameters);
        assert_int_equal(json_object_array_length(at(after, "events")), 9);

        /* The oldest are cut so that the rest fits into a message. */
        for (unsigned i = 0; i < 20; i++)
                add_large_event(peer->store, 200 + i, 100, 'a');
        large = peer_call(peer, "ListEvents", "{}");
        assert_in_range(json_object_array_length(at(large, "events")), 8, 10);
        check_int(large, "events.0.id",
                  store_event_at(peer->store, 1120 - json_object_array_length(at(large, "events")))->id);
}

/* More than a message holds: the stack goes, the event stays. */
static void test_huge_event(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct peer *peer = *state;
        int64_t first, last;
        size_t replies;

        add_large_event(peer->store, 1, 1100, 'a');
        reply = peer_call(peer, "ListEvents", "{}");
        assert_int_equal(json_object_array_length(at(reply, "events")), 1);
        assert_null(at(reply, "events.0.kernelStack"));
        assert_int_equal(read_list(peer, "{}", &first, &last, &replies), 1);
}

/* Receives one event of a subscription, or, with id 0, its first reply. */
static void check_notified(struct peer *peer, int64_t id) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        bool continues;

        assert_int_equal(peer_receive(peer, NULL, &reply, &continues), 0);
        assert_true(continues);
        if (id > 0)
                check_int(reply, "event.id", id);
        else
                assert_null(at(reply, "event"));
}

static void test_subscribe(void **state) {
        double deadline = now_seconds() + 20;
        struct peer *peer = *state;
        struct event *events[4];

        events[0] = add_window(peer->store, 1, 0, CLASS_IRQ_OFF, 10, 11, "f", "x");
        events[1] = add_window(peer->store, 2, 1, CLASS_IRQ_OFF, 10, 11, "f", "x");
        events[2] = add_window(peer->store, 3, 1, CLASS_IRQ_OFF, 10, 11, "f", "x");
        events[2]->kind = EVENT_ALERT;
        events[3] = add_window(peer->store, 4, 1, CLASS_IRQ_OFF, 10, 11, "f", "x");

        monitor_publish(peer->monitor, events[0]); /* to nobody */
        peer_send(peer, "Subscribe", "{\"kinds\": [\"irq-delay\"], \"cpus\": [1, 2]}", true);
        check_notified(peer, 0);
        assert_int_equal(monitor_n_subscriptions(peer->monitor), 1);
        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                monitor_publish(peer->monitor, events[i]);
        check_notified(peer, events[1]->id);
        check_notified(peer, events[3]->id);

        peer_connect(peer); /* the old connection ends */
        while (monitor_n_subscriptions(peer->monitor) > 0) {
                assert_true(now_seconds() < deadline);
                (void)sd_event_run(peer->event, 1000);
        }
        monitor_publish(peer->monitor, events[0]);
}

static void test_subscribe_needs_more(void **state) {
        peer_call_error(*state, "Subscribe", "{}", "org.varlink.service.ExpectedMore", NULL, NULL);
        assert_int_equal(monitor_n_subscriptions(((struct peer *)*state)->monitor), 0);
}

static void test_subscribe_invalid(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        struct peer *peer = *state;
        bool continues;

        peer_send(peer, "Subscribe", "{\"kinds\": [\"x\"]}", true);
        assert_int_equal(peer_receive(peer, &error, &reply, &continues), 0);
        assert_string_equal(error, "org.varlink.service.InvalidParameter");
        assert_false(continues);
        assert_int_equal(monitor_n_subscriptions(peer->monitor), 0);
}

/* A subscriber that never reads is dropped by the server; the others go on. */
static void test_slow_subscriber(void **state) {
        struct varlink_client *slow = NULL;
        struct peer *peer = *state;
        struct event *last;

        peer_send(peer, "Subscribe", "{}", true);
        check_notified(peer, 0);
        slow = TAKE_PTR(peer->client);
        peer_connect(peer);
        peer_send(peer, "Subscribe", "{\"cpus\": [7]}", true);
        check_notified(peer, 0);
        assert_int_equal(monitor_n_subscriptions(peer->monitor), 2);

        add_large_event(peer->store, 1, 500, 'a');
        last = store_event_at(peer->store, 0);
        for (unsigned i = 0; i < 50 && monitor_n_subscriptions(peer->monitor) == 2; i++) {
                monitor_publish(peer->monitor, last);
                (void)sd_event_run(peer->event, 0);
        }
        assert_int_equal(monitor_n_subscriptions(peer->monitor), 1);

        last = add_window(peer->store, 2, 7, CLASS_IRQ_OFF, 10, 11, "f", "x");
        monitor_publish(peer->monitor, last);
        check_notified(peer, last->id);
        slow = varlink_client_free(slow);
}

static void test_set(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct peer *peer = *state;

        if (geteuid() != 0) {
                peer_call_error(peer, "Set", "{\"name\": \"irq-delay.threshold\", \"value\": \"5ms\"}",
                                "org.varlink.service.PermissionDenied", NULL, NULL);
                assert_string_equal(peer->threshold, "10ms");
                return;
        }

        reply = peer_call(peer, "Set", "{\"name\": \"irq-delay.threshold\", \"value\": \"5ms\"}");
        check_text(reply, "name", "irq-delay.threshold");
        check_text(reply, "value", "5ms");
        check_text(reply, "previous", "10ms");
        peer_call_error(peer, "Set", "{\"name\": \"irq-delay.threshold\", \"value\": \"bad\"}",
                        "io.irqwatch.monitor.InvalidSetting", "reason", "accepted: a duration");
        peer_call_error(peer, "Set", "{\"name\": \"a.b.c\", \"value\": \"1\"}",
                        "io.irqwatch.monitor.InvalidSetting", "name", "a.b.c");
        peer_call_error(peer, "Set", "{\"name\": \"threshold\", \"value\": \"1ms\"}",
                        "io.irqwatch.monitor.InvalidSetting", "reason",
                        "a setting is named SECTION.KEY, as in irq-delay.threshold");
        assert_string_equal(peer->threshold, "5ms");
}

/* More CPUs than fit into a message, all counting: the totals come without the lists. */
static void test_too_many_cpus(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL, *few = NULL, *counts = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        struct peer *peer = *state;
        char parameters[128];
        unsigned source;

        batch_init(&batch);
        source = add_collector_source(peer->store, &collector_softirqs);
        for (unsigned i = 0; i < 2; i++) {
                for (unsigned row = 0; row < 10; row++) {
                        char name[16];

                        (void)snprintf(name, sizeof(name), "TYPE%u", row); /* fits */
                        assert_int_equal(batch_add_row(&batch, 0, &(struct row_key){ .name = name }), 0);
                        for (int cpu = 0; cpu < 4096; cpu++)
                                assert_int_equal(batch_add(&batch, cpu, 1 + i * 1000000), 0);
                }
                commit(peer->store, source, i, &batch);
        }

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"softirqs\", \"sinceUsec\": %" PRIu64 "}", AT(0)); /* fits */
        reply = peer_call(peer, "GetRates", parameters);
        check_int(reply, "rates.rows.9.total", 4096000000);
        assert_int_equal(json_object_array_length(at(reply, "rates.rows.9.perCpu")), 0);
        assert_int_equal(json_object_array_length(at(reply, "rates.cpus")), 4096);

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"metrics\": [\"softirqs\", \"softirqs\", \"softirqs\"], \"sinceUsec\": %" PRIu64 "}",
                       AT(0)); /* fits */
        counts = peer_call(peer, "GetCounts", parameters);
        check_int(counts, "counts.metrics.2.totals.9", 4096000000);
        assert_null(at(counts, "counts.metrics.2.counts"));
        check_text(counts, "counts.metrics.2.cpus", "0-4095");

        (void)snprintf(parameters, sizeof(parameters), "{\"sinceUsec\": %" PRIu64 ", \"cpus\": [5, 4000]}",
                       AT(0)); /* fits */
        few = peer_call(peer, "Report", parameters);
        assert_int_equal(json_object_array_length(at(few, "report.softirqs.0.perCpu")), 2);
}

static void test_numbers(void **state) {
        struct json_writer writer = json_writer_object();
        _cleanup_(json_putp) struct json_object *object = NULL;

        json_set_double(&writer, "nan", 0.0 / 0.0);
        json_set_double(&writer, "infinity", 1.0 / 0.0);
        json_set_double(&writer, "tenth", 0.1);
        json_set_double(&writer, "one", 1);
        json_set_u64(&writer, "huge", UINT64_MAX);
        assert_int_equal(json_writer_finish(&writer, &object), 0);
        assert_string_equal(
                json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                "{\"nan\":0.0,\"infinity\":0.0,\"tenth\":0.1,\"one\":1.0,\"huge\":9223372036854775807}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_invalid_parameters),
                cmocka_unit_test(test_unchecked_parameters),
                cmocka_unit_test(test_numbers),
                TEST(test_no_such_event),
                TEST(test_no_data),
                TEST(test_list_pages),
                TEST(test_list_is_paced),
                TEST(test_list_and_store_moves_on),
                TEST(test_list_abandoned),
                TEST(test_list_at_once),
                TEST(test_huge_event),
                TEST(test_subscribe),
                TEST(test_subscribe_needs_more),
                TEST(test_subscribe_invalid),
                TEST(test_slow_subscriber),
                TEST(test_set),
                TEST(test_too_many_cpus),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
