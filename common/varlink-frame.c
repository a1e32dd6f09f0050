/* SPDX-License-Identifier: Apache-2.0 */

#include "common/varlink-frame.h"

#include <assert.h>
#include <string.h>

#include "common/utf8.h"

enum {
        INPUT_KEEP_SIZE = 4096, /* what an idle connection may go on holding */
};

void varlink_input_done(struct varlink_input *input) {
        free(input->data);
        *input = (struct varlink_input){};
}

/* Moves what is left to the front; gives back the memory of a large message once that is consumed. */
static void varlink_input_compact(struct varlink_input *input) {
        if (input->start == input->size && input->allocated > INPUT_KEEP_SIZE) {
                varlink_input_done(input);
                return;
        }
        if (input->start == 0)
                return;

        memmove(input->data, input->data + input->start, input->size - input->start);
        input->size -= input->start;
        input->scanned -= input->start;
        input->start = 0;
}

int varlink_input_reserve(struct varlink_input *input, size_t n, char **ret_space) {
        size_t allocated;
        char *data;

        if (input->scanned - input->start > VARLINK_MESSAGE_MAX)
                return -EMSGSIZE;

        varlink_input_compact(input);
        if (input->allocated - input->size < n) {
                allocated = MAX(input->allocated * 2, input->size + n);
                data = realloc(input->data, allocated);
                if (!data)
                        return -ENOMEM;
                input->data = data;
                input->allocated = allocated;
        }

        *ret_space = input->data + input->size;
        return 0;
}

void varlink_input_commit(struct varlink_input *input, size_t n) {
        assert(n <= input->allocated - input->size);
        input->size += n;
}

bool varlink_input_has_message(struct varlink_input *input) {
        const char *end = NULL;

        if (input->size > input->scanned)
                end = memchr(input->data + input->scanned, '\0', input->size - input->scanned);

        input->scanned = end ? (size_t)(end - input->data) : input->size;
        return end;
}

int varlink_input_next(struct varlink_input *input, const char **ret_text, size_t *ret_size) {
        bool found = varlink_input_has_message(input);
        size_t size = input->scanned - input->start;

        if (size > VARLINK_MESSAGE_MAX)
                return -EMSGSIZE;
        if (!found)
                return 0;

        *ret_text = input->data + input->start;
        *ret_size = size;
        input->scanned++;
        input->start = input->scanned;
        return 1;
}

static int parse_object(const char *text, size_t size, size_t n_containers_max, struct json_object **ret_object) {
        _cleanup_(json_putp) struct json_object *value = NULL;
        int r;

        if (size > VARLINK_MESSAGE_MAX)
                return -EBADMSG;
        r = json_strict_parse(text, size, VARLINK_DEPTH_MAX, n_containers_max, &value);
        if (r < 0)
                return r;
        if (!json_object_is_type(value, json_type_object))
                return -EBADMSG;

        *ret_object = TAKE_PTR(value);
        return 0;
}

int varlink_parse(const char *text, size_t size, struct json_object **ret_object) {
        return parse_object(text, size, JSON_CONTAINERS_UNLIMITED, ret_object);
}

int varlink_parse_call(const char *text, size_t size, struct json_object **ret_object) {
        return parse_object(text, size, VARLINK_CALL_CONTAINERS_MAX, ret_object);
}

/* A NUL-terminated copy of json-c's own buffer, with strings that are not UTF-8 repaired. */
static int varlink_copy_text(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        char *copy;

        if (utf8_valid_prefix(text, size) < size)
                return utf8_make_valid(text, size, ret_text, ret_size);

        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;

        memcpy(copy, text, size);
        copy[size] = '\0';
        *ret_text = copy;
        *ret_size = size;
        return 0;
}

int varlink_serialize(struct json_object *object, char **ret_text, size_t *ret_size) {
        _cleanup_(freep) char *copy = NULL;
        const char *text;
        size_t size;
        int r;

        if (!json_is_finite(object))
                return -EDOM;

        text = json_object_to_json_string_length(
                object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
        if (!text)
                return -ENOMEM;
        if (size > VARLINK_MESSAGE_MAX)
                return -EMSGSIZE;

        r = varlink_copy_text(text, size, &copy, &size);
        if (r < 0)
                return r;
        if (size > VARLINK_MESSAGE_MAX)
                return -EMSGSIZE;

        *ret_text = TAKE_PTR(copy);
        *ret_size = size;
        return 0;
}
