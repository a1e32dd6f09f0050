/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/slow.h"

#include <string.h>

#include "daemon/query/windows.h"

#define KIND(kind) (UINT32_C(1) << (kind))

/* Events that tell what happened inside them, to be searched by CPU and time. */
struct covers {
        struct event **events; /* borrowed events; by boot, CPU, end */
        size_t n;
        uint64_t longest_ns;
};

static void covers_done(struct covers *covers) {
        free(covers->events);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_ends(const void *a, const void *b) {
        const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
        int r;

        r = memcmp(&x->boot_id, &y->boot_id, sizeof(x->boot_id));
        if (r == 0)
                r = COMPARE(x->cpu, y->cpu);
        return r ?: COMPARE(x->monotonic_ns, y->monotonic_ns);
}

static int covers_init(struct covers *covers, const struct store *store, uint32_t kinds, uint64_t since_us,
                       const struct cpu_set *cpus) {
        /* What covers the last event of the span may end after it. */
        const struct events_request request = {
                .since_us = since_us,
                .until_us = UINT64_MAX,
                .kinds = kinds,
                .cpus = cpus,
        };
        int r;

        r = events_query(store, &request, &covers->events, &covers->n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < covers->n; i++)
                covers->longest_ns = MAX(covers->longest_ns, covers->events[i]->duration_min_ns);
        qsort(covers->events, covers->n, sizeof(*covers->events), compare_ends);
        return 0;
}

static uint64_t start_of(const struct event *event) {
        return event->monotonic_ns - MIN(event->duration_min_ns, event->monotonic_ns);
}

/* What is certain of the cover holds half of the event or more. A handler that makes a window is at least as
 * long, but by no more than a heartbeat, which is no longer than half the shortest window. */
static bool is_told_by(const struct event *event, const struct event *cover) {
        uint64_t start = MAX(start_of(event), start_of(cover)),
                 end = MIN(event->monotonic_ns, cover->monotonic_ns);

        return start < end && (end - start) * 2 >= event->duration_min_ns;
}

static bool covers_tell(const struct covers *covers, const struct event *event) {
        struct event from = {
                .boot_id = event->boot_id,
                .cpu = event->cpu,
                .monotonic_ns = start_of(event),
        };
        const struct event *key = &from;
        size_t low = 0, high = covers->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_ends(&covers->events[middle], &key) <= 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        for (; low < covers->n; low++) {
                const struct event *cover = covers->events[low];

                if (cover->cpu != event->cpu || !sd_id128_equal(cover->boot_id, event->boot_id))
                        return false;
                if (cover->monotonic_ns >= event->monotonic_ns + covers->longest_ns)
                        return false; /* it, and all that end later, began after the event */
                if (is_told_by(event, cover))
                        return true;
        }

        return false;
}

const char *slow_softirq(const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, "softirq");

        return evidence && evidence->type == EVIDENCE_STRING ? evidence->string : NULL;
}

bool slow_is_named(const struct event *event) {
        const char *softirq = slow_softirq(event);

        return event->culprit && event->kernel_stack && event->kernel_stack->n_frames > 0 &&
               (!softirq || strcmp(event->culprit, softirq) != 0);
}

/* What events are grouped by. Stacks inside a long softirq are samples of it: they would tear it apart. */
static const char *group_key(const struct event *event) {
        if (event->kind == EVENT_HARDIRQ)
                return event->culprit ?: "";
        if (event->kind == EVENT_SOFTIRQ)
                return slow_softirq(event) ?: "";
        return "";
}

static int compare_keys(const struct event *a, const struct event *b) {
        return COMPARE(a->kind, b->kind) ?: strcmp(group_key(a), group_key(b));
}

static int compare_events(const void *a, const void *b) {
        const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;

        return compare_keys(x, y) ?: COMPARE(x->id, y->id);
}

static int compare_groups(const void *a, const void *b) {
        const struct slow_group *x = a, *y = b;
        int r;

        r = COMPARE(x->kind, y->kind);
        if (r == 0)
                r = COMPARE(y->total_ns, x->total_ns);
        return r ?: COMPARE(x->worst->id, y->worst->id);
}

static void keep_longer(struct event **kept, struct event *event) {
        if (*kept && event->duration_min_ns <= (*kept)->duration_min_ns)
                return;

        (void)event_unref(*kept); /* returns NULL */
        *kept = event_ref(event);
}

static int group_add(struct slow_group *group, struct event *event) {
        keep_longer(&group->worst, event);
        if (slow_is_named(event))
                keep_longer(&group->named, event);

        group->kind = event->kind;
        group->count++;
        group->total_ns += event->duration_min_ns;
        return event->cpu == CPU_NONE ? 0 : cpu_set_add(&group->cpus, event->cpu);
}

/* Takes out what is told elsewhere and what the hypervisor did; returns how many are left. */
static size_t drop_told(struct event **events, size_t n, const struct covers *windows,
                        const struct covers *softirqs) {
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
                if (events[i]->class == CLASS_STEAL || covers_tell(windows, events[i]))
                        continue;
                if (events[i]->kind == EVENT_SOFTIRQ_LATENCY && covers_tell(softirqs, events[i]))
                        continue;
                events[kept++] = events[i];
        }

        return kept;
}

static int slow_fill(struct slow *slow, struct event **events, size_t n) {
        int r;

        slow->groups = calloc(MAX(n, (size_t)1), sizeof(*slow->groups));
        if (!slow->groups)
                return -ENOMEM;

        qsort(events, n, sizeof(*events), compare_events);
        for (size_t i = 0; i < n; i++) {
                slow->n_groups += i == 0 || compare_keys(events[i - 1], events[i]) != 0;
                r = group_add(&slow->groups[slow->n_groups - 1], events[i]);
                if (r < 0)
                        return r;
        }

        qsort(slow->groups, slow->n_groups, sizeof(*slow->groups), compare_groups);
        return 0;
}

int slow_query(const struct store *store, uint64_t since_us, uint64_t until_us, const struct cpu_set *cpus,
               struct slow **ret_slow) {
        const struct events_request request = {
                .since_us = since_us,
                .until_us = until_us,
                .kinds = KIND(EVENT_HARDIRQ) | KIND(EVENT_SOFTIRQ) | KIND(EVENT_SOFTIRQ_LATENCY),
                .cpus = cpus,
        };
        _cleanup_(covers_done) struct covers windows = {}, softirqs = {};
        _cleanup_(slow_freep) struct slow *slow = NULL;
        _cleanup_(freep) struct event **events = NULL;
        size_t n, n_kept;
        int r;

        r = events_query(store, &request, &events, &n);
        if (r < 0)
                return r;
        r = covers_init(&windows, store, KIND(EVENT_IRQ_DELAY), since_us, cpus);
        if (r < 0)
                return r;
        r = covers_init(&softirqs, store, KIND(EVENT_SOFTIRQ), since_us, cpus);
        if (r < 0)
                return r;

        slow = calloc(1, sizeof(*slow));
        if (!slow)
                return -ENOMEM;
        n_kept = drop_told(events, n, &windows, &softirqs);
        slow->n_told = n - n_kept;
        r = slow_fill(slow, events, n_kept);
        if (r < 0)
                return r;

        *ret_slow = TAKE_PTR(slow);
        return 0;
}

struct slow *slow_free(struct slow *slow) {
        if (!slow)
                return NULL;

        for (size_t i = 0; i < slow->n_groups; i++) {
                (void)event_unref(slow->groups[i].worst); /* these return NULL */
                (void)event_unref(slow->groups[i].named);
                cpu_set_done(&slow->groups[i].cpus);
        }
        free(slow->groups);
        free(slow);
        return NULL;
}
