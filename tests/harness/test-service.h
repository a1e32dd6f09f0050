/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small varlink interface, org.example.test, with one method of each kind: for the tests of the server, for
 * fuzzing, and behind a socket (varlink-test-server) for foreign clients.
 */

#include "daemon/ipc/server.h"

enum { TEST_SERVICE_HELD_MAX = 16 };

struct test_service {
        struct varlink_interface interface;
        const struct varlink_interface *interfaces[2];    /* for varlink_server_new() */
        struct varlink_call *held[TEST_SERVICE_HELD_MAX]; /* calls of Later and Watch */
        size_t n_held;
        unsigned n_calls;    /* that reached a method */
        unsigned n_closed;   /* closed() callbacks of held calls */
        unsigned n_unwanted; /* held calls that saw a second closed(), or one after their reply */
};

extern const struct varlink_server_info test_service_info;
extern const struct varlink_server_limits test_service_limits;

void test_service_init(struct test_service *service);
/* Drops what is held. */
void test_service_done(struct test_service *service);
/* Answers and drops all held calls. 0 or the first error. */
int test_service_release(struct test_service *service);
/* Sends {"n":n} and a text of size bytes to all held streams. 0 or the last error. */
int test_service_notify(struct test_service *service, int n, size_t size);
