/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/source.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

int source_new(const char *name, const struct metric_desc *metrics, size_t n_metrics,
               struct source **ret_source) {
        _cleanup_(source_freep) struct source *source = NULL;
        int r;

        source = calloc(1, sizeof(*source));
        if (!source)
                return -ENOMEM;

        source->metrics = metrics;
        source->n_metrics = n_metrics;
        source->name = strdup(name);
        if (!source->name)
                return -ENOMEM;

        r = rows_init(&source->rows);
        if (r < 0)
                return r;

        *ret_source = TAKE_PTR(source);
        return 0;
}

struct source *source_free(struct source *source) {
        if (!source)
                return NULL;

        for (struct chunk *chunk = source->oldest, *next; chunk; chunk = next) {
                next = chunk->next;
                (void)chunk_free(chunk);
        }

        rows_done(&source->rows);
        (void)shared_cpus_unref(source->cpus);
        free(source->cpu_passes);
        gaps_done(&source->gaps);
        bytes_done(&source->scratch);
        free(source->name);
        free(source);
        return NULL;
}

int source_mark_gap(struct source *source, const struct stamp *stamp, const char *reason) {
        uint64_t since_us = source->next_pass > 0 ? source->last.realtime_us : stamp->realtime_us;

        return gaps_open(&source->gaps, since_us, reason);
}

size_t source_drop_chunk(struct source *source) {
        struct chunk *chunk = source->oldest;
        size_t n = chunk->n_passes;

        assert(chunk);

        if (chunk == source->newest)
                source->newest = NULL;
        else
                source->closed_bytes -= chunk_memory(chunk);
        source->oldest = chunk->next;
        source->n_passes -= n;
        (void)chunk_free(chunk);

        rows_forget(&source->rows, source->oldest ? source->oldest->first_pass : source->next_pass);
        gaps_forget(&source->gaps, source->oldest ? source->oldest->passes[0].stamp.monotonic_ns
                                                  : source->last.monotonic_ns);
        return n;
}

void source_expire(struct source *source, uint64_t monotonic_ns) {
        while (source->oldest &&
               source->oldest->passes[source->oldest->n_passes - 1].stamp.monotonic_ns < monotonic_ns)
                (void)source_drop_chunk(source); /* their time has come: not counted */
}

size_t source_memory(const struct source *source) {
        return malloc_usable_size((void *)source) + malloc_usable_size(source->name) +
               rows_memory(&source->rows) + source->closed_bytes +
               (source->newest ? chunk_memory(source->newest) : 0) + gaps_memory(&source->gaps) +
               malloc_usable_size(source->cpu_passes) + malloc_usable_size(source->scratch.data);
}

/* A 32-bit counter whose way forward over 2^32 is less than half of its range wrapped (it then was in its
 * upper half). Anything else that decreased was reset: a driver was reloaded, or the map behind it made anew.
 */
static bool counter_wrapped(const struct metric_desc *metric, uint64_t from, uint64_t to) {
        return metric->width_bits == 32 && from <= UINT32_MAX && (uint32_t)(to - from) < UINT32_C(1) << 31;
}

uint64_t counter_decrease(const struct metric_desc *metric, uint64_t from, uint64_t to, bool *ret_reset) {
        bool wrapped = counter_wrapped(metric, from, to);

        *ret_reset = !wrapped;
        return wrapped ? (uint32_t)(to - from) : to;
}
