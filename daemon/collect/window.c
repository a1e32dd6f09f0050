/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/window.h"

#include <string.h>

#include "daemon/collect/classify.h"
#include "daemon/collect/enrich.h"
#include "daemon/symbols/culprit.h"

enum {
        /* Other CPUs' records of the same moment come with their next timer interrupt. */
        HOLD_MS = 10,
        /* The tick that accounts steal time; on an idle CPU it may stay away, but there nothing is stolen. */
        SETTLE_TIMEOUT_MS = 100,
        /* A worker that is stuck must not hold back what is known. */
        NAMES_TIMEOUT_MS = 2000,
        MOMENTS_MAX = 128,
        /* Windows that share this much of the longer one are one stall of the machine. */
        SAME_MOMENT_PERCENT = 75,
};

/* One record on its way to becoming an event. */
struct pending {
        struct enrichment names;
        struct window_queue *queue; /* NULL: the queue is gone, nobody waits for it */
        struct pending *next;
        struct abi_window record;
        uint64_t arrived_ns;
        bool named;
        bool settled;
        uint64_t steal_ns;
};

/* A window as other CPUs' windows are compared with it. */
struct moment {
        unsigned cpu;
        uint64_t end_ns, min_ns;
};

struct window_queue {
        struct enricher *enricher;
        struct pending *first, *last; /* as they came */
        unsigned n_online;
        uint64_t n_unsymbolised;
        sd_id128_t boot_id;
        struct moment moments[MOMENTS_MAX]; /* a ring */
        unsigned n_moments;
};

static struct pending *pending_free(struct pending *p) {
        if (!p)
                return NULL;

        enrichment_done(&p->names);
        free(p);
        return NULL;
}

int window_queue_new(struct enricher *enricher, unsigned n_online, struct window_queue **ret_queue) {
        struct window_queue *queue;

        queue = calloc(1, sizeof(*queue));
        if (!queue)
                return -ENOMEM;

        queue->enricher = enricher;
        queue->n_online = n_online;
        (void)sd_id128_get_boot(&queue->boot_id); /* all-zero where /proc is not the kernel's */
        *ret_queue = queue;
        return 0;
}

struct window_queue *window_queue_free(struct window_queue *queue) {
        struct pending *p, *next;

        if (!queue)
                return NULL;

        for (p = queue->first; p; p = next) {
                next = p->next;
                if (p->named)
                        pending_free(p);
                else
                        p->queue = NULL; /* its job frees it */
        }

        free(queue);
        return NULL;
}

void window_queue_set_n_online(struct window_queue *queue, unsigned n_online) {
        queue->n_online = n_online;
}

uint64_t window_queue_n_unsymbolised(const struct window_queue *queue) {
        return queue->n_unsymbolised;
}

static void on_named(struct enrichment *names) {
        struct pending *p = (struct pending *)((char *)names - offsetof(struct pending, names));

        p->named = true;
        if (!p->queue) {
                pending_free(p);
                return;
        }
        if (names->error < 0)
                p->queue->n_unsymbolised++;
}

static void start_naming(struct window_queue *queue, struct pending *p) {
        const struct abi_window *w = &p->record;

        p->names.done = on_named;
        p->names.function = w->span.kind != ABI_SPAN_NONE ? w->span.function : 0;
        p->names.cgroup_id = w->cgroup_id;
        p->names.pid = w->pid;
        if (w->stack_bytes > 0) {
                p->names.stack_kind = ENRICH_STACK_TIMER;
                p->names.addresses = (const uint64_t *)w->stack;
                p->names.n_addresses = MIN((size_t)w->stack_bytes / sizeof(w->stack[0]), ELEMENTSOF(w->stack));
        }

        enrich(queue->enricher, &p->names);
}

static int add_window(struct window_queue *queue, const struct abi_window *record) {
        struct pending *p;
        struct stamp now;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;

        stamp_now(&now);
        p->queue = queue;
        p->record = *record;
        p->arrived_ns = now.monotonic_ns;
        if (queue->last)
                queue->last->next = p;
        else
                queue->first = p;
        queue->last = p;
        queue->moments[queue->n_moments++ % MOMENTS_MAX] =
                (struct moment){ .cpu = record->cpu, .end_ns = record->end_ns, .min_ns = record->min_ns };

        start_naming(queue, p);
        return 0;
}

static bool waits_for(const struct pending *p, const struct abi_settle *s) {
        return !p->settled && p->record.cpu == s->cpu && p->record.sequence <= s->sequence;
}

/* Several windows may have ended before the kernel accounted what was stolen: each gets its share by length. */
static void settle_windows(struct window_queue *queue, const struct abi_settle *s) {
        uint64_t before = UINT64_MAX, total_ns = 0, stolen;

        for (struct pending *p = queue->first; p; p = p->next)
                if (waits_for(p, s)) {
                        before = MIN(before, (uint64_t)p->record.steal_before_ns);
                        total_ns += p->record.min_ns;
                }
        if (total_ns == 0)
                return;

        stolen = s->steal_ns > before ? s->steal_ns - before : 0;
        for (struct pending *p = queue->first; p; p = p->next)
                if (waits_for(p, s)) {
                        p->steal_ns = (uint64_t)((double)stolen * (double)p->record.min_ns / (double)total_ns);
                        p->settled = true;
                }
}

int window_queue_add(struct window_queue *queue, const void *data, size_t size) {
        uint32_t type;

        if (size < sizeof(type))
                return 0;
        memcpy(&type, data, sizeof(type));

        if (type == ABI_RECORD_WINDOW && size >= sizeof(struct abi_window))
                return add_window(queue, data);
        if (type == ABI_RECORD_SETTLE && size >= sizeof(struct abi_settle))
                settle_windows(queue, data);
        return 0;
}

static bool same_moment(const struct moment *a, const struct moment *b) {
        uint64_t longer = MAX(a->min_ns, b->min_ns);

        return interval_overlap(a->end_ns - a->min_ns, a->end_ns, b->end_ns - b->min_ns, b->end_ns) * 100 >=
               longer * SAME_MOMENT_PERCENT;
}

/* CPUs other than the window's own that were late over the same moment; at most n_max. */
static size_t find_late_cpus(const struct window_queue *queue, const struct abi_window *w, int64_t *ret_cpus,
                             size_t n_max) {
        const struct moment own = { .cpu = w->cpu, .end_ns = w->end_ns, .min_ns = w->min_ns };
        size_t n = 0;

        for (unsigned i = 0; i < MIN(queue->n_moments, (unsigned)MOMENTS_MAX) && n < n_max; i++) {
                const struct moment *other = &queue->moments[i];
                bool seen = other->cpu == w->cpu || !same_moment(&own, other);

                for (size_t j = 0; j < n && !seen; j++)
                        seen = ret_cpus[j] == other->cpu;
                if (!seen)
                        ret_cpus[n++] = other->cpu;
        }

        return n;
}

static enum interrupted_context interrupted_context(const struct pending *p) {
        if (p->record.flags & ABI_WINDOW_IDLE)
                return INTERRUPTED_IDLE;
        if (!p->names.stack || !p->names.stripped)
                return INTERRUPTED_UNKNOWN;
        if (p->names.stack->n_frames == 0)
                return INTERRUPTED_USER;

        return INTERRUPTED_KERNEL;
}

/* The names of functions whose last act it is to enable interrupts say the same as the code before. */
static enum enable_evidence enable_evidence(const struct pending *p) {
        const struct stack *stack = p->names.stack;
        const struct frame *top = stack && stack->n_frames > 0 ? &stack->frames[0] : NULL;

        if (top && top->symbol && culprit_classify(top->symbol, top->module) == CULPRIT_ENABLE)
                return ENABLE_SEEN;

        return find_enable(p->record.code, MIN((size_t)p->record.code_bytes, sizeof(p->record.code)));
}

static void gather_facts(const struct window_queue *queue, const struct pending *p, size_t n_late,
                         struct window_facts *facts) {
        const struct abi_window *w = &p->record;

        *facts = (struct window_facts){
                .min_ns = w->min_ns,
                .max_ns = w->max_ns,
                .interrupted = interrupted_context(p),
                .enable = enable_evidence(p),
                .span_kind = w->span.kind,
                .span_ns = interval_overlap(w->end_ns - w->max_ns, w->end_ns, w->span.start_ns, w->span.end_ns),
                .steal_known = p->settled,
                .steal_ns = p->steal_ns,
                .n_cpus_late = (unsigned)n_late,
                .n_cpus_online = queue->n_online,
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

static int add_span_evidence(struct event *event, const struct pending *p, const struct window_facts *facts) {
        const struct abi_span *span = &p->record.span;
        int r = 0;

        if (!span_kind_name(span->kind) || facts->span_ns == 0)
                return 0;

        if ((r = event_add_string(event, "spanKind", span_kind_name(span->kind))) < 0 ||
            (r = event_add_integer(event, "spanNsec", (int64_t)facts->span_ns)) < 0)
                return r;
        if (p->names.function_name)
                r = event_add_string(event, "spanFunction", p->names.function_name);
        if (r >= 0 && span->kind == ABI_SPAN_HARDIRQ) {
                r = event_add_string(event, "spanName", span->name);
                if (r >= 0)
                        r = event_add_integer(event, "irq", span->irq);
        }
        return r;
}

static int add_evidence(struct event *event, const struct pending *p, const struct window_facts *facts,
                        const char *reason, const int64_t *late_cpus, size_t n_late) {
        int r;

        if ((r = event_add_string(event, "reason", reason)) < 0 ||
            (r = event_add_string(event, "interrupted", interrupted_context_to_string(facts->interrupted))) < 0 ||
            (r = event_add_string(event, "timer",
                                  p->record.flags & ABI_WINDOW_HEARTBEAT ? "heartbeat" : "tick")) < 0)
                return r;

        if (facts->interrupted == INTERRUPTED_KERNEL &&
            (r = event_add_string(event, "irqEnable", enable_evidence_to_string(facts->enable))) < 0)
                return r;

        if (facts->steal_known && (r = event_add_integer(event, "stealNsec", (int64_t)facts->steal_ns)) < 0)
                return r;
        if (n_late > 0 && (r = event_add_integers(event, "otherCpus", late_cpus, n_late)) < 0)
                return r;
        if (p->names.error < 0 && (r = event_add_string(event, "namesMissing", strerror(-p->names.error))) < 0)
                return r;

        return add_span_evidence(event, p, facts);
}

static int set_culprit(struct event *event, struct pending *p) {
        const struct abi_span *span = &p->record.span;

        switch (event->class) {
        case CLASS_IRQ_OFF:
        case CLASS_PLATFORM: /* where the CPU stood still, an emulated device's driver for example */
                event->culprit = TAKE_PTR(p->names.culprit);
                return 0;
        case CLASS_HARDIRQ:
        case CLASS_IPI:
                event->culprit = p->names.function_name ? strdup(p->names.function_name) :
                                 span->name[0]          ? strdup(span->name) :
                                                          NULL;
                return event->culprit || (!p->names.function_name && !span->name[0]) ? 0 : -ENOMEM;
        case CLASS_NONE:
        case CLASS_SOFTIRQ:
        case CLASS_STEAL:
        case CLASS_IDLE_EXIT:
        case CLASS_UNKNOWN:
        case _EVENT_CLASS_MAX:
        case _EVENT_CLASS_INVALID:
        default:
                return 0; /* no code of this machine is to blame */
        }
}

static void set_task(struct event *event, struct pending *p) {
        const struct abi_window *w = &p->record;

        event->has_task = true;
        event->pid = w->pid;
        event->tgid = w->tgid;
        memcpy(event->comm, w->comm, sizeof(event->comm) - 1);
        event->cgroup = TAKE_PTR(p->names.cgroup);
        event->container = TAKE_PTR(p->names.container);

        /* Idle tasks are nobody's children, though the kernel's pointers say so. */
        event->n_parents = w->flags & ABI_WINDOW_IDLE ? 0 : MIN(w->n_parents, (uint32_t)EVENT_PARENTS_MAX);
        for (size_t i = 0; i < event->n_parents; i++) {
                event->parents[i].pid = w->parents[i].pid;
                memcpy(event->parents[i].comm, w->parents[i].comm, sizeof(event->parents[i].comm) - 1);
        }
}

static int make_event(const struct window_queue *queue, struct pending *p, const struct stamp *now,
                      struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        const struct abi_window *w = &p->record;
        struct window_class_decision decision;
        struct window_facts facts;
        int64_t late_cpus[64];
        size_t n_late;
        int r;

        r = event_new(EVENT_IRQ_DELAY, &event);
        if (r < 0)
                return r;

        n_late = find_late_cpus(queue, w, late_cpus, ELEMENTSOF(late_cpus));
        gather_facts(queue, p, n_late, &facts);
        classify_window(&facts, &decision);

        event->class = decision.class;
        event->confidence = decision.confidence;
        event->boot_id = queue->boot_id;
        event->cpu = (int)w->cpu;
        event->monotonic_ns = w->end_ns;
        event->time_us = now->realtime_us - (now->monotonic_ns - w->end_ns) / NSEC_PER_USEC;
        event->has_duration = true;
        event->duration_min_ns = w->min_ns;
        event->duration_max_ns = w->max_ns;
        set_task(event, p);

        if ((r = set_culprit(event, p)) < 0 ||
            (r = add_evidence(event, p, &facts, decision.reason, late_cpus, n_late)) < 0)
                return r;

        event->kernel_stack = TAKE_PTR(p->names.stack);
        *ret_event = TAKE_PTR(event);
        return 0;
}

/* When the oldest window can be decided: all there is to know is known, or it is not worth more waiting. */
static uint64_t ready_at(const struct pending *p) {
        if (!p->named)
                return p->arrived_ns + NAMES_TIMEOUT_MS * NSEC_PER_MSEC;

        return p->arrived_ns + (p->settled ? HOLD_MS : SETTLE_TIMEOUT_MS) * NSEC_PER_MSEC;
}

uint64_t window_queue_next_deadline(const struct window_queue *queue) {
        return queue->first ? ready_at(queue->first) : UINT64_MAX;
}

/* Leaves the record to its job, which may still be writing names into it, and goes on with a copy without them. */
static struct pending *leave_to_job(struct window_queue *queue, struct pending *p) {
        struct pending *copy;

        copy = calloc(1, sizeof(*copy));
        if (!copy)
                return NULL;

        copy->record = p->record;
        copy->settled = p->settled;
        copy->steal_ns = p->steal_ns;
        copy->names.error = -ETIMEDOUT;
        p->queue = NULL;
        queue->n_unsymbolised++;
        return copy;
}

static int deliver_first(struct window_queue *queue, const struct stamp *now, struct event_sink *sink) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        struct pending *p = queue->first, *next = p->next;
        int r;

        if (!p->named) {
                p = leave_to_job(queue, p);
                if (!p)
                        return -ENOMEM;
        }

        queue->first = next;
        if (!queue->first)
                queue->last = NULL;

        r = make_event(queue, p, now, &event);
        pending_free(p);
        if (r < 0)
                return r;

        return sink->add(sink, event);
}

int window_queue_flush(struct window_queue *queue, const struct stamp *now, struct event_sink *sink) {
        int r;

        while (queue->first && ready_at(queue->first) <= now->monotonic_ns) {
                r = deliver_first(queue, now, sink);
                if (r < 0)
                        return r;
        }

        return 0;
}
