/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keeping the file within its time and its budget, a little at a time: each step is a transaction of a few
 * milliseconds, between which events and samples are written.
 */

#include "daemon/store/disk-event.h"
#include "daemon/store/disk-private.h"

enum {
        DROP_SEGMENTS = 64, /* in a step */
        DROP_EVENTS = 64,
        VACUUM_PAGES = 256, /* 1 MiB */
};

/* Drops the oldest segments of a tier that are before that point of the timeline. *ret_n: how many. */
static int drop_segments(struct disk *disk, enum disk_tier tier, int64_t before, int64_t *ret_n) {
        static const char *const texts[] = {
#define DROP(table) \
        "DELETE FROM " table " WHERE id < ? AND id <= (SELECT max(id) FROM (SELECT id FROM " table \
        " ORDER BY id LIMIT ?))"
                DROP("samples_raw"),
                DROP("samples_10s"),
                DROP("samples_1min"),
                DROP("samples_10min"),
        };
        struct sql_statement *statement;
        int r;

        r = sql_use(disk->file->sql, texts[tier], &statement);
        if (r >= 0)
                r = sql_bind(statement, before);
        if (r >= 0)
                r = sql_bind(statement, DROP_SEGMENTS);
        if (r >= 0)
                r = sql_run(statement);
        *ret_n = r >= 0 ? sql_n_changed(disk->file->sql) : 0;
        return r;
}

static int64_t moment_before(uint64_t now_us, uint64_t retention_us) {
        return (int64_t)(now_us - MIN(now_us, retention_us));
}

/* *ret_dropped: there may be more. */
static int drop_old(struct disk *disk, uint64_t now_us, bool *ret_dropped) {
        unsigned n_events;
        int64_t n;
        int r = 0;

        for (int tier = 0; tier < _DISK_TIER_MAX && r >= 0; tier++) {
                r = drop_segments(disk, (enum disk_tier)tier,
                                  moment_before(now_us, disk->limits.retention_us[tier]), &n);
                *ret_dropped |= n == DROP_SEGMENTS;
        }
        if (r >= 0)
                r = disk_event_drop(disk->file, moment_before(now_us, disk->limits.event_retention_us),
                                    DROP_EVENTS, &n_events);
        *ret_dropped |= r >= 0 && n_events == DROP_EVENTS;
        return r;
}

int disk_maintain(struct disk *disk, uint64_t now_us, bool *ret_more) {
        bool more = false;
        int r;

        r = sql_exec(disk->file->sql, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        r = drop_old(disk, now_us, &more);
        if (r >= 0)
                r = sql_exec(disk->file->sql, "COMMIT");
        if (r < 0) {
                (void)sql_exec(disk->file->sql, "ROLLBACK"); /* the first failure is the one to tell */
                return r;
        }

        *ret_more = more;
        return 0;
}
