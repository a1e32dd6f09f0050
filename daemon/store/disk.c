/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/store/disk-event.h"
#include "daemon/store/disk-private.h"

#define LOCK_NAME "history.lock"

enum {
        /* A clock that was set back by less is waited for: ids go on from the last one meanwhile. */
        BACK_MIN_US = 60 * 1000 * 1000,
};

static int join(const char *dir, const char *name, const char *suffix, char **ret_path) {
        if (asprintf(ret_path, "%s/%s%s", dir, name, suffix) < 0) {
                *ret_path = NULL;
                return -ENOMEM;
        }

        return 0;
}

/* Run by hand there is no StateDirectory=. */
static int make_directory(const char *dir) {
        if (mkdir(dir, 0750) < 0 && errno != EEXIST)
                return -errno;

        return 0;
}

/* A file of its own: SQLite's locks are for moments. */
static int take_lock(const char *dir, int *ret_fd) {
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = join(dir, LOCK_NAME, "", &path);
        if (r < 0)
                return r;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* SQLite would let everybody read it, and with it what ran on this machine. */
static int make_file(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

        if (fd < 0)
                return -errno;

        (void)close_safe(fd);
        return 0;
}

static int move(const char *dir, const char *suffix, const char *to) {
        _cleanup_(freep) char *from_path = NULL, *to_path = NULL;
        int r;

        r = join(dir, DISK_FILE_NAME, suffix, &from_path);
        if (r >= 0)
                r = join(dir, to, suffix, &to_path);
        if (r < 0)
                return r;

        return rename(from_path, to_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* One is enough to look into what went wrong: a disk that damages file after file must not be filled by them.
 */
int disk_set_aside(const char *dir, char **ret_name) {
        static const char name[] = DISK_FILE_NAME ".damaged";
        static const char *const suffixes[] = { "-wal", "", "-shm" };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(suffixes) && r >= 0; i++)
                r = move(dir, suffixes[i], name);
        if (r < 0)
                return r;

        return join(dir, name, "", ret_name);
}

static int open_file(const char *dir, const char *path, const char *vfs, struct disk_file **ret_file,
                     char **ret_set_aside) {
        int r;

        r = make_file(path);
        if (r >= 0)
                r = disk_file_open(path, 0, vfs, ret_file);
        if (r != -EBADMSG)
                return r;

        r = disk_set_aside(dir, ret_set_aside);
        if (r >= 0)
                r = make_file(path);
        return r < 0 ? r : disk_file_open(path, 0, vfs, ret_file);
}

/* 0 without a row. */
static int get_or(struct disk *disk, const char *text, int64_t *ret_value) {
        int r = sql_get(disk->file->sql, text, ret_value);

        if (r == -ENODATA)
                *ret_value = 0;
        return r == -ENODATA ? 0 : r;
}

/* Where the timeline and the ids of events go on. */
static int read_ends(struct disk *disk) {
        int64_t last_run;
        int r;

        r = get_or(
                disk,
                "SELECT max(coalesce((SELECT max(id) FROM samples_raw), 0),"
                " coalesce((SELECT max(id) FROM samples_10s), 0), coalesce((SELECT max(id) FROM "
                "samples_1min), 0),"
                " coalesce((SELECT max(id) FROM samples_10min), 0), coalesce((SELECT max(id) FROM clock), 0),"
                " coalesce((SELECT max(first_id) FROM run), 0))",
                &disk->last_id);
        if (r >= 0)
                r = get_or(disk, "SELECT max(id) FROM event", &disk->last_event_id);
        if (r >= 0)
                r = get_or(disk, "SELECT max(id) FROM run", &last_run);
        if (r >= 0)
                r = get_or(disk, "SELECT offset_us FROM clock ORDER BY id DESC LIMIT 1", &disk->offset_us);
        if (r >= 0)
                disk->run = last_run + 1;
        return r;
}

static int find_boot(struct disk *disk, sd_id128_t boot_id) {
        char text[SD_ID128_STRING_MAX];
        struct sql_statement *statement;
        int r;

        r = sql_use(
                disk->file->sql,
                "INSERT INTO boot (boot_id) VALUES (?) ON CONFLICT (boot_id) DO UPDATE SET boot_id = boot_id "
                "RETURNING id",
                &statement);
        if (r >= 0)
                r = sql_bind_text(statement, sd_id128_to_string(boot_id, text));
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r < 0 ? r : -EIO;

        disk->boot = sql_value(statement, 0);
        return sql_run(statement);
}

/* The run before this one knows no end of its own: it may have been killed. */
static int end_last_run(struct disk *disk) {
        return sql_exec(disk->file->sql,
                        "UPDATE run SET last_us = max(started_us,"
                        "  coalesce((SELECT max(samples_raw.id + clock.offset_us) FROM clock, samples_raw"
                        "    WHERE samples_raw.id = (SELECT max(id) FROM samples_raw)"
                        "    AND clock.id = (SELECT max(id) FROM clock)), 0),"
                        "  coalesce((SELECT time_us FROM event ORDER BY id DESC LIMIT 1), 0))"
                        " WHERE last_us IS NULL");
}

static int insert_run(struct disk *disk, const struct disk_run *run) {
        struct sql_statement *statement;
        int64_t id;
        int r;

        r = disk_take_id(disk, run->stamp.realtime_us, &id);
        if (r >= 0)
                r = sql_use(disk->file->sql,
                            "INSERT INTO run (id, boot, started_us, first_id, version, hostname, kernel, "
                            "machine, cpus, "
                            "settings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            &statement);
        if (r < 0)
                return r;

        if ((r = sql_bind(statement, disk->run)) < 0 || (r = sql_bind(statement, disk->boot)) < 0 ||
            (r = sql_bind(statement, (int64_t)run->stamp.realtime_us)) < 0 ||
            (r = sql_bind(statement, id)) < 0 || (r = sql_bind_text(statement, run->version)) < 0 ||
            (r = sql_bind_text(statement, run->hostname)) < 0 ||
            (r = sql_bind_text(statement, run->kernel)) < 0 ||
            (r = sql_bind_text(statement, run->machine)) < 0 ||
            (r = sql_bind_text(statement, run->cpus)) < 0 ||
            (r = sql_bind_text(statement, run->settings)) < 0)
                return r;
        return sql_run(statement);
}

static int begin_run(struct disk *disk, const struct disk_run *run) {
        int r;

        r = read_ends(disk);
        if (r >= 0)
                r = sql_exec(disk->file->sql, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        if ((r = end_last_run(disk)) < 0 || (r = find_boot(disk, run->boot_id)) < 0 ||
            (r = insert_run(disk, run)) < 0 || (r = sql_exec(disk->file->sql, "COMMIT")) < 0)
                (void)sql_exec(disk->file->sql, "ROLLBACK"); /* the first failure is the one to tell */
        return r;
}

int disk_open(const char *dir, const char *vfs, const struct disk_run *run, const struct disk_limits *limits,
              struct disk **ret_disk, char **ret_set_aside) {
        _cleanup_(disk_closep) struct disk *disk = NULL;
        _cleanup_(freep) char *set_aside = NULL;
        int r;

        disk = calloc(1, sizeof(*disk));
        if (!disk)
                return -ENOMEM;

        disk->lock_fd = -EBADF;
        disk->part_bytes[0] = -1;
        disk->limits = *limits;
        if ((r = make_directory(dir)) < 0 || (r = take_lock(dir, &disk->lock_fd)) < 0 ||
            (r = join(dir, DISK_FILE_NAME, "", &disk->path)) < 0 ||
            (r = open_file(dir, disk->path, vfs, &disk->file, &set_aside)) < 0)
                return r;

        r = begin_run(disk, run);
        if (r == -EBADMSG && !set_aside) {
                disk->file = disk_file_close(disk->file);
                r = disk_set_aside(dir, &set_aside);
                if (r >= 0)
                        r = make_file(disk->path);
                if (r >= 0)
                        r = disk_file_open(disk->path, 0, vfs, &disk->file);
                if (r >= 0)
                        r = begin_run(disk, run);
        }
        if (r < 0)
                return r;

        *ret_set_aside = TAKE_PTR(set_aside);
        *ret_disk = TAKE_PTR(disk);
        return 0;
}

struct disk *disk_close(struct disk *disk) {
        if (!disk)
                return NULL;

        for (size_t i = 0; i < disk->n_sources; i++)
                free(disk->sources[i].name);
        (void)disk_file_close(disk->file);
        (void)close_safe(disk->lock_fd);
        free(disk->path);
        free(disk);
        return NULL;
}

void disk_set_limits(struct disk *disk, const struct disk_limits *limits) {
        disk->limits = *limits;
}

int64_t disk_last_event_id(const struct disk *disk) {
        return disk->last_event_id;
}

int64_t disk_run_id(const struct disk *disk) {
        return disk->run;
}

static int note_clock(struct disk *disk, int64_t id, int64_t offset_us) {
        struct sql_statement *statement;
        int r;

        r = sql_use(disk->file->sql, "INSERT OR REPLACE INTO clock (id, run, offset_us) VALUES (?, ?, ?)",
                    &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_bind(statement, disk->run);
        if (r >= 0)
                r = sql_bind(statement, offset_us);
        if (r >= 0)
                r = sql_run(statement);
        if (r >= 0)
                disk->offset_us = offset_us;
        return r;
}

int disk_take_id(struct disk *disk, uint64_t realtime_us, int64_t *ret_id) {
        int64_t realtime = (int64_t)MIN(realtime_us, (uint64_t)INT64_MAX / 2), id = disk->last_id + 1;
        int r = 0;

        if (disk->last_id == 0 || (disk->offset_us != 0 && realtime > disk->last_id)) {
                id = realtime;
                r = note_clock(disk, id, 0);
        } else if (realtime - disk->offset_us > disk->last_id)
                id = realtime - disk->offset_us;
        else if (realtime - disk->offset_us < disk->last_id - BACK_MIN_US)
                r = note_clock(disk, id, realtime - id);
        if (r < 0)
                return r;

        disk->last_id = id;
        *ret_id = id;
        return 0;
}

static struct disk_writer *find_writer(struct disk *disk, const struct disk_segment *segment) {
        for (size_t i = 0; i < disk->n_sources; i++)
                if (strcmp(disk->sources[i].name, segment->source) == 0)
                        return &disk->sources[i];

        return NULL;
}

static int add_writer(struct disk *disk, const struct disk_segment *segment,
                      struct disk_writer **ret_writer) {
        struct disk_writer *writer = &disk->sources[disk->n_sources];

        if (disk->n_sources == DISK_SOURCES_MAX)
                return -ENOBUFS;

        *writer = (struct disk_writer){
                .name = strdup(segment->source),
                .metrics = segment->metrics,
                .n_metrics = segment->n_metrics,
        };
        if (!writer->name)
                return -ENOMEM;

        disk->n_sources++;
        *ret_writer = writer;
        return 0;
}

static int insert_segment(struct disk *disk, const struct disk_writer *writer,
                          const struct disk_segment *segment, int64_t id, const struct bytes *packed) {
        struct sql_statement *statement;
        int r;

        r = sql_use(disk->file->sql,
                    "INSERT INTO samples_raw (id, first_id, block, source, run, last_ns, body) VALUES (?, ?, "
                    "?, ?, ?, ?, ?)",
                    &statement);
        if (r < 0)
                return r;

        if ((r = sql_bind(statement, id)) < 0 ||
            (r = sql_bind(statement, (int64_t)segment->first.realtime_us - disk->offset_us)) < 0 ||
            (r = sql_bind(statement, writer->block)) < 0 || (r = sql_bind(statement, writer->id)) < 0 ||
            (r = sql_bind(statement, disk->run)) < 0 ||
            (r = sql_bind(statement, (int64_t)segment->last.monotonic_ns)) < 0 ||
            (r = sql_bind_bytes(statement, packed->data, packed->size)) < 0)
                return r;
        return sql_run(statement);
}

static int write_segment(struct disk *disk, const struct disk_segment *segment) {
        _cleanup_(bytes_done) struct bytes packed = {};
        struct disk_writer *writer;
        int64_t id;
        int r = 0;

        writer = find_writer(disk, segment);
        if (!writer)
                r = add_writer(disk, segment, &writer);
        if (r >= 0 && writer->id == 0)
                r = disk_file_add_source(disk->file, writer->name, writer->metrics, writer->n_metrics,
                                         &writer->id);
        if (r >= 0)
                r = disk_take_id(disk, segment->last.realtime_us, &id);
        if (r >= 0)
                r = pack(&segment->body, &packed);
        if (r < 0)
                return r;

        disk->part_bytes[TIER_RAW] += disk->part_bytes[0] >= 0 ? (int64_t)packed.size : 0;
        if (segment->head)
                writer->block = id;
        if (writer->block == 0)
                return -EINVAL;
        return insert_segment(disk, writer, segment, id, &packed);
}

static int write_all(struct disk *disk, const struct disk_segment *segments, size_t n_segments,
                     struct event *const *events, size_t n_events) {
        int r = 0;

        for (size_t i = 0; i < n_segments && r >= 0; i++)
                r = write_segment(disk, &segments[i]);
        for (size_t i = 0; i < n_events && r >= 0; i++) {
                r = disk_event_insert(disk->file, events[i], disk->boot);
                disk->last_event_id = MAX(disk->last_event_id, events[i]->id);
                disk->part_bytes[_DISK_TIER_MAX] += DISK_EVENT_BYTES;
        }

        return r < 0 ? r : sql_exec(disk->file->sql, "COMMIT");
}

/* What a transaction that was undone had made is not there. */
static void restore_writers(struct disk *disk, const struct disk_writer *saved, size_t n_saved) {
        for (size_t i = 0; i < disk->n_sources; i++) {
                disk->sources[i].id = i < n_saved ? saved[i].id : 0;
                disk->sources[i].block = i < n_saved ? saved[i].block : 0;
        }
}

int disk_write(struct disk *disk, const struct disk_segment *segments, size_t n_segments,
               struct event *const *events, size_t n_events) {
        int64_t last_id = disk->last_id, offset_us = disk->offset_us;
        struct disk_writer saved[DISK_SOURCES_MAX];
        size_t n_saved = disk->n_sources;
        int r;

        memcpy(saved, disk->sources, sizeof(saved));

        r = sql_exec(disk->file->sql, "BEGIN IMMEDIATE");
        if (r >= 0)
                r = write_all(disk, segments, n_segments, events, n_events);
        if (r < 0) {
                (void)sql_exec(disk->file->sql, "ROLLBACK"); /* the first failure is the one to tell */
                restore_writers(disk, saved, n_saved);
                disk->last_id = last_id;
                disk->offset_us = offset_us;
        }

        return r;
}

int64_t disk_log_pages(const struct disk *disk) {
        return sql_log_pages(disk->file->sql);
}

int disk_move_log(struct disk *disk, int64_t *ret_n_left) {
        return sql_checkpoint(disk->file->sql, ret_n_left);
}

int disk_reopen(struct disk *disk, const char *vfs) {
        disk->written_bytes += (uint64_t)sql_n_logged(disk->file->sql) * 4096;
        disk->file = disk_file_close(disk->file);
        return disk_file_open(disk->path, 0, vfs, &disk->file);
}

static int count_pages(struct disk *disk, uint64_t *ret_bytes) {
        int64_t n, size;
        int r;

        r = sql_get(disk->file->sql, "PRAGMA page_count", &n);
        if (r >= 0)
                r = sql_get(disk->file->sql, "PRAGMA page_size", &size);
        if (r >= 0)
                *ret_bytes = (uint64_t)(n + sql_log_pages(disk->file->sql)) * (uint64_t)size;
        return r;
}

int disk_get_stats(struct disk *disk, struct disk_stats *ret_stats) {
        struct disk_stats stats = { .budget_bytes = disk->limits.budget_bytes };
        int64_t oldest = 0, n_events = 0;
        int r;

        r = count_pages(disk, &stats.bytes);
        if (r >= 0)
                r = get_or(disk,
                           "SELECT min(id) FROM (SELECT min(id) AS id FROM samples_raw UNION ALL"
                           " SELECT min(id) FROM samples_10s UNION ALL SELECT min(id) FROM samples_1min "
                           "UNION ALL"
                           " SELECT min(id) FROM samples_10min UNION ALL SELECT min(id) FROM event)",
                           &oldest);
        if (r >= 0)
                r = get_or(disk, "SELECT count(*) FROM event", &n_events);
        if (r < 0)
                return r;

        stats.oldest_us = (uint64_t)oldest;
        stats.n_events = (uint64_t)n_events;
        stats.written_bytes = disk->written_bytes + (uint64_t)sql_n_logged(disk->file->sql) * 4096;
        *ret_stats = stats;
        return 0;
}
