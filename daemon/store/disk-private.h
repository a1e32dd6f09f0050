/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the writer (disk*.c) share.
 */

#include "daemon/store/disk.h"

enum {
        DISK_SOURCES_MAX = 64, /* written in one run of the daemon */
};

/* What the writer knows of a source that it writes. */
struct disk_writer {
        char *name;
        const struct metric_desc *metrics; /* borrowed from the segments' source: literals */
        size_t n_metrics;
        int64_t id;
        int64_t block; /* its latest; 0: a head must come first */
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
        uint64_t written_bytes;
};

/* The next free point of the timeline at or soon after that moment of the realtime clock. Within a
 * transaction: notes when the clock was set back. */
int disk_take_id(struct disk *disk, uint64_t realtime_us, int64_t *ret_id);
