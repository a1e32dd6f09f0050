/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/harness/alloc-fail.h"
#include "tests/harness/varlink-calls.h"
#include "tests/harness/varlink-fixture.h"

static void test_service_interface(void **state) {
        static const char call[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                                   "\"parameters\":{\"interface\":\"org.varlink.service\"}}";
        const char *const names[] = { "interface org.varlink.service",
                                      "method GetInfo()",
                                      "method GetInterfaceDescription(",
                                      "error InterfaceNotFound (",
                                      "error MethodNotFound (",
                                      "error MethodNotImplemented (",
                                      "error InvalidParameter (",
                                      "error PermissionDenied ()",
                                      "error ExpectedMore ()" };
        struct fixture *fixture = *state;
        struct peer peer;

        fixture_check_reply(
                fixture, "{\"method\":\"org.varlink.service.GetInfo\"}",
                "{\"parameters\":{\"vendor\":\"Example\",\"product\":\"Test\",\"version\":\"1\",\"url\":"
                "\"https://example.org\",\"interfaces\":[\"org.example.test\",\"org.varlink.service\"]}}");
        fixture_check_reply(fixture,
                            "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                            "\"parameters\":{\"interface\":\"org.example.nosuch\"}}",
                            ERROR("InterfaceNotFound", "{\"interface\":\"org.example.nosuch\"}"));
        fixture_check_reply(fixture, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
                            ERROR("InvalidParameter", "{\"parameter\":\"interface\"}"));

        peer_attach(&peer, fixture);
        peer_call(&peer, call);
        (void)fixture_run(fixture);
        (void)peer_read(&peer);
        assert_true(varlink_input_has_message(&peer.input));
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_non_null(strstr(peer.input.data, names[i]));
        peer_done(&peer);
}

static void test_errors(void **state) {
        struct fixture *fixture = *state;

        fixture_check_reply(fixture, "{\"method\":\"org.example.nosuch.Echo\"}",
                            ERROR("InterfaceNotFound", "{\"interface\":\"org.example.nosuch\"}"));
        fixture_check_reply(fixture, "{\"method\":\"org.example.tes.Echo\"}",
                            ERROR("InterfaceNotFound", "{\"interface\":\"org.example.tes\"}"));
        fixture_check_reply(fixture, CALL("echo"),
                            ERROR("MethodNotFound", "{\"method\":\"org.example.test.echo\"}"));
        fixture_check_reply(fixture, CALL("Unfinished"),
                            ERROR("MethodNotImplemented", "{\"method\":\"org.example.test.Unfinished\"}"));
        fixture_check_reply(fixture, "{\"method\":\"org.example.test.Echo\",\"upgrade\":true}",
                            ERROR("MethodNotImplemented", "{\"method\":\"org.example.test.Echo\"}"));
        fixture_check_reply(fixture, CALL("Watch"), ERROR("ExpectedMore", "{}"));
        assert_int_equal(fixture->service.n_calls, 0);
}

static void check_echo(struct fixture *fixture, const char *parameters) {
        char call[256], reply[256];

        (void)snprintf(call, sizeof(call), "{\"method\":\"org.example.test.Echo\",\"parameters\":%s}",
                       parameters);
        (void)snprintf(reply, sizeof(reply), "{\"parameters\":%s}", parameters);
        fixture_check_reply(fixture, call, reply);
}

static void check_invalid(struct fixture *fixture, const char *method, const char *parameters,
                          const char *name) {
        char call[256], reply[256];

        (void)snprintf(call, sizeof(call), "{\"method\":\"org.example.test.%s\",\"parameters\":%s}", method,
                       parameters);
        (void)snprintf(reply, sizeof(reply), ERROR("InvalidParameter", "{\"parameter\":\"%s\"}"), name);
        fixture_check_reply(fixture, call, reply);
}

/* Every type of value for every type of parameter. */
static void test_parameter_types(void **state) {
        enum {
                INT,
                TEXT_VALUE,
                BOOL,
                REAL,
                OBJECT,
                NONE,
                INTS,
                TEXTS,
                MIXED,
                HOLE,
                HUGE_INT,
                HUGE_INTS,
                N_VALUES
        };
        static const char *const values[] = {
                [INT] = "-7",
                [TEXT_VALUE] = "\"x\"",
                [BOOL] = "true",
                [REAL] = "1.0",
                [OBJECT] = "{}",
                [NONE] = "[]",
                [INTS] = "[1,2]",
                [TEXTS] = "[\"a\"]",
                [MIXED] = "[1,\"a\"]",
                [HOLE] = "[null]",
                [HUGE_INT] = "9223372036854775808",
                [HUGE_INTS] = "[-9223372036854775809]",
        };
        static const struct {
                const char *name;
                unsigned accepted;
        } fields[] = {
                { "number", 1 << INT },
                { "text", 1 << TEXT_VALUE },
                { "flag", 1 << BOOL },
                { "numbers", 1 << NONE | 1 << INTS },
                { "names", 1 << NONE | 1 << TEXTS },
        };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                for (unsigned v = 0; v < N_VALUES; v++) {
                        char parameters[128];

                        (void)snprintf(parameters, sizeof(parameters), "{\"%s\":%s}", fields[i].name,
                                       values[v]);
                        if (fields[i].accepted & (1U << v))
                                check_echo(fixture, parameters);
                        else
                                check_invalid(fixture, "Echo", parameters, fields[i].name);
                }
}

static void test_parameters(void **state) {
        struct fixture *fixture = *state;

        fixture_check_reply(fixture, CALL("Echo"), EMPTY);
        fixture_check_reply(fixture, "{\"parameters\":null,\"method\":\"org.example.test.Echo\"}", EMPTY);
        check_echo(fixture, "{}");
        check_echo(fixture, "{\"text\":null,\"number\":null,\"names\":null}");
        check_echo(fixture, "{\"number\":9223372036854775807}");
        check_echo(fixture, "{\"numbers\":[-9223372036854775808]}");
        check_invalid(fixture, "Echo", "{\"text\":\"a\",\"Text\":\"a\"}", "Text");
        check_invalid(fixture, "Echo", "{\"\":1}", "");
        check_invalid(fixture, "Need", "{}", "text");
        check_invalid(fixture, "Need", "{\"text\":\"a\"}", "number");
        check_invalid(fixture, "Need", "{\"text\":\"a\",\"number\":null}", "number");
        check_invalid(fixture, "Later", "{\"a\":1}", "a");
        fixture_check_reply(
                fixture, "{\"method\":\"org.example.test.Need\",\"parameters\":{\"number\":1,\"text\":\"\"}}",
                EMPTY);
}

static void test_envelope(void **state) {
        struct fixture *fixture = *state;

        fixture_check_reply(
                fixture,
                "{\"org.example.vendor\":{\"x\":1},\"more\":false,\"oneway\":null,\"upgrade\":false,"
                "\"method\":\"org.example.test.Echo\"}",
                EMPTY);
        /* "more" of a method that does not stream: one reply, without "continues" */
        fixture_check_reply(fixture, MORE("Echo", "{\"text\":\"a\"}"), TEXT("a"));
}

static void check_closes(struct fixture *fixture, const char *bytes, size_t size) {
        uint64_t before = fixture_stats(fixture).n_protocol_errors;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, ECHO("{\"text\":\"first\"}")); /* whatever follows, this one is answered */
        peer_send(&peer, bytes, size);
        peer_expect(&peer, fixture, TEXT("first"));
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, before + 1);
        assert_int_equal(fixture_stats(fixture).n_connections, 0);
}

static void test_violations(void **state) {
        static const char *const bad[] = {
                "",
                "x",
                "null",
                "[]",
                "\"org.example.test.Echo\"",
                "{}",
                "{",
                "{\"method\":1}",
                "{\"method\":\"org.example.test.Nosuch\",\"method\":\"org.example.test.Echo\"}",
                ECHO("{\"text\":\"a\",\"text\":\"a\"}"),
                "{\"method\":null}",
                "{\"method\":\"\"}",
                "{\"method\":\"Echo\"}",
                "{\"method\":\".Echo\"}",
                "{\"method\":\"org.example.test.\"}",
                "{\"parameters\":{}}",
                CALL("Echo") " x",
                CALL("Echo") CALL("Echo"),
                "{\"method\":\"org.example.test.Echo\",\"parameters\":[]}",
                "{\"method\":\"org.example.test.Echo\",\"parameters\":\"\"}",
                "{\"method\":\"org.example.test.Echo\",\"oneway\":1}",
                "{\"method\":\"org.example.test.Echo\",\"more\":\"true\"}",
                "{\"method\":\"org.example.test.Echo\",\"upgrade\":{}}",
                "{\"method\":\"org.example.test.Echo\",\"extra\":1}",
                "{\"method\":\"org.example.test.Echo\",\"extra\":{}}",
                "{\"method\":\"org.example.test.Echo\",\"org.example\":1}",
                "{\"method\":\"org.example.test.Echo\\u0000\"}",
                ECHO("{\"text\":\"\\u0000\"}"),
                ECHO("{\"te\\u0000xt\":1}"),
                ECHO("{\"text\":\"\xff\"}"),
                ECHO("{\"text\":\"\xed\xa0\x80\"}"),
                ECHO("{\"text\":NaN}"),
                ECHO("{'text':\"\"}"),
                "\xef\xbb\xbf" CALL("Echo"),
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                check_closes(*state, bad[i], strlen(bad[i]) + 1);
        assert_int_equal(((struct fixture *)*state)->service.n_calls, ELEMENTSOF(bad)); /* the first ones */
}

static void test_nul_inside(void **state) {
        static const char text[] = "{\"method\":\"org.example.test.Echo\0\"}";
        static const char nuls[] = "\0\0\0";

        check_closes(*state, text, sizeof(text));
        check_closes(*state, nuls, sizeof(nuls));
}

static void test_deep(void **state) {
        char text[1024] = "{\"method\":\"org.example.test.Echo\",\"parameters\":{\"names\":";
        size_t size = strlen(text);

        memset(text + size, '[', 400);
        memset(text + size + 400, ']', 400);
        strcpy(text + size + 800, "}}");
        check_closes(*state, text, strlen(text) + 1);
}

/* A byte more than allowed ends the connection, whether its NUL ever comes or not. */
static void test_oversize(void **state) {
        struct fixture *fixture = *state;
        char block[65536];

        memset(block, ' ', sizeof(block));
        for (unsigned extra = 0; extra < 2; extra++) {
                const char call[] = CALL("Echo");
                size_t left = VARLINK_MESSAGE_MAX - strlen(call) + extra;
                struct peer peer;

                peer_attach(&peer, fixture);
                while (left > 0) {
                        size_t n = MIN(left, sizeof(block));

                        peer_send(&peer, block, n);
                        left -= n;
                        (void)fixture_run(fixture);
                }
                peer_send(&peer, call, sizeof(call));
                if (extra == 0)
                        peer_expect(&peer, fixture, EMPTY);
                else
                        peer_expect_closed(&peer, fixture);
                peer_done(&peer);
        }
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 1);
}

static void test_oversize_without_end(void **state) {
        struct fixture *fixture = *state;
        size_t sent = 0;
        struct peer peer;
        char block[4096];

        memset(block, 'x', sizeof(block));
        peer_attach(&peer, fixture);
        while (!peer.eof && sent < 2 * VARLINK_MESSAGE_MAX) {
                ssize_t n = send(peer.fd, block, sizeof(block), MSG_NOSIGNAL);

                if (n < 0)
                        break;
                sent += (size_t)n;
                (void)fixture_run(fixture);
        }
        assert_true(sent >= VARLINK_MESSAGE_MAX && sent < VARLINK_MESSAGE_MAX + 65536);
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 1);
}

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

static void test_split_at_every_byte(void **state) {
        struct fixture *fixture = *state;

        for (size_t cut = 0; cut <= sizeof(stream); cut++) {
                struct peer peer;

                peer_attach(&peer, fixture);
                peer_send(&peer, stream, cut);
                (void)fixture_run(fixture);
                peer_send(&peer, stream + cut, sizeof(stream) - cut);
                expect_stream(&peer, fixture);
                peer_done(&peer);
        }
}

static void test_byte_by_byte(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        for (size_t i = 0; i < sizeof(stream); i++) {
                peer_send(&peer, stream + i, 1);
                (void)fixture_run(fixture);
        }
        expect_stream(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture->service.n_calls, 4);
}

static void test_pipelined(void **state) {
        struct fixture *fixture = *state;
        char all[500 * 80], text[128];
        size_t size = 0;
        struct peer peer;

        for (int i = 0; i < 500; i++)
                size += (size_t)snprintf(all + size, sizeof(all) - size, ECHO("{\"number\":%i}"), i) + 1;
        assert_true(size < sizeof(all));

        peer_attach(&peer, fixture);
        peer_send(&peer, all, size);
        for (int i = 0; i < 500; i++) {
                (void)snprintf(text, sizeof(text), "{\"parameters\":{\"number\":%i}}", i);
                peer_expect(&peer, fixture, text);
        }
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
}

/* A call behind one that is not answered yet is not even looked at: it may be garbage. */
static void test_pipelined_behind_open_call(void **state) {
        struct fixture *fixture = *state;
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, CALL("Later"));
        peer_call(&peer, ECHO("{\"text\":\"second\"}"));
        peer_call(&peer, "garbage");
        peer_expect_silence(&peer, fixture);
        assert_int_equal(fixture->service.n_calls, 1);
        assert_int_equal(fixture_stats(fixture).n_protocol_errors, 0);

        assert_int_equal(test_service_release(&fixture->service), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect(&peer, fixture, TEXT("second"));
        peer_expect_closed(&peer, fixture);
        peer_done(&peer);
        assert_int_equal(fixture->service.n_closed, 0);
}

/* While a stream is open nothing is read: what the peer can make the server hold is bounded. */
static void test_pipelined_behind_stream(void **state) {
        struct fixture *fixture = *state;
        size_t sent = 0;
        struct peer peer;
        char block[4096];

        memset(block, 'x', sizeof(block));
        peer_attach(&peer, fixture);
        peer_call(&peer, MORE("Watch", "{}"));
        peer_call(&peer, ECHO("{\"text\":\"behind\"}"));
        peer_expect_silence(&peer, fixture);
        assert_int_equal(fixture_stats(fixture).n_streams, 1);

        for (;;) {
                ssize_t n = send(peer.fd, block, sizeof(block), MSG_NOSIGNAL);

                if (n < 0)
                        break;
                sent += (size_t)n;
                (void)fixture_run(fixture);
                assert_true(sent < 8 * VARLINK_MESSAGE_MAX);
        }
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(test_service_notify(&fixture->service, 1, 0), 0);
        peer_expect(&peer, fixture, ITEM_MORE("1"));
        assert_int_equal(test_service_notify(&fixture->service, 2, 0), 0);
        assert_int_equal(test_service_notify(&fixture->service, 3, 0), 0);
        peer_expect(&peer, fixture, ITEM_MORE("2"));
        peer_expect(&peer, fixture, ITEM_MORE("3"));
        peer_expect_silence(&peer, fixture);
        assert_int_equal(fixture->service.n_calls, 1);

        assert_int_equal(test_service_release(&fixture->service), 0);
        peer_expect(&peer, fixture, EMPTY);
        peer_expect(&peer, fixture, TEXT("behind"));
        assert_int_equal(fixture_stats(fixture).n_streams, 0);
        peer_done(&peer);
}

static void test_no_read_ahead(void **state) {
        static const char *const open[] = { CALL("Later"), MORE("Watch", "{}") };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < ELEMENTSOF(open); i++) {
                struct peer peer;

                peer_attach(&peer, fixture);
                peer_call(&peer, open[i]);
                peer_expect_silence(&peer, fixture);
                peer_call(&peer, CALL("Echo"));
                peer_expect_silence(&peer, fixture);
                assert_int_equal(fixture->server->connections->input.size,
                                 fixture->server->connections->input.start);
                assert_int_equal(test_service_release(&fixture->service), 0);
                peer_expect(&peer, fixture, EMPTY);
                peer_expect(&peer, fixture, EMPTY);
                peer_done(&peer);
                (void)fixture_run(fixture);
        }
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_service_interface),
                TEST(test_errors),
                TEST(test_parameter_types),
                TEST(test_parameters),
                TEST(test_envelope),
                TEST(test_violations),
                TEST(test_nul_inside),
                TEST(test_deep),
                TEST(test_oversize),
                TEST(test_oversize_without_end),
                TEST(test_split_at_every_byte),
                TEST(test_byte_by_byte),
                TEST(test_pipelined),
                TEST(test_pipelined_behind_open_call),
                TEST(test_pipelined_behind_stream),
                TEST(test_no_read_ahead),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
