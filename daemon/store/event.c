/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/event.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "common/cpulist.h"

static const char *const kind_names[] = {
        [EVENT_IRQ_DELAY] = "irq-delay", [EVENT_HARDIRQ] = "hardirq",
        [EVENT_SOFTIRQ] = "softirq",     [EVENT_SOFTIRQ_LATENCY] = "softirq-latency",
        [EVENT_AFFINITY] = "affinity",   [EVENT_ALERT] = "alert",
        [EVENT_COLLECTOR] = "collector",
};
_Static_assert(ELEMENTSOF(kind_names) == _EVENT_KIND_MAX, "a name per kind");

static const char *const class_names[] = {
        [CLASS_NONE] = NULL,           [CLASS_IRQ_OFF] = "irq-off",
        [CLASS_HARDIRQ] = "hardirq",   [CLASS_SOFTIRQ] = "softirq",
        [CLASS_IPI] = "ipi",           [CLASS_STEAL] = "steal",
        [CLASS_PLATFORM] = "platform", [CLASS_IDLE_EXIT] = "idle-exit",
        [CLASS_UNKNOWN] = "unknown",
};
_Static_assert(ELEMENTSOF(class_names) == _EVENT_CLASS_MAX, "a name per class");

static const char *const confidence_names[] = {
        [CONFIDENCE_NONE] = NULL,
        [CONFIDENCE_LOW] = "low",
        [CONFIDENCE_HIGH] = "high",
};
_Static_assert(ELEMENTSOF(confidence_names) == _EVENT_CONFIDENCE_MAX, "a name per confidence");

/* Values outside of the table have no name, whatever the signedness of the enum. */
static const char *name_of(const char *const *names, size_t n, size_t value) {
        return value < n ? names[value] : NULL;
}

static int value_of(const char *const *names, size_t n, const char *text) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && strcmp(names[i], text) == 0)
                        return (int)i;

        return -1;
}

const char *event_kind_to_string(enum event_kind kind) {
        return name_of(kind_names, ELEMENTSOF(kind_names), (size_t)kind);
}

enum event_kind event_kind_from_string(const char *text) {
        return (enum event_kind)value_of(kind_names, ELEMENTSOF(kind_names), text);
}

const char *event_class_to_string(enum event_class class) {
        return name_of(class_names, ELEMENTSOF(class_names), (size_t) class);
}

enum event_class event_class_from_string(const char *text) {
        return (enum event_class)value_of(class_names, ELEMENTSOF(class_names), text);
}

const char *event_confidence_to_string(enum event_confidence confidence) {
        return name_of(confidence_names, ELEMENTSOF(confidence_names), (size_t)confidence);
}

int event_new(enum event_kind kind, struct event **ret_event) {
        struct event *event = NULL;

        event = calloc(1, sizeof(*event));
        if (!event)
                return -ENOMEM;

        event->n_ref = 1;
        event->kind = kind;
        event->cpu = CPU_NONE;
        /* Without /proc it stays all zeros, which is what sd-id128 calls null. */
        (void)sd_id128_get_boot(&event->boot_id);

        *ret_event = event;
        return 0;
}

struct event *event_ref(struct event *event) {
        assert(event->n_ref > 0);

        event->n_ref++;
        return event;
}

static void event_free(struct event *event) {
        for (size_t i = 0; i < event->n_evidence; i++) {
                free(event->evidence[i].string);
                free(event->evidence[i].integers);
        }

        (void)stack_unref(event->kernel_stack);
        (void)stack_unref(event->user_stack);
        free(event->culprit);
        free(event->cgroup);
        free(event->container);
        free(event);
}

struct event *event_unref(struct event *event) {
        if (!event)
                return NULL;

        assert(event->n_ref > 0);
        if (--event->n_ref == 0)
                event_free(event);

        return NULL;
}

static int event_add(struct event *event, const struct evidence *evidence) {
        if (event->n_evidence >= ELEMENTSOF(event->evidence))
                return -ENOBUFS;

        event->evidence[event->n_evidence++] = *evidence;
        return 0;
}

int event_add_integer(struct event *event, const char *name, int64_t value) {
        return event_add(event,
                         &(struct evidence){ .name = name, .type = EVIDENCE_INTEGER, .integer = value });
}

int event_add_string(struct event *event, const char *name, const char *value) {
        _cleanup_(freep) char *copy = NULL;
        int r;

        copy = strdup(value);
        if (!copy)
                return -ENOMEM;

        r = event_add(event, &(struct evidence){ .name = name, .type = EVIDENCE_STRING, .string = copy });
        if (r < 0)
                return r;

        TAKE_PTR(copy);
        return 0;
}

int event_add_integers(struct event *event, const char *name, const int64_t *values, size_t n) {
        _cleanup_(freep) int64_t *copy = NULL;
        int r;

        if (n > 0) {
                copy = reallocarray(NULL, n, sizeof(*copy));
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, values, n * sizeof(*copy));
        }

        r = event_add(event,
                      &(struct evidence){
                              .name = name, .type = EVIDENCE_INTEGERS, .integers = copy, .n_integers = n });
        if (r < 0)
                return r;

        TAKE_PTR(copy);
        return 0;
}

const struct evidence *event_find_evidence(const struct event *event, const char *name) {
        for (size_t i = 0; i < event->n_evidence; i++)
                if (strcmp(event->evidence[i].name, name) == 0)
                        return &event->evidence[i];

        return NULL;
}

size_t event_memory(const struct event *event) {
        size_t size = malloc_usable_size((void *)event) + malloc_usable_size(event->culprit) +
                      malloc_usable_size(event->cgroup) + malloc_usable_size(event->container);

        for (size_t i = 0; i < event->n_evidence; i++)
                size += malloc_usable_size(event->evidence[i].string) +
                        malloc_usable_size(event->evidence[i].integers);

        return size;
}
