/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/window.h"

#include <string.h>

#include "daemon/collect/classify.h"
#include "daemon/collect/enrich.h"
#include "daemon/collect/irq-event.h"
#include "daemon/collect/steal-stat.h"

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
        bool is_slow;
        union {
                struct abi_window window;
                struct abi_slow slow; /* is_slow */
        };
        struct abi_user *user; /* owned, or NULL */
        uint64_t arrived_ns;
        bool named;
        bool settled; /* the kernel had its chance to account steal time */
        bool steal_known;
        uint64_t steal_ns, steal_max_ns;
};

/* A window as other CPUs' windows are compared with it. */
struct moment {
        unsigned cpu;
        uint64_t end_ns, min_ns;
};

struct window_queue {
        struct enricher *enricher;
        struct pending *first, *last; /* as they came */
        struct steal_stat *steal_stat; /* NULL: the records tell steal time */
        unsigned n_online;
        uint64_t n_unsymbolised;
        struct abi_user *user; /* came last; its window comes next */
        struct moment moments[MOMENTS_MAX]; /* a ring */
        unsigned n_moments;
};

static struct pending *pending_free(struct pending *p) {
        if (!p)
                return NULL;

        enrichment_done(&p->names);
        free(p->user);
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

        free(queue->user);
        free(queue);
        return NULL;
}

void window_queue_use_steal_stat(struct window_queue *queue, struct steal_stat *stat) {
        queue->steal_stat = stat;
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
        const struct abi_task *task = p->is_slow ? &p->slow.task : &p->window.task;
        const struct abi_span *span = p->is_slow ? &p->slow.span : &p->window.span;
        const struct abi_stack *stack = p->is_slow ? &p->slow.stack : &p->window.stack;

        p->names.done = on_named;
        p->names.function = span->kind != ABI_SPAN_NONE ? span->function : 0;
        p->names.cgroup_id = task->cgroup_id;
        p->names.pid = task->pid;
        p->names.tgid = task->tgid;
        if (stack->bytes > 0) {
                p->names.stack_kind = ENRICH_STACK_TIMER;
                p->names.addresses = (const uint64_t *)stack->frames;
                p->names.n_addresses = MIN((size_t)stack->bytes / sizeof(stack->frames[0]), ELEMENTSOF(stack->frames));
        }

        p->names.user = p->user;

        enrich(queue->enricher, &p->names);
}

static int add_pending(struct window_queue *queue, struct pending **ret_pending) {
        struct pending *p;
        struct stamp now;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;

        stamp_now(&now);
        p->queue = queue;
        p->arrived_ns = now.monotonic_ns;
        if (queue->last)
                queue->last->next = p;
        else
                queue->first = p;
        queue->last = p;
        *ret_pending = p;
        return 0;
}

static int add_window(struct window_queue *queue, const struct abi_window *record) {
        struct pending *p;
        int r;

        r = add_pending(queue, &p);
        if (r < 0)
                return r;

        p->window = *record;
        if (queue->user && queue->user->cpu == record->cpu && queue->user->sequence == record->sequence)
                p->user = TAKE_PTR(queue->user);
        queue->moments[queue->n_moments++ % MOMENTS_MAX] =
                (struct moment){ .cpu = record->cpu, .end_ns = record->end_ns, .min_ns = record->min_ns };
        start_naming(queue, p);
        return 0;
}

static int add_user(struct window_queue *queue, const struct abi_user *record) {
        struct abi_user *user;

        user = malloc(sizeof(*user));
        if (!user)
                return -ENOMEM;

        memcpy(user, record, sizeof(*user));
        free(queue->user); /* that one's window was lost */
        queue->user = user;
        return 0;
}

static int add_slow(struct window_queue *queue, const struct abi_slow *record) {
        struct pending *p;
        int r;

        r = add_pending(queue, &p);
        if (r < 0)
                return r;

        p->is_slow = true;
        p->slow = *record;
        start_naming(queue, p);
        return 0;
}

static bool waits_for(const struct pending *p, const struct abi_settle *s, bool is_slow) {
        if (p->settled || p->is_slow != is_slow)
                return false;

        return is_slow ? p->slow.cpu == s->cpu && p->slow.sequence <= s->sequence :
                         p->window.cpu == s->cpu && p->window.sequence <= s->sequence;
}

static uint64_t steal_before(const struct pending *p) {
        return p->is_slow ? p->slow.steal_before_ns : p->window.steal_before_ns;
}

static uint64_t certain_length(const struct pending *p) {
        return p->is_slow ? p->slow.span.end_ns - p->slow.span.start_ns : p->window.min_ns;
}

/* Several may have ended before the kernel accounted what was stolen: each gets its share by length. Windows and slow
 * spans are two looks at the same time, so each sort shares all of it. */
static void settle(struct window_queue *queue, const struct abi_settle *s, bool is_slow) {
        uint64_t before = UINT64_MAX, total_ns = 0, stolen;

        for (struct pending *p = queue->first; p; p = p->next)
                if (waits_for(p, s, is_slow)) {
                        before = MIN(before, steal_before(p));
                        total_ns += certain_length(p);
                }
        if (total_ns == 0)
                return;

        stolen = s->steal_ns > before ? s->steal_ns - before : 0;
        for (struct pending *p = queue->first; p; p = p->next)
                if (waits_for(p, s, is_slow)) {
                        p->steal_ns = (uint64_t)((double)stolen * (double)certain_length(p) / (double)total_ns);
                        p->steal_max_ns = p->steal_ns;
                        p->steal_known = p->settled = true;
                }
}

/* The same from /proc/stat. What cannot be read stays unknown. */
static void settle_by_stat(struct window_queue *queue, const struct abi_settle *s, bool is_slow) {
        struct stolen stolen;
        struct stamp now;

        stamp_now(&now);
        for (struct pending *p = queue->first; p; p = p->next) {
                uint64_t end_ns = p->is_slow ? p->slow.span.end_ns : p->window.end_ns;

                if (!waits_for(p, s, is_slow))
                        continue;

                p->settled = true;
                p->steal_known = steal_stat_find(queue->steal_stat, (int)s->cpu, end_ns - certain_length(p), end_ns,
                                                 now.monotonic_ns, &stolen) == 0;
                if (p->steal_known) {
                        p->steal_ns = stolen.certain_ns;
                        p->steal_max_ns = stolen.possible_ns;
                }
        }
}

int window_queue_add(struct window_queue *queue, const void *data, size_t size) {
        uint32_t type;

        if (size < sizeof(type))
                return 0;
        memcpy(&type, data, sizeof(type));

        if (type == ABI_RECORD_WINDOW && size >= sizeof(struct abi_window))
                return add_window(queue, data);
        if (type == ABI_RECORD_SLOW && size >= sizeof(struct abi_slow))
                return add_slow(queue, data);
        if (type == ABI_RECORD_USER && size >= sizeof(struct abi_user))
                return add_user(queue, data);
        if (type == ABI_RECORD_SETTLE && size >= sizeof(struct abi_settle)) {
                void (*by)(struct window_queue *queue, const struct abi_settle *s, bool is_slow) =
                        queue->steal_stat ? settle_by_stat : settle;

                by(queue, data, false);
                by(queue, data, true);
        }
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

static int make_window_event(const struct window_queue *queue, struct pending *p, const struct stamp *now,
                             struct event **ret_event) {
        int64_t late_cpus[64];
        const struct window_context context = {
                .steal_known = p->steal_known,
                .steal_ns = p->steal_ns,
                .steal_max_ns = p->steal_max_ns,
                .late_cpus = late_cpus,
                .n_late_cpus = find_late_cpus(queue, &p->window, late_cpus, ELEMENTSOF(late_cpus)),
                .n_cpus_online = queue->n_online,
        };

        return irq_event_from_window(&p->window, &p->names, &context, now, ret_event);
}

static int make_event(const struct window_queue *queue, struct pending *p, const struct stamp *now,
                      struct event **ret_event) {
        const struct slow_context context = {
                .steal_known = p->steal_known,
                .steal_ns = p->steal_ns,
                .steal_max_ns = p->steal_max_ns,
        };

        return p->is_slow ? irq_event_from_slow(&p->slow, &p->names, &context, now, ret_event) :
                            make_window_event(queue, p, now, ret_event);
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

/* Leaves the record to its job, which may still be writing names into it, and goes on with a copy that has those names which
 * are finished. */
static struct pending *leave_to_job(struct window_queue *queue, struct pending *p) {
        struct pending *copy;

        copy = calloc(1, sizeof(*copy));
        if (!copy)
                return NULL;

        copy->is_slow = p->is_slow;
        if (p->is_slow)
                copy->slow = p->slow;
        else
                copy->window = p->window;
        copy->settled = p->settled;
        copy->steal_known = p->steal_known;
        copy->steal_ns = p->steal_ns;
        copy->steal_max_ns = p->steal_max_ns;
        if (p->names.kernel_named) {
                copy->names.stripped = p->names.stripped;
                copy->names.in_idle = p->names.in_idle;
                copy->names.user_skipped = true;
                copy->names.stack = TAKE_PTR(p->names.stack);
                copy->names.culprit = TAKE_PTR(p->names.culprit);
                copy->names.function_name = TAKE_PTR(p->names.function_name);
                copy->names.cgroup = TAKE_PTR(p->names.cgroup);
                copy->names.container = TAKE_PTR(p->names.container);
        } else {
                copy->names.error = -ETIMEDOUT;
                queue->n_unsymbolised++;
        }
        p->queue = NULL;
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

int window_queue_finish(struct window_queue *queue, const struct stamp *now, struct event_sink *sink) {
        int result = 0, r;

        while (queue->first) {
                r = deliver_first(queue, now, sink);
                if (r == -ENOMEM)
                        return r;
                if (result == 0)
                        result = r;
        }

        return result;
}
