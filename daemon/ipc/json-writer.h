/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * json-c's conventions in one place: objects and arrays that are filled without a check after every field.
 * The first failure sticks and is reported by json_writer_finish(). Keys are literals. Whatever
 * goes in comes out as valid JSON: text is made valid UTF-8, numbers are finite and fit into 63 bits.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/event.h"

struct json_writer {
        struct json_object *object; /* an object or an array; NULL after finish */
        int error;
};

/* Start with an empty object or array. Owned: end with json_writer_finish() or json_writer_done(). */
struct json_writer json_writer_object(void);
struct json_writer json_writer_array(void);
void json_writer_done(struct json_writer *writer);
/* Hands the object to the caller. 0 or -ENOMEM. */
int json_writer_finish(struct json_writer *writer, struct json_object **ret_object);

/* Consumes value; NULL is a failure to make it, not a JSON null. */
void json_set(struct json_writer *writer, const char *key, struct json_object *value);
void json_set_null(struct json_writer *writer, const char *key);
void json_set_bool(struct json_writer *writer, const char *key, bool value);
/* Values above INT64_MAX, which JSON readers cannot be trusted with, are sent as INT64_MAX. */
void json_set_u64(struct json_writer *writer, const char *key, uint64_t value);
void json_set_i64(struct json_writer *writer, const char *key, int64_t value);
/* NaN and infinities are sent as 0. */
void json_set_double(struct json_writer *writer, const char *key, double value);
/* NULL is JSON null. */
void json_set_text(struct json_writer *writer, const char *key, const char *text);
/* Text that ends at a NUL or after size bytes. */
void json_set_text_n(struct json_writer *writer, const char *key, const char *text, size_t size);
void json_set_cpus(struct json_writer *writer, const char *key, const struct cpu_set *cpus);
void json_set_evidence(struct json_writer *writer, const char *key, const struct evidence *evidence,
                       size_t n);
/* Finishes inner as the value of key, or as the next element of an array; a failure moves to writer. */
void json_set_writer(struct json_writer *writer, const char *key, struct json_writer *inner);
void json_append(struct json_writer *writer, struct json_object *value);
void json_append_writer(struct json_writer *writer, struct json_writer *inner);

/* A string object; bytes that are not UTF-8 (a task may call itself anything) become "\xNN". NULL: no memory.
 */
struct json_object *json_text(const char *text, size_t size);
/* A value that is there as text: valid JSON, NUL-terminated, which is consumed. For what is asked for all the
 * time: an object per number costs many times what the number does. NULL: no memory. */
struct json_object *json_written(char *text);
/* Replaces an object by the same value, written already: to send it is to copy it then. *ret_size: bytes of
 * the text. 0 or -ENOMEM. */
int json_write_ahead(struct json_object **object, size_t *ret_size);
/* What json_text() is as text, onto the stream. 0 or -ENOMEM. */
int json_write_text(FILE *f, const char *text);
/* Bytes of the plain serialised form. 0 or -ENOMEM. */
int json_size(struct json_object *object, size_t *ret_size);
