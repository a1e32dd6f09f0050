/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Judges rules: asks its owner for the values of each, keeps what is pending and raised, and tells each edge
 * as one event of kind "alert". A rule that flaps has a token bucket of its own: raises that found it empty
 * are counted and told in one summary, and so are their ends; an alert that is still raised when the bucket
 * is full again is told then. So every raise that was told has its clearing told, and told and suppressed
 * raises together are all there were. Knows neither queries nor clients; does not sleep, read clocks or log.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/alert/lifecycle.h"
#include "daemon/alert/rule.h"
#include "daemon/store/event.h"

enum {
        ALERT_SUBJECTS_MAX = 256, /* pending and raised per rule; more are counted, not judged */
        ALERT_PAST_MAX = 256,     /* cleared alerts that are remembered */
};

/* One value that a rule may judge. */
struct alert_reading {
        const char *subject; /* a row, or what a finding is about; NULL: the rule has but one */
        int cpu;             /* or CPU_NONE */
        double value;
        const char *text; /* a finding's sentence, or NULL */
};

struct alert_readings;
/* Takes one reading; text is copied. 0 or -ENOMEM. */
int alert_readings_add(struct alert_readings *readings, const struct alert_reading *reading);

/* What the engine needs of its owner. */
struct alert_engine_ops {
        /* Adds every reading of the rule at this moment; what was there before and is not among them counts
         * as well again. 0; -ENODATA nothing is known now: all stays as it is; -ENOMEM. */
        int (*read)(void *userdata, const struct alert_rule *rule, struct alert_readings *readings);
        /* Takes a finished event; has its own reference where it keeps it. */
        void (*emit)(void *userdata, struct event *event);
        /* A rule with a unit was raised, and that was told. */
        void (*start_unit)(void *userdata, const struct alert_rule *rule);
};

/* The bucket of each rule. */
struct alert_burst {
        unsigned burst;       /* > 0 */
        uint64_t interval_ns; /* > 0 */
};

/* One alert, for lists. Text borrowed until the engine is called again. */
struct alert {
        const char *rule;
        const char *subject; /* or NULL */
        int cpu;             /* or CPU_NONE */
        int priority;
        enum alert_state state;                /* QUIET: it is cleared */
        uint64_t raised_us;                    /* realtime */
        uint64_t cleared_us;                   /* 0: still raised */
        const char *value, *worst, *threshold; /* as written in thresholds */
        const char *text;                      /* the sentence of its latest event */
        int64_t event_id;                      /* of its latest event; 0: none was told */
        bool told;                             /* false: the rule's bucket was empty */
        bool no_data;                          /* nothing was known of it last time */
};
typedef int (*alert_fn)(const struct alert *alert, void *userdata);

struct alert_engine_stats {
        uint64_t n_evaluations;
        uint64_t n_raised;     /* told or not */
        uint64_t n_suppressed; /* not told */
        uint64_t n_ignored;    /* readings above ALERT_SUBJECTS_MAX, each time they came */
        uint64_t n_active;     /* now */
        uint64_t n_rules;      /* enabled now */
};

struct alert_engine;

/* ops and userdata are borrowed. 0 or -ENOMEM. */
int alert_engine_new(const struct alert_engine_ops *ops, void *userdata, struct alert_engine **ret_engine);
struct alert_engine *alert_engine_free(struct alert_engine *engine);
DEFINE_CLEANUP(struct alert_engine *, alert_engine_free)

/* Takes over n rules (the array is the caller's, its entries become NULL). Rules that are the same as before
 * keep their state; what a rule that changed or went away had raised is cleared. 0 or -ENOMEM, then all is as
 * it was. */
int alert_engine_set_rules(struct alert_engine *engine, struct alert_rule **rules, size_t n,
                           const struct alert_burst *burst, const struct stamp *now);
/* True if an enabled rule is about findings: they cost more than metrics. */
bool alert_engine_wants_findings(const struct alert_engine *engine);
enum alert_which { ALERT_METRIC_RULES, ALERT_FINDING_RULES };
/* Reads and judges all enabled rules of one sort, and tells summaries that are due. 0 or -ENOMEM (the rest of
 * the rules is judged nevertheless). */
int alert_engine_evaluate(struct alert_engine *engine, enum alert_which which, const struct stamp *now);

/* Raised ones by rule, then cleared ones, newest first. Stops at the first non-zero result of fn and returns
 * it. */
int alert_engine_for_each(const struct alert_engine *engine, alert_fn fn, void *userdata);
size_t alert_engine_n_rules(const struct alert_engine *engine);
const struct alert_rule *alert_engine_rule_at(const struct alert_engine *engine, size_t i);
void alert_engine_get_stats(const struct alert_engine *engine, struct alert_engine_stats *ret_stats);
