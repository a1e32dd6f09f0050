/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the writer of segments, their reader, and the reader's way into a source (segment-import.c) share.
 */

#include "daemon/store/segment.h"

enum {
        SEGMENT_HEAD = 1 << 0,
        PASS_AFTER_GAP = 1 << 0,
        PASS_CPUS = 1 << 1,
        PASS_EXTRAS = 1 << 2,
        SEGMENT_ROWS_MAX = 4 * 1024 * 1024, /* numbers of rows: as many as there may be series */
};

/* A row of the block. */
struct block_row {
        bool lives;
        unsigned metric;       /* of the source, or SEGMENT_METRIC_NONE */
        struct row_key key;    /* points into text */
        char *text;            /* owned */
        struct row *target;    /* NULL until it goes over */
        struct series *series; /* its values in the block, ascending CPUs */
        size_t n_series, series_allocated;
};

struct segment_reader {
        struct source *source;
        const struct source_limits *limits;
        const uint32_t *map; /* borrowed */
        size_t n_map;
        struct block_row *rows; /* by number */
        size_t n_rows;
        bool in_block, synced;
        struct segment_origin origin;   /* of the block */
        struct segment_origin imported; /* of the latest pass that went over */
        uint64_t last_ns;               /* of that pass, on its machine */
        uint64_t follows_ns;            /* of the block */
        uint64_t since_us;              /* see segment_reader_skip() */
        uint64_t shift_ns;              /* from the clock of the block's boot to the source's */
        struct cpu_set cpus;
        struct unpacker unpacker;
        struct bytes record;
        struct store_change *changes;
        size_t n_changes, changes_allocated;
};

/* Its metric is one that is still known. */
static inline bool block_row_is_kept(const struct block_row *row) {
        return row->lives && row->metric != SEGMENT_METRIC_NONE;
}

static inline const struct metric_desc *segment_metric(const struct segment_reader *reader,
                                                       const struct block_row *row) {
        return &reader->source->metrics[row->metric];
}

/* 0 or -ENOMEM. */
int segment_reserve_changes(struct segment_reader *reader, size_t n);
/* Has the source that pass, or a later one? */
bool segment_is_known(const struct segment_reader *reader, const struct stamp *stamp);
/* Adds the pass to the source; its changes are in the reader, numbered by the block's rows. 0; -EBADMSG;
 * -ENOMEM. */
int segment_import(struct segment_reader *reader, struct store_pass *pass);
