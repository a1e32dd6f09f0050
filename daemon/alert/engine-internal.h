/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What engine.c (rules and their edges), engine-list.c (lists of alerts) and alert-event.c (edges as events)
 * share.
 */

#include "daemon/alert/engine.h"
#include "daemon/alert/ratelimit.h"

/* One thing that a rule watches and that is, or was until now, beyond the threshold. */
struct alert_subject {
        char *name; /* owned, or NULL */
        int cpu;    /* or CPU_NONE */
        struct alert_life life;
        bool seen; /* in this round of readings */
        bool told; /* its raise had an event */
        uint64_t raised_us;
        int64_t event_id;                          /* of its latest event */
        char *text;                                /* of its latest event, owned */
        const char *sentence;                      /* of a finding; only while a reading is judged */
        uint64_t n_suppressed, suppressed_span_ns; /* of a summary */
};

struct alert_slot {
        struct alert_rule *rule; /* owned */
        struct ratelimit limit;
        struct alert_subject *subjects;
        size_t n_subjects;
        bool no_data;
};

/* A cleared alert. */
struct alert_record {
        char *rule, *subject, *text; /* owned */
        int cpu, priority;
        uint64_t raised_us, cleared_us;
        int64_t event_id;
        char value[ALERT_VALUE_TEXT_MAX], worst[ALERT_VALUE_TEXT_MAX], threshold[ALERT_VALUE_TEXT_MAX];
};

struct alert_engine {
        const struct alert_engine_ops *ops;
        void *userdata;
        struct alert_slot *slots;
        size_t n_slots;
        struct alert_record *past[ALERT_PAST_MAX]; /* a ring */
        size_t n_past;                             /* ever added */
        struct alert_engine_stats stats;
};

/* Handed to the owner while it reads: where readings go. */
struct alert_readings {
        struct alert_engine *engine;
        struct alert_slot *slot;
        const struct stamp *now;
};

/* Remembers an alert that was told and has just been cleared. 0 or -ENOMEM. */
int alert_past_add(struct alert_engine *engine, const struct alert_rule *rule,
                   const struct alert_subject *subject, const struct stamp *now);
void alert_past_done(struct alert_engine *engine);
