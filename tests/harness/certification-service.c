/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/certification-service.h"

#include <math.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "common/json-build.h"
#include "common/json-strict.h"
#include "daemon/ipc/server-internal.h"

static const char certification_description[] =
        "# Interface to test varlink implementations against.\n"
        "interface org.varlink.certification\n\n"
        "type Interface (foo: ?[]?[string](foo, bar, baz), anon: (foo: bool, bar: bool))\n\n"
        "type MyType (\n"
        "  object: object,\n"
        "  enum: (one, two, three),\n"
        "  struct: (first: int, second: string),\n"
        "  array: []string,\n"
        "  dictionary: [string]string,\n"
        "  stringset: [string](),\n"
        "  nullable: ?string,\n"
        "  nullable_array_struct: ?[](first: int, second: string),\n"
        "  interface: Interface\n"
        ")\n\n"
        "method Start() -> (client_id: string)\n"
        "method Test01(client_id: string) -> (bool: bool)\n"
        "method Test02(client_id: string, bool: bool) -> (int: int)\n"
        "method Test03(client_id: string, int: int) -> (float: float)\n"
        "method Test04(client_id: string, float: float) -> (string: string)\n"
        "method Test05(client_id: string, string: string) -> (bool: bool, int: int, float: float, string: "
        "string)\n"
        "method Test06(client_id: string, bool: bool, int: int, float: float, string: string)\n"
        "  -> (struct: (bool: bool, int: int, float: float, string: string))\n"
        "method Test07(client_id: string, struct: (bool: bool, int: int, float: float, string: string))\n"
        "  -> (map: [string]string)\n"
        "method Test08(client_id: string, map: [string]string) -> (set: [string]())\n"
        "method Test09(client_id: string, set: [string]()) -> (mytype: MyType)\n"
        "# With \"more\": ten replies.\n"
        "method Test10(client_id: string, mytype: MyType) -> (string: string)\n"
        "# To be called with \"oneway\".\n"
        "method Test11(client_id: string, last_more_replies: []string) -> ()\n"
        "method End(client_id: string) -> (all_ok: bool)\n\n"
        "error ClientIdError ()\n"
        "error CertificationError (wants: object, got: object)\n";

#define CERTIFICATION "org.varlink.certification"
#define VALUES "\"bool\":false,\"int\":2,\"float\":3.141592653589793,\"string\":\"a lot of string\""
#define MAP "{\"map\":{\"foo\":\"Foo\",\"bar\":\"Bar\"}}"
#define SET "{\"one\":{},\"two\":{},\"three\":{}}"
#define MY_TYPE \
        "{\"mytype\":{\"object\":{\"method\":\"" CERTIFICATION ".Test09\",\"parameters\":" MAP "}," \
        "\"enum\":\"two\",\"struct\":{\"first\":1,\"second\":\"2\"},\"array\":[\"one\",\"two\",\"three\"]," \
        "\"dictionary\":{\"foo\":\"Foo\",\"bar\":\"Bar\"},\"stringset\":" SET "," \
        "\"nullable\":null,\"nullable_array_struct\":null," \
        "\"interface\":{\"foo\":[null,{\"Foo\":\"foo\",\"Bar\":\"bar\"},null,{\"one\":\"foo\",\"two\":" \
        "\"bar\"}]," \
        "\"anon\":{\"foo\":true,\"bar\":false}}}}"
#define REPLY(n) "\"Reply number " #n "\""
#define REPLIES \
        "[" REPLY(1) "," REPLY(2) "," REPLY(3) "," REPLY(4) "," REPLY(5) "," REPLY(6) "," REPLY( \
                7) "," REPLY(8) "," REPLY(9) "," REPLY(10) "]"

enum { REPLIES_N = 10 };

/* What each step sends; the next one must bring it back. Test10 sends each of its texts. */
static const struct step {
        const char *name, *gives;
} steps[] = {
        { "Start", "{}" },
        { "Test01", "{\"bool\":true}" },
        { "Test02", "{\"int\":1}" },
        { "Test03", "{\"float\":1.0}" },
        { "Test04", "{\"string\":\"ping\"}" },
        { "Test05", "{" VALUES "}" },
        { "Test06", "{\"struct\":{" VALUES "}}" },
        { "Test07", MAP },
        { "Test08", "{\"set\":" SET "}" },
        { "Test09", MY_TYPE },
        { "Test10", "{\"last_more_replies\":" REPLIES "}" },
        { "Test11", "{}" },
        { "End", "{\"all_ok\":true}" },
};

static bool value_equals(struct json_object *want, struct json_object *got);

/* A member that is null may be missing. */
static bool object_equals(struct json_object *want, struct json_object *got) {
        json_object_object_foreach(want, name, value) {
                if (!value_equals(value, json_object_object_get(got, name)))
                        return false;
        }
        json_object_object_foreach(got, key, extra) {
                if (extra && !json_object_object_get_ex(want, key, NULL))
                        return false;
        }
        return true;
}

static bool array_equals(struct json_object *want, struct json_object *got) {
        size_t n = json_object_array_length(want);

        if (json_object_array_length(got) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!value_equals(json_object_array_get_idx(want, i), json_object_array_get_idx(got, i)))
                        return false;
        return true;
}

/* Some write the float 1.0 as "1". */
static bool value_equals(struct json_object *want, struct json_object *got) {
        if (json_object_is_type(want, json_type_double) && json_object_is_type(got, json_type_int))
                return fabs(json_object_get_double(want) - (double)json_object_get_int64(got)) <= 0;
        if (json_object_get_type(want) != json_object_get_type(got))
                return false;
        if (json_object_is_type(want, json_type_object))
                return object_equals(want, got);
        if (json_object_is_type(want, json_type_array))
                return array_equals(want, got);
        return json_object_equal(want, got);
}

static int step_parse(size_t step, struct json_object **ret_value) {
        return json_strict_parse(steps[step].gives, strlen(steps[step].gives), 8, JSON_CONTAINERS_UNLIMITED, ret_value);
}

/* What the call must have brought: what the step before sent, and the client's name. */
static int step_wants(const struct certification_client *client, size_t step,
                      struct json_object **ret_value) {
        _cleanup_(json_putp) struct json_object *value = NULL;
        int r;

        r = step_parse(step - 1, &value);
        if (r >= 0)
                r = json_add_text(value, "client_id", client->id);
        if (r < 0)
                return r;

        *ret_value = TAKE_PTR(value);
        return 0;
}

static int reply_wrong(struct varlink_call *call, struct json_object *wants, struct json_object *got) {
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();
        int r;

        if (!parameters)
                return -ENOMEM;
        r = json_add(parameters, "wants", json_object_get(wants));
        if (r >= 0)
                r = json_add(parameters, "got", json_object_get(got));
        if (r < 0)
                return r;
        return varlink_call_error(call, CERTIFICATION ".CertificationError", TAKE_PTR(parameters));
}

static int reply_many(struct varlink_call *call) {
        for (int i = 1; i <= REPLIES_N; i++) {
                struct json_object *reply = json_object_new_object();
                char text[32];
                int r;

                if (!reply)
                        return -ENOMEM;
                (void)snprintf(text, sizeof(text), "Reply number %i", i);
                r = json_add_text(reply, "string", text);
                if (r < 0) {
                        (void)json_object_put(reply);
                        return r;
                }
                r = i < REPLIES_N ? varlink_call_notify(call, reply) : varlink_call_reply(call, reply);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int start(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct certification *certification = userdata;
        static size_t oldest;
        struct certification_client *client = &certification->clients[oldest++ % CERTIFICATION_CLIENTS_MAX];
        struct json_object *reply;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        (void)sd_id128_to_string(id, client->id);
        client->next = 1;

        reply = json_object_new_object();
        if (!reply)
                return -ENOMEM;
        r = json_add_text(reply, "client_id", client->id);
        if (r < 0) {
                (void)json_object_put(reply);
                return r;
        }
        return varlink_call_reply(call, reply);
}

static struct certification_client *client_find(struct certification *certification,
                                                struct json_object *parameters) {
        const char *id = json_object_get_string(json_object_object_get(parameters, "client_id"));

        for (size_t i = 0; i < CERTIFICATION_CLIENTS_MAX; i++)
                if (certification->clients[i].next > 0 && strcmp(certification->clients[i].id, id) == 0)
                        return &certification->clients[i];
        return NULL;
}

static size_t step_find(const char *name) {
        size_t step = 1;

        while (strcmp(steps[step].name, name) != 0)
                step++;
        return step;
}

/* Every step but the first: in its turn, with the right values, and called in the right way. */
static int proceed(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct certification_client *client = client_find(userdata, parameters);
        size_t step = step_find(call->method->name);
        _cleanup_(json_putp) struct json_object *wants = NULL, *gives = NULL;
        int r;

        if (!client)
                return varlink_call_error(call, CERTIFICATION ".ClientIdError", NULL);
        r = step_wants(client, step, &wants);
        if (r >= 0)
                r = step_parse(step, &gives);
        if (r < 0)
                return r;
        if (client->next != step || !value_equals(wants, parameters) ||
            call->oneway != (strcmp(call->method->name, "Test11") == 0))
                return reply_wrong(call, wants, parameters);

        client->next = (step + 1) % ELEMENTSOF(steps);
        return varlink_call_wants_more(call) ? reply_many(call) : varlink_call_reply(call, TAKE_PTR(gives));
}

#define FIELDS(...) \
        (const struct varlink_field[]) { \
                { "client_id", VARLINK_STRING, true }, ##__VA_ARGS__, { \
                } \
        }
#define VALUE_FIELDS \
        { "bool", VARLINK_BOOLEAN, true }, { "int", VARLINK_INTEGER, true }, \
                { "float", VARLINK_FLOAT, true }, { \
                "string", VARLINK_STRING, true \
        }

static const struct varlink_method certification_methods[] = {
        { "Start", NULL, 0, start },
        { "Test01", FIELDS(), 0, proceed },
        { "Test02", FIELDS({ "bool", VARLINK_BOOLEAN, true }), 0, proceed },
        { "Test03", FIELDS({ "int", VARLINK_INTEGER, true }), 0, proceed },
        { "Test04", FIELDS({ "float", VARLINK_FLOAT, true }), 0, proceed },
        { "Test05", FIELDS({ "string", VARLINK_STRING, true }), 0, proceed },
        { "Test06", FIELDS(VALUE_FIELDS), 0, proceed },
        { "Test07", FIELDS({ "struct", VARLINK_OBJECT, true }), 0, proceed },
        { "Test08", FIELDS({ "map", VARLINK_OBJECT, true }), 0, proceed },
        { "Test09", FIELDS({ "set", VARLINK_OBJECT, true }), 0, proceed },
        { "Test10", FIELDS({ "mytype", VARLINK_OBJECT, true }), VARLINK_METHOD_STREAMS, proceed },
        { "Test11", FIELDS({ "last_more_replies", VARLINK_STRINGS, true }), 0, proceed },
        { "End", FIELDS(), 0, proceed },
        {},
};

void certification_init(struct certification *certification) {
        *certification = (struct certification){
                .interface = {
                        .name = CERTIFICATION,
                        .description = certification_description,
                        .methods = certification_methods,
                        .userdata = certification,
                },
        };
}
