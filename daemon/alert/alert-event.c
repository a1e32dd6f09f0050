/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/alert-event.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/cpulist.h"
#include "common/parse.h"

static const char *const states[_ALERT_TOLD_MAX] = {
        [ALERT_TOLD_RAISED] = "raised",
        [ALERT_TOLD_CLEARED] = "cleared",
        [ALERT_TOLD_ENDED] = "cleared",
        [ALERT_TOLD_SUPPRESSED] = "suppressed",
};

/* "softirqs/softirqs NET_RX on CPU 1", "finding steal (CPU 1)" */
static void print_subject(FILE *f, const struct alert_rule *rule, const struct alert_subject *subject) {
        if (rule->finding)
                fprintf(f, "finding %s", rule->finding);
        else
                fprintf(f, "%s/%s", rule->source, rule->metric);

        if (rule->finding && subject->name)
                fprintf(f, " (%s)", subject->name);
        else if (subject->name || rule->row)
                fprintf(f, " %s", subject->name ?: rule->row);
        if (subject->cpu != CPU_NONE)
                fprintf(f, " on CPU %i", subject->cpu);
}

static const char *unit_words(const struct alert_rule *rule) {
        return rule->scale == ALERT_NUMBER && !rule->level ? "/s" : "";
}

static void print_raised(FILE *f, const struct alert_rule *rule, const struct alert_subject *subject,
                         uint64_t lasted_ns) {
        char value[ALERT_VALUE_TEXT_MAX], threshold[ALERT_VALUE_TEXT_MAX], duration[DURATION_TEXT_MAX];

        fprintf(f, ": %s%s, %s %s", alert_value_format(rule, subject->life.value, value), unit_words(rule),
                rule->below ? "not above the limit of" : "limit",
                alert_value_format(rule, rule->threshold, threshold));
        if (lasted_ns > 0)
                fprintf(f, ", for %s", format_duration(lasted_ns, duration));
        if (subject->sentence)
                fprintf(f, ": %s", subject->sentence);
}

static void print_cleared(FILE *f, const struct alert_rule *rule, const struct alert_subject *subject,
                          uint64_t lasted_ns, uint64_t well_ns) {
        char value[ALERT_VALUE_TEXT_MAX], clear[ALERT_VALUE_TEXT_MAX], worst[ALERT_VALUE_TEXT_MAX];
        char lasted[DURATION_TEXT_MAX], well[DURATION_TEXT_MAX];

        fprintf(f, ": %s%s", alert_value_format(rule, subject->life.value, value),
                isfinite(subject->life.value) && subject->life.value >= 0 ? unit_words(rule) : "");
        if (!rule->finding)
                fprintf(f, ", %s %s", rule->below ? "above" : "below",
                        alert_value_format(rule, rule->clear, clear));
        if (well_ns > 0)
                fprintf(f, " for %s", format_duration(well_ns, well));
        fprintf(f, ", after %s (worst %s)", format_duration(lasted_ns, lasted),
                alert_value_format(rule, subject->life.worst, worst));
}

static void print_suppressed(FILE *f, const struct alert_subject *summary) {
        char span[DURATION_TEXT_MAX];

        fprintf(f, "raised and cleared %" PRIu64 " more time%s in the last %s, without entries of their own",
                summary->n_suppressed, summary->n_suppressed == 1 ? "" : "s",
                format_duration(summary->suppressed_span_ns, span));
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns) {
        return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* How long the value was beyond the threshold: until now, or until it was well. */
static uint64_t lasted_ns(const struct alert_subject *subject, enum alert_told what,
                          const struct stamp *now) {
        const struct alert_life *life = &subject->life;

        return since(life->beyond_ns, what == ALERT_TOLD_CLEARED ? life->well_ns : now->monotonic_ns);
}

static int format_text(const struct alert_rule *rule, const struct alert_subject *subject,
                       enum alert_told what, const struct stamp *now, char **ret_text) {
        _cleanup_(freep) char *text = NULL;
        uint64_t lasted = lasted_ns(subject, what, now);
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        if (what != ALERT_TOLD_SUPPRESSED)
                print_subject(f, rule, subject);
        switch (what) {
        case ALERT_TOLD_RAISED:
                print_raised(f, rule, subject, lasted);
                break;
        case ALERT_TOLD_CLEARED:
                print_cleared(f, rule, subject, lasted, since(subject->life.well_ns, now->monotonic_ns));
                break;
        case ALERT_TOLD_ENDED:
                fputs(": no longer judged, the rule was changed or switched off", f);
                break;
        case ALERT_TOLD_SUPPRESSED:
        case _ALERT_TOLD_MAX:
        default:
                print_suppressed(f, subject);
                break;
        }

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}

static int add_string(struct event *event, const char *name, const char *value) {
        return value ? event_add_string(event, name, value) : 0;
}

static int add_watched(struct event *event, const struct alert_rule *rule) {
        _cleanup_(freep) char *metric = NULL;
        int r;

        if (rule->finding)
                return event_add_string(event, "finding", rule->finding);
        if (asprintf(&metric, "%s/%s", rule->source, rule->metric) < 0) {
                metric = NULL; /* asprintf() leaves it undefined */
                return -ENOMEM;
        }

        r = event_add_string(event, "metric", metric);
        return r < 0 ? r : add_string(event, "row", rule->row);
}

static int add_values(struct event *event, const struct alert_rule *rule,
                      const struct alert_subject *subject) {
        char buf[ALERT_VALUE_TEXT_MAX];
        int r;

        r = event_add_string(event, "value", alert_value_format(rule, subject->life.value, buf));
        if (r >= 0)
                r = event_add_string(event, "threshold", alert_value_format(rule, rule->threshold, buf));
        if (r >= 0 && !rule->finding)
                r = event_add_string(event, "clear", alert_value_format(rule, rule->clear, buf));
        if (r >= 0)
                r = event_add_string(event, "worst", alert_value_format(rule, subject->life.worst, buf));
        return r;
}

static int add_summary(struct event *event, const struct alert_subject *summary) {
        int r;

        r = event_add_integer(event, "suppressed", (int64_t)summary->n_suppressed);
        return r < 0 ? r : event_add_integer(event, "spanNsec", (int64_t)summary->suppressed_span_ns);
}

static int add_evidence(struct event *event, const struct alert_rule *rule,
                        const struct alert_subject *subject, enum alert_told what, const char *text) {
        int r;

        r = event_add_string(event, "rule", rule->name);
        if (r >= 0)
                r = event_add_string(event, "state", states[what]);
        if (r >= 0)
                r = event_add_string(event, "text", text);
        if (r >= 0)
                r = what == ALERT_TOLD_SUPPRESSED ? add_summary(event, subject)
                                                  : add_values(event, rule, subject);
        if (r >= 0)
                r = add_string(event, "subject", subject->name);
        if (r >= 0)
                r = add_watched(event, rule);
        if (r >= 0)
                r = event_add_integer(event, "priority", rule->priority);
        if (r >= 0 && what == ALERT_TOLD_RAISED)
                r = add_string(event, "unit", rule->unit);
        return r;
}

int alert_event_new(const struct alert_rule *rule, const struct alert_subject *subject, enum alert_told what,
                    const struct stamp *now, struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        assert(what < _ALERT_TOLD_MAX);

        r = event_new(EVENT_ALERT, &event);
        if (r >= 0)
                r = format_text(rule, subject, what, now, &text);
        if (r < 0)
                return r;

        event->time_us = now->realtime_us;
        event->monotonic_ns = now->monotonic_ns;
        event->cpu = subject->cpu;
        event->has_duration = what != ALERT_TOLD_SUPPRESSED;
        if (event->has_duration)
                event->duration_min_ns = event->duration_max_ns = lasted_ns(subject, what, now);
        r = add_evidence(event, rule, subject, what, text);
        if (r < 0)
                return r;

        *ret_event = TAKE_PTR(event);
        return 0;
}

const char *alert_event_text(const struct event *event) {
        return event_find_evidence(event, "text")->string;
}
