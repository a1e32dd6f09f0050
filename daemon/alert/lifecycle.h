/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From values over time to "raised" and "cleared" for one thing that a rule watches. Edge-triggered, with a
 * time that it must last, hysteresis, and a time that it must be well. Pure: the caller passes the values and
 * the time, from any clock that does not go backwards.
 */

#include <stdbool.h>
#include <stdint.h>

struct alert_limits {
        double threshold, clear; /* beyond: value >= threshold; well: value < clear */
        bool below;              /* the other way round: value <= threshold, value > clear */
        uint64_t for_ns, hold_ns;
};

enum alert_state {
        ALERT_QUIET,   /* nothing to tell; the only state that need not be kept */
        ALERT_PENDING, /* beyond the threshold, not yet for long enough */
        ALERT_RAISED,
        ALERT_CLEARING, /* raised, and well, but not yet for long enough */
        _ALERT_STATE_MAX,
};

/* All-zero is quiet. */
struct alert_life {
        enum alert_state state;
        uint64_t beyond_ns; /* since when it is, or was, beyond the threshold */
        uint64_t raised_ns; /* raised and clearing: since when it is raised */
        uint64_t well_ns;   /* clearing: since when it is well */
        double value;       /* the latest */
        double worst;       /* the farthest beyond since beyond_ns */
};

enum alert_edge {
        ALERT_NO_EDGE,
        ALERT_RISE, /* has just been raised */
        ALERT_FALL, /* has just been cleared; life still tells of the time before until the next step */
};

/* Takes the value of this moment. Having no value is no reason to call it: then nothing is known to have
 * changed. */
enum alert_edge alert_life_step(struct alert_life *life, const struct alert_limits *limits, double value,
                                uint64_t now_ns);
