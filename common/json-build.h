/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * json-c's ways of making values, with this project's error returns. Values are consumed, also on failure; a
 * value that could not be allocated (NULL) is -ENOMEM, so that constructors can be nested.
 */

#include <json-c/json.h>

int json_add(struct json_object *object, const char *key, struct json_object *value);
int json_add_text(struct json_object *object, const char *key, const char *text);
int json_add_null(struct json_object *object, const char *key);
int json_array_append(struct json_object *array, struct json_object *value);
