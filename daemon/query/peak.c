/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/peak.h"

#include "common/array.h"

void peak_clock_done(struct peak_clock *clock) {
        free(clock->marks);
        *clock = (struct peak_clock){};
}

static int peak_clock_mark(struct peak_clock *clock, const struct stamp *stamp) {
        int r = ARRAY_RESERVE(clock->marks, clock->allocated, clock->n_marks + 1);

        if (r < 0)
                return r;

        clock->marks[clock->n_marks++] = *stamp;
        return 0;
}

int peak_clock_start(struct peak_clock *clock, uint64_t stretch_ns, const struct stamp *stamp) {
        clock->stretch_ns = stretch_ns;
        clock->n_marks = 0;
        clock->now = *stamp;
        return peak_clock_mark(clock, stamp);
}

int peak_clock_advance(struct peak_clock *clock, const struct stamp *stamp) {
        uint64_t length_ns = clock->now.monotonic_ns - clock->marks[clock->n_marks - 1].monotonic_ns;
        int r = 0;

        if (length_ns >= clock->stretch_ns / 2 && length_ns > 0)
                r = peak_clock_mark(clock, &clock->now);

        clock->now = *stamp;
        return r;
}

/* Where a slice ends; slices that have not come yet end now. */
static const struct stamp *slice_end(const struct peak_clock *clock, size_t slice) {
        return slice + 1 < clock->n_marks ? &clock->marks[slice + 1] : &clock->now;
}

static uint64_t slices_ns(const struct peak_clock *clock, size_t first, size_t last) {
        return slice_end(clock, last)->monotonic_ns - clock->marks[first].monotonic_ns;
}

/* The stretch that ends with the series' slice, if it is the best one so far. */
static void peak_series_close(struct peak_series *series, const struct peak_clock *clock) {
        size_t first = series->slice, last = first;
        uint64_t amount = series->amount, length_ns;
        double per_second;

        /* A stretch is no shorter than that, and no more can be in it: most need no closer look. */
        if ((double)(amount + series->before) * (double)NSEC_PER_SEC <=
            series->best.per_second * (double)clock->stretch_ns)
                return;

        if (slices_ns(clock, first, last) < clock->stretch_ns) {
                if (first > 0) {
                        first--;
                        amount += series->before;
                } else
                        last++; /* nothing was before: what came after makes the stretch long enough */
        }

        length_ns = slices_ns(clock, first, last);
        if (length_ns < clock->stretch_ns || length_ns == 0)
                return; /* at the end of the record */

        per_second = (double)amount * (double)NSEC_PER_SEC / (double)length_ns;
        if (per_second > series->best.per_second)
                series->best = (struct peak){
                        .per_second = per_second,
                        .since_us = clock->marks[first].realtime_us,
                        .until_us = slice_end(clock, last)->realtime_us,
                };
}

void peak_series_add(struct peak_series *series, const struct peak_clock *clock, uint64_t difference) {
        size_t slice = clock->n_marks - 1;

        if (series->slice != slice) {
                if (series->amount > 0)
                        peak_series_close(series, clock);
                series->before = series->slice + 1 == slice ? series->amount : 0;
                series->amount = 0;
                series->slice = slice;
        }

        series->amount += difference;
        series->total += difference;
}

void peak_series_finish(struct peak_series *series, const struct peak_clock *clock, struct peak *ret_peak) {
        uint64_t elapsed_ns;
        double average;

        if (series->total == 0) {
                *ret_peak = (struct peak){};
                return;
        }

        peak_series_close(series, clock);
        elapsed_ns = clock->now.monotonic_ns - clock->marks[0].monotonic_ns;
        average = elapsed_ns > 0 ? (double)series->total * (double)NSEC_PER_SEC / (double)elapsed_ns : 0;
        if (average > series->best.per_second)
                series->best = (struct peak){
                        .per_second = average,
                        .since_us = clock->marks[0].realtime_us,
                        .until_us = clock->now.realtime_us,
                };
        *ret_peak = series->best;
}

bool peaks_overlap(const struct peak *a, const struct peak *b) {
        return a->since_us < b->until_us && b->since_us < a->until_us;
}
