/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server and raw peers in one thread. AF_UNIX delivers at once, so that "the loop has nothing left to do"
 * is the moment at which everything has happened that will: tests wait for nothing else.
 */

#include "tests/unit/test.h"

#include "common/varlink-frame.h"
#include "daemon/ipc/server-internal.h"
#include "tests/harness/test-service.h"

struct fixture {
        sd_event *event;
        struct test_service service;
        struct varlink_server *server;
};

struct peer {
        int fd;
        struct varlink_input input;
        bool eof;
};

void fixture_setup(struct fixture *fixture, const struct varlink_server_limits *limits);
void fixture_teardown(struct fixture *fixture);
/* The same as setup and teardown of a test, which finds the fixture in its state. */
int fixture_new(void **state);
int fixture_free(void **state);
/* Runs the loop until it is idle; a loop that spins fails the test. Returns the turns it took. */
unsigned fixture_run(struct fixture *fixture);
struct varlink_server_stats fixture_stats(const struct fixture *fixture);

/* Connects through a socketpair. */
void peer_attach(struct peer *peer, struct fixture *fixture);
void peer_done(struct peer *peer);
/* Sends size bytes, all of which must fit into the socket's buffer. */
void peer_send(struct peer *peer, const char *bytes, size_t size);
/* Sends one text and its NUL. */
void peer_call(struct peer *peer, const char *text);
/* Reads up to a whole message or what is there; a closed connection sets eof. Returns the bytes read. */
size_t peer_read(struct peer *peer);
/* Runs the loop, then demands that the next message is exactly this text. */
void peer_expect(struct peer *peer, struct fixture *fixture, const char *text);
/* Runs the loop, then demands that nothing (more) came and the connection stands. */
void peer_expect_silence(struct peer *peer, struct fixture *fixture);
/* Runs the loop, then demands that nothing (more) came and the connection is closed. */
void peer_expect_closed(struct peer *peer, struct fixture *fixture);
/* A connection of its own makes this call, and gets this reply and nothing else. */
void fixture_check_reply(struct fixture *fixture, const char *call, const char *reply);
