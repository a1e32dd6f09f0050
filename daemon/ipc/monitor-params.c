/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/monitor-params.h"

#include <assert.h>
#include <string.h>

#include "daemon/store/event.h"

/* All of them: 0; 1: not acceptable; -ENOMEM. */
typedef int (*param_fn)(struct json_object *value, struct monitor_params *params);

static int get_number(struct json_object *value, int64_t min, int64_t *ret_number) {
        if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < min)
                return 1;

        *ret_number = json_object_get_int64(value);
        return 0;
}

/* No C string ends at a NUL that the peer wrote as \u0000. */
static int get_text(struct json_object *value, const char **ret_text) {
        const char *text;

        if (!json_object_is_type(value, json_type_string))
                return 1;

        text = json_object_get_string(value);
        if (strlen(text) != (size_t)json_object_get_string_len(value))
                return 1;

        *ret_text = text;
        return 0;
}

static int get_time(struct json_object *value, uint64_t *ret_us) {
        int64_t us;

        if (get_number(value, 0, &us))
                return 1;

        *ret_us = (uint64_t)us;
        return 0;
}

static int param_since(struct json_object *value, struct monitor_params *params) {
        return get_time(value, &params->since_us);
}

static int param_until(struct json_object *value, struct monitor_params *params) {
        return get_time(value, &params->until_us);
}

static int add_cpu(struct json_object *value, struct cpu_set *cpus) {
        int64_t cpu;

        if (get_number(value, 0, &cpu) || cpu >= CPU_LIMIT)
                return 1;
        return cpu_set_add(cpus, (int)cpu);
}

/* An empty list is refused: it can only be a mistake, and would be answered with nothing. */
static int param_cpus(struct json_object *value, struct monitor_params *params) {
        int r = 0;

        if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
                return 1;

        for (size_t i = 0; i < json_object_array_length(value) && r == 0; i++)
                r = add_cpu(json_object_array_get_idx(value, i), &params->cpus);

        params->has_cpus = true;
        return r;
}

static int param_kinds(struct json_object *value, struct monitor_params *params) {
        if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
                return 1;

        for (size_t i = 0; i < json_object_array_length(value); i++) {
                enum event_kind kind;
                const char *text;

                if (get_text(json_object_array_get_idx(value, i), &text))
                        return 1;
                kind = event_kind_from_string(text);
                if (kind == _EVENT_KIND_INVALID)
                        return 1;
                params->kinds |= UINT32_C(1) << kind;
        }

        return 0;
}

static int get_max(struct json_object *value, size_t *ret_max) {
        int64_t max;

        if (get_number(value, 1, &max))
                return 1;

        *ret_max = (size_t)MIN((uint64_t)max, (uint64_t)SIZE_MAX);
        return 0;
}

static int param_limit(struct json_object *value, struct monitor_params *params) {
        return get_max(value, &params->limit);
}

static int param_interrupts_max(struct json_object *value, struct monitor_params *params) {
        return get_max(value, &params->interrupts_max);
}

static int param_per_cpu_max(struct json_object *value, struct monitor_params *params) {
        return get_max(value, &params->per_cpu_max);
}

static int param_after_id(struct json_object *value, struct monitor_params *params) {
        return get_number(value, 0, &params->after_id);
}

static int param_id(struct json_object *value, struct monitor_params *params) {
        return get_number(value, 0, &params->id);
}

enum { STEP_MIN_USEC = 1000000 };

static int param_step(struct json_object *value, struct monitor_params *params) {
        int64_t step;

        if (get_number(value, STEP_MIN_USEC, &step))
                return 1;

        params->step_us = (uint64_t)step;
        return 0;
}

static int param_culprit(struct json_object *value, struct monitor_params *params) {
        return get_text(value, &params->culprit);
}

static int param_source(struct json_object *value, struct monitor_params *params) {
        return get_text(value, &params->source);
}

static int param_metric(struct json_object *value, struct monitor_params *params) {
        return get_text(value, &params->metric);
}

static int param_name(struct json_object *value, struct monitor_params *params) {
        return get_text(value, &params->name);
}

static int param_value(struct json_object *value, struct monitor_params *params) {
        return get_text(value, &params->value);
}

/* An empty list is refused, as with CPUs. */
static int get_names(struct json_object *value, struct monitor_names *names) {
        size_t n;

        if (!json_object_is_type(value, json_type_array))
                return 1;
        n = json_object_array_length(value);
        if (n == 0 || n > MONITOR_NAMES_MAX)
                return 1;

        names->names = calloc(n, sizeof(*names->names));
        if (!names->names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (get_text(json_object_array_get_idx(value, i), &names->names[i]))
                        return 1;

        names->n = n;
        return 0;
}

static int param_metrics(struct json_object *value, struct monitor_params *params) {
        return get_names(value, &params->metrics);
}

static int param_rows(struct json_object *value, struct monitor_params *params) {
        return get_names(value, &params->rows);
}

static int param_per_cpu(struct json_object *value, struct monitor_params *params) {
        if (!json_object_is_type(value, json_type_boolean))
                return 1;

        params->per_cpu = json_object_get_boolean(value);
        return 0;
}

static int param_stacks(struct json_object *value, struct monitor_params *params) {
        if (!json_object_is_type(value, json_type_boolean))
                return 1;

        params->no_stacks = !json_object_get_boolean(value);
        return 0;
}

static const struct {
        const char *name;
        param_fn fn;
} known_params[] = {
        { "sinceUsec", param_since },
        { "untilUsec", param_until },
        { "cpus", param_cpus },
        { "kinds", param_kinds },
        { "limit", param_limit },
        { "afterId", param_after_id },
        { "id", param_id },
        { "culprit", param_culprit },
        { "source", param_source },
        { "metric", param_metric },
        { "name", param_name },
        { "value", param_value },
        { "metrics", param_metrics },
        { "rows", param_rows },
        { "perCpu", param_per_cpu },
        { "stepUsec", param_step },
        { "stacks", param_stacks },
        { "interruptsMax", param_interrupts_max },
        { "perCpuMax", param_per_cpu_max },
};

static param_fn find_param(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(known_params); i++)
                if (strcmp(known_params[i].name, name) == 0)
                        return known_params[i].fn;

        return NULL;
}

static int parse_field(const struct varlink_field *field, struct json_object *parameters,
                       struct monitor_params *params) {
        struct json_object *value = NULL;
        param_fn fn = find_param(field->name);

        assert(fn);

        (void)json_object_object_get_ex(parameters, field->name, &value); /* false: value is NULL */
        if (!value)                                                       /* missing, or null */
                return field->required;
        return fn(value, params);
}

/* NULL when the span is one. */
static const char *check_span(const struct monitor_params *params, uint64_t now_us) {
        if (params->since_us >= now_us)
                return "sinceUsec";
        if (params->since_us >= params->until_us)
                return "untilUsec";
        return NULL;
}

int monitor_params_parse(const struct varlink_field *fields, struct json_object *parameters, uint64_t now_us,
                         struct monitor_params *ret_params, const char **ret_invalid) {
        _cleanup_(monitor_params_done) struct monitor_params params = { .until_us = UINT64_MAX };
        const char *invalid;
        int r;

        for (; fields->name; fields++) {
                r = parse_field(fields, parameters, &params);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret_invalid = fields->name;
                        return 1;
                }
        }

        invalid = check_span(&params, now_us);
        if (invalid) {
                *ret_invalid = invalid;
                return 1;
        }

        *ret_params = params;
        params = (struct monitor_params){};
        return 0;
}

void monitor_params_done(struct monitor_params *params) {
        cpu_set_done(&params->cpus);
        free((void *)params->metrics.names);
        free((void *)params->rows.names);
        *params = (struct monitor_params){};
}
