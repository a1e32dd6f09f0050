/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of the memory store is not on disk yet, as segments that another thread can write. The memory store
 * itself is the queue: as long as passes are in it, a disk that fails for a while loses none of them. Belongs
 * to the loop's thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/store/disk.h"
#include "daemon/store/store.h"

/* By source: the number of the first pass that is not yet written. All-zero: none is. */
struct flush_cursor {
        uint64_t *passes;
        size_t n;
};

void flush_cursor_done(struct flush_cursor *cursor);

struct flush {
        struct disk_segment *segments;
        size_t n_segments, n_allocated;
        size_t n_bytes;
        struct flush_cursor cursor; /* where it ends */
        bool more;                  /* there is more than one flush takes */
};

/* Copies what comes after the cursor, up to a limit. 0 or -ENOMEM; end with flush_done(). */
int flush_take(const struct store *store, const struct flush_cursor *cursor, struct flush *ret_flush);
void flush_done(struct flush *flush);
