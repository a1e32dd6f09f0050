/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-event.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/collect/classify.h"
#include "daemon/collect/spans.h"
#include "daemon/symbols/culprit.h"

static enum interrupted_context interrupted_context(const struct abi_window *w, const struct enrichment *names) {
        if (w->task.flags & ABI_TASK_IDLE)
                return INTERRUPTED_IDLE;
        if (!names->stack || !names->stripped)
                return INTERRUPTED_UNKNOWN;
        if (names->stack->n_frames == 0)
                return INTERRUPTED_USER;

        return INTERRUPTED_KERNEL;
}

/* The names of functions whose last act it is to enable interrupts say the same as the code before. */
static enum enable_evidence enable_evidence(const struct abi_window *w, const struct stack *stack) {
        const struct frame *top = stack && stack->n_frames > 0 ? &stack->frames[0] : NULL;

        if (top && top->symbol && culprit_classify(top->symbol, top->module) == CULPRIT_ENABLE)
                return ENABLE_SEEN;

        return find_enable(w->code, MIN((size_t)w->code_bytes, sizeof(w->code)));
}

static void gather_facts(const struct abi_window *w, const struct enrichment *names,
                         const struct window_context *context, struct window_facts *facts) {
        uint64_t start = w->end_ns - w->max_ns;

        *facts = (struct window_facts){
                .min_ns = w->min_ns,
                .max_ns = w->max_ns,
                .threshold_ns = w->threshold_ns,
                .interrupted = interrupted_context(w, names),
                .enable = enable_evidence(w, names->stack),
                .in_interrupt_exit = names->stack && culprit_in_interrupt_exit(names->stack),
                .span_kind = w->span.kind,
                .span_ns = interval_overlap(start, w->end_ns, w->span.start_ns, w->span.end_ns),
                .softirq_ns = w->softirq.kind == ABI_SPAN_SOFTIRQ ?
                                      interval_overlap(start, w->end_ns, w->softirq.start_ns, w->end_ns) :
                                      0,
                .on_before_end_ns = w->on_ns ? w->end_ns - MIN(w->on_ns, w->end_ns) : 0,
                .on_span_ns = w->on_ns ? interval_overlap(w->on_ns, w->end_ns, w->span.start_ns, w->span.end_ns) : 0,
                .steal_known = context->steal_known,
                .steal_ns = context->steal_ns,
                .steal_max_ns = context->steal_max_ns,
                .n_cpus_late = (unsigned)context->n_late_cpus,
                .n_cpus_online = context->n_cpus_online,
        };
}

static const char *span_kind_name(uint32_t kind) {
        static const char *const names[] = {
                [ABI_SPAN_HARDIRQ] = "hardirq",
                [ABI_SPAN_IPI] = "ipi",
                [ABI_SPAN_TIMER] = "timer",
        };

        return kind < ELEMENTSOF(names) ? names[kind] : NULL;
}

static int add_span(struct event *event, const struct abi_span *span, uint64_t span_ns, const char *function) {
        int r;

        if ((r = event_add_integer(event, "spanNsec", (int64_t)span_ns)) < 0)
                return r;
        if (function && (r = event_add_string(event, "spanFunction", function)) < 0)
                return r;
        if (span->kind != ABI_SPAN_HARDIRQ)
                return 0;
        if ((r = event_add_string(event, "spanName", span->name)) < 0)
                return r;
        return event_add_integer(event, "irq", span->number);
}

/* The upper bound only where it is not the same. */
static int add_steal(struct event *event, uint64_t steal_ns, uint64_t steal_max_ns) {
        int r;

        r = event_add_integer(event, "stealNsec", (int64_t)steal_ns);
        return r < 0 || steal_max_ns <= steal_ns ? r :
                                                   event_add_integer(event, "stealMaxNsec", (int64_t)steal_max_ns);
}

static int add_causes(struct event *event, const struct abi_window *w, const struct enrichment *names,
                      const struct window_context *context, const struct window_facts *facts) {
        int r;

        if (facts->steal_known && (r = add_steal(event, facts->steal_ns, facts->steal_max_ns)) < 0)
                return r;
        if (facts->on_before_end_ns > 0 &&
            (r = event_add_integer(event, "interruptBeforeEndNsec", (int64_t)facts->on_before_end_ns)) < 0)
                return r;
        if (context->n_late_cpus > 0 &&
            (r = event_add_integers(event, "otherCpus", context->late_cpus, context->n_late_cpus)) < 0)
                return r;
        if (facts->softirq_ns > 0 &&
            (r = event_add_string(event, "softirq", softirq_name((unsigned)w->softirq.number))) < 0)
                return r;
        if (facts->span_ns == 0 || !span_kind_name(w->span.kind))
                return 0;

        r = event_add_string(event, "spanKind", span_kind_name(w->span.kind));
        return r < 0 ? r : add_span(event, &w->span, facts->span_ns, names->function_name);
}

static int add_names_missing(struct event *event, const struct enrichment *names) {
        if (names->user_skipped)
                return event_add_string(event, "userStackSkipped", "unwinding took too much time lately");

        return names->error < 0 ? event_add_string(event, "namesMissing", strerror(-names->error)) : 0;
}

static int add_evidence(struct event *event, const struct abi_window *w, const struct enrichment *names,
                        const struct window_context *context, const struct window_facts *facts, const char *reason) {
        int r;

        if ((r = event_add_string(event, "reason", reason)) < 0 ||
            (r = event_add_string(event, "interrupted", interrupted_context_to_string(facts->interrupted))) < 0 ||
            (r = event_add_string(event, "timer", w->flags & ABI_WINDOW_HEARTBEAT ? "heartbeat" : "tick")) < 0)
                return r;
        if (facts->interrupted == INTERRUPTED_KERNEL &&
            (r = event_add_string(event, "irqEnable", enable_evidence_to_string(facts->enable))) < 0)
                return r;

        r = add_causes(event, w, names, context, facts);
        return r < 0 ? r : add_names_missing(event, names);
}

static int set_span_culprit(struct event *event, const struct abi_span *span, const char *function) {
        const char *name = function ? function : span->name[0] ? span->name : NULL;

        if (!name)
                return 0;

        event->culprit = strdup(name);
        return event->culprit ? 0 : -ENOMEM;
}

/* Only a culprit that comes from the stack can be told from others by it. */
static int set_stack_culprit(struct event *event, struct enrichment *names) {
        char text[17];

        event->culprit = TAKE_PTR(names->culprit);
        if (!event->culprit || names->fingerprint == 0)
                return 0;

        (void)snprintf(text, sizeof(text), "%016" PRIx64, names->fingerprint); /* fits */
        return event_add_string(event, "fingerprint", text);
}

static int set_window_culprit(struct event *event, const struct abi_window *w, struct enrichment *names) {
        switch (event->class) {
        case CLASS_IRQ_OFF:
        case CLASS_SOFTIRQ:
        case CLASS_PLATFORM: /* where the CPU stood still: the driver of an emulated device, for example */
                return set_stack_culprit(event, names);
        case CLASS_HARDIRQ:
        case CLASS_IPI:
                return set_span_culprit(event, &w->span, names->function_name);
        case CLASS_NONE:
        case CLASS_STEAL:
        case CLASS_IDLE_EXIT:
        case CLASS_UNKNOWN:
        case _EVENT_CLASS_MAX:
        case _EVENT_CLASS_INVALID:
        default:
                return 0; /* no code of this machine is to blame */
        }
}

static void set_task(struct event *event, const struct abi_task *task, struct enrichment *names) {
        event->has_task = true;
        event->pid = task->pid;
        event->tgid = task->tgid;
        memcpy(event->comm, task->comm, sizeof(event->comm) - 1);
        event->cgroup = TAKE_PTR(names->cgroup);
        event->container = TAKE_PTR(names->container);

        /* Idle tasks are nobody's children, though the kernel's pointers say so. */
        event->n_parents = task->flags & ABI_TASK_IDLE ? 0 : MIN(task->n_parents, (uint32_t)EVENT_PARENTS_MAX);
        for (size_t i = 0; i < event->n_parents; i++) {
                event->parents[i].pid = task->parents[i].pid;
                memcpy(event->parents[i].comm, task->parents[i].comm, sizeof(event->parents[i].comm) - 1);
        }
}

static void set_time(struct event *event, unsigned cpu, uint64_t end_ns, uint64_t min_ns, uint64_t max_ns,
                     const struct stamp *now) {
        event->cpu = (int)cpu;
        event->monotonic_ns = end_ns;
        event->time_us = now->realtime_us - (now->monotonic_ns - end_ns) / NSEC_PER_USEC;
        event->has_duration = true;
        event->duration_min_ns = min_ns;
        event->duration_max_ns = max_ns;
}

int irq_event_from_window(const struct abi_window *w, struct enrichment *names, const struct window_context *context,
                          const struct stamp *now, struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        struct window_class_decision decision;
        struct window_facts facts;
        int r;

        r = event_new(EVENT_IRQ_DELAY, &event);
        if (r < 0)
                return r;

        gather_facts(w, names, context, &facts);
        classify_window(&facts, &decision);
        event->class = decision.class;
        event->confidence = decision.confidence;
        set_time(event, w->cpu, w->end_ns, w->min_ns, w->max_ns, now);
        set_task(event, &w->task, names);

        if ((r = add_evidence(event, w, names, context, &facts, decision.reason)) < 0 ||
            (r = set_window_culprit(event, w, names)) < 0)
                return r;

        event->kernel_stack = TAKE_PTR(names->stack);
        event->user_stack = TAKE_PTR(names->user_stack);
        *ret_event = TAKE_PTR(event);
        return 0;
}

/* Kind, class and the reason in words, by what was slow and whether a stack was taken inside. */
static const struct {
        enum event_kind kind;
        enum event_class class;
        const char *with_stack, *without_stack;
} slow_kinds[] = {
        [ABI_SPAN_HARDIRQ] = { EVENT_HARDIRQ, CLASS_HARDIRQ, NULL,
                               "measured from the handler's entry to its exit" },
        [ABI_SPAN_SOFTIRQ] = { EVENT_SOFTIRQ, CLASS_SOFTIRQ,
                               "measured from the handler's entry to its exit; a timer interrupt inside took the stack",
                               "measured from the handler's entry to its exit; no timer interrupt fell into its second "
                               "half to take a stack" },
        [ABI_SPAN_SOFTIRQ_WAIT] = { EVENT_SOFTIRQ_LATENCY, CLASS_SOFTIRQ,
                                    "measured from the raise to the handler's start; a timer interrupt in between "
                                    "took the stack of what ran instead",
                                    "measured from the raise to the handler's start; no timer interrupt fell into the "
                                    "second half to see what ran instead" },
};

static int add_slow_evidence(struct event *event, const struct abi_slow *slow, const struct enrichment *names,
                             const struct slow_context *context, const char *reason) {
        const struct abi_span *span = &slow->span;
        int r;

        if (context->steal_known && (r = add_steal(event, context->steal_ns, context->steal_max_ns)) < 0)
                return r;
        if ((r = event_add_string(event, "reason", reason)) < 0 ||
            (r = add_span(event, span, span->end_ns - span->start_ns, names->function_name)) < 0)
                return r;
        if (span->kind != ABI_SPAN_HARDIRQ &&
            (r = event_add_string(event, "softirq", softirq_name((unsigned)span->number))) < 0)
                return r;
        if (span->kind == ABI_SPAN_SOFTIRQ &&
            (r = event_add_string(event, "context",
                                  slow->task.flags & ABI_TASK_KSOFTIRQD ? "ksoftirqd" : "inline")) < 0)
                return r;
        if (span->kind == ABI_SPAN_SOFTIRQ && span->name[0] &&
            (r = event_add_string(event, "device", span->name)) < 0)
                return r;

        return add_names_missing(event, names);
}

static int set_slow_culprit(struct event *event, const struct abi_slow *slow, struct enrichment *names) {
        if (event->class == CLASS_STEAL)
                return 0; /* no code of this machine is to blame */
        if (slow->span.kind == ABI_SPAN_HARDIRQ)
                return set_span_culprit(event, &slow->span, names->function_name);
        if (names->culprit)
                return set_stack_culprit(event, names);
        if (slow->span.kind != ABI_SPAN_SOFTIRQ)
                return 0;

        event->culprit = strdup(softirq_name((unsigned)slow->span.number));
        return event->culprit ? 0 : -ENOMEM;
}

/* Sets class and confidence, returns the reason. As with windows, steal that accounts for half is the cause. */
static const char *decide_slow(struct event *event, const struct abi_slow *slow, const struct enrichment *names,
                               const struct slow_context *context, uint64_t length) {
        bool has_stack = names->stack && slow_kinds[slow->span.kind].with_stack;

        if (context->steal_known && context->steal_ns > 0 && context->steal_ns >= length / 2) {
                event->class = CLASS_STEAL;
                event->confidence = CONFIDENCE_HIGH;
                return "the hypervisor accounted at least half of the time as stolen from this CPU";
        }

        event->class = slow_kinds[slow->span.kind].class;
        event->confidence = has_stack || slow->span.kind == ABI_SPAN_HARDIRQ ? CONFIDENCE_HIGH : CONFIDENCE_LOW;
        if (context->steal_known && context->steal_max_ns > 0 && context->steal_max_ns >= length / 2)
                event->confidence = CONFIDENCE_LOW; /* most of it may have been stolen */
        return has_stack ? slow_kinds[slow->span.kind].with_stack : slow_kinds[slow->span.kind].without_stack;
}

int irq_event_from_slow(const struct abi_slow *slow, struct enrichment *names, const struct slow_context *context,
                        const struct stamp *now, struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        uint64_t length = slow->span.end_ns - slow->span.start_ns;
        const char *reason;
        int r;

        r = event_new(slow_kinds[slow->span.kind].kind, &event);
        if (r < 0)
                return r;

        reason = decide_slow(event, slow, names, context, length);
        set_time(event, slow->cpu, slow->span.end_ns, length, length, now);
        set_task(event, &slow->task, names);

        if ((r = add_slow_evidence(event, slow, names, context, reason)) < 0 ||
            (r = set_slow_culprit(event, slow, names)) < 0)
                return r;

        event->kernel_stack = TAKE_PTR(names->stack);
        *ret_event = TAKE_PTR(event);
        return 0;
}
