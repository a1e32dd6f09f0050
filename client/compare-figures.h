/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The figures of two reports, side by side, and when they differ by enough. Private to compare.c.
 */

#include "client/compare.h"

enum { THEN, NOW, _SIDES };

enum figure_type {
        WINDOWS_COUNT,
        WINDOWS_TOTAL,
        WINDOWS_WORST,
        LATENCY_P99,
        LATENCY_P999,
        LATENCY_MAX,
        SOFTIRQ_RATE,
        INTERRUPT_RATE,
        RUN_SHARE,
        CPU_SHARE,
        DEVICE_PACKETS,
        DEVICE_DROPS,
        SOFTNET_PACKETS,
        SOFTNET_TROUBLE,
        _FIGURE_TYPE_MAX,
};

/* A figure that differs by less than ratio_min, or by less than delta_min, is the same; below floor it is as
 * good as floor, so that from next to nothing to little is no thousandfold rise. */
struct figure_rule {
        const char *kind, *measure, *unit;
        double ratio_min, delta_min, floor;
        bool per_hour; /* delta_min and floor are of the whole span, the figure of an hour */
};
extern const struct figure_rule compare_rules[_FIGURE_TYPE_MAX];

struct figure {
        enum figure_type type;
        char *key, *subject; /* the same thing has the same key; what it is called now, or was */
        double values[_SIDES];
};

struct compare {
        const struct compare_side *sides[_SIDES];
        double watched_hours[_SIDES];
        struct figure *figures;
        size_t n_figures, n_allocated;
        int error; /* the first: calls in between need no checks */
};

void compare_done(struct compare *compare);
/* Whether a list of the report says something: an empty one may only mean that its collector saw nothing
 * happen. */
bool compare_recorded(struct json_object *report, const char *list, const char *collector);
/* Fills in the figures of both sides. 0 or -ENOMEM. */
int compare_fill(struct compare *compare);
/* How many times as much, or as little; 0: no difference that means something. */
double compare_score(const struct compare *compare, const struct figure *figure) _pure_;
