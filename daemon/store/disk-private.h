/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the writer (disk*.c) share.
 */

#include "daemon/store/disk.h"

enum {
        DISK_SOURCES_MAX = 64,           /* written in one run of the daemon */
        DISK_PARTS = _DISK_TIER_MAX + 1, /* the tiers, and events */
        DISK_EVENT_BYTES = 500,          /* that an event takes, about, with its share of stacks */
};

/* What the writer knows of a source that it writes. */
struct disk_writer {
        char *name;
        const struct metric_desc *metrics; /* borrowed from the segments' source: literals */
        size_t n_metrics;
        int64_t id;
        int64_t block; /* its latest; 0: a head must come first */
};

/* When there may be something to condense of a source, on the timeline. */
struct disk_condensed {
        int64_t source;
        int64_t due[_DISK_TIER_MAX];
        int64_t done[_DISK_TIER_MAX]; /* up to where the tier has what the finer one has; INT64_MAX: all */
};

struct disk {
        struct disk_file *file;
        char *path;
        int lock_fd;
        int64_t run, boot;
        int64_t last_id;   /* on the timeline: given to a segment */
        int64_t offset_us; /* realtime = timeline + offset */
        int64_t last_event_id;
        struct disk_limits limits;
        struct disk_writer sources[DISK_SOURCES_MAX];
        size_t n_sources;
        struct disk_condensed condensed[256];
        size_t n_condensed;
        int64_t part_bytes[DISK_PARTS]; /* what the rows of each part hold, about; -1 first: not known */
        uint64_t written_bytes;
};

/* The next free point of the timeline at or soon after that moment of the realtime clock. Within a
 * transaction: notes when the clock was set back. */
int disk_take_id(struct disk *disk, uint64_t realtime_us, int64_t *ret_id);

/* What is before that point of the timeline is in the next coarser tier, if there is one. */
int64_t disk_condensed_until(const struct disk *disk, enum disk_tier tier);
/* disk-condense.c. Makes one block of a coarser tier if there is enough for one. *ret_more: there may be
 * others. */
int disk_condense(struct disk *disk, bool *ret_more);
