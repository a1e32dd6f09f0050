/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the engine knows, for lists: alerts that are raised, those that were, its rules and figures.
 */

#include <string.h>

#include "daemon/alert/engine-internal.h"

static struct alert_record *record_free(struct alert_record *record) {
        if (!record)
                return NULL;

        free(record->rule);
        free(record->subject);
        free(record->text);
        free(record);
        return NULL;
}
DEFINE_CLEANUP(struct alert_record *, record_free)

void alert_past_done(struct alert_engine *engine) {
        for (size_t i = 0; i < ELEMENTSOF(engine->past); i++)
                engine->past[i] = record_free(engine->past[i]);
}

int alert_past_add(struct alert_engine *engine, const struct alert_rule *rule,
                   const struct alert_subject *subject, const struct stamp *now) {
        struct alert_record **place = &engine->past[engine->n_past % ALERT_PAST_MAX];
        _cleanup_(record_freep) struct alert_record *record = NULL;

        record = calloc(1, sizeof(*record));
        if (!record)
                return -ENOMEM;

        record->rule = strdup(rule->name);
        record->subject = subject->name ? strdup(subject->name) : NULL;
        record->text = strdup(subject->text ?: "");
        if (!record->rule || !record->text || (subject->name && !record->subject))
                return -ENOMEM;

        record->cpu = subject->cpu;
        record->priority = rule->priority;
        record->raised_us = subject->raised_us;
        record->cleared_us = now->realtime_us;
        record->event_id = subject->event_id;
        (void)alert_value_format(rule, subject->life.value, record->value); /* these return the buffer */
        (void)alert_value_format(rule, subject->life.worst, record->worst);
        (void)alert_value_format(rule, rule->threshold, record->threshold);

        record_free(*place);
        *place = TAKE_PTR(record);
        engine->n_past++;
        return 0;
}

static bool is_active(const struct alert_subject *subject) {
        return subject->life.state == ALERT_RAISED || subject->life.state == ALERT_CLEARING;
}

static int list_subject(const struct alert_slot *slot, const struct alert_subject *subject, alert_fn fn,
                        void *userdata) {
        char value[ALERT_VALUE_TEXT_MAX], worst[ALERT_VALUE_TEXT_MAX], threshold[ALERT_VALUE_TEXT_MAX];
        const struct alert_rule *rule = slot->rule;
        const struct alert alert = {
                .rule = rule->name,
                .subject = subject->name,
                .cpu = subject->cpu,
                .priority = rule->priority,
                .state = subject->life.state,
                .raised_us = subject->raised_us,
                .value = alert_value_format(rule, subject->life.value, value),
                .worst = alert_value_format(rule, subject->life.worst, worst),
                .threshold = alert_value_format(rule, rule->threshold, threshold),
                .text = subject->text ?: "",
                .event_id = subject->event_id,
                .told = subject->told,
                .no_data = slot->no_data,
        };

        return fn(&alert, userdata);
}

static int list_record(const struct alert_record *record, alert_fn fn, void *userdata) {
        const struct alert alert = {
                .rule = record->rule,
                .subject = record->subject,
                .cpu = record->cpu,
                .priority = record->priority,
                .state = ALERT_QUIET,
                .raised_us = record->raised_us,
                .cleared_us = record->cleared_us,
                .value = record->value,
                .worst = record->worst,
                .threshold = record->threshold,
                .text = record->text,
                .event_id = record->event_id,
                .told = true,
        };

        return fn(&alert, userdata);
}

int alert_engine_for_each(const struct alert_engine *engine, alert_fn fn, void *userdata) {
        size_t n_kept = MIN(engine->n_past, (size_t)ALERT_PAST_MAX);
        int r = 0;

        for (size_t i = 0; r == 0 && i < engine->n_slots; i++)
                for (size_t j = 0; r == 0 && j < engine->slots[i].n_subjects; j++)
                        if (is_active(&engine->slots[i].subjects[j]))
                                r = list_subject(&engine->slots[i], &engine->slots[i].subjects[j], fn,
                                                 userdata);

        for (size_t i = 1; r == 0 && i <= n_kept; i++)
                r = list_record(engine->past[(engine->n_past - i) % ALERT_PAST_MAX], fn, userdata);

        return r;
}

size_t alert_engine_n_rules(const struct alert_engine *engine) {
        return engine->n_slots;
}

const struct alert_rule *alert_engine_rule_at(const struct alert_engine *engine, size_t i) {
        return engine->slots[i].rule;
}

bool alert_engine_wants_findings(const struct alert_engine *engine) {
        for (size_t i = 0; i < engine->n_slots; i++)
                if (engine->slots[i].rule->enabled && engine->slots[i].rule->finding)
                        return true;

        return false;
}

void alert_engine_get_stats(const struct alert_engine *engine, struct alert_engine_stats *ret_stats) {
        struct alert_engine_stats stats = engine->stats;

        for (size_t i = 0; i < engine->n_slots; i++) {
                stats.n_rules += engine->slots[i].rule->enabled;
                for (size_t j = 0; j < engine->slots[i].n_subjects; j++)
                        stats.n_active += is_active(&engine->slots[i].subjects[j]);
        }

        *ret_stats = stats;
}
