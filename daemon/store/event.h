/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One thing that happened at one moment: a window with interrupts off, a slow handler, an alert. Made by
 * a collector, completed off the loop (symbols), kept by the store, shown by everybody else. Field
 * for field the Event of io.irqwatch.monitor. Immutable once it is in the store.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-id128.h>

#include "common/cleanup.h"
#include "daemon/store/stack.h"

enum event_kind {
        EVENT_IRQ_DELAY,
        EVENT_HARDIRQ,
        EVENT_SOFTIRQ,
        EVENT_SOFTIRQ_LATENCY,
        EVENT_AFFINITY,
        EVENT_ALERT,
        EVENT_COLLECTOR,
        _EVENT_KIND_MAX,
        _EVENT_KIND_INVALID = -1,
};

enum event_class {
        CLASS_NONE, /* not a window: null in JSON */
        CLASS_IRQ_OFF,
        CLASS_HARDIRQ,
        CLASS_SOFTIRQ,
        CLASS_IPI,
        CLASS_STEAL,
        CLASS_PLATFORM,
        CLASS_IDLE_EXIT,
        CLASS_UNKNOWN,
        _EVENT_CLASS_MAX,
        _EVENT_CLASS_INVALID = -1,
};

enum event_confidence {
        CONFIDENCE_NONE, /* null in JSON */
        CONFIDENCE_LOW,
        CONFIDENCE_HIGH,
        _EVENT_CONFIDENCE_MAX,
};

/* The words of the contract: "irq-delay", "irq-off", "high". NULL for *_NONE. */
const char *event_kind_to_string(enum event_kind kind) _const_;
enum event_kind event_kind_from_string(const char *text) _pure_;
const char *event_class_to_string(enum event_class class) _const_;
enum event_class event_class_from_string(const char *text) _pure_;
const char *event_confidence_to_string(enum event_confidence confidence) _const_;

enum evidence_type {
        EVIDENCE_INTEGER,
        EVIDENCE_STRING,
        EVIDENCE_INTEGERS, /* a list, such as CPU numbers */
};

/* One fact that the class rests on: "stealNsec" = 51000000. */
struct evidence {
        const char *name; /* camelCase, a literal */
        enum evidence_type type;
        int64_t integer;
        char *string;      /* EVIDENCE_STRING, owned */
        int64_t *integers; /* EVIDENCE_INTEGERS, owned */
        size_t n_integers;
};

enum {
        EVENT_COMM_MAX = 16,    /* TASK_COMM_LEN */
        EVENT_PARENTS_MAX = 8,
        EVENT_EVIDENCE_MAX = 16,
};

struct event_parent {
        pid_t pid;
        char comm[EVENT_COMM_MAX];
};

struct event {
        unsigned n_ref;
        int64_t id;              /* assigned by store_add_event(): unique, increasing, also across restarts */
        enum event_kind kind;
        enum event_class class;
        enum event_confidence confidence;
        uint64_t time_us;        /* realtime, end of the window */
        uint64_t monotonic_ns;   /* the same moment on CLOCK_MONOTONIC */
        sd_id128_t boot_id;
        int cpu;                 /* or CPU_NONE */
        bool has_duration;
        uint64_t duration_min_ns, duration_max_ns;
        bool has_task;           /* pid, tgid, comm are known */
        pid_t pid, tgid;
        char comm[EVENT_COMM_MAX];
        char *culprit;           /* one symbol or handler name, or NULL */
        char *cgroup;            /* path, or NULL */
        char *container;         /* container id, or NULL */
        struct event_parent parents[EVENT_PARENTS_MAX]; /* nearest first */
        size_t n_parents;
        struct stack *kernel_stack; /* owned reference or NULL: not taken */
        struct stack *user_stack;
        struct evidence evidence[EVENT_EVIDENCE_MAX];
        size_t n_evidence;
};

/* An empty event of this boot, of no CPU, with one reference. 0 or -ENOMEM. */
int event_new(enum event_kind kind, struct event **ret_event);
struct event *event_ref(struct event *event);
struct event *event_unref(struct event *event); /* returns NULL; NULL-safe */
DEFINE_CLEANUP(struct event *, event_unref)

/* Add evidence; name must be a literal. 0, -ENOBUFS when full, -ENOMEM. */
int event_add_integer(struct event *event, const char *name, int64_t value);
int event_add_string(struct event *event, const char *name, const char *value);
int event_add_integers(struct event *event, const char *name, const int64_t *values, size_t n);
/* NULL when there is none of that name. */
const struct evidence *event_find_evidence(const struct event *event, const char *name);
size_t event_memory(const struct event *event); /* bytes on the heap, without its stacks */
