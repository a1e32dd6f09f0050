/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RFC 8259 in front of json-c. json-c parses; even its strict mode lets through what JSON does not have
 * (single quotes, NaN, Infinity, "1.", raw control characters, overlong UTF-8, lone surrogates), truncates
 * keys at \u0000 and saturates integers that do not fit. All of that is caught here.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

static inline void json_putp(struct json_object **object) {
        if (*object)
                (void)json_object_put(*object);
}

enum { JSON_CONTAINERS_UNLIMITED = 0 };

/* One object or array, with blanks around it and nothing else, nested at most depth_max deep. Refused too:
 * \u0000 in strings (C strings would end there) and numbers beyond the range of a double. An integer outside
 * int64_t becomes a double: it is never taken for another integer. No object may have two members with the
 * same key. At most n_containers_max objects and arrays in all: json-c takes some 700 bytes for an empty one, which
 * two bytes of text ask for. 0, -EBADMSG, -ENOMEM. */
int json_strict_parse(const char *text, size_t size, unsigned depth_max, size_t n_containers_max,
                      struct json_object **ret_value);
/* False when a NaN or an infinity hides in the value. */
bool json_is_finite(struct json_object *value);
