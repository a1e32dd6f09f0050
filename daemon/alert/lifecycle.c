/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/lifecycle.h"

#include "common/cleanup.h"

static bool is_beyond(const struct alert_limits *limits, double value) {
        return limits->below ? value <= limits->threshold : value >= limits->threshold;
}

/* Between the two thresholds it is neither beyond nor well: there whatever was goes on. */
static bool is_well(const struct alert_limits *limits, double value) {
        if (is_beyond(limits, value))
                return false;

        return limits->below ? value > limits->clear : value < limits->clear;
}

static uint64_t elapsed(uint64_t since_ns, uint64_t now_ns) {
        return now_ns > since_ns ? now_ns - since_ns : 0;
}

static enum alert_edge rise_if_due(struct alert_life *life, const struct alert_limits *limits,
                                   uint64_t now_ns) {
        if (elapsed(life->beyond_ns, now_ns) < limits->for_ns)
                return ALERT_NO_EDGE;

        life->state = ALERT_RAISED;
        life->raised_ns = now_ns;
        return ALERT_RISE;
}

static enum alert_edge fall_if_due(struct alert_life *life, const struct alert_limits *limits,
                                   uint64_t now_ns) {
        if (elapsed(life->well_ns, now_ns) < limits->hold_ns)
                return ALERT_NO_EDGE;

        life->state = ALERT_QUIET;
        return ALERT_FALL;
}

static enum alert_edge step_unraised(struct alert_life *life, const struct alert_limits *limits,
                                     uint64_t now_ns) {
        /* A dip below the threshold starts the time anew: it must be lasting, not frequent. */
        if (!is_beyond(limits, life->value)) {
                life->state = ALERT_QUIET;
                return ALERT_NO_EDGE;
        }

        if (life->state == ALERT_QUIET) {
                life->state = ALERT_PENDING;
                life->beyond_ns = now_ns;
                life->worst = life->value;
        }

        return rise_if_due(life, limits, now_ns);
}

static enum alert_edge step_raised(struct alert_life *life, const struct alert_limits *limits,
                                   uint64_t now_ns) {
        if (!is_well(limits, life->value)) {
                life->state = ALERT_RAISED;
                return ALERT_NO_EDGE;
        }

        if (life->state == ALERT_RAISED) {
                life->state = ALERT_CLEARING;
                life->well_ns = now_ns;
        }

        return fall_if_due(life, limits, now_ns);
}

enum alert_edge alert_life_step(struct alert_life *life, const struct alert_limits *limits, double value,
                                uint64_t now_ns) {
        life->value = value;
        if (life->state != ALERT_QUIET)
                life->worst = limits->below ? MIN(life->worst, value) : MAX(life->worst, value);

        if (life->state == ALERT_RAISED || life->state == ALERT_CLEARING)
                return step_raised(life, limits, now_ns);
        return step_unraised(life, limits, now_ns);
}
