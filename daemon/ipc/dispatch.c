/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a message to a checked call. What is no varlink call at all ends the connection, because it cannot be
 * known whether an answer is expected; everything else is answered with an error.
 */

#include <assert.h>
#include <string.h>

#include "daemon/ipc/server-internal.h"

struct envelope {
        const char *method; /* borrowed, as is parameters */
        struct json_object *parameters;
        bool oneway, more, upgrade;
};

static int envelope_set_flag(bool *flag, struct json_object *value) {
        if (value && !json_object_is_type(value, json_type_boolean))
                return -EBADMSG;
        *flag = json_object_get_boolean(value); /* false for null, as "?bool" has it */
        return 0;
}

/* Extensions of vendors are objects under a reverse-domain name and are ignored; no other key is known. */
static int envelope_set(struct envelope *envelope, const char *key, struct json_object *value) {
        if (strcmp(key, "method") == 0) {
                if (!json_object_is_type(value, json_type_string))
                        return -EBADMSG;
                envelope->method = json_object_get_string(value);
                return 0;
        }
        if (strcmp(key, "parameters") == 0) {
                if (value && !json_object_is_type(value, json_type_object))
                        return -EBADMSG;
                envelope->parameters = value;
                return 0;
        }
        if (strcmp(key, "oneway") == 0)
                return envelope_set_flag(&envelope->oneway, value);
        if (strcmp(key, "more") == 0)
                return envelope_set_flag(&envelope->more, value);
        if (strcmp(key, "upgrade") == 0)
                return envelope_set_flag(&envelope->upgrade, value);

        return strchr(key, '.') && json_object_is_type(value, json_type_object) ? 0 : -EBADMSG;
}

/* "interface.Method", each part with something in it. */
static bool envelope_method_is_qualified(const char *method) {
        const char *dot = strrchr(method, '.');

        return dot && dot > method && dot[1] != '\0';
}

static int envelope_parse(struct json_object *message, struct envelope *ret_envelope) {
        struct envelope envelope = {};
        int r;

        json_object_object_foreach(message, key, value) {
                r = envelope_set(&envelope, key, value);
                if (r < 0)
                        return r;
        }
        if (!envelope.method || !envelope_method_is_qualified(envelope.method))
                return -EBADMSG;

        *ret_envelope = envelope;
        return 0;
}

static bool array_is_of(struct json_object *array, enum json_type type) {
        if (!json_object_is_type(array, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if (!json_object_is_type(json_object_array_get_idx(array, i), type))
                        return false;
        return true;
}

static bool field_accepts(const struct varlink_field *field, struct json_object *value) {
        if (!value)
                return !field->required;

        switch (field->type) {
        case VARLINK_BOOLEAN:
                return json_object_is_type(value, json_type_boolean);
        case VARLINK_INTEGER:
                return json_object_is_type(value,
                                           json_type_int); /* beyond int64_t the parser makes doubles */
        case VARLINK_FLOAT:
                return json_object_is_type(value, json_type_double) ||
                       json_object_is_type(value, json_type_int);
        case VARLINK_STRING:
                return json_object_is_type(value, json_type_string);
        case VARLINK_OBJECT:
                return json_object_is_type(value, json_type_object);
        case VARLINK_STRINGS:
                return array_is_of(value, json_type_string);
        case VARLINK_INTEGERS:
                return array_is_of(value, json_type_int);
        }
        return false;
}

static const struct varlink_field *field_find(const struct varlink_field *fields, const char *name) {
        for (const struct varlink_field *f = fields; f && f->name; f++)
                if (strcmp(f->name, name) == 0)
                        return f;
        return NULL;
}

/* The name of a parameter that is unknown, missing or wrongly typed; NULL when all is well. */
static const char *fields_find_invalid(const struct varlink_field *fields, struct json_object *parameters) {
        json_object_object_foreach(parameters, key, value) {
                const struct varlink_field *field = field_find(fields, key);

                if (!field || !field_accepts(field, value))
                        return key;
        }

        for (const struct varlink_field *f = fields; f && f->name; f++)
                if (f->required && !json_object_object_get_ex(parameters, f->name, NULL))
                        return f->name;

        return NULL;
}

static const struct varlink_method *method_find(const struct varlink_interface *interface, const char *name) {
        for (const struct varlink_method *m = interface->methods; m && m->name; m++)
                if (strcmp(m->name, name) == 0)
                        return m;
        return NULL;
}

/* Finds interface and method. 1: found; 0: the call was answered with an error; negative. */
static int dispatch_resolve(struct varlink_call *call, const struct envelope *envelope) {
        const struct varlink_server *server = call->connection->server;
        const char *dot = strrchr(envelope->method, '.');
        _cleanup_(freep) char *name = NULL;

        name = strndup(envelope->method, (size_t)(dot - envelope->method));
        if (!name)
                return -ENOMEM;

        call->interface = service_find(server, name);
        if (!call->interface)
                return call_error_about(call, "org.varlink.service.InterfaceNotFound", "interface", name);

        call->method = method_find(call->interface, dot + 1);
        if (!call->method)
                return call_error_about(call, "org.varlink.service.MethodNotFound", "method",
                                        envelope->method);

        /* Upgrading is something else than the method, and something that is not implemented. */
        if (!call->method->fn || envelope->upgrade)
                return call_error_about(call, "org.varlink.service.MethodNotImplemented", "method",
                                        envelope->method);
        return 1;
}

/* 1: the stream may open; 0: answered with an error; negative. */
static int dispatch_open_stream(struct varlink_call *call) {
        struct varlink_server *server = call->connection->server;
        char error[256];

        if (!call->more)
                return 1;
        if (server->stats.n_streams >= server->limits.n_streams_max) {
                (void)snprintf(error, sizeof(error), "%s.TooManyStreams", call->interface->name);
                return varlink_call_error(call, error, NULL);
        }

        server->stats.n_streams++;
        call->counted = true;
        return 1;
}

/* May this peer make this call in this way? 1: yes; 0: answered with an error; negative. */
static int dispatch_admit(struct varlink_call *call, const struct envelope *envelope,
                          struct json_object *parameters) {
        unsigned flags = call->method->flags;
        const char *invalid;

        if ((flags & VARLINK_METHOD_ROOT) && call->uid != 0)
                return varlink_call_error(call, "org.varlink.service.PermissionDenied", NULL);

        call->more = envelope->more && !envelope->oneway &&
                     (flags & (VARLINK_METHOD_STREAMS | VARLINK_METHOD_MAY_STREAM));
        if ((flags & VARLINK_METHOD_STREAMS) && !call->more)
                return varlink_call_error(call, "org.varlink.service.ExpectedMore", NULL);

        invalid = fields_find_invalid(call->method->fields, parameters);
        if (invalid)
                return varlink_call_invalid_parameter(call, invalid);

        return dispatch_open_stream(call);
}

static int dispatch_method(struct varlink_call *call, struct json_object *parameters) {
        int r;

        (void)varlink_call_ref(call);
        call->running = true;
        r = call->method->fn(call, parameters, call->interface->userdata);
        call->running = false;
        if (r >= 0 && call->connection && call->n_refs == 2 && !call->part)
                r = -EPROTO; /* not answered, and kept by nobody who could */
        (void)varlink_call_unref(call);
        return r < 0 ? r : 0;
}

int dispatch_part(struct varlink_call *call) {
        int r;

        (void)varlink_call_ref(call);
        call->running = true;
        call->sent = false;
        r = call->part(call, call->part_data);
        call->running = false;
        if (r >= 0 && call->part && !call->sent)
                r = -EPROTO; /* it would be asked again at once, for ever */
        (void)varlink_call_unref(call);
        return r < 0 ? r : 0;
}

static int dispatch_call(struct varlink_call *call, const struct envelope *envelope) {
        _cleanup_(json_putp) struct json_object *none = NULL;
        struct json_object *parameters = envelope->parameters;
        int r;

        call->oneway = envelope->oneway;
        if (!parameters) {
                none = json_object_new_object();
                if (!none)
                        return -ENOMEM;
                parameters = none;
        }

        r = dispatch_resolve(call, envelope);
        if (r <= 0)
                return r;
        r = dispatch_admit(call, envelope, parameters);
        if (r <= 0)
                return r;

        return dispatch_method(call, parameters);
}

int dispatch_message(struct connection *connection, const char *text, size_t size) {
        _cleanup_(json_putp) struct json_object *message = NULL;
        struct envelope envelope;
        int r;

        assert(!connection->call);

        r = varlink_parse_call(text, size, &message);
        if (r >= 0)
                r = envelope_parse(message, &envelope);
        if (r < 0) {
                connection->server->stats.n_protocol_errors += r == -EBADMSG;
                return r;
        }

        r = call_new(connection, &connection->call);
        if (r < 0)
                return r;
        return dispatch_call(connection->call, &envelope);
}
