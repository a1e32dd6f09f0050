/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The passes of one source that a span of time is judged by: where its differences start and where they end.
 * What the queries over samples share; nobody else needs it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/store.h"

struct span {
        struct stamp first, last; /* the baseline and the newest pass */
        size_t n_passes;          /* after the baseline, never 0 */
};

/* baseline: the changes carry values to start from; their deltas do not belong to the span. */
typedef int (*span_fn)(const struct store_pass *pass, bool baseline, void *userdata);

/* Walks the baseline and the passes in (since_us, until_us], as store_scan_for() does. When a gap lies across
 * since_us, the pass that ends the gap becomes the baseline: its deltas would bring in what happened long
 * before the span. A gap in the middle is bridged, since counters went on during it and so did time. 0;
 * -ENOENT when there are not two passes to compare; -ENOMEM; negative results of fn. */
int span_scan(const struct store *store, unsigned source, const struct store_scan *request, span_fn fn,
              void *userdata, struct span *ret_span);

/* One of several that read a source in the same scan. Changes of metrics that only others want come by, too: it passes
 * over them. */
struct scan_reader {
        uint64_t metrics;
        span_fn fn;
        void *userdata;
};

/* span_scan() for all of them at once; the first negative result of one ends it. Passes are joined for as
 * long as can be: what is summed up over the whole span comes to the same in one step, and costs less. */
int span_scan_all(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us,
                  const struct scan_reader *readers, size_t n, struct span *ret_span);
/* How many gaps of the source touch the range. */
size_t span_n_gaps(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us);
