/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small blocking varlink client over an AF_UNIX stream socket.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct varlink_client;

/* Connects to a socket path. 0; -ENOENT, -ECONNREFUSED (nobody listens), -EACCES and other -errno of
 * connect(); timeout_ns bounds every later wait for a reply, 0: for ever. */
int varlink_client_connect(const char *path, uint64_t timeout_ns, struct varlink_client **ret_client);
/* The same over a connected stream socket, of which it takes ownership, also on failure: for ssh and for
 * tests. */
int varlink_client_take_fd(int fd, uint64_t timeout_ns, struct varlink_client **ret_client);
/* Bounds waits from now on, for callers that have a deadline of their own. */
void varlink_client_set_timeout(struct varlink_client *client, uint64_t timeout_ns);
struct varlink_client *varlink_client_free(struct varlink_client *client);
DEFINE_CLEANUP(struct varlink_client *, varlink_client_free)

/* Sends a call; parameters may be NULL ({}) and are borrowed. more asks for a stream. 0; -EBUSY while the
 * last reply to the previous call is outstanding; -ECONNRESET, -ETIMEDOUT, other -errno. */
int varlink_client_send(struct varlink_client *client, const char *method, struct json_object *parameters,
                        bool more);
/* Waits for the next reply. *ret_error: error name or NULL (caller frees); *ret_parameters: an owned
 * object, never NULL on success; *ret_continues: more replies follow. 0; -ETIMEDOUT; -ECONNRESET when the
 * server closed; -EBADMSG not varlink; -EINTR on a signal; -EINVAL when no reply is due. After -ETIMEDOUT and
 * -EINTR it may be called again. Replies may already be buffered when poll() says nothing: receive until
 * *ret_continues is false or use varlink_client_has_reply(). */
int varlink_client_receive(struct varlink_client *client, char **ret_error,
                           struct json_object **ret_parameters, bool *ret_continues);
/* Send and receive one reply. */
int varlink_client_call(struct varlink_client *client, const char *method, struct json_object *parameters,
                        char **ret_error, struct json_object **ret_parameters);
/* The socket, for poll(). */
int varlink_client_fd(const struct varlink_client *client);
/* A whole reply is buffered: receive will not wait. */
bool varlink_client_has_reply(struct varlink_client *client);
