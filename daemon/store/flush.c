/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/flush.h"

#include <string.h>

#include "daemon/store/segment.h"
#include "daemon/store/store-private.h"

enum {
        FLUSH_BYTES_MAX =
                4 * 1024 * 1024, /* of one source; what is there after an hour without a disk takes several */
};

void flush_cursor_done(struct flush_cursor *cursor) {
        free(cursor->passes);
        *cursor = (struct flush_cursor){};
}

void flush_done(struct flush *flush) {
        for (size_t i = 0; i < flush->n_segments; i++)
                bytes_done(&flush->segments[i].body);
        free(flush->segments);
        flush_cursor_done(&flush->cursor);
        *flush = (struct flush){};
}

static int reserve_segment(struct flush *flush) {
        size_t n = MAX(flush->n_allocated * 2, (size_t)8);
        struct disk_segment *segments;

        if (flush->n_segments < flush->n_allocated)
                return 0;

        segments = reallocarray(flush->segments, n, sizeof(*segments));
        if (!segments)
                return -ENOMEM;

        flush->segments = segments;
        flush->n_allocated = n;
        return 0;
}

/* The passes of a chunk from that one on. */
static int take_chunk(struct flush *flush, const struct source *source, const struct chunk *chunk,
                      size_t from) {
        struct writer writer = {};
        int r;

        r = reserve_segment(flush);
        if (r < 0)
                return r;

        segment_write(source, chunk, from, chunk->n_passes, &writer);
        if (writer.error < 0) {
                bytes_done(&writer.bytes);
                return writer.error;
        }

        flush->segments[flush->n_segments++] = (struct disk_segment){
                .source = source->name,
                .metrics = source->metrics,
                .n_metrics = source->n_metrics,
                .first = chunk->passes[from].stamp,
                .last = chunk->passes[chunk->n_passes - 1].stamp,
                .head = from == 0,
                .body = writer.bytes,
        };
        flush->n_bytes += writer.bytes.size;
        return 0;
}

static int take_source(struct flush *flush, const struct source *source, uint64_t *pass) {
        size_t limit = flush->n_bytes + FLUSH_BYTES_MAX;

        for (const struct chunk *chunk = source->oldest; chunk; chunk = chunk->next) {
                uint64_t end = chunk->first_pass + chunk->n_passes;
                int r;

                if (*pass >= end)
                        continue;
                if (flush->n_bytes >= limit) {
                        flush->more = true;
                        return 0;
                }
                /* What was dropped before it could be written is not there any more. */
                *pass = MAX(*pass, chunk->first_pass);
                r = take_chunk(flush, source, chunk, (size_t)(*pass - chunk->first_pass));
                if (r < 0)
                        return r;
                *pass = end;
        }

        return 0;
}

/* Segments get numbers in the order of time, whatever their source. */
static int compare_segments(const void *a, const void *b) {
        const struct disk_segment *x = a, *y = b;

        return (x->last.monotonic_ns > y->last.monotonic_ns) - (x->last.monotonic_ns < y->last.monotonic_ns);
}

int flush_take(const struct store *store, const struct flush_cursor *cursor, struct flush *ret_flush) {
        size_t n = store_n_sources(store);
        struct flush flush = {};
        int r = 0;

        flush.cursor.passes = calloc(n + 1, sizeof(*flush.cursor.passes));
        if (!flush.cursor.passes)
                return -ENOMEM;

        flush.cursor.n = n;
        for (size_t i = 0; i < n && r >= 0; i++) {
                flush.cursor.passes[i] = i < cursor->n ? cursor->passes[i] : 0;
                r = take_source(&flush, store_source_at(store, (unsigned)i), &flush.cursor.passes[i]);
        }
        if (r < 0) {
                flush_done(&flush);
                return r;
        }

        if (flush.n_segments > 0) /* qsort() takes no NULL, not even for nothing */
                qsort(flush.segments, flush.n_segments, sizeof(*flush.segments), compare_segments);
        *ret_flush = flush;
        return 0;
}
