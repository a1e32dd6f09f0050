/* SPDX-License-Identifier: Apache-2.0 */

#include "common/json-build.h"

#include <errno.h>

int json_add(struct json_object *object, const char *key, struct json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(object, key, value) < 0) {
                (void)json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

int json_add_text(struct json_object *object, const char *key, const char *text) {
        return json_add(object, key, json_object_new_string(text));
}

int json_add_null(struct json_object *object, const char *key) {
        return json_object_object_add(object, key, NULL) < 0 ? -ENOMEM : 0;
}

int json_array_append(struct json_object *array, struct json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_array_add(array, value) < 0) {
                (void)json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}
