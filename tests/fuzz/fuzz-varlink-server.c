/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes into a connection. The first says how they are cut and how the peer behaves: whether it reads,
 * closes one side or both, and when. The loop must come to rest, every reply be a proper one, and nothing be
 * left of the connection at the end.
 */

#include <string.h>
#include <sys/socket.h>

#include "daemon/ipc/server-internal.h"
#include "tests/harness/test-service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

enum {
        TURNS_MAX = 100000,
        REPLY_BYTES_MAX = 4 * 1024 * 1024, /* then the peer has read enough, of a stream without end */

        READS_NEVER = 1 << 0,
        SHUTS_WRITING = 1 << 1,
        SHUTS_READING = 1 << 2,
        CLOSES_AT_ONCE = 1 << 3,
        SERVICE_ANSWERS = 1 << 4,
        CHUNK_SHIFT = 5,
};

struct target {
        sd_event *event;
        struct test_service service;
        struct varlink_server *server;
        struct varlink_input replies;
        int fd;
        size_t n_read;
};

static void target_run(struct target *target) {
        for (unsigned n = 0; n < TURNS_MAX; n++) {
                int r;

                r = sd_event_run(target->event, 0);
                CHECK(r >= 0);
                if (r == 0)
                        return;
        }
        abort(); /* it spins */
}

static bool reply_key_is_known(const char *key) {
        return strcmp(key, "error") == 0 || strcmp(key, "parameters") == 0 || strcmp(key, "continues") == 0;
}

static void check_reply(const char *text, size_t size) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct json_object *value;

        CHECK(varlink_parse(text, size, &reply) == 0);
        json_object_object_foreach(reply, key, unused) {
                (void)unused;
                CHECK(reply_key_is_known(key));
        }
        CHECK(json_object_object_get_ex(reply, "parameters", &value));
        CHECK(json_object_is_type(value, json_type_object));
        if (json_object_object_get_ex(reply, "continues", &value)) {
                CHECK(json_object_get_boolean(value));
                CHECK(!json_object_object_get_ex(reply, "error", NULL));
        }
}

static void target_read(struct target *target) {
        const char *text;
        size_t size;
        char *space;
        ssize_t n;

        while (target->n_read < REPLY_BYTES_MAX) {
                CHECK(varlink_input_reserve(&target->replies, 65536, &space) == 0);
                n = recv(target->fd, space, 65536, MSG_DONTWAIT);
                if (n <= 0)
                        return;
                varlink_input_commit(&target->replies, (size_t)n);
                target->n_read += (size_t)n;
                while (varlink_input_next(&target->replies, &text, &size) > 0)
                        check_reply(text, size);
                target_run(target);
        }
}

static void target_feed(struct target *target, unsigned behaviour, const uint8_t *data, size_t size) {
        size_t chunk = (size_t)1 << 2 * (behaviour >> CHUNK_SHIFT);

        for (size_t at = 0; at < size; at += chunk) {
                if (send(target->fd, data + at, MIN(chunk, size - at), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        return; /* closed on us, or not taken */
                if (behaviour & CLOSES_AT_ONCE)
                        continue;
                target_run(target);
                if (!(behaviour & READS_NEVER))
                        target_read(target);
        }
}

static void target_behave(struct target *target, unsigned behaviour) {
        if (behaviour & SHUTS_WRITING)
                (void)shutdown(target->fd, SHUT_WR);
        if (behaviour & SERVICE_ANSWERS) {
                target_run(target);
                (void)test_service_notify(&target->service, 1, 1000); /* fails for a call without "more" */
                CHECK(test_service_release(&target->service) == 0);
        }
        if (!(behaviour & (CLOSES_AT_ONCE | READS_NEVER))) {
                target_run(target);
                target_read(target);
        }
}

static void target_one(struct target *target, unsigned behaviour, const uint8_t *data, size_t size) {
        struct varlink_server_stats stats;
        int fds[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        target->fd = fds[0];
        target->n_read = 0;
        CHECK(varlink_server_add_connection(target->server, fds[1]) == 0);
        if (behaviour & SHUTS_READING)
                (void)shutdown(target->fd, SHUT_RD);
        target_feed(target, behaviour, data, size);
        target_behave(target, behaviour);

        (void)close(target->fd);
        target_run(target);
        varlink_input_done(&target->replies);
        varlink_server_get_stats(target->server, &stats);
        CHECK(stats.n_connections == 0 && stats.n_streams == 0);
        CHECK(target->service.n_held == 0 && target->service.n_unwanted == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct target target;

        if (!target.server) {
                test_service_init(&target.service);
                CHECK(sd_event_new(&target.event) >= 0);
                CHECK(varlink_server_new(target.event, &test_service_info, target.service.interfaces,
                                         &test_service_limits, &target.server) == 0);
        }
        if (size > 0)
                target_one(&target, data[0], data + 1, size - 1);
        return 0;
}
