/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/gaps.h"

#include <malloc.h>
#include <string.h>

#include "common/array.h"

void gaps_done(struct gaps *gaps) {
        for (size_t i = 0; i < gaps->n_items; i++)
                free(gaps->items[i].reason);
        free(gaps->items);
        *gaps = (struct gaps){};
}

bool gaps_has_open(const struct gaps *gaps) {
        return gaps->n_items > 0 && gaps->items[gaps->n_items - 1].until_us == UINT64_MAX;
}

int gaps_open(struct gaps *gaps, uint64_t since_us, const char *reason) {
        char *copy = NULL;
        int r;

        if (gaps_has_open(gaps))
                return 0;

        r = ARRAY_RESERVE(gaps->items, gaps->items_allocated, gaps->n_items + 1);
        if (r < 0)
                return r;

        copy = strdup(reason);
        if (!copy)
                return -ENOMEM;

        gaps->items[gaps->n_items++] = (struct gap){
                .since_us = since_us,
                .until_us = UINT64_MAX,
                .until_monotonic_ns = UINT64_MAX,
                .reason = copy,
        };
        return 0;
}

int gaps_add(struct gaps *gaps, uint64_t since_us, uint64_t until_us, uint64_t until_monotonic_ns, const char *reason) {
        struct gap *gap = NULL;
        int r;

        if (gaps_has_open(gaps))
                return 0;

        r = gaps_open(gaps, since_us, reason);
        if (r < 0)
                return r;

        gap = &gaps->items[gaps->n_items - 1];
        gap->until_us = MAX(until_us, since_us);
        gap->until_monotonic_ns = until_monotonic_ns;
        return 0;
}

void gaps_close(struct gaps *gaps, const struct stamp *stamp) {
        struct gap *gap = NULL;

        if (!gaps_has_open(gaps))
                return;

        gap = &gaps->items[gaps->n_items - 1];
        gap->until_monotonic_ns = stamp->monotonic_ns;
        /* The realtime clock may have been set back meanwhile. */
        gap->until_us = MAX(gap->since_us, stamp->realtime_us);
}

void gaps_forget(struct gaps *gaps, uint64_t monotonic_ns) {
        size_t n = 0;

        while (n < gaps->n_items && gaps->items[n].until_monotonic_ns <= monotonic_ns)
                free(gaps->items[n++].reason);

        if (n > 0)
                memmove(gaps->items, gaps->items + n, (gaps->n_items - n) * sizeof(*gaps->items));
        gaps->n_items -= n;
}

size_t gaps_memory(const struct gaps *gaps) {
        size_t size = malloc_usable_size(gaps->items);

        for (size_t i = 0; i < gaps->n_items; i++)
                size += malloc_usable_size(gaps->items[i].reason);

        return size;
}
