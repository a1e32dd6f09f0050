/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-alerts.h"

#include "common/cpulist.h"
#include "daemon/ipc/json-writer.h"

static const char *state_word(enum alert_state state) {
        static const char *const words[_ALERT_STATE_MAX] = {
                [ALERT_QUIET] = "cleared",
                [ALERT_PENDING] = "pending",
                [ALERT_RAISED] = "raised",
                [ALERT_CLEARING] = "clearing",
        };

        return words[state];
}

static int append_alert(const struct alert *alert, void *userdata) {
        struct json_writer *array = userdata, object = json_writer_object();

        json_set_text(&object, "rule", alert->rule);
        json_set_text(&object, "state", state_word(alert->state));
        json_set_text(&object, "subject", alert->subject);
        if (alert->cpu == CPU_NONE)
                json_set_null(&object, "cpu");
        else
                json_set_i64(&object, "cpu", alert->cpu);
        json_set_text(&object, "priority", alert_priority_to_string(alert->priority));
        json_set_u64(&object, "raisedUsec", alert->raised_us);
        if (alert->cleared_us > 0)
                json_set_u64(&object, "clearedUsec", alert->cleared_us);
        else
                json_set_null(&object, "clearedUsec");
        json_set_text(&object, "value", alert->value);
        json_set_text(&object, "worst", alert->worst);
        json_set_text(&object, "threshold", alert->threshold);
        json_set_text(&object, "text", alert->text);
        if (alert->event_id > 0)
                json_set_i64(&object, "eventId", alert->event_id);
        else
                json_set_null(&object, "eventId");
        json_set_bool(&object, "told", alert->told);
        json_set_bool(&object, "noData", alert->no_data);
        json_append_writer(array, &object);
        return array->error;
}

static void append_rule(struct json_writer *array, const struct alert_rule *rule) {
        struct json_writer object = json_writer_object();
        char text[ALERT_VALUE_TEXT_MAX];
        _cleanup_(freep) char *words = NULL;

        if (alert_rule_format(rule, &words) < 0)
                object.error = -ENOMEM;

        json_set_text(&object, "name", rule->name);
        json_set_bool(&object, "enabled", rule->enabled);
        json_set_text(&object, "condition", words);
        json_set_text(&object, "threshold", alert_value_format(rule, rule->threshold, text));
        json_set_text(&object, "clear", alert_value_format(rule, rule->clear, text));
        json_set_u64(&object, "forNsec", rule->for_ns);
        json_set_u64(&object, "holdNsec", rule->hold_ns);
        json_set_text(&object, "priority", alert_priority_to_string(rule->priority));
        json_set_text(&object, "unit", rule->unit);
        json_append_writer(array, &object);
}

int json_alerts(const struct alert_engine *engine, struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), alerts = json_writer_array(),
                           rules = json_writer_array();

        (void)alert_engine_for_each(engine, append_alert, &alerts); /* a failure is the writer's */
        for (size_t i = 0; i < alert_engine_n_rules(engine); i++)
                append_rule(&rules, alert_engine_rule_at(engine, i));

        json_set_writer(&writer, "alerts", &alerts);
        json_set_writer(&writer, "rules", &rules);
        return json_writer_finish(&writer, ret_object);
}
