/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/events.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "common/array.h"

/* A stack that at least one event of the store has. */
struct stack_entry {
        struct hash_node node;
        struct stack *stack; /* owned reference */
        size_t n_users;
};

int events_init(struct events *events) {
        *events = (struct events){};
        return hash_table_init(&events->stacks);
}

void events_done(struct events *events) {
        while (events->n > 0)
                events_drop(events);
        free(events->items);
        hash_table_done(&events->stacks);
        *events = (struct events){};
}

/* The node is the first member. */
static struct stack_entry *stack_entry_of(struct hash_node *node) {
        return (struct stack_entry *)node;
}

static struct stack_entry *find_stack(const struct events *events, const struct stack *stack) {
        struct hash_node *node = hash_table_first(&events->stacks, stack->hash);

        for (; node; node = hash_table_next(node))
                if (stack_equal(stack_entry_of(node)->stack, stack))
                        return stack_entry_of(node);

        return NULL;
}

static size_t stack_entry_memory(const struct stack_entry *entry) {
        return malloc_usable_size((void *)entry) + stack_memory(entry->stack);
}

/* One more user of the stack's entry, which is made if there is none. *ret_entry: NULL without stack. */
static int use_stack(struct events *events, struct stack *stack, struct stack_entry **ret_entry) {
        struct stack_entry *entry = NULL;

        *ret_entry = NULL;
        if (!stack)
                return 0;

        entry = find_stack(events, stack);
        if (!entry) {
                entry = calloc(1, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
                entry->stack = stack_ref(stack);
                hash_table_insert(&events->stacks, &entry->node, stack->hash);
                events->bytes += stack_entry_memory(entry);
        }

        entry->n_users++;
        *ret_entry = entry;
        return 0;
}

static void leave_stack(struct events *events, struct stack_entry *entry) {
        if (!entry || --entry->n_users > 0)
                return;

        hash_table_remove(&events->stacks, &entry->node);
        events->bytes -= stack_entry_memory(entry);
        (void)stack_unref(entry->stack);
        free(entry);
}

static void adopt_stack(struct stack **stack, const struct stack_entry *entry) {
        if (!entry || *stack == entry->stack)
                return;

        (void)stack_unref(*stack);
        *stack = stack_ref(entry->stack);
}

/* Room for one more at the end: by moving down when half of the array is unused, else by growing. */
static int reserve_item(struct events *events) {
        if (events->first + events->n < events->allocated)
                return 0;

        if (events->first > 0 && events->first >= events->allocated / 2) {
                memmove(events->items, events->items + events->first, events->n * sizeof(*events->items));
                events->first = 0;
                return 0;
        }

        return ARRAY_RESERVE(events->items, events->allocated, events->first + events->n + 1);
}

/* Ids follow time so that they also grow over restarts, however the clock is set meanwhile. */
int64_t events_next_id(struct events *events, const struct event *event) {
        int64_t by_time = event->time_us > INT64_MAX / 2 ? 0 : (int64_t)event->time_us;

        return events->last_id = MAX(events->last_id + 1, by_time);
}

int events_add(struct events *events, struct event *event) {
        struct stack_entry *kernel = NULL, *user = NULL;
        int r;

        r = reserve_item(events);
        if (r < 0)
                return r;

        r = use_stack(events, event->kernel_stack, &kernel);
        if (r < 0)
                return r;

        r = use_stack(events, event->user_stack, &user);
        if (r < 0) {
                leave_stack(events, kernel);
                return r;
        }

        adopt_stack(&event->kernel_stack, kernel);
        adopt_stack(&event->user_stack, user);
        events->last_stored_id = event->id;
        events->last_id = MAX(events->last_id, event->id);
        events->latest_ns = MAX(events->latest_ns, event->monotonic_ns);
        events->items[events->first + events->n] = (struct event_entry){
                .event = event_ref(event),
                .bytes = event_memory(event),
                .monotonic_ns = events->latest_ns,
        };
        events->n++;
        events->bytes += event_memory(event);
        return 0;
}

struct event *events_at(const struct events *events, size_t index) {
        assert(index < events->n);

        return events->items[events->first + index].event;
}

struct event *events_find(const struct events *events, int64_t id) {
        size_t low = 0, high = events->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (events_at(events, middle)->id < id)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low < events->n && events_at(events, low)->id == id ? events_at(events, low) : NULL;
}

void events_drop(struct events *events) {
        struct event_entry *entry = &events->items[events->first];

        assert(events->n > 0);

        if (entry->event->kernel_stack)
                leave_stack(events, find_stack(events, entry->event->kernel_stack));
        if (entry->event->user_stack)
                leave_stack(events, find_stack(events, entry->event->user_stack));

        events->forgotten_us = MAX(events->forgotten_us, entry->event->time_us);
        events->bytes -= entry->bytes;
        (void)event_unref(entry->event);
        events->first = --events->n > 0 ? events->first + 1 : 0;
}

void events_expire(struct events *events, uint64_t now_ns, uint64_t retention_ns) {
        uint64_t oldest_ns = now_ns - MIN(now_ns, retention_ns);

        events->latest_ns = MAX(events->latest_ns, now_ns);
        while (events->n > 0 && events->items[events->first].monotonic_ns < oldest_ns)
                events_drop(events);
}

size_t events_memory(const struct events *events) {
        return events->bytes + malloc_usable_size(events->items) + hash_table_memory(&events->stacks);
}
