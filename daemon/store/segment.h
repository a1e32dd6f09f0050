/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run of passes of one source as a record for the disk. The segments of one chunk make a block: its first
 * one, the head, has the keys of all rows and the values at the start, the others what came new. A block can
 * be read without any other, so that old ones can be dropped and damaged ones left out. Knows no database.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/coding.h"
#include "daemon/store/source.h"

/* Where passes come from: differences are read by it. */
struct segment_origin {
        int64_t run;  /* of the daemon; larger is later */
        int64_t boot; /* of the machine */
};

/* Appends passes [from, to) of a chunk of the source to the writer. The head is that with from 0. */
void segment_write(const struct source *source, const struct chunk *chunk, size_t from, size_t to,
                   struct writer *writer);

/* Reads segments of one source, in order, into a source. Blocks may be missing; may come from different runs
 * and boots; may overlap: passes that are not later than the one before are left out. The monotonic clock
 * goes on over boots. Passes may stand for several: all tiers are read in this way. */
struct segment_reader;

/* Source and limits are borrowed. 0 or -ENOMEM. */
int segment_reader_new(struct source *source, const struct source_limits *limits,
                       struct segment_reader **ret_reader);
struct segment_reader *segment_reader_free(struct segment_reader *reader);
DEFINE_CLEANUP(struct segment_reader *, segment_reader_free)
/* From now on metric i of what is read is metric map[i] of the source; SEGMENT_METRIC_NONE: it is left out.
 * Borrowed. */
#define SEGMENT_METRIC_NONE UINT32_MAX
void segment_reader_map(struct segment_reader *reader, const uint32_t *map, size_t n);
/* From now on passes up to since_us (realtime) are left out, while the source has none, but for the last of
 * them in a segment: it is what the next one is compared to. 0, as at first: none are. */
void segment_reader_skip(struct segment_reader *reader, uint64_t since_us);
/* The next segment of the block, or the first one of another. Passes later than until_us (realtime) are left
 * out. 0; 1: there was one, and nothing more of the block can be read; -EBADMSG damaged, or no head to go
 * with it: the rest of the block cannot be read; -ENOMEM, then the source is of no further use. */
int segment_read(struct segment_reader *reader, const struct segment_origin *origin, uint64_t until_us,
                 const void *data, size_t size);
/* The clock of the latest pass read as it was on the machine. */
uint64_t segment_reader_last_ns(const struct segment_reader *reader);
