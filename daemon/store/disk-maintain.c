/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keeping the file within its time and its budget, a little at a time: each step is a transaction of a few
 * milliseconds, between which events and samples are written.
 */

#include <string.h>

#include "daemon/store/disk-event.h"
#include "daemon/store/disk-private.h"

#define PATIENCE_NS (50 * NSEC_PER_MSEC) /* what a step may take */

enum {
        DROP_SEGMENTS = 64, /* in a step */
        DROP_EVENTS = 64,
        FREE_PAGES_MAX = 2048, /* that may lie idle in the file: 8 MiB */
        PAGE_SIZE = 4096,
        LOG_BYTES = 8 * 1024 * 1024, /* of the budget: for the log */
};

/* What each part of the file may have when all of them want more; what one leaves is the others'. */
static const unsigned shares[] = {
        [TIER_RAW] = 20, [TIER_10S] = 35, [TIER_1MIN] = 15, [TIER_10MIN] = 15, [_DISK_TIER_MAX] = 15,
};
enum { PART_EVENTS = _DISK_TIER_MAX };
_Static_assert(ELEMENTSOF(shares) == DISK_PARTS, "a share per part");

/* What the oldest segments of a tier hold. */
static int sum_oldest(struct disk *disk, enum disk_tier tier, int64_t until, int64_t *ret_bytes,
                      int64_t *ret_last) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT total(length(body)), max(id) FROM (SELECT id, body FROM ",
                             " WHERE id < ? ORDER BY id LIMIT ?)");
        struct sql_statement *row;
        int r;

        r = sql_use(disk->file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, until);
        if (r >= 0)
                r = sql_bind(row, DROP_SEGMENTS);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r < 0 ? r : -EIO;

        *ret_bytes = sql_value(row, 0);
        *ret_last = sql_value(row, 1); /* 0: there is none */
        sql_reset(row);
        return 0;
}

/* Drops the oldest segments of a tier that are before that point of the timeline. *ret_n: how many. */
static int drop_segments(struct disk *disk, enum disk_tier tier, int64_t until, int64_t *ret_n) {
        static const char *const texts[] = SQL_PER_TIER("DELETE FROM ", " WHERE id <= ?");
        struct sql_statement *statement;
        int64_t bytes, last;
        int r;

        *ret_n = 0;
        r = sum_oldest(disk, tier, until, &bytes, &last);
        if (r < 0 || last == 0)
                return r;

        r = sql_use(disk->file->sql, texts[tier], &statement);
        if (r >= 0)
                r = sql_bind(statement, last);
        if (r >= 0)
                r = sql_run(statement);
        if (r < 0)
                return r;

        *ret_n = sql_n_changed(disk->file->sql);
        disk->part_bytes[tier] -= bytes;
        return 0;
}

static int drop_events(struct disk *disk, int64_t until, unsigned *ret_n) {
        int r;

        r = disk_event_drop(disk->file, until, DROP_EVENTS, ret_n);
        disk->part_bytes[PART_EVENTS] -= *ret_n * DISK_EVENT_BYTES;
        return r;
}

static int64_t before(const struct disk *disk, uint64_t retention_us) {
        return disk->last_id - (int64_t)MIN(retention_us, (uint64_t)disk->last_id);
}

/* *ret_more: there may be others. */
static int drop_old(struct disk *disk, bool *ret_more) {
        unsigned n_events = 0;
        int64_t n = 0;
        int r = 0;

        for (int tier = 0; tier < _DISK_TIER_MAX && r >= 0; tier++) {
                r = drop_segments(disk, (enum disk_tier)tier,
                                  MIN(before(disk, disk->limits.retention_us[tier]),
                                      disk_condensed_until(disk, (enum disk_tier)tier)),
                                  &n);
                *ret_more |= n == DROP_SEGMENTS;
        }
        if (r >= 0)
                r = drop_events(disk, before(disk, disk->limits.event_retention_us), &n_events);
        *ret_more |= n_events == DROP_EVENTS;
        return r;
}

static int get_pages(struct disk *disk, int64_t *ret_n, int64_t *ret_n_free) {
        int r;

        r = sql_get(disk->file->sql, "PRAGMA page_count", ret_n);
        return r < 0 ? r : sql_get(disk->file->sql, "PRAGMA freelist_count", ret_n_free);
}

/* Once, for then it is kept account of. */
static int measure(struct disk *disk) {
        static const char *const texts[] = {
                [TIER_RAW] = "SELECT total(length(body)) FROM samples_raw",
                [TIER_10S] = "SELECT total(length(body)) FROM samples_10s",
                [TIER_1MIN] = "SELECT total(length(body)) FROM samples_1min",
                [TIER_10MIN] = "SELECT total(length(body)) FROM samples_10min",
                [PART_EVENTS] = "SELECT count(*) FROM event",
        };
        int64_t bytes[DISK_PARTS];

        if (disk->part_bytes[0] >= 0)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                int r = sql_get(disk->file->sql, texts[i], &bytes[i]);

                if (r < 0)
                        return r;
        }

        memcpy(disk->part_bytes, bytes, sizeof(bytes));
        disk->part_bytes[PART_EVENTS] *= DISK_EVENT_BYTES;
        return 0;
}

/* The part that has the most above its share. */
static size_t find_victim(const int64_t bytes[DISK_PARTS]) {
        size_t victim = 0;

        for (size_t i = 1; i < DISK_PARTS; i++)
                if (bytes[i] * shares[victim] > bytes[victim] * shares[i])
                        victim = i;

        return victim;
}

/* 1: something was dropped; 0: there is nothing. */
static int drop_something(struct disk *disk) {
        unsigned n_events = 0;
        int64_t n = 0;
        size_t victim;
        int r;

        r = measure(disk);
        if (r < 0)
                return r;

        victim = find_victim(disk->part_bytes);
        if (victim == PART_EVENTS)
                r = drop_events(disk, INT64_MAX, &n_events);
        else
                r = drop_segments(disk, (enum disk_tier)victim,
                                  disk_condensed_until(disk, (enum disk_tier)victim), &n);
        if (r >= 0 && n == 0 && n_events == 0 && victim != PART_EVENTS) /* even so the budget holds */
                r = drop_segments(disk, (enum disk_tier)victim, INT64_MAX, &n);
        if (r >= 0 && n == 0 && n_events == 0) {
                bool was_known = disk->part_bytes[victim] <= 0;

                disk->part_bytes[victim] = 0; /* the account was wrong */
                return !was_known;
        }
        return r < 0 ? r : 1;
}

static uint64_t clock_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

/* Over the budget things go until it is kept, or others have waited for long enough; what is free and not
 * soon needed is given back. */
static int keep_budget(struct disk *disk, bool *ret_more) {
        int64_t budget = (int64_t)((disk->limits.budget_bytes - LOG_BYTES) / PAGE_SIZE), n, n_free;
        uint64_t until_ns = clock_ns() + PATIENCE_NS;
        int r;

        for (;;) {
                r = get_pages(disk, &n, &n_free);
                if (r < 0 || n - n_free <= budget)
                        break;
                r = drop_something(disk);
                if (r <= 0)
                        break;
                if (clock_ns() > until_ns) {
                        *ret_more = true;
                        return 0;
                }
        }
        if (r >= 0 && (n > budget || n_free > FREE_PAGES_MAX)) {
                *ret_more = true;
                r = sql_exec(disk->file->sql, "PRAGMA incremental_vacuum(256)"); /* 1 MiB */
        }
        return MIN(r, 0);
}

static int drop(struct disk *disk, bool *ret_more) {
        int r;

        r = sql_exec(disk->file->sql, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        r = drop_old(disk, ret_more);
        if (r >= 0)
                r = keep_budget(disk, ret_more);
        if (r >= 0)
                r = sql_exec(disk->file->sql, "COMMIT");
        if (r < 0)
                (void)sql_exec(disk->file->sql, "ROLLBACK"); /* the first failure is the one to tell */
        return r;
}

int disk_maintain(struct disk *disk, bool *ret_more) {
        bool condensed = false, dropped = false;
        int r;

        r = disk_condense(disk, &condensed);
        if (r >= 0)
                r = drop(disk, &dropped);
        *ret_more = condensed || dropped;
        return r;
}

int disk_make_room(struct disk *disk) {
        int64_t n, n_free;
        bool more = false;
        int r;

        r = get_pages(disk, &n, &n_free);
        if (r < 0 || n - n_free <= (int64_t)(disk->limits.budget_bytes - LOG_BYTES) / PAGE_SIZE)
                return r;

        return drop(disk, &more);
}
