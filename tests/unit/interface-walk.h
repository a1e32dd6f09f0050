/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replies held against the interface file: every field there, of its type, null only where allowed, and
 * nothing else.
 */

#include "tests/unit/monitor-store.h"

#include <ctype.h>

enum { TYPES_MAX = 128 };

static char *interface_text;          /* without comments */
static const char *walked[TYPES_MAX]; /* types that a value was seen of */
static size_t n_walked;

static inline void strip_comments(void) {
        char *out = interface_text;
        bool comment = false;

        for (const char *p = interface_text; *p; p++) {
                comment = *p == '#' || (comment && *p != '\n');
                if (!comment)
                        *out++ = *p;
        }
        *out = '\0';
}

static inline const char *skip_blank(const char *p) {
        return p + strspn(p, " \t\n,");
}

/* The "(" after a keyword and a name. */
static inline const char *find_definition(const char *keyword, const char *name, size_t length) {
        const char *p = interface_text;

        while ((p = strstr(p, keyword))) {
                p += strlen(keyword);
                if (strncmp(p, name, length) == 0 && !isalnum((unsigned char)p[length]))
                        return p + length + strspn(p + length, " ");
        }

        fail_msg("the interface has no %s%.*s", keyword, (int)length, name);
        return NULL;
}

static inline void note_walked(const char *definition) {
        for (size_t i = 0; i < n_walked; i++)
                if (walked[i] == definition)
                        return;

        assert_true(n_walked < TYPES_MAX);
        walked[n_walked++] = definition;
}

static inline const char *walk_struct(const char *p, struct json_object *value, const char *path);

static inline bool is_word(const char *p, size_t length, const char *word) {
        return strlen(word) == length && strncmp(p, word, length) == 0;
}

static inline void walk_named(const char *p, size_t length, struct json_object *value, const char *path) {
        static const struct {
                const char *name;
                enum json_type type;
        } basic[] = { { "bool", json_type_boolean },
                      { "int", json_type_int },
                      { "float", json_type_double },
                      { "string", json_type_string },
                      { "object", json_type_object } };

        for (size_t i = 0; i < ELEMENTSOF(basic); i++) {
                if (!is_word(p, length, basic[i].name))
                        continue;
                if (!json_object_is_type(value, basic[i].type))
                        fail_msg("%s is %s", path, json_object_to_json_string(value));
                return;
        }

        (void)walk_struct(find_definition("type ", p, length), value, path);
}

/* Checks the value, unless absent, against the type at p; returns what follows the type. */
static inline const char *walk_type(const char *p, struct json_object *value, bool absent, const char *path) {
        size_t length;

        if (*p == '?') {
                absent = absent || !value;
                return walk_type(p + 1, value, absent, path);
        }

        if (strncmp(p, "[]", 2) == 0) {
                if (!absent && !json_object_is_type(value, json_type_array))
                        fail_msg("%s is no array", path);
                for (size_t i = 0; !absent && i < json_object_array_length(value); i++)
                        (void)walk_type(p + 2, json_object_array_get_idx(value, i), false, path);
                return walk_type(p + 2, NULL, true, path);
        }

        length = 0;
        while (isalnum((unsigned char)p[length]))
                length++;
        assert_true(length > 0);
        if (!absent)
                walk_named(p, length, value, path);
        return p + length;
}

static inline const char *walk_struct(const char *p, struct json_object *value, const char *path) {
        int n = 0;

        if (!json_object_is_type(value, json_type_object))
                fail_msg("%s is no object", path);

        note_walked(p);
        assert_int_equal(*p, '(');
        for (p = skip_blank(p + 1); *p != ')'; p = skip_blank(p)) {
                char name[64], inner[256];
                size_t length = strcspn(p, ":");
                struct json_object *field = NULL;

                (void)snprintf(name, sizeof(name), "%.*s", (int)length, p); /* fits */
                (void)snprintf(inner, sizeof(inner), "%s.%s", path, name);  /* only for messages */
                if (!json_object_object_get_ex(value, name, &field))
                        fail_msg("%s is missing", inner);
                p = walk_type(skip_blank(p + length + 1), field, false, inner);
                n++;
        }

        if (n != json_object_object_length(value))
                fail_msg("%s has fields that are not declared: %s", path, json_object_to_json_string(value));
        return p + 1;
}

/* Holds a reply against the method's "-> (...)". */
static inline void check_reply(struct json_object *reply, const char *method) {
        const char *p = find_definition("method ", method, strlen(method));

        p = strstr(p, "->");
        assert_non_null(p);
        (void)walk_struct(p + 2 + strspn(p + 2, " "), reply, method);
}
