/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-writer.h"

#include <json-c/printbuf.h>
#include <math.h>
#include <string.h>

#include "common/json-strict.h"
#include "common/utf8.h"

enum { JSON_AS_SENT = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

static struct json_writer writer_new(struct json_object *object) {
        return (struct json_writer){ .object = object, .error = object ? 0 : -ENOMEM };
}

struct json_writer json_writer_object(void) {
        return writer_new(json_object_new_object());
}

struct json_writer json_writer_array(void) {
        return writer_new(json_object_new_array());
}

void json_writer_done(struct json_writer *writer) {
        (void)json_object_put(writer->object); /* whether it was the last reference is nobody's business */
        writer->object = NULL;
}

int json_writer_finish(struct json_writer *writer, struct json_object **ret_object) {
        if (writer->error < 0) {
                json_writer_done(writer);
                return writer->error;
        }

        *ret_object = TAKE_PTR(writer->object);
        return 0;
}

/* value NULL: JSON null. */
static void set_value(struct json_writer *writer, const char *key, struct json_object *value) {
        const unsigned flags = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY;

        if (writer->error < 0 || json_object_object_add_ex(writer->object, key, value, flags) < 0) {
                (void)json_object_put(value); /* consumed in any case */
                writer->error = -ENOMEM;
        }
}

void json_set(struct json_writer *writer, const char *key, struct json_object *value) {
        if (!value)
                writer->error = -ENOMEM;
        else
                set_value(writer, key, value);
}

void json_set_null(struct json_writer *writer, const char *key) {
        set_value(writer, key, NULL);
}

void json_set_bool(struct json_writer *writer, const char *key, bool value) {
        json_set(writer, key, json_object_new_boolean(value));
}

void json_set_u64(struct json_writer *writer, const char *key, uint64_t value) {
        json_set_i64(writer, key, (int64_t)MIN(value, (uint64_t)INT64_MAX));
}

void json_set_i64(struct json_writer *writer, const char *key, int64_t value) {
        json_set(writer, key, json_object_new_int64(value));
}

void json_set_double(struct json_writer *writer, const char *key, double value) {
        struct json_object *object;

        object = json_object_new_double(isfinite(value) ? value : 0);
        if (object) /* json-c's own form has 17 digits, of which the last are noise: 0.10000000000000001 */
                json_object_set_serializer(object, json_object_double_to_json_string, (void *)"%.9g", NULL);
        json_set(writer, key, object);
}

void json_set_text(struct json_writer *writer, const char *key, const char *text) {
        if (text)
                json_set(writer, key, json_text(text, strlen(text)));
        else
                json_set_null(writer, key);
}

void json_set_text_n(struct json_writer *writer, const char *key, const char *text, size_t size) {
        json_set(writer, key, json_text(text, strnlen(text, size)));
}

/* value NULL: JSON null. */
static void append_value(struct json_writer *writer, struct json_object *value) {
        if (writer->error < 0 || json_object_array_add(writer->object, value) < 0) {
                (void)json_object_put(value); /* consumed in any case */
                writer->error = -ENOMEM;
        }
}

void json_append(struct json_writer *writer, struct json_object *value) {
        if (!value)
                writer->error = -ENOMEM;
        else
                append_value(writer, value);
}

void json_set_writer(struct json_writer *writer, const char *key, struct json_writer *inner) {
        struct json_object *object = NULL;

        if (json_writer_finish(inner, &object) < 0)
                writer->error = -ENOMEM;
        else
                json_set(writer, key, object);
}

void json_append_writer(struct json_writer *writer, struct json_writer *inner) {
        struct json_object *object = NULL;

        (void)json_writer_finish(inner,
                                 &object); /* then object stays NULL, which json_append() takes as failure */
        json_append(writer, object);
}

void json_set_cpus(struct json_writer *writer, const char *key, const struct cpu_set *cpus) {
        struct json_writer array = json_writer_array();

        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1))
                json_append(&array, json_object_new_int(cpu));
        json_set_writer(writer, key, &array);
}

static void set_integers(struct json_writer *writer, const struct evidence *evidence) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < evidence->n_integers; i++)
                json_append(&array, json_object_new_int64(evidence->integers[i]));
        json_set_writer(writer, evidence->name, &array);
}

void json_set_evidence(struct json_writer *writer, const char *key, const struct evidence *evidence,
                       size_t n) {
        struct json_writer object = json_writer_object();

        for (size_t i = 0; i < n; i++) {
                switch (evidence[i].type) {
                case EVIDENCE_INTEGER:
                        json_set_i64(&object, evidence[i].name, evidence[i].integer);
                        break;
                case EVIDENCE_STRING:
                        json_set_text(&object, evidence[i].name, evidence[i].string);
                        break;
                case EVIDENCE_INTEGERS:
                        set_integers(&object, &evidence[i]);
                        break;
                }
        }

        json_set_writer(writer, key, &object);
}

/* out holds four times size bytes. */
static size_t escape_text(const char *text, size_t size, char *out) {
        static const char digits[] = "0123456789abcdef";
        size_t used = 0;

        for (size_t i = 0; i < size; i++) {
                size_t length = utf8_valid_prefix(text + i, size - i);
                unsigned char byte;

                memcpy(out + used, text + i, length);
                used += length;
                i += length;
                if (i == size)
                        break;

                byte = (unsigned char)text[i];
                out[used++] = '\\';
                out[used++] = 'x';
                out[used++] = digits[byte >> 4];
                out[used++] = digits[byte & 15];
        }

        return used;
}

struct json_object *json_text(const char *text, size_t size) {
        _cleanup_(freep) char *escaped = NULL;

        if (size > INT32_MAX / 4)
                return NULL;
        if (utf8_valid_prefix(text, size) == size)
                return json_object_new_string_len(text, (int)size);

        escaped = malloc(size * 4);
        if (!escaped)
                return NULL;
        return json_object_new_string_len(escaped, (int)escape_text(text, size, escaped));
}

static int written_to_string(struct json_object *object, struct printbuf *out, int level, int flags) {
        const char *text = json_object_get_userdata(object);

        return printbuf_memappend(out, text, (int)strlen(text));
}

static void written_free(struct json_object *object, void *text) {
        free(text);
}

struct json_object *json_written(char *text) {
        struct json_object *object = json_object_new_string("");

        if (object)
                json_object_set_serializer(object, written_to_string, text, written_free);
        else
                free(text);
        return object;
}

int json_write_ahead(struct json_object **object, size_t *ret_size) {
        const char *text = json_object_to_json_string_length(*object, JSON_AS_SENT, ret_size);
        char *copy = text ? strdup(text) : NULL;
        struct json_object *written = copy ? json_written(copy) : NULL;

        if (!written)
                return -ENOMEM;

        (void)json_object_put(*object); /* whether it was the last reference */
        *object = written;
        return 0;
}

static bool text_is_plain(const char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
                        return false;

        return true;
}

int json_write_text(FILE *f, const char *text) {
        _cleanup_(json_putp) struct json_object *object = NULL;

        if (text_is_plain(text)) {
                (void)fprintf(f, "\"%s\"", text); /* ferror() is the caller's to look at */
                return 0;
        }

        object = json_text(text, strlen(text));
        if (!object)
                return -ENOMEM;
        (void)fputs(json_object_to_json_string_ext(object, JSON_AS_SENT), f);
        return 0;
}

int json_size(struct json_object *object, size_t *ret_size) {
        return json_object_to_json_string_length(object, JSON_AS_SENT, ret_size) ? 0 : -ENOMEM;
}
