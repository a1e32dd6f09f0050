/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/harness/alloc-fail.h"
#include "tests/harness/varlink-calls.h"
#include "tests/harness/varlink-fixture.h"

static const char stream[] = ECHO("{\"text\":\"\xc3\xa9\"}") "\0" CALL(
        "Nosuch") "\0"
                  "{\"method\":\"org.example.test.Echo\",\"oneway\":true}"
                  "\0" MORE("Count", "{\"limit\":2}") "\0" ECHO("{\"number\":5}");

static void expect_stream(struct peer *peer, struct fixture *fixture) {
        peer_expect(peer, fixture, TEXT("\xc3\xa9"));
        peer_expect(peer, fixture, ERROR("MethodNotFound", "{\"method\":\"org.example.test.Nosuch\"}"));
        peer_expect(peer, fixture, ITEM_MORE("1"));
        peer_expect(peer, fixture, ITEM("2"));
        peer_expect(peer, fixture, "{\"parameters\":{\"number\":5}}");
        peer_expect_silence(peer, fixture);
}

static void test_oneway(void **state) {
        static const char *const calls[] = {
                "{\"method\":\"org.example.test.Echo\",\"oneway\":true}",
                "{\"method\":\"org.example.test.Nosuch\",\"oneway\":true}",
                "{\"method\":\"org.example.nosuch.Echo\",\"oneway\":true}",
                "{\"method\":\"org.example.test.Unfinished\",\"oneway\":true}",
                "{\"method\":\"org.example.test.Echo\",\"oneway\":true,\"upgrade\":true}",
                "{\"method\":\"org.example.test.Need\",\"oneway\":true}",
                "{\"method\":\"org.example.test.Watch\",\"oneway\":true}",
                "{\"method\":\"org.example.test.Watch\",\"oneway\":true,\"more\":true}",
                ("{\"method\":\"org.example.test.MaybeCount\",\"oneway\":true,\"more\":true,"
                 "\"parameters\":{\"limit\":3}}"),
                "{\"method\":\"org.example.test.Big\",\"oneway\":true,\"parameters\":{\"size\":2000000}}",
                "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}",
        };
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                peer_call(&peer, calls[i]);
                peer_expect_silence(&peer, fixture);
                peer_call(&peer, calls[i]);
                peer_call(&peer, CALL("Echo"));
                peer_expect(&peer, fixture, EMPTY);
        }
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_streams, 0);
}

/* A oneway call that takes its time still holds up those behind it. */
static void test_oneway_later(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, "{\"method\":\"org.example.test.Later\",\"oneway\":true}");
        peer_call(&peer, CALL("Echo"));
        peer_expect_silence(&peer, fixture);
        assert_int_equal(test_service_release(&fixture->service), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
}

/* What a peer asked for and then left is done, although nobody hears about it. */
static void test_oneway_then_close(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Echo"));
        peer_call(&peer, "{\"method\":\"org.example.test.Echo\",\"oneway\":true}");
        peer_call(&peer, "{\"method\":\"org.example.test.Echo\",\"oneway\":true}");
        peer_done(&peer);
        (void)fixture_run(fixture);
        assert_int_equal(fixture->service.n_calls, 3);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
}

static void test_streams(void **state) {
        struct fixture *fixture = *state;

        fixture_check_reply(fixture,
                            "{\"method\":\"org.example.test.MaybeCount\",\"parameters\":{\"limit\":3}}",
                            ITEM("3"));
        fixture_check_reply(fixture, MORE("MaybeCount", "{\"limit\":1}"), ITEM("1"));
        fixture_check_reply(fixture, "{\"method\":\"org.example.test.Count\",\"parameters\":{\"limit\":3}}",
                            ERROR("ExpectedMore", "{}"));
        fixture_check_reply(
                fixture, "{\"method\":\"org.example.test.Count\",\"more\":null,\"parameters\":{\"limit\":3}}",
                ERROR("ExpectedMore", "{}"));
        fixture_check_reply(fixture, MORE("Count", "{\"limit\":-1}"),
                            ERROR("InvalidParameter", "{\"parameter\":\"limit\"}"));
}

/* The peer reads in its own time; flow control keeps the queue short and nothing is lost. */
static void test_long_stream(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;
        char expected[5000 + 100], text[5001];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Count", "{\"limit\":2000,\"size\":5000}"));
        for (int i = 1; i <= 2000; i++) {
                (void)snprintf(expected, sizeof(expected), "{\"parameters\":{\"n\":%i,\"text\":\"%s\"}%s}", i,
                               text, i < 2000 ? ",\"continues\":true" : "");
                peer_expect(&peer, fixture, expected);
                assert_true(!fixture->server->connections->output.size ||
                            fixture->server->connections->output.size < 10000);
        }
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_dropped_messages, 0);
}

static void test_stream_limit(void **state) {
        struct fixture *fixture = *state;
        struct peer peers[16 + 1];

        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peer_attach(&peers[i], fixture);
                peer_call(&peers[i], MORE("Watch", "{}"));
                if (i < 16)
                        peer_expect_silence(&peers[i], fixture);
                else
                        peer_expect(&peers[i], fixture,
                                    "{\"error\":\"org.example.test.TooManyStreams\",\"parameters\":{}}");
        }
        assert_int_equal(fixture_stats(fixture).n_streams, 16);

        /* One leaves: there is room again, on the very connection that was refused. */
        peer_done(&peers[3]);
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_streams, 15);
        assert_int_equal(fixture->service.n_closed, 1);
        peer_call(&peers[16], MORE("Watch", "{}"));
        peer_expect_silence(&peers[16], fixture);
        assert_int_equal(test_service_notify(&fixture->service, 1, 0), 0);
        peer_expect(&peers[16], fixture, ITEM_MORE("1"));

        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_done(&peers[i]);
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_streams, 0);
        assert_int_equal(fixture->service.n_held, 0);
}

static void test_half_close(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_send(&peer, stream, sizeof(stream));
        assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        peer_expect(&peer, fixture, TEXT("\xc3\xa9"));
        peer_expect(&peer, fixture, ERROR("MethodNotFound", "{\"method\":\"org.example.test.Nosuch\"}"));
        peer_expect(&peer, fixture, ITEM_MORE("1"));
        peer_expect(&peer, fixture, ITEM("2"));
        peer_expect(&peer, fixture, "{\"parameters\":{\"number\":5}}");
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 0);
}

/* A peer that will ask nothing more can go on listening, and its real hang-up is still noticed. */
static void test_half_close_stream(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Watch", "{}"));
        assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        peer_expect_silence(&peer, fixture);
        assert_int_equal(test_service_notify(&fixture->service, 1, 0), 0);
        peer_expect(&peer, fixture, ITEM_MORE("1"));
        peer_expect_silence(&peer, fixture);

        peer_done(&peer);
        (void)fixture_run(fixture);
        assert_int_equal(fixture->service.n_closed, 1);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
}

static void test_half_close_later(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Later"));
        assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        peer_expect_silence(&peer, fixture);
        assert_int_equal(test_service_release(&fixture->service), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
}

static void test_cut_off(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Echo"));
        peer_send(&peer, "{\"meth", 6);
        assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 1);
}

/* A peer that shuts its reading side hears nothing, and harms nobody. */
static void test_deaf_peer(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        assert_int_equal(shutdown(peer.fd, SHUT_RD), 0);
        peer_call(&peer, CALL("Echo"));
        peer_call(&peer, CALL("Echo"));
        (void)fixture_run(fixture);
        assert_int_equal(fixture->service.n_calls, 2);
        peer_call(&peer, MORE("Watch", "{}"));
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
        peer_done(&peer);
}

static void test_hangup_noticed(void **state) {
        struct fixture *fixture = *state;
        struct peer idle, later, streaming;

        peer_attach(&idle, fixture);
        peer_attach(&later, fixture);
        peer_attach(&streaming, fixture);
        peer_call(&later, CALL("Later"));
        peer_call(&streaming, MORE("Watch", "{}"));
        peer_call(&streaming, CALL("Echo"));
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_connections, 3);

        peer_done(&idle);
        peer_done(&later);
        peer_done(&streaming);
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
        assert_int_equal(fixture_stats(fixture).n_streams, 0);
        assert_int_equal(fixture->service.n_closed, 2);
        assert_int_equal(fixture->service.n_held, 0);
}

/* The peer is gone at the moment of the reply, before the loop could notice. */
static void test_reply_after_close(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Watch", "{}"));
        (void)fixture_run(fixture);
        peer_done(&peer);
        assert_int_equal(test_service_notify(&fixture->service, 1, 0), 0);
        assert_int_equal(test_service_notify(&fixture->service, 2, 100000), 0);
        assert_int_equal(test_service_release(&fixture->service), 0);
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
        assert_int_equal(fixture_stats(fixture).n_dropped_messages, 0);
}

static void test_close_during_large_reply(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, "{\"method\":\"org.example.test.Big\",\"parameters\":{\"size\":900000}}");
        peer_call(&peer, CALL("Echo"));
        (void)fixture_run(fixture);
        assert_true(fixture->server->connections->output.size > 0);
        peer_done(&peer);
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
}

static void test_too_large_reply(void **state) {
        struct fixture *fixture = *state;

        fixture_check_reply(
                fixture, "{\"method\":\"org.example.test.Big\",\"parameters\":{\"size\":1100000}}",
                "{\"error\":\"org.example.test.Refused\",\"parameters\":{\"reason\":\"too large\"}}");
}

/* One that never reads its replies is not served further until it does. */
static void test_slow_caller(void **state) {
        static const char call[] = "{\"method\":\"org.example.test.Big\",\"parameters\":{\"size\":100000}}";
        struct fixture *fixture = *state;
        _cleanup_(freep) char *expected = malloc(100000 + 100);
        struct peer peer;

        assert_non_null(expected);
        peer_attach(&peer, fixture);
        for (unsigned i = 0; i < 50; i++)
                peer_call(&peer, call);
        (void)fixture_run(fixture);
        assert_true(fixture->service.n_calls < 12);
        assert_true(fixture->server->connections->output.size <
                    test_service_limits.output_bytes_max + VARLINK_MESSAGE_MAX);

        strcpy(expected, "{\"parameters\":{\"n\":0,\"text\":\"");
        memset(expected + strlen(expected), 'x', 100000);
        strcpy(expected + strlen("{\"parameters\":{\"n\":0,\"text\":\"") + 100000, "\"}}");
        for (unsigned i = 0; i < 50; i++)
                peer_expect(&peer, fixture, expected);
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
}

/* One that does not read its stream loses it; others keep theirs. */
static void test_slow_reader(void **state) {
        struct fixture *fixture = *state;
        struct varlink_server_stats stats;
        struct peer slow, good;
        unsigned sent = 0;

        peer_attach(&slow, fixture);
        peer_attach(&good, fixture);
        peer_call(&slow, MORE("Watch", "{}"));
        peer_call(&good, MORE("Watch", "{}"));
        (void)fixture_run(fixture);
        assert_int_equal(fixture->service.n_held, 2);

        while (fixture->service.n_held == 2) {
                (void)test_service_notify(&fixture->service, 0, 10000);
                assert_true(++sent < 1000);
                (void)fixture_run(fixture);
                (void)peer_read(&good);
                good.input.start = good.input.scanned = good.input.size = 0;
        }
        assert_true(sent * 10000UL > test_service_limits.output_bytes_max);
        stats = fixture_stats(fixture);
        assert_int_equal(stats.n_slow_disconnects, 1);
        assert_int_equal(stats.n_dropped_messages, 1);
        assert_int_equal(stats.n_connections, 1);
        assert_int_equal(stats.n_streams, 1);
        assert_int_equal(fixture->service.n_closed, 1);

        assert_int_equal(test_service_notify(&fixture->service, 7, 0), 0);
        peer_expect(&good, fixture, ITEM_MORE("7"));
        while (!slow.eof)
                (void)peer_read(&slow);
        peer_done(&slow);
        peer_done(&good);
}

/* A method that sends more than the queue takes in one go is cut off too. */
static void test_flood(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Flood", "{\"limit\":2,\"size\":0}"));
        peer_expect(&peer, fixture, ITEM_MORE("1"));
        peer_expect(&peer, fixture, ITEM_MORE("2"));
        peer_expect(&peer, fixture, EMPTY);
        peer_call(&peer, MORE("Flood", "{\"limit\":10000,\"size\":1000}"));
        (void)fixture_run(fixture);
        assert_int_equal(fixture_stats(fixture).n_slow_disconnects, 1);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
        peer_done(&peer);
}

/* Methods that fail or forget their call cost the peer its connection, never the server. */
static void test_failing_methods(void **state) {
        static const char *const names[] = { CALL("Fail"), CALL("Forget"),
                                             "{\"method\":\"org.example.test.Fail\",\"oneway\":true}" };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct peer peer;

                peer_attach(&peer, fixture);
                peer_call(&peer, CALL("Echo"));
                peer_call(&peer, names[i]);
                peer_call(&peer, CALL("Echo"));
                peer_expect(&peer, fixture, EMPTY);
                peer_expect_closed(&peer, fixture);
                peer_done(&peer);
        }
        assert_int_equal(fixture->service.n_calls, 2 * ELEMENTSOF(names));
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 0);
}

static void test_abandoned_call(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Later"));
        (void)fixture_run(fixture);
        test_service_done(&fixture->service); /* gives the call up without an answer */
        fixture->service.n_unwanted = 0;
        peer_expect_closed(&peer, fixture);
        assert_int_equal(fixture->service.n_unwanted, 1); /* closed() of a call that it no longer knows */
        fixture->service.n_unwanted = 0;
        peer_done(&peer);
}

static void test_server_ends(void **state) {
        struct fixture *fixture = *state;
        struct peer watching, idle;

        peer_attach(&watching, fixture);
        peer_attach(&idle, fixture);
        peer_call(&watching, MORE("Watch", "{}"));
        (void)fixture_run(fixture);
        assert_int_equal(test_service_notify(&fixture->service, 1, 0), 0);
        fixture->server = varlink_server_free(fixture->server);
        assert_int_equal(fixture->service.n_closed, 1);
        peer_expect(&watching, fixture, ITEM_MORE("1"));
        peer_expect_closed(&watching, fixture);
        peer_expect_closed(&idle, fixture);
        peer_done(&watching);
        peer_done(&idle);
}

/* A call that outlives its server is still safe to answer. */
static void test_call_outlives_server(void **state) {
        struct fixture *fixture = *state;
        struct varlink_call *call;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Watch", "{}"));
        (void)fixture_run(fixture);
        call = varlink_call_ref(fixture->service.held[0]);
        fixture->server = varlink_server_free(fixture->server);
        assert_int_equal(varlink_call_notify(call, json_object_new_object()), 0);
        assert_int_equal(varlink_call_reply(call, json_object_new_object()), 0);
        assert_int_equal(varlink_call_error(call, "org.example.test.Refused", NULL), 0);
        assert_int_equal(varlink_call_pid(call), getpid());
        assert_int_equal(varlink_call_uid(call), getuid());
        assert_null(varlink_call_unref(call));
        peer_done(&peer);
}

static void test_notify_needs_more(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Later"));
        (void)fixture_run(fixture);
        assert_int_equal(varlink_call_notify(fixture->service.held[0], NULL), -EINVAL);
        assert_int_equal(test_service_release(&fixture->service), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
}

/* What an idle connection costs does not grow with what it once did. */
static void test_memory_given_back(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;
        _cleanup_(freep) char *text = malloc(150000);

        assert_non_null(text);
        strcpy(text, "{\"method\":\"org.example.test.Echo\",\"parameters\":{\"text\":\"");
        memset(text + strlen(text), 'x', 100000 - strlen(text));
        strcpy(text + 100000, "\"}}");
        peer_attach(&peer, fixture);
        peer_call(&peer, text);
        (void)fixture_run(fixture);
        peer_call(&peer, CALL("Echo"));
        (void)fixture_run(fixture);
        assert_true(fixture->server->connections->output.allocated <= 4096);
        assert_true(fixture->server->connections->input.allocated <= 8192);
        peer_done(&peer);
}

/* Everything from the server's making to the last reply, with the nth allocation failing on the way. Returns
 * whether there were so many. The peer gets all of its replies or sees its connection close. */
static bool run_without_memory(struct fixture *fixture, unsigned n) {
        struct peer peer = {};
        int fds[2], r;
        bool failed;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        peer.fd = fds[0];
        peer_send(&peer, stream, sizeof(stream));
        alloc_fail_at(n);
        r = varlink_server_new(fixture->event, &test_service_info, fixture->service.interfaces,
                               &test_service_limits, &fixture->server);
        if (r >= 0)
                r = varlink_server_add_connection(fixture->server, fds[1]); /* takes it, whatever comes */
        else
                (void)close(fds[1]);
        (void)fixture_run(fixture);
        failed = alloc_fail_end();

        assert_true(failed || r == 0);
        if (failed)
                while (!peer.eof) {
                        peer.input.start = peer.input.scanned = peer.input.size;
                        (void)fixture_run(fixture);
                        (void)peer_read(&peer);
                }
        else
                expect_stream(&peer, fixture);
        peer_done(&peer);
        fixture->server = varlink_server_free(fixture->server);
        return failed;
}

static void test_out_of_memory(void **state) {
        struct fixture *fixture = *state;
        unsigned n = 1;

        fixture->server = varlink_server_free(fixture->server);
        while (run_without_memory(fixture, n))
                n++;
        assert_true(n > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_oneway),
                TEST(test_oneway_later),
                TEST(test_oneway_then_close),
                TEST(test_streams),
                TEST(test_long_stream),
                TEST(test_stream_limit),
                TEST(test_half_close),
                TEST(test_half_close_stream),
                TEST(test_half_close_later),
                TEST(test_cut_off),
                TEST(test_deaf_peer),
                TEST(test_hangup_noticed),
                TEST(test_reply_after_close),
                TEST(test_close_during_large_reply),
                TEST(test_too_large_reply),
                TEST(test_slow_caller),
                TEST(test_slow_reader),
                TEST(test_flood),
                TEST(test_failing_methods),
                TEST(test_abandoned_call),
                TEST(test_server_ends),
                TEST(test_call_outlives_server),
                TEST(test_notify_needs_more),
                TEST(test_memory_given_back),
                TEST(test_out_of_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
