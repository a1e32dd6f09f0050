/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file of history, open for one thread: its schema, and what reading and writing share. Times are of two
 * kinds: those of the clocks, as everywhere, and the timeline, which numbers what was written: microseconds
 * like the realtime clock's, but they never go back. The table "clock" says by how much the two differ.
 */

#include <stdint.h>

#include "daemon/store/batch.h"
#include "daemon/store/sql.h"

enum disk_tier {
        TIER_RAW, /* as read */
        TIER_10S,
        TIER_1MIN,
        TIER_10MIN,
        _DISK_TIER_MAX,
};
/* "raw", "10s", "1min", "10min". */
const char *disk_tier_to_string(enum disk_tier tier) _const_;
/* Microseconds of a step, 0 for TIER_RAW. */
uint64_t disk_tier_step(enum disk_tier tier) _const_;

/* SQL that is the same for all tiers but for the table: an array of literals, see sql_use(). */
#define SQL_PER_TIER(before, after) \
        { \
                before "samples_raw" after, before "samples_10s" after, before "samples_1min" after, \
                        before "samples_10min" after \
        }

/* A collector as it was when it wrote: descriptions of metrics may differ between versions of the daemon. */
struct disk_source {
        int64_t id;
        char *name;
        struct metric_desc *metrics;
        size_t n_metrics;
        void *text; /* that the descriptions point into */
};

struct disk_file {
        struct sql *sql;
        struct disk_source **sources; /* those that were asked for, for the file's life */
        size_t n_sources;
};

/* A damaged file, one that is not ours, one that a newer daemon wrote: see sql_open(), and -EPROTONOSUPPORT.
 */
int disk_file_open(const char *path, unsigned flags, const char *vfs, struct disk_file **ret_file);
struct disk_file *disk_file_close(struct disk_file *file);
DEFINE_CLEANUP(struct disk_file *, disk_file_close)

/* Borrowed. 0; -ENOENT; -EBADMSG; -errno. */
int disk_file_source(struct disk_file *file, int64_t id, const struct disk_source **ret_source);
/* The source with exactly these metrics, made if need be. 0 or -errno. */
int disk_file_add_source(struct disk_file *file, const char *name, const struct metric_desc *metrics,
                         size_t n_metrics, int64_t *ret_id);
