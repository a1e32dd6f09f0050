/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/json-build.h"
#include "common/varlink-client.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/varlink-fixture.h"

#define FOREVER UINT64_C(0)
#define LONG (30 * NSEC_PER_SEC)
#define SHORT (20 * NSEC_PER_MSEC)

/* A real server, or a listening socket behind which the test plays one. */
struct place {
        struct fixture fixture;
        char dir[64], path[96];
        int listen_fd, fd; /* of the played server */
};

static int setup_place(void **state) {
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        strcpy(place->dir, "/tmp/irqwatch-test-client-XXXXXX");
        assert_non_null(mkdtemp(place->dir));
        (void)snprintf(place->path, sizeof(place->path), "%s/socket", place->dir);
        place->listen_fd = place->fd = -EBADF;
        fixture_setup(&place->fixture, NULL);
        *state = place;
        return 0;
}

static int teardown_place(void **state) {
        struct place *place = *state;

        fixture_teardown(&place->fixture);
        (void)close_safe(place->fd);
        (void)close_safe(place->listen_fd);
        (void)unlink(place->path); /* the played server's */
        assert_int_equal(rmdir(place->dir), 0);
        free(place);
        return 0;
}

static struct varlink_client *connect_real(struct place *place) {
        struct varlink_client *client = NULL;

        assert_int_equal(varlink_server_listen(place->fixture.server, place->path, (gid_t)-1), 0);
        assert_int_equal(varlink_client_connect(place->path, LONG, &client), 0);
        return client;
}

static void play_listen(struct place *place, int backlog) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, place->path);
        place->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(place->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (backlog >= 0)
                assert_int_equal(listen(place->listen_fd, backlog), 0);
}

static struct varlink_client *connect_played(struct place *place, uint64_t timeout_ns) {
        struct varlink_client *client = NULL;

        if (place->listen_fd < 0)
                play_listen(place, 10);
        assert_int_equal(varlink_client_connect(place->path, timeout_ns, &client), 0);
        place->fd = accept(place->listen_fd, NULL, NULL);
        assert_true(place->fd >= 0);
        return client;
}

static void play(struct place *place, const char *bytes, size_t size) {
        assert_int_equal(send(place->fd, bytes, size, MSG_NOSIGNAL), size);
}

static void play_text(struct place *place, const char *text) {
        play(place, text, strlen(text) + 1);
}

static void check_receive(struct varlink_client *client, const char *error, const char *parameters,
                          bool continues) {
        _cleanup_(json_putp) struct json_object *got = NULL;
        _cleanup_(freep) char *got_error = NULL;
        bool got_continues = !continues;

        assert_int_equal(varlink_client_receive(client, &got_error, &got, &got_continues), 0);
        if (error)
                assert_string_equal(got_error, error);
        else
                assert_null(got_error);
        assert_string_equal(json_object_to_json_string_ext(got, JSON_C_TO_STRING_PLAIN), parameters);
        assert_int_equal(got_continues, continues);
}

static int receive_fails(struct varlink_client *client) {
        struct json_object *parameters = NULL;
        char *error = NULL;
        bool continues;
        int r;

        r = varlink_client_receive(client, &error, &parameters, &continues);
        assert_true(r < 0);
        assert_null(parameters);
        assert_null(error);
        return r;
}

static void test_calls(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_real(place);
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();

        assert_int_equal(json_add_text(parameters, "text", "\xc3\xa9"), 0);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(varlink_client_send(client, "org.example.test.Echo", parameters, false), 0);
                (void)fixture_run(&place->fixture);
                check_receive(client, NULL, "{\"text\":\"\xc3\xa9\"}", false);
        }

        assert_int_equal(varlink_client_send(client, "org.example.test.Nosuch", NULL, false), 0);
        (void)fixture_run(&place->fixture);
        check_receive(client, "org.varlink.service.MethodNotFound",
                      "{\"method\":\"org.example.test.Nosuch\"}", false);
        assert_int_equal(receive_fails(client), -EINVAL);
}

static void test_stream(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_real(place);
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();

        assert_int_equal(json_add(parameters, "limit", json_object_new_int(3)), 0);
        assert_int_equal(varlink_client_send(client, "org.example.test.Count", parameters, true), 0);
        assert_int_equal(varlink_client_send(client, "org.example.test.Echo", NULL, false), -EBUSY);
        (void)fixture_run(&place->fixture);
        assert_false(varlink_client_has_reply(client));
        check_receive(client, NULL, "{\"n\":1,\"text\":\"\"}", true);
        assert_true(varlink_client_has_reply(client)); /* they came together */
        check_receive(client, NULL, "{\"n\":2,\"text\":\"\"}", true);
        check_receive(client, NULL, "{\"n\":3,\"text\":\"\"}", false);
        assert_false(varlink_client_has_reply(client));
        assert_int_equal(receive_fails(client), -EINVAL);
}

/* What goes over the wire is what the server's strictest peer would accept. */
static void test_wire(void **state) {
        static const char expected[] = "{\"method\":\"a.B\",\"parameters\":{}}\0"
                                       "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}";
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();
        char got[256];

        assert_int_equal(json_add(parameters, "x", json_object_new_int(1)), 0);
        assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
        play_text(place, "{}");
        check_receive(client, NULL, "{}", false);
        assert_int_equal(varlink_client_send(client, "a.B", parameters, true), 0);
        assert_int_equal(recv(place->fd, got, sizeof(got), 0), sizeof(expected));
        assert_memory_equal(got, expected, sizeof(expected));
}

static void test_call(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);
        _cleanup_(json_putp) struct json_object *parameters = NULL;
        _cleanup_(freep) char *error = NULL;

        play_text(place, "{\"error\":\"a.Failed\"}");
        assert_int_equal(varlink_client_call(client, "a.B", NULL, &error, &parameters), 0);
        assert_string_equal(error, "a.Failed");
        assert_int_equal(json_object_object_length(parameters), 0);
}

static void test_connect_errors(void **state) {
        struct place *place = *state;
        struct varlink_client *client = NULL;
        char path[256];

        assert_int_equal(varlink_client_connect(place->path, LONG, &client), -ENOENT);
        assert_int_equal(varlink_client_connect("", LONG, &client), -EINVAL);
        memset(path, 'x', 108);
        path[108] = '\0';
        assert_int_equal(varlink_client_connect(path, LONG, &client), -ENAMETOOLONG);

        play_listen(place, -1);
        assert_int_equal(varlink_client_connect(place->path, LONG, &client), -ECONNREFUSED);
        assert_null(client);
}

static void test_full_backlog(void **state) {
        struct place *place = *state;
        struct varlink_client *first = NULL, *second = NULL;

        play_listen(place, 0);
        assert_int_equal(varlink_client_connect(place->path, SHORT, &first), 0);
        assert_int_equal(varlink_client_connect(place->path, SHORT, &second), -ETIMEDOUT);
        assert_null(second);
        varlink_client_free(first);
}

static void test_good_replies(void **state) {
        static const char *const replies[] = {
                "{}",
                " { } ",
                "{\"parameters\":null}",
                "{\"parameters\":{},\"continues\":false,\"error\":null}",
                "{\"org.example\":{\"x\":1}}",
        };
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);

        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
                play_text(place, replies[i]);
                check_receive(client, NULL, "{}", false);
        }
}

static void test_bad_replies(void **state) {
        static const char *const bad[] = {
                "",
                "x",
                "[]",
                "null",
                "{\"parameters\":[]}",
                "{\"parameters\":1}",
                "{\"error\":1}",
                "{\"continues\":1}",
                "{\"continues\":true}",
                "{\"extra\":1}",
                "{\"extra\":{}}",
                "{} {}",
                "{\"parameters\":{\"a\":\"\xff\"}}",
                "{\"parameters\":{\"a\":NaN}}",
        };
        struct place *place = *state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);

                assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
                play_text(place, bad[i]);
                play_text(place, "{}");
                assert_int_equal(receive_fails(client), -EBADMSG);
                /* What follows cannot be trusted either. */
                assert_int_equal(receive_fails(client), -EBADMSG);
                assert_int_equal(varlink_client_send(client, "a.B", NULL, false), -EBADMSG);
                place->fd = close_safe(place->fd);
        }
}

static void test_error_in_stream(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);

        assert_int_equal(varlink_client_send(client, "a.B", NULL, true), 0);
        play_text(place, "{\"continues\":true}");
        play_text(place, "{\"error\":\"a.E\",\"continues\":true}");
        check_receive(client, NULL, "{}", true);
        assert_int_equal(receive_fails(client), -EBADMSG);
}

static void test_oversize(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, SHORT);
        int r = -ETIMEDOUT;
        char block[65536];

        memset(block, ' ', sizeof(block));
        assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
        for (size_t sent = 0; sent <= VARLINK_MESSAGE_MAX; sent += sizeof(block)) {
                play(place, block, sizeof(block));
                assert_int_equal(r, -ETIMEDOUT); /* and not before */
                r = receive_fails(client);
        }
        assert_int_equal(r, -EBADMSG);
}

static void test_split_reply(void **state) {
        static const char reply[] = "{\"parameters\":{\"text\":\"\xc3\xa9\"}}";
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, NSEC_PER_MSEC);

        assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
        for (size_t i = 0; i < sizeof(reply); i++) {
                assert_int_equal(receive_fails(client), -ETIMEDOUT); /* and goes on from there */
                play(place, reply + i, 1);
        }
        check_receive(client, NULL, "{\"text\":\"\xc3\xa9\"}", false);
}

static void test_server_closes(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, FOREVER);

        assert_int_equal(varlink_client_send(client, "a.B", NULL, true), 0);
        play_text(place, "{\"continues\":true}");
        play(place, "{\"conti", 6);
        place->fd = close_safe(place->fd);
        check_receive(client, NULL, "{}", true); /* what came whole counts */
        assert_int_equal(receive_fails(client), -ECONNRESET);
        assert_int_equal(receive_fails(client), -ECONNRESET);
}

static void test_server_closed_before(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, FOREVER);
        struct json_object *parameters = NULL;
        char *error = NULL;

        place->fd = close_safe(place->fd);
        assert_int_equal(varlink_client_call(client, "a.B", NULL, &error, &parameters), -ECONNRESET);
        assert_null(error);
        assert_null(parameters);
}

/* A server that does not read: sending gives up as waiting does. */
static void test_send_timeout(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, SHORT);
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();
        _cleanup_(freep) char *text = calloc(1, 900001);

        assert_non_null(text);
        memset(text, 'x', 900000);
        assert_int_equal(json_add_text(parameters, "x", text), 0);
        assert_int_equal(varlink_client_send(client, "a.B", parameters, false), -ETIMEDOUT);
        assert_int_equal(varlink_client_send(client, "a.B", NULL, false),
                         -ETIMEDOUT); /* half of one is out */
}

static void test_send_too_large(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, LONG);
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();
        _cleanup_(freep) char *text = calloc(1, VARLINK_MESSAGE_MAX + 1);

        assert_non_null(text);
        memset(text, 'x', VARLINK_MESSAGE_MAX);
        assert_int_equal(json_add_text(parameters, "x", text), 0);
        assert_int_equal(varlink_client_send(client, "a.B", parameters, false), -EMSGSIZE);
        assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0); /* nothing was sent */
}

static void on_signal(int signal) {
}

static void test_interrupted(void **state) {
        struct place *place = *state;
        _cleanup_(varlink_client_freep) struct varlink_client *client = connect_played(place, FOREVER);
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;
        struct itimerval timer = { { 0, 10000 }, { 0, 10000 } }, off = {};

        assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
        assert_int_equal(varlink_client_send(client, "a.B", NULL, false), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
        assert_int_equal(receive_fails(client), -EINTR);
        assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
        assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);

        play_text(place, "{}");
        check_receive(client, NULL, "{}", false);
}

/* Whichever allocation fails, the caller gets an error and nothing leaks. */
static void test_out_of_memory(void **state) {
        struct place *place = *state;
        bool failed = true;

        play_listen(place, 100);
        for (unsigned n = 1; failed; n++) {
                struct json_object *parameters = NULL;
                struct varlink_client *client = NULL;
                bool continues = false;
                char *error = NULL;
                int r;

                alloc_fail_at(n);
                r = varlink_client_connect(place->path, LONG, &client);
                if (r >= 0) {
                        place->fd = accept(place->listen_fd, NULL, NULL);
                        r = varlink_client_send(client, "a.B", NULL, false);
                }
                if (r >= 0) {
                        play_text(place, "{\"error\":\"a.E\"}");
                        r = varlink_client_receive(client, &error, &parameters, &continues);
                }
                failed = alloc_fail_end();
                assert_int_equal(r, failed ? -ENOMEM : 0);
                (void)json_object_put(parameters);
                free(error);
                varlink_client_free(client);
                place->fd = close_safe(place->fd);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_place, teardown_place)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_calls),
                TEST(test_stream),
                TEST(test_wire),
                TEST(test_call),
                TEST(test_connect_errors),
                TEST(test_full_backlog),
                TEST(test_good_replies),
                TEST(test_bad_replies),
                TEST(test_error_in_stream),
                TEST(test_oversize),
                TEST(test_split_reply),
                TEST(test_server_closes),
                TEST(test_server_closed_before),
                TEST(test_send_timeout),
                TEST(test_send_too_large),
                TEST(test_interrupted),
                TEST(test_out_of_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
