/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/event-totals.h"

#include "common/utf8.h"

/* From the shortest threshold that can be set to what a watchdog calls a lockup. */
const uint64_t event_totals_edges_ns[EVENT_TOTALS_LENGTHS - 1] = {
        1 * NSEC_PER_MSEC,   2 * NSEC_PER_MSEC,    5 * NSEC_PER_MSEC,    10 * NSEC_PER_MSEC,
        20 * NSEC_PER_MSEC,  50 * NSEC_PER_MSEC,   100 * NSEC_PER_MSEC,  200 * NSEC_PER_MSEC,
        500 * NSEC_PER_MSEC, 1000 * NSEC_PER_MSEC, 5000 * NSEC_PER_MSEC,
};

static void event_total_add(struct event_total *total, const struct event *event) {
        struct event_example *latest = &total->latest;

        total->count++;
        total->total_min_ns += event->duration_min_ns;
        latest->id = event->id;
        latest->time_us = event->time_us;
        latest->duration_ns = event->duration_min_ns;
        (void)utf8_printable(event->has_task ? event->comm : "", latest->comm, sizeof(latest->comm));
        (void)utf8_printable(event->culprit ? event->culprit : "", latest->culprit, sizeof(latest->culprit));
}

static size_t event_length(uint64_t duration_ns) {
        size_t i = 0;

        while (i < ELEMENTSOF(event_totals_edges_ns) && duration_ns > event_totals_edges_ns[i])
                i++;

        return i;
}

void event_totals_add(struct event_totals *totals, const struct event *event) {
        totals->by_kind[event->kind]++;
        if (event->kind != EVENT_IRQ_DELAY || !event->has_duration)
                return;

        event_total_add(&totals->by_class[event->class == CLASS_NONE ? CLASS_UNKNOWN : event->class], event);
        event_total_add(&totals->by_length[event_length(event->duration_min_ns)], event);
}
