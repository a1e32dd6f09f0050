/* SPDX-License-Identifier: Apache-2.0 */

#include "common/varlink-client.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "common/json-build.h"
#include "common/varlink-frame.h"

enum { READ_SIZE_MIN = 16384 };

struct varlink_client {
        int fd;
        uint64_t timeout_ns; /* 0: none */
        struct varlink_input input;
        bool pending; /* a call whose final reply has not come */
        bool more;    /* that call asked for more */
        int error;    /* what made the connection unusable, or 0 */
};

static uint64_t client_now(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The moment at which a wait that begins now gives up; 0: never. */
static uint64_t client_deadline(const struct varlink_client *client) {
        return client->timeout_ns ? client_now() + client->timeout_ns : 0;
}

/* Waits for the socket. 0, -ETIMEDOUT, -EINTR, other -errno. */
static int client_wait(const struct varlink_client *client, short events, uint64_t deadline) {
        struct pollfd pollfd = { .fd = client->fd, .events = events };
        struct timespec timeout = {};
        uint64_t now;
        int r;

        if (deadline) {
                now = client_now();
                if (now < deadline) {
                        timeout.tv_sec = (time_t)((deadline - now) / NSEC_PER_SEC);
                        timeout.tv_nsec = (long)((deadline - now) % NSEC_PER_SEC);
                }
        }

        r = ppoll(&pollfd, 1, deadline ? &timeout : NULL, NULL);
        if (r < 0)
                return -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

/* A blocking connect() waits for room in the server's backlog for at most SO_SNDTIMEO (unix(7), EAGAIN). */
static int client_connect(int fd, const struct sockaddr_un *address, uint64_t timeout_ns) {
        struct timeval timeout = {
                .tv_sec = (time_t)(timeout_ns / NSEC_PER_SEC),
                .tv_usec = (suseconds_t)(timeout_ns % NSEC_PER_SEC / NSEC_PER_USEC),
        };
        int flags;

        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        return 0;
}

int varlink_client_take_fd(int fd, uint64_t timeout_ns, struct varlink_client **ret_client) {
        _cleanup_(closep) int owned = fd;
        struct varlink_client *client;
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;

        client->fd = TAKE_FD(owned);
        client->timeout_ns = timeout_ns;
        *ret_client = client;
        return 0;
}

void varlink_client_set_timeout(struct varlink_client *client, uint64_t timeout_ns) {
        client->timeout_ns = timeout_ns;
}

int varlink_client_connect(const char *path, uint64_t timeout_ns, struct varlink_client **ret_client) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t size = strlen(path);
        int r;

        if (size == 0)
                return -EINVAL;
        if (size >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, size + 1);

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;

        client->timeout_ns = timeout_ns;
        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0)
                return -errno;
        r = client_connect(client->fd, &address, timeout_ns);
        if (r < 0)
                return r;

        *ret_client = TAKE_PTR(client);
        return 0;
}

struct varlink_client *varlink_client_free(struct varlink_client *client) {
        if (!client)
                return NULL;

        (void)close_safe(client->fd);
        varlink_input_done(&client->input);
        free(client);
        return NULL;
}

static int client_write(struct varlink_client *client, const char *text, size_t size) {
        uint64_t deadline = client_deadline(client);

        while (size > 0) {
                ssize_t n;
                int r;

                n = send(client->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n >= 0) {
                        text += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno == EPIPE)
                        return -ECONNRESET;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;

                r = client_wait(client, POLLOUT, deadline);
                if (r < 0 && r != -EINTR) /* a message is sent as a whole or not at all */
                        return r;
        }

        return 0;
}

static int call_build(const char *method, struct json_object *parameters, bool more,
                      struct json_object **ret_call) {
        _cleanup_(json_putp) struct json_object *call = NULL;
        int r;

        call = json_object_new_object();
        if (!call)
                return -ENOMEM;

        r = json_add_text(call, "method", method);
        if (r >= 0)
                r = json_add(call, "parameters",
                             parameters ? json_object_get(parameters) : json_object_new_object());
        if (r >= 0 && more)
                r = json_add(call, "more", json_object_new_boolean(true));
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}

int varlink_client_send(struct varlink_client *client, const char *method, struct json_object *parameters,
                        bool more) {
        _cleanup_(json_putp) struct json_object *call = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (client->error < 0)
                return client->error;
        if (client->pending)
                return -EBUSY;

        r = call_build(method, parameters, more, &call);
        if (r < 0)
                return r;
        r = varlink_serialize(call, &text, &size);
        if (r < 0)
                return r;
        r = client_write(client, text, size + 1); /* with its NUL */
        if (r < 0) {
                client->error = r; /* part of it may be out */
                return r;
        }

        client->pending = true;
        client->more = more;
        return 0;
}

/* 0 when bytes came; -ETIMEDOUT, -EINTR, -ECONNRESET, other -errno. */
static int client_read(struct varlink_client *client, uint64_t deadline) {
        char *space;
        ssize_t n;
        int r;

        r = varlink_input_reserve(&client->input, READ_SIZE_MIN, &space);
        if (r < 0)
                return r;

        /* Who waited by himself knows that there is something. */
        n = recv(client->fd, space, client->input.allocated - client->input.size, MSG_DONTWAIT);
        if (n == 0)
                return -ECONNRESET;
        if (n < 0 && errno == EAGAIN)
                return client_wait(client, POLLIN, deadline);
        if (n < 0)
                return -errno;

        varlink_input_commit(&client->input, (size_t)n);
        return 0;
}

/* The next whole message, borrowed until the next one. */
static int client_next(struct varlink_client *client, const char **ret_text, size_t *ret_size) {
        uint64_t deadline = client_deadline(client);
        int r;

        for (;;) {
                r = varlink_input_next(&client->input, ret_text, ret_size);
                if (r > 0)
                        return 0;
                if (r == 0)
                        r = client_read(client, deadline);
                if (r < 0)
                        return r == -EMSGSIZE ? -EBADMSG : r;
        }
}

struct client_reply {
        const char *error;              /* borrowed, as is parameters */
        struct json_object *parameters; /* NULL: none */
        bool continues;
};

/* By the same rules as the server's for calls: nothing unknown but what vendors nest under their names. */
static int client_reply_set(struct client_reply *reply, const char *key, struct json_object *value) {
        if (strcmp(key, "error") == 0) {
                if (value && !json_object_is_type(value, json_type_string))
                        return -EBADMSG;
                reply->error = json_object_get_string(value);
                return 0;
        }
        if (strcmp(key, "parameters") == 0) {
                if (value && !json_object_is_type(value, json_type_object))
                        return -EBADMSG;
                reply->parameters = value;
                return 0;
        }
        if (strcmp(key, "continues") == 0) {
                if (value && !json_object_is_type(value, json_type_boolean))
                        return -EBADMSG;
                reply->continues = json_object_get_boolean(value);
                return 0;
        }

        return strchr(key, '.') && json_object_is_type(value, json_type_object) ? 0 : -EBADMSG;
}

static int client_reply_parse(const struct varlink_client *client, struct json_object *message,
                              struct client_reply *ret_reply) {
        struct client_reply reply = {};
        int r;

        json_object_object_foreach(message, key, value) {
                r = client_reply_set(&reply, key, value);
                if (r < 0)
                        return r;
        }
        if (reply.continues && (reply.error || !client->more))
                return -EBADMSG;

        *ret_reply = reply;
        return 0;
}

static int client_take_reply(struct varlink_client *client, const char *text, size_t size, char **ret_error,
                             struct json_object **ret_parameters, bool *ret_continues) {
        _cleanup_(json_putp) struct json_object *message = NULL, *parameters = NULL;
        _cleanup_(freep) char *error = NULL;
        struct client_reply reply;
        int r;

        r = varlink_parse(text, size, &message);
        if (r >= 0)
                r = client_reply_parse(client, message, &reply);
        if (r < 0)
                return r;

        if (reply.error) {
                error = strdup(reply.error);
                if (!error)
                        return -ENOMEM;
        }
        parameters = reply.parameters ? json_object_get(reply.parameters) : json_object_new_object();
        if (!parameters)
                return -ENOMEM;

        client->pending = reply.continues;
        *ret_error = TAKE_PTR(error);
        *ret_parameters = TAKE_PTR(parameters);
        *ret_continues = reply.continues;
        return 0;
}

int varlink_client_receive(struct varlink_client *client, char **ret_error,
                           struct json_object **ret_parameters, bool *ret_continues) {
        const char *text;
        size_t size;
        int r;

        if (client->error < 0)
                return client->error;
        if (!client->pending)
                return -EINVAL;

        r = client_next(client, &text, &size);
        if (r >= 0)
                r = client_take_reply(client, text, size, ret_error, ret_parameters, ret_continues);
        if (r < 0 && r != -EINTR && r != -ETIMEDOUT)
                client->error = r; /* after these two the reply may still come */
        return r;
}

int varlink_client_call(struct varlink_client *client, const char *method, struct json_object *parameters,
                        char **ret_error, struct json_object **ret_parameters) {
        bool continues;
        int r;

        r = varlink_client_send(client, method, parameters, false);
        if (r < 0)
                return r;
        return varlink_client_receive(client, ret_error, ret_parameters, &continues);
}

int varlink_client_fd(const struct varlink_client *client) {
        return client->fd;
}

bool varlink_client_has_reply(struct varlink_client *client) {
        return varlink_input_has_message(&client->input);
}
