/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The worst stretch of a series of differences: the highest rate that it held for a while, and when. Trouble
 * that lasts half a minute disappears in the average of ten. Pure arithmetic on what a scan delivers; one
 * scan serves all series of a source.
 *
 * Time is cut into slices of half a stretch, which end at passes; a stretch is a slice that is long enough
 * (where passes are rare) or two that follow each other. What lasts as long as a stretch is therefore seen
 * with three quarters of its rate at least, and what lasts twice as long with all of it, for two words per
 * series.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/store/batch.h"

/* A stretch of time and what happened per second in it. All-zero: nothing did. */
struct peak {
        double per_second;
        uint64_t since_us, until_us; /* realtime */
};

/* The slices of a scan, which all of its series share. Embedded; peak_clock_done(). */
struct peak_clock {
        uint64_t stretch_ns;
        struct stamp *marks; /* where slices start; slice i ends at marks[i + 1] or, the last one, at now */
        size_t n_marks, allocated;
        struct stamp now;
};

/* One series while the passes go by. All-zero is a start. */
struct peak_series {
        size_t slice;    /* of the last difference */
        uint64_t amount; /* in that slice */
        uint64_t before; /* in the slice before */
        uint64_t total;
        struct peak best;
};

void peak_clock_done(struct peak_clock *clock);
/* The moment at which differences begin to count; forgets what was before. 0 or -ENOMEM. */
int peak_clock_start(struct peak_clock *clock, uint64_t stretch_ns, const struct stamp *stamp);
/* The next pass, whose differences are added after this. 0 or -ENOMEM. */
int peak_clock_advance(struct peak_clock *clock, const struct stamp *stamp);
void peak_series_add(struct peak_series *series, const struct peak_clock *clock, uint64_t difference);
/* After the last pass. Never less than the average, which stands for records shorter than a stretch. */
void peak_series_finish(struct peak_series *series, const struct peak_clock *clock, struct peak *ret_peak);
/* Whether two stretches have a moment in common; an empty one has with none. */
bool peaks_overlap(const struct peak *a, const struct peak *b) _pure_;
