/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/session.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "client/field.h"
#include "client/input.h"
#include "client/message.h"
#include "client/output.h"
#include "client/progress.h"
#include "client/remote.h"
#include "common/json-build.h"

#define INTERFACE "io.irqwatch.monitor."

enum { WAIT_MS = 200 };

int session_open(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client) {
        _cleanup_(freep) char *text = NULL;
        int r;

        if (options->input)
                return input_connect(options, timeout_ns, ret_client);
        if (options->host)
                return remote_open(options, timeout_ns, ret_client);

        r = varlink_client_connect(options->socket, timeout_ns, ret_client);
        if (r >= 0)
                return 0;

        text = connect_error_text(options->socket, r);
        return text ? fail_with("%s", text) : fail_memory();
}

static int transport_failed(int r) {
        switch (r) {
        case -ETIMEDOUT:
                return fail_with(_("irqwatchd did not answer in time. Is it overloaded? See: systemctl status "
                                 "irqwatchd"));
        case -ECONNRESET:
        case -EPIPE:
                return fail_with(
                        _("irqwatchd closed the connection: it was stopped, or this client read too slowly. "
                        "See: journalctl -u irqwatchd"));
        case -EBADMSG:
        case -EMSGSIZE:
                return fail_with(_("what answers on the socket does not speak varlink as irqwatchd does. Check "
                                 "--socket"));
        case -ENOMEM:
                return fail_memory();
        case -EINTR:
                return fail_with(_("interrupted"));
        default:
                return fail_with(_("talking to irqwatchd failed: %s"), strerror(-r));
        }
}

static int reply_failed(const char *error, struct json_object *parameters) {
        _cleanup_(freep) char *text = reply_error_text(error, parameters);

        return text ? fail_with("%s", text) : fail_memory();
}

int session_failed(int r, const char *error) {
        return error ? reply_failed(error, NULL) : transport_failed(r);
}

static int session_send(struct varlink_client *client, const char *method, struct json_object *parameters,
                        bool more) {
        _cleanup_(json_putp) _unused_ struct json_object *owned = parameters;
        _cleanup_(freep) char *name = NULL;
        int r;

        if (!parameters)
                return fail_memory();
        if (asprintf(&name, INTERFACE "%s", method) < 0) {
                name = NULL;
                return fail_memory();
        }

        r = varlink_client_send(client, name, parameters, more);
        return r < 0 ? transport_failed(r) : 0;
}

int session_send_more(struct varlink_client *client, const char *method, struct json_object *parameters) {
        return session_send(client, method, parameters, true);
}

int session_receive(struct varlink_client *client, struct json_object **ret_reply, bool *ret_continues) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues = false;
        int r;

        r = varlink_client_receive(client, &error, &reply, &continues);
        if (r < 0)
                return transport_failed(r);
        if (error)
                return reply_failed(error, reply);

        *ret_reply = TAKE_PTR(reply);
        *ret_continues = continues;
        return 0;
}

/* Until an answer begins to come; a long span may take a while. What goes wrong is found out on receiving. */
static void session_wait(struct varlink_client *client) {
        struct pollfd pollfd = { .fd = varlink_client_fd(client), .events = POLLIN };
        struct progress progress;
        uint64_t waited_ms = 0;

        progress_begin(&progress, _("waiting for irqwatchd"));
        while (!varlink_client_has_reply(client) && poll(&pollfd, 1, WAIT_MS) == 0 &&
               waited_ms < SESSION_TIMEOUT_NS / NSEC_PER_MSEC) {
                waited_ms += WAIT_MS;
                progress_show(&progress, 0, 0);
        }
        progress_end(&progress);
}

int session_call(const struct options *options, const char *method, struct json_object *parameters,
                 struct json_object **ret_reply) {
        _cleanup_(json_putp) struct json_object *owned = parameters;
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        bool continues;
        int r;

        r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r != 0)
                return r;
        r = session_send(client, method, TAKE_PTR(owned), false);
        if (r != 0)
                return r;

        session_wait(client);
        return session_receive(client, ret_reply, &continues);
}

struct json_object *session_try(const struct options *options, const char *method) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        bool continues;
        int r;

        if (options->input)
                r = input_connect(options, SESSION_TRY_TIMEOUT_NS, &client);
        else
                r = options->host ? remote_open(options, SESSION_TRY_TIMEOUT_NS, &client)
                          : varlink_client_connect(options->socket, SESSION_TRY_TIMEOUT_NS, &client);
        if (r != 0 || session_send(client, method, json_object_new_object(), false) != 0 ||
            varlink_client_receive(client, &error, &reply, &continues) < 0 || error)
                return NULL;

        return TAKE_PTR(reply);
}

static struct json_object *cpu_array(const struct cpu_set *cpus) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (int cpu = cpu_set_next(cpus, 0); array && cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1))
                if (json_array_append(array, json_object_new_int(cpu)) < 0)
                        return NULL;

        return TAKE_PTR(array);
}

struct json_object *session_parameters(const struct options *options, uint64_t since_us, uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();

        if (!parameters || json_add(parameters, "sinceUsec", json_object_new_int64((int64_t)since_us)) < 0)
                return NULL;
        if (until_us > 0 && json_add(parameters, "untilUsec", json_object_new_int64((int64_t)until_us)) < 0)
                return NULL;
        if (options->has_cpus && json_add(parameters, "cpus", cpu_array(&options->cpus)) < 0)
                return NULL;

        return TAKE_PTR(parameters);
}

int session_query(const struct options *options, const char *method, struct json_object *parameters,
                  const char *result, struct json_object **ret_result) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct json_object *member;
        int r;

        *ret_result = NULL;
        r = session_call(options, method, parameters, &reply);
        if (r != 0)
                return r;

        member = field_object(reply, result);
        if (!member)
                return fail_with(_("irqwatchd's answer has no \"%s\": it is of another version than irqctl"),
                                 result);

        if (options->json != JSON_OFF) {
                _cleanup_(output_closep) struct output output = {};

                output_open(&output, options, 0);
                if (output_json(member, options->json) < 0)
                        return fail_memory();
                return output_close(&output);
        }

        *ret_result = json_object_get(member);
        return 0;
}
