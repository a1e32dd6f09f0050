/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of one call: replies, references, and what happens when the peer goes away first.
 */

#include <assert.h>

#include "common/json-build.h"
#include "daemon/ipc/server-internal.h"

int call_new(struct connection *connection, struct varlink_call **ret_call) {
        struct varlink_call *call;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;

        call->n_refs = 1;
        call->connection = connection;
        call->uid = connection->uid;
        call->pid = connection->pid;
        *ret_call = call;
        return 0;
}

/* Parts call and connection. The connection's reference is the caller's to drop. */
static struct connection *call_detach(struct varlink_call *call) {
        struct connection *connection = call->connection;

        connection->call = NULL;
        call->connection = NULL;
        call->part = NULL;
        if (call->counted)
                connection->server->stats.n_streams--;
        call->counted = false;
        return connection;
}

void call_close(struct varlink_call *call) {
        void (*closed)(struct varlink_call * call, void *data) = call->closed;

        (void)call_detach(call);
        call->closed = NULL;
        if (closed)
                closed(call, call->closed_data);
        (void)varlink_call_unref(call);
}

static void call_finish(struct varlink_call *call) {
        struct connection *connection;

        connection = call_detach(call);
        call->sent = true;
        if (!call->running)
                connection_again(connection); /* the next call waits for this reply */
        (void)varlink_call_unref(call);
}

struct varlink_call *varlink_call_ref(struct varlink_call *call) {
        assert(call->n_refs > 0);
        call->n_refs++;
        return call;
}

struct varlink_call *varlink_call_unref(struct varlink_call *call) {
        if (!call)
                return NULL;

        assert(call->n_refs > 0);
        call->n_refs--;
        if (call->n_refs == 0)
                free(call);
        else if (call->n_refs == 1 && call->connection && !call->running && !call->part)
                connection_break(call->connection); /* nobody is left to answer */
        return NULL;
}

/* {"error":…,"parameters":{…},"continues":true}, with what applies. */
static int reply_build(const char *error, struct json_object *parameters, bool continues,
                       struct json_object **ret_reply) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        int r = 0;

        reply = json_object_new_object();
        if (!reply)
                return -ENOMEM;

        if (error)
                r = json_add_text(reply, "error", error);
        if (r >= 0)
                r = json_add(reply, "parameters",
                             parameters ? json_object_get(parameters) : json_object_new_object());
        if (r >= 0 && continues)
                r = json_add(reply, "continues", json_object_new_boolean(true));
        if (r < 0)
                return r;

        *ret_reply = TAKE_PTR(reply);
        return 0;
}

static int reply_format(const char *error, struct json_object *parameters, bool continues, char **ret_text,
                        size_t *ret_size) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        int r;

        r = reply_build(error, parameters, continues, &reply);
        if (r < 0)
                return r;
        return varlink_serialize(reply, ret_text, ret_size);
}

static int call_conclude(struct varlink_call *call, const char *error, struct json_object *parameters) {
        _cleanup_(json_putp) struct json_object *owned = parameters;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (!call->connection)
                return 0;
        if (!call->oneway) {
                r = reply_format(error, owned, false, &text, &size);
                if (r < 0)
                        return r;
                r = connection_queue(call->connection, text, size + 1); /* with its NUL */
                if (r < 0)
                        return r;
        }

        call_finish(call);
        return 0;
}

int varlink_call_reply(struct varlink_call *call, struct json_object *parameters) {
        return call_conclude(call, NULL, parameters);
}

int varlink_call_error(struct varlink_call *call, const char *error, struct json_object *parameters) {
        return call_conclude(call, error, parameters);
}

int call_error_about(struct varlink_call *call, const char *error, const char *key, const char *value) {
        _cleanup_(json_putp) struct json_object *parameters = NULL;
        int r;

        parameters = json_object_new_object();
        if (!parameters)
                return -ENOMEM;
        r = json_add_text(parameters, key, value);
        if (r < 0)
                return r;

        return varlink_call_error(call, error, TAKE_PTR(parameters));
}

int varlink_call_invalid_parameter(struct varlink_call *call, const char *parameter) {
        return call_error_about(call, "org.varlink.service.InvalidParameter", "parameter", parameter);
}

static int call_drop_slow(struct connection *connection) {
        struct varlink_server_stats *stats = &connection->server->stats;

        stats->n_dropped_messages++;
        if (!connection->broken)
                stats->n_slow_disconnects++;
        connection_break(connection);
        return -ENOBUFS;
}

/* An empty queue takes any message, so that a small limit does not silence a stream for good. */
static bool connection_has_room(struct connection *connection, size_t size) {
        size_t pending;

        pending = connection_flush(connection);
        return pending == 0 || pending + size <= connection->server->limits.output_bytes_max;
}

int varlink_call_notify(struct varlink_call *call, struct json_object *parameters) {
        _cleanup_(json_putp) struct json_object *owned = parameters;
        struct connection *connection = call->connection;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (!connection || call->oneway)
                return 0;
        if (!call->more)
                return -EINVAL;

        r = reply_format(NULL, owned, true, &text, &size);
        if (r < 0)
                return r;
        call->sent = true;
        if (connection->broken || !connection_has_room(connection, size + 1))
                return call_drop_slow(connection);

        return connection_queue(connection, text, size + 1);
}

bool varlink_call_wants_more(const struct varlink_call *call) {
        return call->more;
}

uid_t varlink_call_uid(const struct varlink_call *call) {
        return call->uid;
}

pid_t varlink_call_pid(const struct varlink_call *call) {
        return call->pid;
}

void varlink_call_on_closed(struct varlink_call *call, void (*closed)(struct varlink_call *call, void *data),
                            void *data) {
        call->closed = closed;
        call->closed_data = data;
}

void varlink_call_on_writable(struct varlink_call *call, int (*part)(struct varlink_call *call, void *data),
                              void *data) {
        if (!call->connection)
                return;
        call->part = part;
        call->part_data = data;
        if (!call->running)
                connection_again(call->connection);
}
