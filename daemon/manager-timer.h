/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The timer of a part of the daemon that says itself when it has something to do next.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

/* Fires once at deadline_ns (CLOCK_MONOTONIC), not before; UINT64_MAX: never. A live source's settings cannot fail. */
static inline void timer_arm(sd_event_source *timer, uint64_t deadline_ns) {
        if (deadline_ns != UINT64_MAX)
                (void)sd_event_source_set_time(timer, deadline_ns / NSEC_PER_USEC + 1);
        (void)sd_event_source_set_enabled(timer, deadline_ns == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}
