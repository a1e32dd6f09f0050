/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-events.h"

#include <string.h>

enum { FRAMES_FIRST = 128 };

/* A stack under construction; its strings belong to the event. */
struct flame_stack {
        struct flame_frame *frames;
        size_t n_frames, n_allocated;
};

static void flame_stack_done(struct flame_stack *stack) {
        free(stack->frames);
        *stack = (struct flame_stack){};
}

void flame_summary_done(struct flame_summary *summary) {
        cpu_set_done(&summary->cpus);
}

/* The member if it is there and of that type, else NULL. */
static struct json_object *flame_member(struct json_object *object, const char *name, enum json_type type) {
        struct json_object *value = NULL;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, name, &value))
                return NULL;
        return json_object_is_type(value, type) ? value : NULL;
}

static const char *flame_string(struct json_object *object, const char *name) {
        struct json_object *value = flame_member(object, name, json_type_string);

        return value ? json_object_get_string(value) : NULL;
}

static bool flame_unsigned(struct json_object *object, const char *name, uint64_t *ret) {
        struct json_object *value = flame_member(object, name, json_type_int);

        if (!value || json_object_get_int64(value) < 0)
                return false;
        *ret = json_object_get_uint64(value);
        return true;
}

static size_t flame_array_length(struct json_object *array) {
        return array ? json_object_array_length(array) : 0;
}

static int flame_stack_push(struct flame_stack *stack, const char *name, const char *module,
                            enum flame_context context) {
        if (stack->n_frames == stack->n_allocated) {
                size_t n = stack->n_allocated ? stack->n_allocated * 2 : FRAMES_FIRST;
                struct flame_frame *frames;

                frames = reallocarray(stack->frames, n, sizeof(*frames));
                if (!frames)
                        return -ENOMEM;
                stack->frames = frames;
                stack->n_allocated = n;
        }
        stack->frames[stack->n_frames++] =
                (struct flame_frame){ .name = name, .module = module, .context = context };
        return 0;
}

static const char *flame_base_name(const char *path) {
        const char *slash = path ? strrchr(path, '/') : NULL;

        return slash ? slash + 1 : path;
}

/* Frames without a name in the same file say the same thing however many there are. */
static bool flame_stack_repeats_unknown(const struct flame_stack *stack, const char *module,
                                        enum flame_context context) {
        const struct flame_frame *last = stack->n_frames > 0 ? stack->frames + stack->n_frames - 1 : NULL;

        if (!last || last->context != context || strcmp(last->name, "[unknown]") != 0)
                return false;
        return !last->module || !module ? last->module == module : strcmp(last->module, module) == 0;
}

static int flame_stack_push_frames(struct flame_stack *stack, struct json_object *frames,
                                   const char *module_name, enum flame_context context) {
        int r;

        for (size_t i = flame_array_length(frames); i > 0; i--) {
                struct json_object *frame = json_object_array_get_idx(frames, i - 1);
                const char *symbol = flame_string(frame, "symbol");
                const char *module = flame_base_name(flame_string(frame, module_name));

                if (!symbol && flame_stack_repeats_unknown(stack, module, context))
                        continue;
                if (symbol && context == FLAME_KERNEL && flame_is_interrupt_entry(symbol))
                        context = FLAME_INTERRUPT;
                r = flame_stack_push(stack, symbol ?: "[unknown]", module, context);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool flame_stack_has(const struct flame_stack *stack, const char *name) {
        for (size_t i = 0; i < stack->n_frames; i++)
                if (strcmp(stack->frames[i].name, name) == 0)
                        return true;
        return false;
}

/* A handler that the stack does not show: it had ended when the interrupted code was seen. */
static int flame_stack_push_handler(struct flame_stack *stack, const char *culprit, const char *class) {
        if (culprit)
                return flame_stack_has(stack, culprit)
                               ? 0
                               : flame_stack_push(stack, culprit, NULL, FLAME_INTERRUPT);
        if (stack->frames[stack->n_frames - 1].context == FLAME_INTERRUPT)
                return 0;
        return flame_stack_push(stack, class, NULL, FLAME_OTHER);
}

/* Puts on top what held the CPU, where that was not the innermost frame of the stack. */
static int flame_stack_push_cause(struct flame_stack *stack, struct json_object *event) {
        static const struct {
                const char *class, *name;
                bool handler; /* else nothing of this system's code */
        } causes[] = {
                { "hardirq", "[hardirq]", true },
                { "softirq", "[softirq]", true },
                { "ipi", "[ipi]", true },
                { "steal", "[steal]", false },
                { "platform", "[platform]", false },
                { "idle-exit", "[idle-exit]", false },
        };
        const char *class = flame_string(event, "class") ?: "", *culprit = flame_string(event, "culprit");

        for (size_t i = 0; i < ELEMENTSOF(causes); i++) {
                if (strcmp(class, causes[i].class) != 0)
                        continue;
                if (causes[i].handler)
                        return flame_stack_push_handler(stack, culprit, causes[i].name);
                return flame_stack_push(stack, causes[i].name, NULL, FLAME_OTHER);
        }
        if (flame_array_length(flame_member(event, "kernelStack", json_type_array)) > 0)
                return 0;
        return flame_stack_push(stack, culprit ?: "[no kernel stack]", NULL,
                                culprit ? FLAME_KERNEL : FLAME_OTHER);
}

static int flame_stack_build(struct flame_stack *stack, struct json_object *event) {
        int r;

        r = flame_stack_push(stack, flame_string(event, "comm") ?: "[no task]", NULL, FLAME_TASK);
        if (r < 0)
                return r;
        r = flame_stack_push_frames(stack, flame_member(event, "userStack", json_type_array), "file",
                                    FLAME_USER);
        if (r < 0)
                return r;
        r = flame_stack_push_frames(stack, flame_member(event, "kernelStack", json_type_array), "module",
                                    FLAME_KERNEL);
        if (r < 0)
                return r;
        return flame_stack_push_cause(stack, event);
}

static bool flame_filter_kind(const struct flame_filter *filter, const char *kind) {
        if (!filter->kinds)
                return true;
        for (const char *const *k = filter->kinds; *k; k++)
                if (kind && strcmp(*k, kind) == 0)
                        return true;
        return false;
}

static bool flame_filter_cpu(const struct flame_filter *filter, struct json_object *event) {
        uint64_t cpu;

        return !filter->cpus || (flame_unsigned(event, "cpu", &cpu) && cpu < CPU_LIMIT &&
                                 cpu_set_contains(filter->cpus, (int)cpu));
}

static bool flame_filter_time(const struct flame_filter *filter, struct json_object *event) {
        uint64_t time_us = 0;

        (void)flame_unsigned(event, "timeUsec", &time_us); /* without one: before all times */
        return time_us >= filter->since_us && (filter->until_us == 0 || time_us <= filter->until_us);
}

static bool flame_filter_culprit(const struct flame_filter *filter, struct json_object *event) {
        struct json_object *frames = flame_member(event, "kernelStack", json_type_array);
        const char *culprit = flame_string(event, "culprit");

        if (!filter->culprit)
                return true;
        if (culprit)
                return strcmp(culprit, filter->culprit) == 0;
        for (size_t i = 0; i < flame_array_length(frames); i++) {
                const char *symbol = flame_string(json_object_array_get_idx(frames, i), "symbol");

                if (symbol && strcmp(symbol, filter->culprit) == 0)
                        return true;
        }
        return false;
}

static bool flame_filter_takes(const struct flame_filter *filter, struct json_object *event) {
        return flame_filter_kind(filter, flame_string(event, "kind")) && flame_filter_cpu(filter, event) &&
               flame_filter_time(filter, event) && flame_filter_culprit(filter, event);
}

static int flame_summary_add(struct flame_summary *summary, struct json_object *event) {
        uint64_t time_us, cpu;

        if (flame_unsigned(event, "timeUsec", &time_us)) {
                summary->first_us = summary->last_us == 0 ? time_us : MIN(summary->first_us, time_us);
                summary->last_us = MAX(summary->last_us, time_us);
        }
        summary->n_events++;
        if (flame_unsigned(event, "cpu", &cpu) && cpu < CPU_LIMIT)
                return cpu_set_add(&summary->cpus, (int)cpu);
        return 0;
}

static int flame_event_add(struct flame_tree *tree, struct json_object *event, enum flame_weight weight,
                           struct flame_summary *summary) {
        _cleanup_(flame_stack_done) struct flame_stack stack = {};
        uint64_t duration_ns;
        int r;

        if (!flame_unsigned(event, "durationMinNsec", &duration_ns)) {
                if (weight == FLAME_WEIGHT_TIME) {
                        summary->n_unweighted++;
                        return 0;
                }
                duration_ns = 0;
        }

        r = flame_stack_build(&stack, event);
        if (r < 0)
                return r;
        r = flame_tree_add(tree, stack.frames, stack.n_frames, weight == FLAME_WEIGHT_TIME ? duration_ns : 1,
                           1);
        if (r < 0)
                return r;
        return flame_summary_add(summary, event);
}

int flame_events_add(struct flame_tree *tree, struct json_object *events, enum flame_weight weight,
                     const struct flame_filter *filter, struct flame_summary *summary) {
        int r;

        for (size_t i = 0; i < flame_array_length(events); i++) {
                struct json_object *event = json_object_array_get_idx(events, i);

                if (!flame_filter_takes(filter, event)) {
                        summary->n_other++;
                        continue;
                }
                r = flame_event_add(tree, event, weight, summary);
                if (r < 0)
                        return r;
        }
        return 0;
}
