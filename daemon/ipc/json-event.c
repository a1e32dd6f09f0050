/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-event.h"

#include "common/varlink-frame.h"
#include "daemon/ipc/json-writer.h"

static void event_set_time(struct json_writer *writer, const struct event *event) {
        char boot_id[SD_ID128_STRING_MAX];

        json_set_i64(writer, "id", event->id);
        json_set_text(writer, "kind", event_kind_to_string(event->kind));
        json_set_u64(writer, "timeUsec", event->time_us);
        json_set_text(writer, "bootId", sd_id128_to_string(event->boot_id, boot_id));
        if (event->cpu == CPU_NONE)
                json_set_null(writer, "cpu");
        else
                json_set_i64(writer, "cpu", event->cpu);
}

static void event_set_cause(struct json_writer *writer, const struct event *event) {
        if (event->has_duration) {
                json_set_u64(writer, "durationMinNsec", event->duration_min_ns);
                json_set_u64(writer, "durationMaxNsec", event->duration_max_ns);
        } else {
                json_set_null(writer, "durationMinNsec");
                json_set_null(writer, "durationMaxNsec");
        }

        json_set_text(writer, "class", event_class_to_string(event->class));
        json_set_text(writer, "confidence", event_confidence_to_string(event->confidence));
        json_set_text(writer, "culprit", event->culprit);
}

static void event_set_task(struct json_writer *writer, const struct event *event) {
        if (event->has_task) {
                json_set_i64(writer, "pid", event->pid);
                json_set_i64(writer, "tgid", event->tgid);
                json_set_text_n(writer, "comm", event->comm, EVENT_COMM_MAX);
        } else {
                json_set_null(writer, "pid");
                json_set_null(writer, "tgid");
                json_set_null(writer, "comm");
        }

        json_set_text(writer, "cgroup", event->cgroup);
        json_set_text(writer, "container", event->container);
}

static void event_set_parents(struct json_writer *writer, const struct event *event) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < event->n_parents; i++) {
                struct json_writer parent = json_writer_object();

                json_set_i64(&parent, "pid", event->parents[i].pid);
                json_set_text_n(&parent, "comm", event->parents[i].comm, EVENT_COMM_MAX);
                json_append_writer(&array, &parent);
        }

        json_set_writer(writer, "parents", &array);
}

static void frame_set_kernel(struct json_writer *writer, const struct frame *frame) {
        json_set_text(writer, "symbol", frame->symbol);
        json_set_u64(writer, "offset", frame->offset);
        json_set_text(writer, "module", frame->module);
}

static void frame_set_user(struct json_writer *writer, const struct frame *frame) {
        json_set_text(writer, "symbol", frame->symbol);
        json_set_u64(writer, "offset", frame->offset);
        json_set_text(writer, "file", frame->module);
        json_set_text(writer, "buildId", frame->build_id);
        if (frame->address > 0)
                json_set_u64(writer, "address", frame->address);
        else
                json_set_null(writer, "address");
        json_set_text(writer, "note", frame->note);
}

static void event_set_stack(struct json_writer *writer, const char *key, const struct stack *stack,
                            void (*set_frame)(struct json_writer *writer, const struct frame *frame)) {
        struct json_writer array;

        if (!stack) {
                json_set_null(writer, key);
                return;
        }

        array = json_writer_array();
        for (size_t i = 0; i < stack->n_frames; i++) {
                struct json_writer frame = json_writer_object();

                set_frame(&frame, &stack->frames[i]);
                json_append_writer(&array, &frame);
        }

        json_set_writer(writer, key, &array);
}

static int event_to_json(const struct event *event, const struct stack *kernel_stack,
                         const struct stack *user_stack, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object();

        event_set_time(&writer, event);
        event_set_cause(&writer, event);
        event_set_task(&writer, event);
        event_set_parents(&writer, event);
        event_set_stack(&writer, "kernelStack", kernel_stack, frame_set_kernel);
        event_set_stack(&writer, "userStack", user_stack, frame_set_user);
        json_set_evidence(&writer, "evidence", event->evidence, event->n_evidence);
        return json_writer_finish(&writer, ret_object);
}

int json_event(const struct event *event, struct json_object **ret_object) {
        return event_to_json(event, event->kernel_stack, event->user_stack, ret_object);
}

int json_event_within(const struct event *event, size_t limit, bool with_stacks,
                      struct json_object **ret_object, size_t *ret_size) {
        const struct stack *const stacks[][2] = {
                { event->kernel_stack, event->user_stack },
                { event->kernel_stack, NULL },
                { NULL, NULL },
        };
        int r;

        for (size_t i = with_stacks ? 0 : ELEMENTSOF(stacks) - 1; i < ELEMENTSOF(stacks); i++) {
                _cleanup_(json_putp) struct json_object *object = NULL;
                size_t size;

                r = event_to_json(event, stacks[i][0], stacks[i][1], &object);
                if (r < 0)
                        return r;
                r = json_size(object, &size);
                if (r < 0)
                        return r;
                if (size > limit && i + 1 < ELEMENTSOF(stacks))
                        continue;

                *ret_object = TAKE_PTR(object);
                *ret_size = size;
                break;
        }

        return 0;
}
