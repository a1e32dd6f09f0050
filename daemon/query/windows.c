/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/windows.h"

#include <string.h>

#include "daemon/query/window-caller.h"

enum {
        WINDOW_COMMS_MAX = 8,
};

bool events_match(const struct event *event, const struct events_request *request) {
        if (event->id <= request->after_id)
                return false;
        if (event->time_us <= request->since_us || event->time_us > request->until_us)
                return false;
        if (request->kinds && !(request->kinds & (UINT32_C(1) << event->kind)))
                return false;
        /* An event of no CPU is no part of a selection of CPUs. */
        if (request->cpus && !cpu_set_contains(request->cpus, event->cpu))
                return false;
        if (request->culprit)
                return event->culprit && strcmp(event->culprit, request->culprit) == 0;
        return true;
}

/* How many match, and at which index the newest "limit" of them start. */
static size_t events_count(const struct store *store, const struct events_request *request,
                           size_t *ret_start) {
        size_t n = 0, i;

        for (i = store_n_events(store); i > 0; i--) {
                if (request->limit > 0 && n == request->limit)
                        break;
                n += events_match(store_event_at(store, i - 1), request);
        }

        *ret_start = i;
        return n;
}

int events_query(const struct store *store, const struct events_request *request, struct event ***ret_events,
                 size_t *ret_n) {
        _cleanup_(freep) struct event **events = NULL;
        size_t n, start, used = 0;

        n = events_count(store, request, &start);
        events = calloc(MAX(n, (size_t)1), sizeof(*events));
        if (!events)
                return -ENOMEM;

        for (size_t i = start; used < n; i++) {
                struct event *event = store_event_at(store, i);

                if (events_match(event, request))
                        events[used++] = event;
        }

        *ret_events = TAKE_PTR(events);
        *ret_n = n;
        return 0;
}

static int compare_text(const char *a, const char *b) {
        if (!a || !b)
                return !!a - !!b;
        return strcmp(a, b);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static const char *fingerprint_of(const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, "fingerprint");

        return evidence && evidence->type == EVIDENCE_STRING ? evidence->string : NULL;
}

static int compare_culprits(const struct event *a, const struct event *b) {
        return COMPARE(a->class, b->class) ?: compare_text(a->culprit, b->culprit);
}

/* Brings the windows of one group together, within it those of one task name; and groups of one culprit. */
static int compare_events(const void *a, const void *b) {
        const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
        int r;

        r = compare_culprits(x, y);
        if (r == 0)
                r = compare_text(fingerprint_of(x), fingerprint_of(y));
        if (r == 0)
                r = strncmp(x->comm, y->comm, EVENT_COMM_MAX);
        return r ?: COMPARE(x->id, y->id);
}

static int compare_groups(const void *a, const void *b) {
        const struct window_group *x = a, *y = b;
        int r;

        r = COMPARE(y->total_min_ns, x->total_min_ns);
        if (r == 0)
                r = COMPARE(y->worst_max_ns, x->worst_max_ns);
        return r ?: COMPARE(x->worst_id, y->worst_id);
}

static int compare_classes(const void *a, const void *b) {
        const struct window_class *x = a, *y = b;

        return COMPARE(y->total_min_ns, x->total_min_ns) ?: COMPARE(x->class, y->class);
}

static bool same_group(const struct event *a, const struct event *b) {
        return compare_culprits(a, b) == 0 && compare_text(fingerprint_of(a), fingerprint_of(b)) == 0;
}

static bool is_worse(const struct event *event, const struct event *than) {
        if (event->duration_min_ns != than->duration_min_ns)
                return event->duration_min_ns > than->duration_min_ns;
        return event->duration_max_ns > than->duration_max_ns;
}

static int group_add_event(struct window_group *group, struct event *event) {
        if (!group->worst || is_worse(event, group->worst)) {
                (void)event_unref(group->worst); /* returns NULL */
                group->worst = event_ref(event);
        }

        group->total_min_ns += event->duration_min_ns;
        group->total_max_ns += event->duration_max_ns;
        group->largest_max_ns = MAX(group->largest_max_ns, event->duration_max_ns);
        group->first_us = group->count > 0 ? MIN(group->first_us, event->time_us) : event->time_us;
        group->last_us = MAX(group->last_us, event->time_us);
        group->count++;
        return event->cpu == CPU_NONE ? 0 : cpu_set_add(&group->cpus, event->cpu);
}

struct comm_count {
        char comm[EVENT_COMM_MAX];
        uint64_t count;
};

/* Keeps the list sorted by count; of equal ones the earlier in the alphabet stays in front. */
static void insert_comm(struct comm_count *top, size_t *n, const struct event *event, uint64_t count) {
        size_t i = *n;

        while (i > 0 && top[i - 1].count < count)
                i--;
        if (i == WINDOW_COMMS_MAX)
                return;

        *n = MIN(*n + 1, (size_t)WINDOW_COMMS_MAX);
        memmove(&top[i + 1], &top[i], (*n - i - 1) * sizeof(*top));
        top[i].count = count;
        memcpy(top[i].comm, event->comm, EVENT_COMM_MAX);
}

static int group_fill_comms(struct window_group *group, struct event *const *events, size_t n) {
        struct comm_count top[WINDOW_COMMS_MAX];
        size_t n_top = 0;

        for (size_t i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n; end++)
                        if (strncmp(events[i]->comm, events[end]->comm, EVENT_COMM_MAX) != 0)
                                break;
                if (events[i]->has_task)
                        insert_comm(top, &n_top, events[i], end - i);
        }

        group->comms = calloc(MAX(n_top, (size_t)1), sizeof(*group->comms));
        if (!group->comms)
                return -ENOMEM;

        for (size_t i = 0; i < n_top; i++)
                memcpy(group->comms[i], top[i].comm, EVENT_COMM_MAX);
        group->n_comms = n_top;
        return 0;
}

static int copy_text(const char *text, char **ret_copy) {
        if (!text)
                return 0;

        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

/* events are those of one group. */
static int group_fill(struct window_group *group, struct event *const *events, size_t n) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = group_add_event(group, events[i]);
                if (r < 0)
                        return r;
        }

        group->class = group->worst->class;
        group->worst_min_ns = group->worst->duration_min_ns;
        group->worst_max_ns = group->worst->duration_max_ns;
        group->worst_id = group->worst->id;
        r = copy_text(group->worst->culprit, &group->culprit);
        if (r < 0)
                return r;
        r = copy_text(fingerprint_of(group->worst), &group->fingerprint);
        if (r < 0)
                return r;
        return group_fill_comms(group, events, n);
}

static size_t count_groups(struct event *const *events, size_t n) {
        size_t n_groups = n > 0;

        for (size_t i = 1; i < n; i++)
                n_groups += !same_group(events[i - 1], events[i]);

        return n_groups;
}

/* Groups of one culprit still lie side by side. */
static int windows_fill_callers(struct windows *windows) {
        struct window_group *groups = windows->by_culprit;
        int r;

        for (size_t i = 0, end; i < windows->n_by_culprit; i = end) {
                for (end = i + 1; end < windows->n_by_culprit; end++)
                        if (compare_culprits(groups[i].worst, groups[end].worst) != 0)
                                break;
                r = windows_name_callers(groups + i, end - i);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int windows_fill_culprits(struct windows *windows, struct event *const *events, size_t n) {
        int r;

        windows->by_culprit = calloc(MAX(count_groups(events, n), (size_t)1), sizeof(*windows->by_culprit));
        if (!windows->by_culprit)
                return -ENOMEM;

        for (size_t i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n && same_group(events[i], events[end]); end++)
                        ;
                r = group_fill(&windows->by_culprit[windows->n_by_culprit++], events + i, end - i);
                if (r < 0)
                        return r;
        }

        r = windows_fill_callers(windows);
        if (r < 0)
                return r;
        qsort(windows->by_culprit, windows->n_by_culprit, sizeof(*windows->by_culprit), compare_groups);
        return 0;
}

static int windows_fill_classes(struct windows *windows) {
        struct window_class classes[_EVENT_CLASS_MAX] = {};

        windows->by_class = calloc(_EVENT_CLASS_MAX, sizeof(*windows->by_class));
        if (!windows->by_class)
                return -ENOMEM;

        for (size_t i = 0; i < windows->n_by_culprit; i++) {
                const struct window_group *group = &windows->by_culprit[i];
                struct window_class *class = &classes[group->class];

                class->class = group->class;
                class->count += group->count;
                class->total_min_ns += group->total_min_ns;
                class->worst_max_ns = MAX(class->worst_max_ns, group->largest_max_ns);
        }

        for (size_t i = 0; i < _EVENT_CLASS_MAX; i++)
                if (classes[i].count > 0)
                        windows->by_class[windows->n_by_class++] = classes[i];
        qsort(windows->by_class, windows->n_by_class, sizeof(*windows->by_class), compare_classes);
        return 0;
}

int windows_group(struct event **events, size_t n, struct windows **ret_windows) {
        _cleanup_(windows_freep) struct windows *windows = NULL;
        int r;

        windows = calloc(1, sizeof(*windows));
        if (!windows)
                return -ENOMEM;

        qsort(events, n, sizeof(*events), compare_events);
        r = windows_fill_culprits(windows, events, n);
        if (r < 0)
                return r;
        r = windows_fill_classes(windows);
        if (r < 0)
                return r;

        windows->count = n;
        for (size_t i = 0; i < windows->n_by_culprit; i++)
                windows->worst_ns = MAX(windows->worst_ns, windows->by_culprit[i].worst_min_ns);
        *ret_windows = TAKE_PTR(windows);
        return 0;
}

int windows_query(const struct store *store, uint64_t since_us, uint64_t until_us, const struct cpu_set *cpus,
                  struct windows **ret_windows) {
        const struct events_request request = {
                .since_us = since_us,
                .until_us = until_us,
                .kinds = UINT32_C(1) << EVENT_IRQ_DELAY,
                .cpus = cpus,
        };
        _cleanup_(freep) struct event **events = NULL;
        size_t n;
        int r;

        r = events_query(store, &request, &events, &n);
        if (r < 0)
                return r;
        return windows_group(events, n, ret_windows);
}

struct windows *windows_free(struct windows *windows) {
        if (!windows)
                return NULL;

        for (size_t i = 0; i < windows->n_by_culprit; i++) {
                struct window_group *group = &windows->by_culprit[i];

                free(group->culprit);
                free(group->fingerprint);
                free(group->caller);
                free(group->comms);
                cpu_set_done(&group->cpus);
                (void)event_unref(group->worst); /* returns NULL */
        }
        free(windows->by_culprit);
        free(windows->by_class);
        free(windows);
        return NULL;
}
