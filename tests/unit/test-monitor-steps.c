/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GetRateSteps over a real connection: pages, their ends, and what is refused.
 */

#include "tests/unit/monitor-fixture.h"

static const struct metric_desc metrics[] = {
        { "count", "1", "", "row", { "label" }, METRIC_COUNTER, 64 },
        { "level", "1", "", NULL, {}, METRIC_GAUGE, 64 },
};

static int setup(void **state) {
        static struct peer peer;

        peer_start(&peer);
        *state = &peer;
        return 0;
}

static int teardown(void **state) {
        peer_stop(*state);
        return 0;
}

enum { SECONDS = 3000 };

/* One pass a second; each of n_rows counts (row + 1) per second on either of two CPUs. */
static void fill(struct peer *peer, unsigned n_rows, unsigned n_cpus) {
        struct batch batch;
        unsigned source;

        assert_int_equal(store_add_source(peer->store, "test", metrics, ELEMENTSOF(metrics), &source), 0);
        batch_init(&batch);
        for (unsigned i = 0; i <= SECONDS; i++) {
                for (unsigned j = 0; j < n_rows; j++) {
                        const struct row_key key = { .name = (char[]){ (char)('a' + j / 26),
                                                                       (char)('a' + j % 26), 0 },
                                                     .labels = { "a label of some length" } };

                        assert_int_equal(batch_add_row(&batch, 0, &key), 0);
                        for (unsigned cpu = 0; cpu < n_cpus; cpu++)
                                assert_int_equal(batch_add(&batch, (int)cpu, (uint64_t)i * (j + 1)), 0);
                }
                commit(peer->store, source, i, &batch);
        }
        batch_done(&batch);
}

struct outcome {
        size_t replies, steps, rows, cells;
        uint64_t total, first_us, last_us, elapsed_ns;
        char *error;
};

static void add_steps(struct outcome *outcome, struct json_object *steps) {
        for (size_t i = 0; i < json_object_array_length(steps); i++) {
                struct json_object *step = json_object_array_get_idx(steps, i), *rows = at(step, "rows");
                uint64_t since_us = (uint64_t)json_object_get_int64(at(step, "sinceUsec"));

                /* Each goes on where the one before ended, whatever the reply. */
                if (outcome->steps++ > 0)
                        assert_int_equal(since_us, outcome->last_us);
                else
                        outcome->first_us = since_us;
                outcome->last_us = (uint64_t)json_object_get_int64(at(step, "untilUsec"));
                outcome->elapsed_ns += (uint64_t)json_object_get_int64(at(step, "elapsedNsec"));
                for (size_t j = 0; j < json_object_array_length(rows); j++) {
                        struct json_object *row = json_object_array_get_idx(rows, j);

                        outcome->rows++;
                        outcome->total += (uint64_t)json_object_get_int64(at(row, "total"));
                        outcome->cells += json_object_array_length(at(row, "perCpu"));
                }
        }
}

static struct outcome ask(struct peer *peer, double since, double until, double step, const char *more) {
        struct outcome outcome = {};
        char parameters[256];
        bool continues;

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"test\", \"sinceUsec\": %" PRIu64 ", \"untilUsec\": %" PRIu64
                       ", \"stepUsec\": %" PRIu64 "%s}",
                       AT(since), AT(until), (uint64_t)(step * 1e6), more); /* fits */
        peer_send(peer, "GetRateSteps", parameters, true);
        do {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                struct json_object *rates;

                assert_int_equal(peer_receive(peer, &outcome.error, &reply, &continues), 0);
                outcome.replies++;
                if (outcome.error)
                        break;
                rates = at(reply, "rates");
                if (rates) {
                        check_text(rates, "source", "test");
                        check_text(rates, "metric", "count");
                        check_text(rates, "tier", "memory");
                        check_int(rates, "stepUsec", (int64_t)(step * 1e6));
                        add_steps(&outcome, at(rates, "steps"));
                }
        } while (continues);

        return outcome;
}

static void test_pages(void **state) {
        struct outcome outcome;

        fill(*state, 40, 2);
        outcome = ask(*state, 0, SECONDS, 10, "");
        assert_null(outcome.error);
        assert_in_range(outcome.replies, 2, SECONDS / 10); /* a page has 256 KiB */
        assert_int_equal(outcome.steps, SECONDS / 10);
        assert_int_equal(outcome.rows, outcome.steps * 40);
        assert_int_equal(outcome.total, (uint64_t)SECONDS * 2 * (40 * 41 / 2));
        assert_int_equal(outcome.first_us, AT(0));
        assert_int_equal(outcome.last_us, AT(SECONDS));
        assert_int_equal(outcome.elapsed_ns, SECONDS * NSEC_PER_SEC);
        assert_int_equal(outcome.cells, 0);

        outcome = ask(*state, 0.5, 100.5, 7, ", \"perCpu\": true, \"rows\": [\"ab\", \"ac\"], \"cpus\": [1]");
        assert_null(outcome.error);
        assert_int_equal(outcome.steps, 15);
        assert_int_equal(outcome.rows, 30);
        assert_int_equal(outcome.cells, 30);
        assert_int_equal(outcome.total, 100 * (2 + 3));
}

/* A part of the span without passes is passed over. */
static void test_before_and_after(void **state) {
        struct outcome outcome;

        fill(*state, 1, 1);
        outcome = ask(*state, -20000, SECONDS + 5000, 10, "");
        assert_null(outcome.error);
        assert_int_equal(outcome.steps, SECONDS / 10);
        assert_int_equal(outcome.total, SECONDS);
}

static void check_error(struct peer *peer, const char *parameters, const char *expected) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues;

        peer_send(peer, "GetRateSteps", parameters, true);
        assert_int_equal(peer_receive(peer, &error, &reply, &continues), 0);
        assert_non_null(error);
        assert_string_equal(error, expected);
        assert_false(continues);
}

static void test_refused(void **state) {
        static const char invalid[] = "org.varlink.service.InvalidParameter",
                          none[] = "io.irqwatch.monitor.NoData";
        struct outcome outcome;

        fill(*state, 1, 1);
        check_error(*state, "{\"source\": \"test\", \"sinceUsec\": 1700000000000000, \"stepUsec\": 999999}",
                    invalid);
        check_error(*state, "{\"source\": \"test\", \"sinceUsec\": 1, \"stepUsec\": 1000000}", invalid);
        check_error(*state, "{\"source\": \"test\", \"sinceUsec\": 1700000000000000}", invalid);
        check_error(*state,
                    "{\"source\": \"other\", \"sinceUsec\": 1700000000000000, \"stepUsec\": 60000000000}",
                    none);
        check_error(*state,
                    "{\"source\": \"test\", \"metric\": \"level\", \"sinceUsec\": 1700000000000000, "
                    "\"stepUsec\": "
                    "60000000000}",
                    none);
        outcome = ask(*state, -50, -10, 10, "");
        assert_string_equal(outcome.error, none);
        free(outcome.error);
        peer_call_error(*state, "GetRateSteps",
                        "{\"source\": \"test\", \"sinceUsec\": 1700000000000000, \"stepUsec\": 60000000000}",
                        "org.varlink.service.ExpectedMore", NULL, NULL);
}

/* Half a million values are the end. */
static void test_too_large(void **state) {
        struct outcome outcome;

        fill(*state, 25, 8);
        outcome = ask(*state, 0, SECONDS, 1, ", \"perCpu\": true");
        assert_string_equal(outcome.error, "io.irqwatch.monitor.TooLarge");
        assert_in_range(outcome.cells, 250000, 500000);
        free(outcome.error);
}

/* A peer that goes away in the middle leaves nothing behind (ASan looks for leaks). */
static void test_abandoned(void **state) {
        struct varlink_server_stats stats;
        double deadline = now_seconds() + 20;
        struct peer *peer = *state;
        char parameters[128];

        fill(peer, 40, 1);
        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"test\", \"sinceUsec\": %" PRIu64 ", \"untilUsec\": %" PRIu64
                       ", \"stepUsec\": 1000000}",
                       AT(0), AT(SECONDS)); /* fits */
        peer_send(peer, "GetRateSteps", parameters, true);
        (void)sd_event_run(peer->event, 1000);
        peer_connect(peer);
        do {
                assert_true(now_seconds() < deadline);
                (void)sd_event_run(peer->event, 1000);
                varlink_server_get_stats(peer->server, &stats);
        } while (stats.n_streams > 0 || stats.n_connections != 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_pages),     TEST(test_before_and_after), TEST(test_refused),
                TEST(test_too_large), TEST(test_abandoned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
