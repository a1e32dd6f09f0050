/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A machine without a daemon: a memory store whose clock the test turns, and a file of history that it is
 * flushed to. All on one thread.
 */

#include "tests/unit/store-fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/disk-load.h"
#include "daemon/store/disk.h"
#include "daemon/store/flush.h"

struct machine {
        char dir[40];
        struct disk *disk;
        struct disk_limits limits;
        struct store *store;
        unsigned source;
        struct flush_cursor cursor;
        struct stamp now;
        char boot[SD_ID128_STRING_MAX];
        char *set_aside; /* by the latest opening */
};

#define BASE_US UINT64_C(1700000000000000)
#define HOUR_US (3600 * USEC_PER_SEC)

static const struct disk_limits roomy = {
        .budget_bytes = UINT64_C(1) << 30,
        .retention_us = { [TIER_RAW] = HOUR_US,
                          [TIER_10S] = 24 * HOUR_US,
                          [TIER_1MIN] = 240 * HOUR_US,
                          [TIER_10MIN] = 2400 * HOUR_US },
        .event_retention_us = 2400 * HOUR_US,
};

static inline int machine_open(struct machine *m) {
        struct disk_run run = {
                .stamp = m->now,
                .version = "1",
                .hostname = "host",
                .kernel = "6.1",
                .machine = "x86_64",
                .cpus = "0-1",
                .settings = "store.flush=5s\n",
        };

        free(m->set_aside);
        m->set_aside = NULL;
        assert_int_equal(sd_id128_from_string(m->boot, &run.boot_id), 0);
        return disk_open(m->dir, NULL, &run, &m->limits, &m->disk, &m->set_aside);
}

/* Memory is empty when a daemon starts. */
static inline void machine_start(struct machine *m) {
        static const struct store_limits limits = {
                .budget_bytes = 64 << 20,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = 1000,
                .n_series_max = 65536,
        };

        m->store = store_free(m->store);
        m->store = new_store(&limits, &m->source);
        flush_cursor_done(&m->cursor);
        assert_int_equal(machine_open(m), 0);
        store_reserve_event_ids(m->store, disk_last_event_id(m->disk));
}

static inline void machine_init(struct machine *m) {
        *m = (struct machine){
                .dir = "/tmp/test-disk-XXXXXX",
                .limits = roomy,
                .now = { .monotonic_ns = 100 * NSEC_PER_SEC, .realtime_us = BASE_US },
                .boot = "11111111111111111111111111111111",
        };
        assert_non_null(mkdtemp(m->dir));
}

static inline void machine_stop(struct machine *m) {
        m->disk = disk_close(m->disk);
}

static inline void machine_done(struct machine *m) {
        struct dirent *entry;
        DIR *dir;

        machine_stop(m);
        (void)store_free(m->store);
        flush_cursor_done(&m->cursor);
        free(m->set_aside);
        dir = opendir(m->dir);
        assert_non_null(dir);
        while ((entry = readdir(dir)))
                (void)unlinkat(dirfd(dir), entry->d_name, 0); /* fails for . and .. */
        (void)closedir(dir);
        assert_int_equal(rmdir(m->dir), 0);
}

static inline void machine_sleep(struct machine *m, uint64_t us) {
        m->now.monotonic_ns += us * NSEC_PER_USEC;
        m->now.realtime_us += us;
}

static inline int machine_flush(struct machine *m) {
        struct flush flush = {};
        bool more = true;
        int r;

        assert_int_equal(flush_take(m->store, &m->cursor, &flush), 0);
        r = disk_write(m->disk, flush.segments, flush.n_segments, NULL, 0);
        if (r >= 0) {
                flush_cursor_done(&m->cursor);
                m->cursor = flush.cursor;
                flush.cursor = (struct flush_cursor){};
        }
        flush_done(&flush);
        while (r >= 0 && more)
                r = disk_maintain(m->disk, &more);
        return r;
}

/* What was asked for, as a store; the file stays open with it. */
struct loaded {
        struct disk_file *file;
        struct store *store;
        struct disk_load_result result;
};

static inline void machine_load(struct machine *m, const struct disk_load_request *request,
                                struct loaded *ret) {
        char path[80];

        *ret = (struct loaded){};
        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, m->dir); /* fits */
        assert_int_equal(disk_file_open(path, 0, NULL, &ret->file), 0);
        assert_int_equal(disk_load(ret->file, request, &ret->store, &ret->result), 0);
}

static inline void loaded_done(struct loaded *loaded) {
        (void)store_free(loaded->store);
        (void)disk_file_close(loaded->file);
}
