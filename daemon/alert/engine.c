/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/engine.h"

#include <math.h>
#include <string.h>

#include "common/cpulist.h"
#include "daemon/alert/alert-event.h"
#include "daemon/alert/engine-internal.h"

static void subject_done(struct alert_subject *subject) {
        free(subject->name);
        free(subject->text);
        *subject = (struct alert_subject){};
}

static void slot_done(struct alert_slot *slot) {
        for (size_t i = 0; i < slot->n_subjects; i++)
                subject_done(&slot->subjects[i]);
        free(slot->subjects);
        alert_rule_free(slot->rule);
        *slot = (struct alert_slot){};
}

int alert_engine_new(const struct alert_engine_ops *ops, void *userdata, struct alert_engine **ret_engine) {
        struct alert_engine *engine;

        engine = calloc(1, sizeof(*engine));
        if (!engine)
                return -ENOMEM;

        engine->ops = ops;
        engine->userdata = userdata;
        *ret_engine = engine;
        return 0;
}

struct alert_engine *alert_engine_free(struct alert_engine *engine) {
        if (!engine)
                return NULL;

        for (size_t i = 0; i < engine->n_slots; i++)
                slot_done(&engine->slots[i]);
        free(engine->slots);
        alert_past_done(engine);
        free(engine);
        return NULL;
}

static bool is_raised(const struct alert_subject *subject) {
        return subject->life.state == ALERT_RAISED || subject->life.state == ALERT_CLEARING;
}

static struct alert_limits slot_limits(const struct alert_slot *slot) {
        return (struct alert_limits){
                .threshold = slot->rule->threshold,
                .clear = slot->rule->clear,
                .below = slot->rule->below,
                .for_ns = slot->rule->for_ns,
                .hold_ns = slot->rule->hold_ns,
        };
}

/* Without memory for the event the edge is lost to the reader, which is counted: nothing else can be done. */
static int emit(struct alert_engine *engine, const struct alert_slot *slot, struct alert_subject *subject,
                enum alert_told what, const struct stamp *now) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        int r;

        r = alert_event_new(slot->rule, subject, what, now, &event);
        if (r < 0)
                return r;

        free(subject->text);
        subject->text = strdup(alert_event_text(event));
        engine->ops->emit(engine->userdata, event);
        subject->event_id = event->id;
        return subject->text ? 0 : -ENOMEM;
}

static int tell_rise(struct alert_engine *engine, struct alert_slot *slot, struct alert_subject *subject,
                     const struct stamp *now) {
        int r;

        subject->told = true;
        r = emit(engine, slot, subject, ALERT_TOLD_RAISED, now);
        if (slot->rule->unit)
                engine->ops->start_unit(engine->userdata, slot->rule);
        return r;
}

static int subject_rose(struct alert_engine *engine, struct alert_slot *slot, struct alert_subject *subject,
                        const struct stamp *now) {
        engine->stats.n_raised++;
        subject->raised_us = now->realtime_us;
        if (ratelimit_take(&slot->limit, now->monotonic_ns))
                return tell_rise(engine, slot, subject, now);

        engine->stats.n_suppressed++;
        return 0;
}

static int subject_fell(struct alert_engine *engine, struct alert_slot *slot, struct alert_subject *subject,
                        enum alert_told what, const struct stamp *now) {
        int r;

        if (!subject->told)
                return 0; /* its raise is counted, and that is all there is of it */

        r = emit(engine, slot, subject, what, now);
        return r < 0 ? r : alert_past_add(engine, slot->rule, subject, now);
}

/* By moving the last one here: their order means nothing. */
static void drop_subject(struct alert_slot *slot, struct alert_subject *subject) {
        subject_done(subject);
        *subject = slot->subjects[--slot->n_subjects];
}

static struct alert_subject *find_subject(struct alert_slot *slot, const struct alert_reading *reading) {
        for (size_t i = 0; i < slot->n_subjects; i++) {
                struct alert_subject *subject = &slot->subjects[i];

                if (subject->cpu == reading->cpu && !subject->name == !reading->subject &&
                    (!subject->name || strcmp(subject->name, reading->subject) == 0))
                        return subject;
        }

        return NULL;
}

static int make_subject(struct alert_slot *slot, const struct alert_reading *reading,
                        struct alert_subject **ret_subject) {
        struct alert_subject *subjects, *subject;

        subjects = reallocarray(slot->subjects, slot->n_subjects + 1, sizeof(*subjects));
        if (!subjects)
                return -ENOMEM;

        slot->subjects = subjects;
        subject = &subjects[slot->n_subjects];
        *subject = (struct alert_subject){
                .cpu = reading->cpu,
                .name = reading->subject ? strdup(reading->subject) : NULL,
        };
        if (reading->subject && !subject->name)
                return -ENOMEM;

        slot->n_subjects++;
        *ret_subject = subject;
        return 0;
}

static int step(struct alert_engine *engine, struct alert_slot *slot, struct alert_subject *subject,
                double value, const struct stamp *now) {
        const struct alert_limits limits = slot_limits(slot);

        switch (alert_life_step(&subject->life, &limits, value, now->monotonic_ns)) {
        case ALERT_RISE:
                return subject_rose(engine, slot, subject, now);
        case ALERT_FALL:
                return subject_fell(engine, slot, subject, ALERT_TOLD_CLEARED, now);
        case ALERT_NO_EDGE:
        default:
                return 0;
        }
}

/* Most readings are of what is well and was well: they cost a comparison and leave nothing behind. */
static bool is_of_interest(const struct alert_slot *slot, const struct alert_reading *reading) {
        const struct alert_limits limits = slot_limits(slot);
        struct alert_life life = {};

        (void)alert_life_step(&life, &limits, reading->value, 0);
        return life.state != ALERT_QUIET;
}

int alert_readings_add(struct alert_readings *readings, const struct alert_reading *reading) {
        struct alert_slot *slot = readings->slot;
        struct alert_subject *subject = find_subject(slot, reading);
        int r;

        if (!subject && !is_of_interest(slot, reading))
                return 0;
        if (!subject && slot->n_subjects == ALERT_SUBJECTS_MAX) {
                readings->engine->stats.n_ignored++;
                return 0;
        }
        if (!subject) {
                r = make_subject(slot, reading, &subject);
                if (r < 0)
                        return r;
        }

        subject->seen = true;
        subject->sentence = reading->text;
        r = step(readings->engine, slot, subject, reading->value, readings->now);
        subject->sentence = NULL; /* the reader's */
        return r;
}

/* What a thing that is not there any more counts as: no severity; a counter that does not grow; and of too
 * little of something it cannot be said that it goes on. */
static double absent_value(const struct alert_rule *rule) {
        if (rule->below)
                return INFINITY;
        return rule->finding ? -1 : 0;
}

/* After a round of readings: those that came in none are well; those that are quiet need not be kept. */
static int finish_round(struct alert_engine *engine, struct alert_slot *slot, const struct stamp *now) {
        int r = 0;

        for (size_t i = slot->n_subjects; i-- > 0;) {
                struct alert_subject *subject = &slot->subjects[i];

                if (!subject->seen)
                        r = MIN(r, step(engine, slot, subject, absent_value(slot->rule), now));
                subject->seen = false;
                if (subject->life.state == ALERT_QUIET)
                        drop_subject(slot, subject);
        }

        return r;
}

/* The bucket is full again: tells what is still raised, and sums up the rest. */
static int flush_bucket(struct alert_engine *engine, struct alert_slot *slot, const struct stamp *now) {
        struct alert_subject summary = { .cpu = CPU_NONE };
        uint64_t n = 0, span_ns = 0;
        int r = 0;

        if (now->monotonic_ns < ratelimit_deadline(&slot->limit))
                return 0;

        for (size_t i = 0; i < slot->n_subjects; i++) {
                struct alert_subject *subject = &slot->subjects[i];

                if (!is_raised(subject) || subject->told)
                        continue;
                ratelimit_forgive(&slot->limit);
                if (!ratelimit_take(&slot->limit, now->monotonic_ns))
                        break;
                engine->stats.n_suppressed--;
                r = MIN(r, tell_rise(engine, slot, subject, now));
        }

        if (!ratelimit_summary(&slot->limit, now->monotonic_ns, &n, &span_ns))
                return r;

        summary.n_suppressed = n;
        summary.suppressed_span_ns = span_ns;
        r = MIN(r, emit(engine, slot, &summary, ALERT_TOLD_SUPPRESSED, now));
        subject_done(&summary);
        return r;
}

static int evaluate_slot(struct alert_engine *engine, struct alert_slot *slot, const struct stamp *now) {
        struct alert_readings readings = { .engine = engine, .slot = slot, .now = now };
        int r;

        r = engine->ops->read(engine->userdata, slot->rule, &readings);
        slot->no_data = r < 0;
        if (r < 0) { /* nothing is proven: neither that it goes on nor that it ended */
                for (size_t i = 0; i < slot->n_subjects; i++)
                        slot->subjects[i].seen = false;
                r = r == -ENODATA ? 0 : r;
        } else
                r = finish_round(engine, slot, now);

        return MIN(r, flush_bucket(engine, slot, now));
}

int alert_engine_evaluate(struct alert_engine *engine, enum alert_which which, const struct stamp *now) {
        int r = 0;

        engine->stats.n_evaluations++;
        for (size_t i = 0; i < engine->n_slots; i++) {
                struct alert_slot *slot = &engine->slots[i];

                if (slot->rule->enabled && !!slot->rule->finding == (which == ALERT_FINDING_RULES))
                        r = MIN(r, evaluate_slot(engine, slot, now));
        }

        return r;
}

/* The rule goes: what it raised is over, and what it did not tell is told now. */
static void end_slot(struct alert_engine *engine, struct alert_slot *slot, const struct alert_burst *burst,
                     const struct stamp *now) {
        for (size_t i = 0; i < slot->n_subjects; i++)
                if (is_raised(&slot->subjects[i]) && slot->subjects[i].told)
                        (void)subject_fell(engine, slot, &slot->subjects[i], ALERT_TOLD_ENDED,
                                           now); /* without memory it ends untold */

        for (size_t i = slot->n_subjects; i-- > 0;)
                drop_subject(slot, &slot->subjects[i]);
        ratelimit_configure(&slot->limit, burst->burst, burst->interval_ns, now->monotonic_ns);
        (void)flush_bucket(engine, slot, now); /* the same */
        slot_done(slot);
}

/* The slot that knows what the rule needs to go on, or NULL. */
static struct alert_slot *find_slot(struct alert_engine *engine, const struct alert_rule *rule) {
        for (size_t i = 0; i < engine->n_slots; i++)
                if (engine->slots[i].rule && alert_rule_same(engine->slots[i].rule, rule))
                        return &engine->slots[i];

        return NULL;
}

static void fill_slot(struct alert_engine *engine, struct alert_slot *slot, struct alert_rule *rule,
                      const struct alert_burst *burst, const struct stamp *now) {
        struct alert_slot *old = find_slot(engine, rule);
        bool same_burst;

        if (!old) {
                *slot = (struct alert_slot){ .rule = rule };
                ratelimit_init(&slot->limit, burst->burst, burst->interval_ns, now->monotonic_ns);
                return;
        }

        *slot = *old;
        *old = (struct alert_slot){};
        alert_rule_free(slot->rule);
        slot->rule = rule;
        same_burst = slot->limit.burst == burst->burst && slot->limit.interval_ns == burst->interval_ns;
        if (!same_burst)
                ratelimit_configure(&slot->limit, burst->burst, burst->interval_ns, now->monotonic_ns);
}

int alert_engine_set_rules(struct alert_engine *engine, struct alert_rule **rules, size_t n,
                           const struct alert_burst *burst, const struct stamp *now) {
        struct alert_slot *slots;

        slots = calloc(MAX(n, (size_t)1), sizeof(*slots));
        if (!slots)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                fill_slot(engine, &slots[i], TAKE_PTR(rules[i]), burst, now);
        for (size_t i = 0; i < engine->n_slots; i++)
                if (engine->slots[i].rule)
                        end_slot(engine, &engine->slots[i], burst, now);

        free(engine->slots);
        engine->slots = slots;
        engine->n_slots = n;
        return 0;
}
