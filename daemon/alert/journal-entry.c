/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/journal-entry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>

#include "common/parse.h"
#include "daemon/alert/journal-message.h"

static const char MESSAGE_PREFIX[] = "MESSAGE=";

struct journal_entry *journal_entry_free(struct journal_entry *entry) {
        if (!entry)
                return NULL;

        for (size_t i = 0; i < entry->n_fields; i++)
                free(entry->fields[i].iov_base);
        free(entry);
        return NULL;
}

/* Takes over text, NULL included. */
static int entry_take(struct journal_entry *entry, char *text) {
        if (!text)
                return -ENOMEM;

        assert(entry->n_fields < JOURNAL_FIELDS_MAX);
        entry->fields[entry->n_fields++] = (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
        return 0;
}

static _printf_(2, 3) int entry_addf(struct journal_entry *entry, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        return entry_take(entry, r < 0 ? NULL : text);
}

/* Fields that are not known are left out: an empty one would be found by "journalctl FIELD=". */
static int entry_add_string(struct journal_entry *entry, const char *name, const char *value) {
        return value ? entry_addf(entry, "%s=%s", name, value) : 0;
}

sd_id128_t journal_message_id(enum event_kind kind) {
        static const sd_id128_t ids[] = {
                [EVENT_IRQ_DELAY] = JOURNAL_ID_IRQ_DELAY,
                [EVENT_HARDIRQ] = JOURNAL_ID_HARDIRQ,
                [EVENT_SOFTIRQ] = JOURNAL_ID_SOFTIRQ,
                [EVENT_SOFTIRQ_LATENCY] = JOURNAL_ID_SOFTIRQ_LATENCY,
                [EVENT_AFFINITY] = JOURNAL_ID_AFFINITY,
                [EVENT_ALERT] = JOURNAL_ID_ALERT,
                [EVENT_COLLECTOR] = JOURNAL_ID_COLLECTOR,
        };

        _Static_assert(ELEMENTSOF(ids) == _EVENT_KIND_MAX, "a message id per kind");
        return ids[kind];
}

/* What every entry has. Takes over message. */
static int add_head(struct journal_entry *entry, char *message, sd_id128_t id, int priority,
                    const char *kind) {
        char id_text[SD_ID128_STRING_MAX];
        int r;

        entry->priority = priority;
        r = entry_addf(entry, "%s%s", MESSAGE_PREFIX, message);
        free(message);
        if (r == 0)
                r = entry_addf(entry, "MESSAGE_ID=%s", sd_id128_to_string(id, id_text));
        if (r == 0)
                r = entry_addf(entry, "PRIORITY=%i", priority);
        if (r == 0)
                r = entry_addf(entry, "SYSLOG_IDENTIFIER=irqwatchd");
        if (r == 0)
                r = entry_addf(entry, "IRQWATCH_KIND=%s", kind);
        return r;
}

static int add_window(struct journal_entry *entry, const struct event *event) {
        int r = 0;

        if (event->cpu >= 0)
                r = entry_addf(entry, "IRQWATCH_CPU=%i", event->cpu);
        if (r == 0 && event->has_duration)
                r = entry_addf(entry, "IRQWATCH_DURATION_MIN_NSEC=%" PRIu64, event->duration_min_ns);
        if (r == 0 && event->has_duration)
                r = entry_addf(entry, "IRQWATCH_DURATION_MAX_NSEC=%" PRIu64, event->duration_max_ns);
        if (r == 0)
                r = entry_add_string(entry, "IRQWATCH_CLASS", event_class_to_string(event->class));
        if (r == 0)
                r = entry_add_string(entry, "IRQWATCH_CULPRIT", event->culprit);
        return r;
}

static int add_task(struct journal_entry *entry, const struct event *event) {
        int r = 0;

        if (event->has_task)
                r = entry_addf(entry, "IRQWATCH_TARGET_PID=%i", event->pid);
        if (r == 0 && event->has_task)
                r = entry_add_string(entry, "IRQWATCH_TARGET_COMM", event->comm);
        if (r == 0)
                r = entry_add_string(entry, "IRQWATCH_TARGET_CGROUP", event->cgroup);
        return r;
}

static int add_stack(struct journal_entry *entry, const struct event *event) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = journal_message_stack(event, &text);
        if (r < 0)
                return r;

        return entry_add_string(entry, "IRQWATCH_STACK", text);
}

static int add_rule(struct journal_entry *entry, const struct event *event) {
        static const struct {
                const char *evidence, *field;
        } names[] = {
                { "rule", "IRQWATCH_RULE" },
                { "state", "IRQWATCH_STATE" },
                { "value", "IRQWATCH_VALUE" },
                { "threshold", "IRQWATCH_THRESHOLD" },
                { "suppressed", "IRQWATCH_SUPPRESSED" },
        };
        int r = 0;

        for (size_t i = 0; event->kind == EVENT_ALERT && i < ELEMENTSOF(names) && r == 0; i++) {
                const struct evidence *evidence = event_find_evidence(event, names[i].evidence);

                if (evidence && evidence->type == EVIDENCE_STRING)
                        r = entry_add_string(entry, names[i].field, evidence->string);
                else if (evidence && evidence->type == EVIDENCE_INTEGER)
                        r = entry_addf(entry, "%s=%" PRIi64, names[i].field, evidence->integer);
        }

        return r;
}

/* An alert's summary is one like that of any kind. */
static sd_id128_t entry_id(const struct event *event) {
        return event_find_evidence(event, "suppressed") ? JOURNAL_ID_SUPPRESSED : journal_message_id(event->kind);
}

static int fill_entry(struct journal_entry *entry, const struct event *event) {
        char *message = NULL;
        int r;

        r = journal_message_format(event, &message);
        if (r == 0)
                r = add_head(entry, message, entry_id(event), journal_message_priority(event),
                             event_kind_to_string(event->kind));
        if (r == 0)
                r = entry_addf(entry, "IRQWATCH_EVENT_ID=%" PRIi64, event->id);
        if (r == 0)
                r = add_window(entry, event);
        if (r == 0)
                r = add_task(entry, event);
        if (r == 0)
                r = add_stack(entry, event);
        if (r == 0)
                r = add_rule(entry, event);
        return r;
}

int journal_entry_new(const struct event *event, struct journal_entry **ret_entry) {
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;
        int r;

        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;

        r = fill_entry(entry, event);
        if (r < 0)
                return r;

        *ret_entry = TAKE_PTR(entry);
        return 0;
}

static int format_summary(enum event_kind kind, uint64_t n, uint64_t span_ns, uint64_t worst_ns,
                          char **ret_text) {
        const char *what = kind == EVENT_IRQ_DELAY ? "window" : event_kind_to_string(kind);
        char span[DURATION_TEXT_MAX], worst[DURATION_TEXT_MAX];
        int r;

        if (worst_ns > 0)
                r = asprintf(ret_text,
                             "%" PRIu64 " %s%s suppressed in the last %s, the longest at least %s; "
                             "\"irqctl events\" has them",
                             n, what, kind == EVENT_IRQ_DELAY ? (n == 1 ? "" : "s") : " entries",
                             format_duration(span_ns, span), format_duration(worst_ns, worst));
        else
                r = asprintf(ret_text,
                             "%" PRIu64 " %s%s suppressed in the last %s; \"irqctl events\" has them", n,
                             what, kind == EVENT_IRQ_DELAY ? (n == 1 ? "" : "s") : " entries",
                             format_duration(span_ns, span));

        return r < 0 ? -ENOMEM : 0;
}

int journal_entry_new_summary(enum event_kind kind, uint64_t n, uint64_t span_ns, uint64_t worst_ns,
                              struct journal_entry **ret_entry) {
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;
        char *message = NULL;
        int r;

        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;

        r = format_summary(kind, n, span_ns, worst_ns, &message);
        if (r == 0)
                r = add_head(entry, message, JOURNAL_ID_SUPPRESSED, LOG_NOTICE, event_kind_to_string(kind));
        if (r == 0)
                r = entry_addf(entry, "IRQWATCH_SUPPRESSED=%" PRIu64, n);
        if (r < 0)
                return r;

        *ret_entry = TAKE_PTR(entry);
        return 0;
}

const char *journal_entry_message(const struct journal_entry *entry) {
        return (const char *)entry->fields[0].iov_base + strlen(MESSAGE_PREFIX);
}
