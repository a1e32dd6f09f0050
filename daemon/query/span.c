/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/span.h"

struct span_walk {
        struct span span;
        uint64_t since_us;
        span_fn fn;
        void *userdata;
};

static int span_baseline(const struct store_pass *pass, void *userdata) {
        struct span_walk *walk = userdata;

        walk->span.first = walk->span.last = pass->stamp;
        return walk->fn(pass, true, walk->userdata);
}

static int span_pass(const struct store_pass *pass, void *userdata) {
        struct span_walk *walk = userdata;

        if (walk->span.n_passes == 0 && pass->after_gap && walk->span.first.realtime_us < walk->since_us) {
                /* Only once: from now on first is inside the span. */
                return span_baseline(pass, walk);
        }

        walk->span.last = pass->stamp;
        walk->span.n_passes++;
        return walk->fn(pass, false, walk->userdata);
}

int span_scan(const struct store *store, unsigned source, const struct store_scan *request, span_fn fn,
              void *userdata, struct span *ret_span) {
        struct span_walk walk = { .since_us = request->since_us, .fn = fn, .userdata = userdata };
        int r;

        r = store_scan_for(store, source, request, span_baseline, span_pass, &walk);
        if (r < 0)
                return r;
        if (walk.span.n_passes == 0)
                return -ENOENT;

        *ret_span = walk.span;
        return 0;
}

struct readers {
        const struct scan_reader *items;
        size_t n;
};

static int span_read(const struct store_pass *pass, bool baseline, void *userdata) {
        const struct readers *readers = userdata;
        int r = 0;

        for (size_t i = 0; r == 0 && i < readers->n; i++)
                r = readers->items[i].fn(pass, baseline, readers->items[i].userdata);

        return r;
}

int span_scan_all(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us,
                  const struct scan_reader *readers, size_t n, struct span *ret_span) {
        struct store_scan request = { .since_us = since_us, .until_us = until_us, .join_ns = UINT64_MAX };
        struct readers all = { .items = readers, .n = n };

        for (size_t i = 0; i < n; i++)
                request.metrics |= readers[i].metrics;

        return span_scan(store, source, &request, span_read, &all, ret_span);
}

struct gap_count {
        unsigned source;
        size_t n;
};

static int span_count_gap(const struct store_gap *gap, void *userdata) {
        struct gap_count *count = userdata;

        count->n += gap->source == count->source;
        return 0;
}

size_t span_n_gaps(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us) {
        struct gap_count count = { .source = source };

        (void)store_for_each_gap(store, since_us, until_us, span_count_gap,
                                 &count); /* returns what the callback returns: 0 */
        return count.n;
}
