/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Varlink's framing and JSON rules, shared by server and client: messages are JSON objects that end in a
 * NUL byte. Strict: UTF-8 is validated, nesting is bounded, nothing may follow the object, NaN and
 * infinities do not exist. Knows nothing of methods.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/json-strict.h" /* json_putp() */

enum {
        VARLINK_MESSAGE_MAX = 1024 * 1024, /* bytes, without the NUL */
        VARLINK_DEPTH_MAX = 32,            /* nested objects and arrays */
        VARLINK_CALL_CONTAINERS_MAX = 4096, /* objects and arrays in a call; a reply has what it has */
};

/* Bytes that arrived and are not yet a whole message. All-zero is empty. */
struct varlink_input {
        char *data;
        size_t size, allocated;
        size_t scanned; /* no NUL before this offset */
        size_t start;   /* of the current message */
};

void varlink_input_done(struct varlink_input *input);
/* Room for at least n more bytes at *ret_space. 0, -EMSGSIZE when a message would exceed
 * VARLINK_MESSAGE_MAX, -ENOMEM. Follow with varlink_input_commit(). */
int varlink_input_reserve(struct varlink_input *input, size_t n, char **ret_space);
void varlink_input_commit(struct varlink_input *input, size_t n);
/* 1: *ret_text (borrowed until the next reserve, NUL-terminated) is a whole message; 0: more bytes needed;
 * -EMSGSIZE: too long. */
int varlink_input_next(struct varlink_input *input, const char **ret_text, size_t *ret_size);

/* Would varlink_input_next() find the end of a message? Looks at no byte twice. */
bool varlink_input_has_message(struct varlink_input *input);

/* Text to object by the rules above and those of json_strict_parse(). 0, -EBADMSG, -ENOMEM. */
int varlink_parse(const char *text, size_t size, struct json_object **ret_object);
/* The same for what anybody may send to a server: no more than VARLINK_CALL_CONTAINERS_MAX, else -EBADMSG. */
int varlink_parse_call(const char *text, size_t size, struct json_object **ret_object);
/* Object to text, plain, NUL-terminated, without the NUL in *ret_size; the caller frees. Bytes that are not
 * UTF-8 come out as U+FFFD. 0; -EMSGSIZE; -EDOM for NaN or infinity; -ENOMEM. */
int varlink_serialize(struct json_object *object, char **ret_text, size_t *ret_size);
