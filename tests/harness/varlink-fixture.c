/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/varlink-fixture.h"

#include <string.h>
#include <sys/socket.h>

enum { FIXTURE_TURNS_MAX = 2000000 };

void fixture_setup(struct fixture *fixture, const struct varlink_server_limits *limits) {
        *fixture = (struct fixture){};
        test_service_init(&fixture->service);
        assert_true(sd_event_new(&fixture->event) >= 0);
        assert_int_equal(varlink_server_new(fixture->event, &test_service_info, fixture->service.interfaces,
                                            limits ? limits : &test_service_limits, &fixture->server),
                         0);
}

void fixture_teardown(struct fixture *fixture) {
        fixture->server = varlink_server_free(fixture->server);
        test_service_done(&fixture->service);
        fixture->event = sd_event_unref(fixture->event);
        assert_int_equal(fixture->service.n_unwanted, 0);
}

unsigned fixture_run(struct fixture *fixture) {
        for (unsigned n = 0; n < FIXTURE_TURNS_MAX; n++) {
                int r;

                r = sd_event_run(fixture->event, 0);
                assert_true(r >= 0);
                if (r == 0)
                        return n;
        }

        fail_msg("the loop spins");
        return 0;
}

struct varlink_server_stats fixture_stats(const struct fixture *fixture) {
        struct varlink_server_stats stats;

        varlink_server_get_stats(fixture->server, &stats);
        return stats;
}

void peer_attach(struct peer *peer, struct fixture *fixture) {
        int fds[2];

        *peer = (struct peer){};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        peer->fd = fds[0];
        assert_int_equal(varlink_server_add_connection(fixture->server, fds[1]), 0);
}

void peer_done(struct peer *peer) {
        peer->fd = close_safe(peer->fd);
        varlink_input_done(&peer->input);
}

void peer_send(struct peer *peer, const char *bytes, size_t size) {
        assert_int_equal(send(peer->fd, bytes, size, MSG_NOSIGNAL), size);
}

void peer_call(struct peer *peer, const char *text) {
        peer_send(peer, text, strlen(text) + 1);
}

size_t peer_read(struct peer *peer) {
        size_t total = 0;
        char *space;
        ssize_t n;

        for (;;) {
                assert_int_equal(varlink_input_reserve(&peer->input, 65536, &space), 0);
                n = recv(peer->fd, space, 65536, 0);
                if (n < 0 && errno == EAGAIN)
                        return total;
                if (n <= 0) { /* ECONNRESET: closed with bytes of ours unread */
                        assert_true(n == 0 || errno == ECONNRESET);
                        peer->eof = true;
                        return total;
                }
                varlink_input_commit(&peer->input, (size_t)n);
                total += (size_t)n;
                if (varlink_input_has_message(&peer->input))
                        return total;
        }
}

void peer_expect(struct peer *peer, struct fixture *fixture, const char *text) {
        const char *message = NULL;
        size_t size, n = 1;

        (void)fixture_run(fixture);
        while (!varlink_input_has_message(&peer->input) && n > 0) {
                n = peer_read(peer); /* a large reply comes in pieces of the socket's buffer */
                (void)fixture_run(fixture);
        }

        if (varlink_input_next(&peer->input, &message, &size) <= 0)
                fail_msg("no reply, expected %.200s", text);
        assert_string_equal(message, text);
        assert_int_equal(size, strlen(text));
}

static void peer_expect_nothing(struct peer *peer, struct fixture *fixture) {
        const char *message = NULL;
        size_t size;

        (void)fixture_run(fixture);
        if (!varlink_input_has_message(&peer->input))
                (void)peer_read(peer);
        if (varlink_input_next(&peer->input, &message, &size) > 0)
                fail_msg("unexpected: %s", message);
        assert_int_equal(peer->input.size, peer->input.start);
}

void peer_expect_silence(struct peer *peer, struct fixture *fixture) {
        peer_expect_nothing(peer, fixture);
        assert_false(peer->eof);
}

void peer_expect_closed(struct peer *peer, struct fixture *fixture) {
        peer_expect_nothing(peer, fixture);
        assert_true(peer->eof);
}

int fixture_new(void **state) {
        struct fixture *fixture = malloc(sizeof(*fixture));

        fixture_setup(fixture, NULL);
        *state = fixture;
        return 0;
}

int fixture_free(void **state) {
        fixture_teardown(*state);
        free(*state);
        return 0;
}

void fixture_check_reply(struct fixture *fixture, const char *call, const char *reply) {
        struct peer peer;

        peer_attach(&peer, fixture);
        peer_call(&peer, call);
        peer_expect(&peer, fixture, reply);
        peer_expect_silence(&peer, fixture);
        peer_done(&peer);
}
