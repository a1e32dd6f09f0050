/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of history of a running daemon, as the thread that writes it sees it: opens or makes it, sets a
 * damaged one aside, writes segments and events, condenses, and keeps it within its budget. Does not know
 * where what it writes comes from, and does not read for clients: that is disk-load.h, over a connection of
 * its own. Belongs to one thread.
 */

#include <stdint.h>
#include <systemd/sd-id128.h>

#include "daemon/store/coding.h"
#include "daemon/store/disk-file.h"
#include "daemon/store/event.h"

#define DISK_FILE_NAME "history.db"

struct disk_limits {
        uint64_t budget_bytes;                 /* of the file, with its log */
        uint64_t retention_us[_DISK_TIER_MAX]; /* by the realtime clock */
        uint64_t event_retention_us;
};

/* What is written down of this run of the daemon. Borrowed for the call. */
struct disk_run {
        struct stamp stamp;
        sd_id128_t boot_id;
        const char *version, *hostname, *kernel, *machine; /* the last is the architecture */
        const char *cpus;                                  /* possible ones, as a list */
        const char *settings;                              /* SECTION.KEY=VALUE, a line each */
};

struct disk;

/* Opens DIR/history.db for writing. A damaged one gets a new name, which *ret_set_aside says (owned; NULL: it
 * was fine). 0; -EBUSY another daemon uses it; -EPROTONOSUPPORT a newer daemon wrote it; -errno. */
int disk_open(const char *dir, const char *vfs, const struct disk_run *run, const struct disk_limits *limits,
              struct disk **ret_disk, char **ret_set_aside);
struct disk *disk_close(struct disk *disk);
DEFINE_CLEANUP(struct disk *, disk_close)
/* Renames DIR/history.db, and what belongs to it, to a name that *ret_name tells (owned). For a file that
 * turned out to be damaged; nobody may have it open. 0 or -errno. */
int disk_set_aside(const char *dir, char **ret_name);
void disk_set_limits(struct disk *disk, const struct disk_limits *limits);

/* A segment that is to be written. */
struct disk_segment {
        const char *source;
        const struct metric_desc *metrics;
        size_t n_metrics;
        struct stamp first, last; /* of its passes */
        bool head;
        struct bytes body; /* as segment_write() makes it, owned by whoever owns this */
};

/* All or nothing, in one transaction; segments of a source in their order. 0 or -errno. */
int disk_write(struct disk *disk, const struct disk_segment *segments, size_t n_segments,
               struct event *const *events, size_t n_events);
/* The largest id of an event there is, 0: none. */
int64_t disk_last_event_id(const struct disk *disk);
int64_t disk_run_id(const struct disk *disk);

/* Before something is written: a file that is over its budget loses what is old first. 0 or -errno. */
int disk_make_room(struct disk *disk);
/* Condensing and dropping in small steps. *ret_more: call again soon. 0 or -errno. */
int disk_maintain(struct disk *disk, bool *ret_more);

struct disk_stats {
        uint64_t bytes; /* the file's, with its log */
        uint64_t budget_bytes;
        uint64_t oldest_us;     /* realtime of the oldest record; 0: none */
        uint64_t n_events;      /* stored now */
        uint64_t written_bytes; /* since it was opened: what went into the file's pages */
};
int disk_get_stats(struct disk *disk, struct disk_stats *ret_stats);
/* Pages in the log that a checkpoint has not moved yet. */
int64_t disk_log_pages(const struct disk *disk);
/* Moves the log into the file on this connection; a daemon does that on another one. 0 or -errno. */
int disk_move_log(struct disk *disk, int64_t *ret_n_left);
/* Opens the same file anew, after a failure that its connection may have been hurt by. 0 or -errno. */
int disk_reopen(struct disk *disk, const char *vfs);
