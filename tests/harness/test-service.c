/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/test-service.h"

#include <string.h>

#include "common/json-build.h"
#include "common/json-strict.h"

static const char test_service_description[] =
        "# One method of each kind.\n"
        "interface org.example.test\n"
        "\n"
        "# Returns what it was given.\n"
        "method Echo(\n"
        "  text: ?string,\n"
        "  number: ?int,\n"
        "  flag: ?bool,\n"
        "  names: ?[]string,\n"
        "  numbers: ?[]int\n"
        ") -> (\n"
        "  text: ?string,\n"
        "  number: ?int,\n"
        "  flag: ?bool,\n"
        "  names: ?[]string,\n"
        "  numbers: ?[]int\n"
        ")\n"
        "\n"
        "method Need(text: string, number: int) -> ()\n"
        "\n"
        "# Counts from 1 to the limit; size adds so many bytes to each reply. Only with \"more\".\n"
        "method Count(limit: int, size: ?int) -> (n: int, text: string)\n"
        "\n"
        "# With \"more\" as Count, without it the last reply alone.\n"
        "method MaybeCount(limit: int, size: ?int) -> (n: int, text: string)\n"
        "\n"
        "# All replies of Count from within the method, without flow control.\n"
        "method Flood(limit: int, size: ?int) -> (n: int, text: string)\n"
        "\n"
        "# Replies only when told to from outside.\n"
        "method Later() -> ()\n"
        "method Watch() -> (n: int, text: string)\n"
        "\n"
        "method Big(size: int) -> (text: string)\n"
        "method Privileged() -> ()\n"
        "method Fail() -> ()\n"
        "method Forget() -> ()\n"
        "method Unfinished() -> ()\n"
        "\n"
        "error Refused (reason: string)\n"
        "error TooManyStreams ()\n";

const struct varlink_server_info test_service_info = {
        .vendor = "Example",
        .product = "Test",
        .version = "1",
        .url = "https://example.org",
};

const struct varlink_server_limits test_service_limits = {
        .n_connections_max = 64,
        .n_connections_per_uid_max = 32,
        .n_streams_max = 16,
        .output_bytes_max = 256 * 1024,
};

static int test_service_item(int64_t n, size_t size, struct json_object **ret_item) {
        _cleanup_(json_putp) struct json_object *item = json_object_new_object();
        _cleanup_(freep) char *text = malloc(size + 1);
        int r;

        if (!item || !text)
                return -ENOMEM;

        memset(text, 'x', size);
        text[size] = '\0';
        r = json_add(item, "n", json_object_new_int64(n));
        if (r >= 0)
                r = json_add_text(item, "text", text);
        if (r < 0)
                return r;

        *ret_item = TAKE_PTR(item);
        return 0;
}

enum { TEST_COUNT_MAX = 1000000, TEST_SIZE_MAX = 4 * 1024 * 1024 };

struct counter {
        int64_t n, limit;
        size_t size;
};

/* The name of a parameter that is out of its range, or NULL. */
static const char *counter_parse(struct json_object *parameters, struct counter *ret_counter) {
        int64_t limit = json_object_get_int64(json_object_object_get(parameters, "limit"));
        int64_t size = json_object_get_int64(json_object_object_get(parameters, "size"));

        if (limit < 0 || limit > TEST_COUNT_MAX)
                return "limit";
        if (size < 0 || size > TEST_SIZE_MAX)
                return "size";

        *ret_counter = (struct counter){ .limit = limit, .size = (size_t)size };
        return NULL;
}

static int echo(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;

        service->n_calls++;
        return varlink_call_reply(call, json_object_get(parameters));
}

static int nothing(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;

        service->n_calls++;
        return varlink_call_reply(call, NULL);
}

static void counter_closed(struct varlink_call *call, void *data) {
        free(data);
}

static int counter_part(struct varlink_call *call, void *data) {
        _cleanup_(json_putp) struct json_object *item = NULL;
        struct counter *counter = data;
        int r;

        r = test_service_item(++counter->n, counter->size, &item);
        if (r < 0)
                return r;
        if (counter->n < counter->limit)
                return varlink_call_notify(call, TAKE_PTR(item));

        r = varlink_call_reply(call, TAKE_PTR(item));
        if (r >= 0)
                free(counter); /* otherwise closed() does */
        return r;
}

static int count(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;
        _cleanup_(json_putp) struct json_object *item = NULL;
        _cleanup_(freep) struct counter *counter = malloc(sizeof(*counter));
        const char *invalid;
        int r;

        service->n_calls++;
        if (!counter)
                return -ENOMEM;
        invalid = counter_parse(parameters, counter);
        if (invalid)
                return varlink_call_invalid_parameter(call, invalid);
        if (!varlink_call_wants_more(call)) {
                r = test_service_item(counter->limit, counter->size, &item);
                return r < 0 ? r : varlink_call_reply(call, TAKE_PTR(item));
        }

        varlink_call_on_closed(call, counter_closed, counter);
        varlink_call_on_writable(call, counter_part, TAKE_PTR(counter));
        return 0;
}

static int flood(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;
        struct counter counter;
        const char *invalid;
        int r = 0;

        service->n_calls++;
        invalid = counter_parse(parameters, &counter);
        if (invalid)
                return varlink_call_invalid_parameter(call, invalid);

        while (r >= 0 && ++counter.n <= counter.limit) {
                struct json_object *item;

                r = test_service_item(counter.n, counter.size, &item);
                if (r >= 0)
                        r = varlink_call_notify(call, item);
        }

        return r < 0 ? r : varlink_call_reply(call, NULL);
}

static void held_closed(struct varlink_call *call, void *data) {
        struct test_service *service = data;

        for (size_t i = 0; i < service->n_held; i++)
                if (service->held[i] == call) {
                        service->held[i] = service->held[--service->n_held];
                        service->n_closed++;
                        (void)varlink_call_unref(call);
                        return;
                }
        service->n_unwanted++;
}

static int hold(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;

        service->n_calls++;
        if (service->n_held == TEST_SERVICE_HELD_MAX)
                return -ENOBUFS;
        service->held[service->n_held++] = varlink_call_ref(call);
        varlink_call_on_closed(call, held_closed, service);
        return 0;
}

static int big(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;
        struct json_object *item;
        struct counter counter;
        const char *invalid;
        int r;

        service->n_calls++;
        invalid = counter_parse(parameters, &counter);
        if (invalid)
                return varlink_call_invalid_parameter(call, invalid);
        r = test_service_item(0, counter.size, &item);
        if (r < 0)
                return r;

        r = varlink_call_reply(call, item);
        if (r != -EMSGSIZE)
                return r;

        item = json_object_new_object();
        if (!item)
                return -ENOMEM;
        r = json_add_text(item, "reason", "too large");
        return varlink_call_error(call, "org.example.test.Refused", item);
}

static int fail(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;

        service->n_calls++;
        return -EIO;
}

static int forget(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct test_service *service = userdata;

        service->n_calls++;
        return 0;
}

static const struct varlink_field echo_fields[] = {
        { "text", VARLINK_STRING, false },      { "number", VARLINK_INTEGER, false },
        { "flag", VARLINK_BOOLEAN, false },     { "names", VARLINK_STRINGS, false },
        { "numbers", VARLINK_INTEGERS, false }, {},
};

static const struct varlink_field need_fields[] = {
        { "text", VARLINK_STRING, true },
        { "number", VARLINK_INTEGER, true },
        {},
};

static const struct varlink_field count_fields[] = {
        { "limit", VARLINK_INTEGER, true },
        { "size", VARLINK_INTEGER, false },
        {},
};

static const struct varlink_field big_fields[] = {
        { "size", VARLINK_INTEGER, true },
        {},
};

static const struct varlink_method test_service_methods[] = {
        { .name = "Echo", .fields = echo_fields, .fn = echo },
        { .name = "Need", .fields = need_fields, .fn = nothing },
        { .name = "Count", .fields = count_fields, .flags = VARLINK_METHOD_STREAMS, .fn = count },
        { .name = "MaybeCount", .fields = count_fields, .flags = VARLINK_METHOD_MAY_STREAM, .fn = count },
        { .name = "Flood", .fields = count_fields, .flags = VARLINK_METHOD_STREAMS, .fn = flood },
        { .name = "Later", .fn = hold },
        { .name = "Watch", .flags = VARLINK_METHOD_STREAMS, .fn = hold },
        { .name = "Big", .fields = big_fields, .fn = big },
        { .name = "Privileged", .flags = VARLINK_METHOD_ROOT, .fn = nothing },
        { .name = "Fail", .fn = fail },
        { .name = "Forget", .fn = forget },
        { .name = "Unfinished" },
        {},
};

void test_service_init(struct test_service *service) {
        *service = (struct test_service){
                .interface = {
                        .name = "org.example.test",
                        .description = test_service_description,
                        .methods = test_service_methods,
                        .userdata = service,
                },
                .interfaces = { &service->interface },
        };
}

void test_service_done(struct test_service *service) {
        while (service->n_held > 0)
                (void)varlink_call_unref(service->held[--service->n_held]);
}

int test_service_release(struct test_service *service) {
        int first = 0;

        while (service->n_held > 0) {
                struct varlink_call *call = service->held[--service->n_held];
                int r;

                r = varlink_call_reply(call, NULL);
                if (r < 0 && first == 0)
                        first = r;
                (void)varlink_call_unref(call);
        }

        return first;
}

int test_service_notify(struct test_service *service, int n, size_t size) {
        int last = 0;

        for (size_t i = 0; i < service->n_held; i++) {
                struct json_object *item;
                int r;

                r = test_service_item(n, size, &item);
                if (r >= 0)
                        r = varlink_call_notify(service->held[i], item);
                if (r < 0)
                        last = r;
        }

        return last;
}
