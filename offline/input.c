/* SPDX-License-Identifier: Apache-2.0 */

#include "offline/input.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json-strict.h"

static const struct store_limits limits = {
        .budget_bytes = UINT64_C(1) << 40, /* what was captured is not dropped */
        .retention_ns = UINT64_MAX,
        .n_events_max = SIZE_MAX,
        .n_series_max = UINT32_MAX,
};

int input_fail(int r, char **ret_text, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        if (vasprintf(ret_text, format, ap) < 0)
                *ret_text = NULL;
        va_end(ap);
        return r;
}

int input_new(struct input **ret_input) {
        _cleanup_(input_freep) struct input *input = NULL;
        int r;

        input = calloc(1, sizeof(*input));
        if (!input)
                return -ENOMEM;
        r = store_new(&limits, &input->store);
        if (r < 0)
                return r;

        *ret_input = TAKE_PTR(input);
        return 0;
}

struct input *input_free(struct input *input) {
        if (!input)
                return NULL;

        (void)history_free(input->history); /* returns NULL, as does store_free() */
        (void)store_free(input->store);
        (void)json_object_put(input->record.status); /* the results say whether it was the last reference */
        (void)json_object_put(input->record.alerts);
        for (size_t i = 0; i < input->n_notes; i++)
                free(input->notes[i]);
        free(input);
        return NULL;
}

int input_note(struct input *input, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        if (input->n_notes == INPUT_NOTES_MAX)
                return 0;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;

        input->notes[input->n_notes++] = text;
        return 0;
}

static const char *text_of(struct json_object *object, const char *name) {
        struct json_object *value = NULL;

        (void)json_object_object_get_ex(object, name, &value); /* false: NULL */
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static uint64_t number_of(struct json_object *object, const char *name) {
        struct json_object *value = NULL;

        (void)json_object_object_get_ex(object, name, &value); /* false: NULL */
        return json_object_is_type(value, json_type_int)
                       ? (uint64_t)MAX(json_object_get_int64(value), (int64_t)0)
                       : 0;
}

static void copy_text(char *to, size_t size, const char *from) {
        (void)snprintf(to, size, "%s", from ?: ""); /* cut off where it is longer than any can be */
}

int input_take_status(struct input *input, struct json_object *reply) {
        struct json_host *host = &input->record.host;
        struct json_object *status = NULL;

        if (!json_object_is_type(reply, json_type_object) ||
            !json_object_object_get_ex(reply, "status", &status) ||
            !json_object_is_type(status, json_type_object))
                return -EBADMSG;

        copy_text(host->name, sizeof(host->name), text_of(status, "hostname"));
        copy_text(host->kernel, sizeof(host->kernel), text_of(status, "kernel"));
        copy_text(host->boot_id, sizeof(host->boot_id), text_of(status, "bootId"));
        (void)json_object_put(input->record.status); /* NULL, as a rule */
        input->record.status = json_object_get(reply);
        return 0;
}

static enum collector_state state_of(const char *text) {
        int state = 0;

        while (text && state < _COLLECTOR_STATE_MAX &&
               strcmp(collector_state_to_string((enum collector_state)state), text) != 0)
                state++;
        return text && state < _COLLECTOR_STATE_MAX ? (enum collector_state)state : COLLECTOR_DISABLED;
}

int input_get_status(const struct input *input, struct status *ret_status) {
        struct json_object *status = NULL, *collectors = NULL;
        size_t n;

        *ret_status = (struct status){};
        if (input->record.status)
                (void)json_object_object_get_ex(input->record.status, "status", &status); /* there is one */
        if (status)
                (void)json_object_object_get_ex(status, "collectors", &collectors); /* false: NULL */
        n = json_object_is_type(collectors, json_type_array) ? json_object_array_length(collectors) : 0;
        ret_status->collectors = calloc(n + 1, sizeof(*ret_status->collectors));
        if (!ret_status->collectors)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                struct json_object *item = json_object_array_get_idx(collectors, i);

                if (!json_object_is_type(item, json_type_object) || !text_of(item, "name"))
                        continue;
                ret_status->collectors[ret_status->n_collectors++] = (struct status_collector){
                        .name = text_of(item, "name"),
                        .summary = text_of(item, "summary") ?: "",
                        .state = state_of(text_of(item, "state")),
                        .reason = text_of(item, "reason"),
                        .interval_ns = number_of(item, "intervalNsec"),
                        .configured_interval_ns = number_of(item, "configuredIntervalNsec"),
                        .n_passes = number_of(item, "passes"),
                        .n_failed_passes = number_of(item, "failedPasses"),
                };
        }

        return 0;
}

int input_open(const char *path, struct input **ret_input, char **ret_text) {
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return input_fail(-errno, ret_text, "cannot read %s: %s", path, strerror(errno));
        if (S_ISDIR(st.st_mode))
                return input_open_captures(fd, path, ret_input, ret_text);
        if (S_ISREG(st.st_mode))
                return input_open_file(path, ret_input, ret_text);

        return input_fail(-EINVAL, ret_text,
                          "cannot read %s: it is neither a file nor a directory. --input takes a file of "
                          "\"irqctl snapshot\", or a "
                          "directory with two captures of proc files",
                          path);
}
