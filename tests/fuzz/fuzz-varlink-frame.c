/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as varlink messages: no read outside them; the same messages however they are split; what is
 * accepted as JSON is something json-c's strict parser accepts too, and survives being sent and read again.
 */

#include <string.h>

#include "common/utf8.h"
#include "common/varlink-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static void check_json_c_agrees(const char *text, size_t size) {
        struct json_tokener *tokener = json_tokener_new_ex(2 * VARLINK_DEPTH_MAX);
        struct json_object *object;

        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text, (int)size);
        CHECK(object);
        (void)json_object_put(object);
        json_tokener_free(tokener);
}

static void check_parse(const char *text, size_t size) {
        _cleanup_(json_putp) struct json_object *object = NULL, *again = NULL;
        _cleanup_(freep) char *exact = malloc(size ? size : 1), *out = NULL;
        size_t n;
        int r;

        CHECK(exact);
        memcpy(exact, text, size);
        r = varlink_parse(exact, size, &object);
        CHECK(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;

        check_json_c_agrees(exact, size);
        CHECK(!memchr(exact, '\0', size));
        CHECK(utf8_valid_prefix(exact, size) == size);
        CHECK(varlink_serialize(object, &out, &n) == 0);
        CHECK(varlink_parse(out, n, &again) == 0);
        CHECK(json_object_equal(object, again));
}

/* Takes all messages that are whole; returns how many, and adds their bytes up. */
static size_t take(struct varlink_input *input, size_t *sum) {
        const char *text;
        size_t size, n = 0;

        while (varlink_input_next(input, &text, &size) > 0) {
                CHECK(strlen(text) == size);
                *sum = *sum * 31 + size;
                check_parse(text, size);
                n++;
        }
        return n;
}

static size_t feed(const uint8_t *data, size_t size, size_t chunk, size_t *sum) {
        _cleanup_(varlink_input_done) struct varlink_input input = {};
        size_t n = 0;

        for (size_t at = 0; at < size; at += chunk) {
                size_t length = MIN(chunk, size - at);
                char *space;

                CHECK(varlink_input_reserve(&input, length, &space) == 0);
                memcpy(space, data + at, length);
                varlink_input_commit(&input, length);
                n += take(&input, sum);
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t all = 0, parts = 0;

        if (size == 0)
                return 0;
        check_parse((const char *)data, size);
        CHECK(feed(data, size, size, &all) == feed(data, size, 1 + data[0] % 16, &parts));
        CHECK(all == parts);
        return 0;
}
