/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/journal-message.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "common/cpulist.h"
#include "common/parse.h"
#include "common/utf8.h"

enum {
        NAME_TEXT_MAX = 128, /* bytes of a culprit or a value in a message */
        PATH_TEXT_MAX = 256, /* of a cgroup path */
        SENTENCE_TEXT_MAX = 1024, /* of an alert's sentence, which may hold a finding's */
};

/* Words before and after "CPU n"; the length follows. */
struct phrase {
        const char *before, *after;
};

static const struct phrase delay_phrases[_EVENT_CLASS_MAX] = {
        [CLASS_NONE] = { "Interrupts came late on ", " by" },
        [CLASS_IRQ_OFF] = { "Interrupts were off on ", " for" },
        [CLASS_HARDIRQ] = { "A hard interrupt held ", " for" },
        [CLASS_SOFTIRQ] = { "Softirqs held ", " for" },
        [CLASS_IPI] = { "A function call from another CPU held ", " for" },
        [CLASS_STEAL] = { "The hypervisor took ", " away for" },
        [CLASS_PLATFORM] = { "The machine stood still, and with it ", ", for" },
        [CLASS_IDLE_EXIT] = { "Leaving the idle state took ", " too long by" },
        [CLASS_UNKNOWN] = { "Interrupts came late on ", " by" },
};

static const struct phrase *message_phrase(const struct event *event) {
        static const struct phrase by_kind[_EVENT_KIND_MAX] = {
                [EVENT_HARDIRQ] = { "A hard interrupt handler ran on ", " for" },
                [EVENT_SOFTIRQ] = { "A softirq ran on ", " for" },
                [EVENT_SOFTIRQ_LATENCY] = { "A softirq waited on ", " for" },
        };

        if (event->kind == EVENT_IRQ_DELAY)
                return &delay_phrases[event->class];

        return by_kind[event->kind].before ? &by_kind[event->kind] : NULL;
}

static void print_task(FILE *f, const struct event *event) {
        char comm[NAME_TEXT_MAX], cgroup[PATH_TEXT_MAX];

        if (event->has_task)
                fprintf(f, " (%s, pid %i", utf8_printable(event->comm, comm, sizeof(comm)), event->pid);
        if (event->cgroup)
                fprintf(f, "%scgroup %s", event->has_task ? ", " : " (",
                        utf8_printable(event->cgroup, cgroup, sizeof(cgroup)));
        if (event->has_task || event->cgroup)
                fputc(')', f);
}

static void print_window(FILE *f, const struct event *event, const struct phrase *phrase) {
        char range[DURATION_RANGE_TEXT_MAX], culprit[NAME_TEXT_MAX];
        const char *class = event_class_to_string(event->class);

        fputs(phrase->before, f);
        if (event->cpu == CPU_NONE)
                fputs("a CPU", f);
        else
                fprintf(f, "CPU %i", event->cpu);
        fprintf(f, "%s %s", phrase->after,
                event->has_duration
                        ? format_duration_range(event->duration_min_ns, event->duration_max_ns, range)
                        : "a time not known");
        if (event->culprit)
                fprintf(f, " in %s", utf8_printable(event->culprit, culprit, sizeof(culprit)));
        print_task(f, event);
        if (class)
                fprintf(f, ": %s%s", class, event->confidence == CONFIDENCE_LOW ? " (low confidence)" : "");
}

static void print_evidence(FILE *f, const struct evidence *evidence) {
        char text[PATH_TEXT_MAX];

        fprintf(f, "%s=", evidence->name);
        switch (evidence->type) {
        case EVIDENCE_INTEGER:
                fprintf(f, "%" PRIi64, evidence->integer);
                break;
        case EVIDENCE_STRING:
                fputs(utf8_printable(evidence->string, text, sizeof(text)), f);
                break;
        case EVIDENCE_INTEGERS:
                for (size_t i = 0; i < evidence->n_integers; i++)
                        fprintf(f, "%s%" PRIi64, i > 0 ? "," : "", evidence->integers[i]);
                break;
        }
}

/* Of a list of CPUs: "CPUs 0-3,8"; of none: "no CPU". */
static int print_cpus(FILE *f, const struct event *event, const char *name) {
        const struct evidence *evidence = event_find_evidence(event, name);
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        _cleanup_(freep) char *text = NULL;
        int r;

        for (size_t i = 0; evidence && evidence->type == EVIDENCE_INTEGERS && i < evidence->n_integers; i++) {
                r = cpu_set_add(&cpus, (int)evidence->integers[i]);
                if (r < 0)
                        return r;
        }

        r = cpu_list_format(&cpus, &text);
        if (r < 0)
                return r;

        fprintf(f, "%s%s", cpu_set_count(&cpus) == 0 ? "no CPU" : cpu_set_count(&cpus) == 1 ? "CPU " : "CPUs ", text);
        return 0;
}

static bool evidence_is(const struct event *event, const char *name, const char *value) {
        const struct evidence *evidence = event_find_evidence(event, name);

        return evidence && evidence->type == EVIDENCE_STRING && strcmp(evidence->string, value) == 0;
}

/* "IRQ 24 virtio0-input.0 was moved from CPUs 0-1 to CPU 1" */
static int print_affinity(FILE *f, const struct event *event) {
        char culprit[NAME_TEXT_MAX];
        int r;

        fprintf(f, "%s was moved %sfrom ", utf8_printable(event->culprit, culprit, sizeof(culprit)),
                evidence_is(event, "cause", "effective") ? "by the kernel " : "");
        r = print_cpus(f, event, "oldCpus");
        if (r < 0)
                return r;

        fputs(" to ", f);
        return print_cpus(f, event, "newCpus");
}

static bool is_affinity_change(const struct event *event) {
        return event->kind == EVENT_AFFINITY && event->culprit && event_find_evidence(event, "oldCpus") &&
               event_find_evidence(event, "newCpus");
}

/* What is no window says its facts: "affinity: irq=24, from=0-3". */
static void print_facts(FILE *f, const struct event *event) {
        fprintf(f, "%s:", event_kind_to_string(event->kind));
        for (size_t i = 0; i < event->n_evidence; i++) {
                fputs(i > 0 ? ", " : " ", f);
                print_evidence(f, &event->evidence[i]);
        }
        print_task(f, event);
}

static const char *evidence_text(const struct event *event, const char *name) {
        const struct evidence *evidence = event_find_evidence(event, name);

        return evidence && evidence->type == EVIDENCE_STRING ? evidence->string : NULL;
}

/* "Alert syn-flood raised: ..." */
static void print_alert(FILE *f, const struct event *event, const char *text) {
        char rule[NAME_TEXT_MAX], sentence[SENTENCE_TEXT_MAX];

        fprintf(f, "Alert %s %s: %s", utf8_printable(evidence_text(event, "rule") ?: "?", rule, sizeof(rule)),
                evidence_text(event, "state") ?: "?", utf8_printable(text, sentence, sizeof(sentence)));
}

int journal_message_format(const struct event *event, char **ret_text) {
        const struct phrase *phrase = message_phrase(event);
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        if (phrase)
                print_window(f, event, phrase);
        else if (is_affinity_change(event))
                r = print_affinity(f, event);
        else if (event->kind == EVENT_ALERT && evidence_text(event, "text"))
                print_alert(f, event, evidence_text(event, "text"));
        else
                print_facts(f, event);

        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}

bool journal_message_is_routine(const struct event *event) {
        return event->kind == EVENT_AFFINITY &&
               (evidence_is(event, "irqbalance", "running") || evidence_is(event, "cause", "effective"));
}

/* The rule's own when it is raised; what is over wakes nobody. */
static int alert_priority(const struct event *event) {
        const struct evidence *priority = event_find_evidence(event, "priority");
        const struct evidence *state = event_find_evidence(event, "state");
        int raised = priority && priority->type == EVIDENCE_INTEGER ? (int)priority->integer : LOG_WARNING;

        if (state && state->type == EVIDENCE_STRING && strcmp(state->string, "raised") != 0)
                return MAX(raised, LOG_NOTICE);
        return MIN(MAX(raised, LOG_EMERG), LOG_DEBUG);
}

int journal_message_priority(const struct event *event) {
        static const int by_class[_EVENT_CLASS_MAX] = {
                [CLASS_NONE] = LOG_NOTICE,     [CLASS_IRQ_OFF] = LOG_WARNING,  [CLASS_HARDIRQ] = LOG_WARNING,
                [CLASS_SOFTIRQ] = LOG_WARNING, [CLASS_IPI] = LOG_WARNING,      [CLASS_STEAL] = LOG_NOTICE,
                [CLASS_PLATFORM] = LOG_NOTICE, [CLASS_IDLE_EXIT] = LOG_NOTICE, [CLASS_UNKNOWN] = LOG_WARNING,
        };

        return event->kind == EVENT_ALERT ? alert_priority(event) : by_class[event->class];
}

static void print_frames(FILE *f, const struct stack *stack, const char *open, const char *close) {
        for (size_t i = 0; stack && i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                fprintf(f, "%s%s", ftell(f) > 0 ? "\n" : "", frame->symbol ? frame->symbol : "?");
                if (frame->symbol || frame->offset > 0)
                        fprintf(f, "+0x%" PRIx64, frame->offset);
                if (frame->module)
                        fprintf(f, " %s%s%s", open, frame->module, close);
        }
}

/* Of a window that ended in user mode the kernel's stack has no frames. */
static bool has_frames(const struct stack *stack) {
        return stack && stack->n_frames > 0;
}

int journal_message_stack(const struct event *event, char **ret_text) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        if (!has_frames(event->kernel_stack) && !has_frames(event->user_stack)) {
                *ret_text = NULL;
                return 0;
        }

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        print_frames(f, event->kernel_stack, "[", "]");
        print_frames(f, event->user_stack, "(", ")");

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}
