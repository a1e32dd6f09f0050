/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file of "irqctl snapshot", or of irqwatchd's history. Nothing is asked of it before its schema turned out
 * to be ours to the letter: no view, trigger or computed column of somebody else's ever runs.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json-strict.h"
#include "daemon/store/disk-export.h"
#include "offline/input.h"
#include "offline/snapshot-file.h"

enum {
        SCHEMA_MAX = 64 * 1024,
        JSON_DEPTH_MAX = 32,
};

/* All of the schema as one text. 0; -EBADMSG: it is longer than ours can be; -errno. */
static int read_schema(struct sql *sql, char *text, size_t size) {
        struct sql_statement *row;
        size_t used = 0;
        int r;

        text[0] = '\0';
        r = sql_use(sql,
                    "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
                    &row);
        while (r >= 0 && (r = sql_step(row)) > 0) {
                for (int i = 0; i < 4; i++) {
                        const char *word = sql_text(row, i) ?: "";
                        int n = snprintf(text + used, size - used, "%s\n", word);

                        if (n < 0 || (size_t)n >= size - used) {
                                sql_reset(row);
                                return -EBADMSG;
                        }
                        used += (size_t)n;
                }
        }
        return r;
}

/* 1: a snapshot; 0: a history; -EBADMSG: neither; -errno. */
static int check_schema(struct sql *sql) {
        _cleanup_(disk_file_closep) struct disk_file *ours = NULL;
        _cleanup_(freep) char *text = malloc(SCHEMA_MAX), *expected = malloc(SCHEMA_MAX);
        int r;

        if (!text || !expected)
                return -ENOMEM;
        if ((r = read_schema(sql, text, SCHEMA_MAX)) < 0 || (r = disk_file_create(":memory:", &ours)) < 0 ||
            (r = read_schema(ours->sql, expected, SCHEMA_MAX)) < 0)
                return r;
        if (strcmp(text, expected) == 0)
                return 0;

        r = sql_exec(ours->sql, SNAPSHOT_TABLE);
        if (r >= 0)
                r = read_schema(ours->sql, expected, SCHEMA_MAX);
        if (r < 0)
                return r;
        return strcmp(text, expected) == 0 ? 1 : -EBADMSG;
}

/* Owned; NULL: there is none of that name, or no memory. */
static char *get_fact(struct sql *sql, const char *name) {
        struct sql_statement *row;
        char *value = NULL;
        int r;

        r = sql_use(sql, "SELECT value FROM snapshot WHERE name = ?", &row);
        if (r >= 0)
                r = sql_bind_text(row, name);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return NULL;

        value = sql_text(row, 0) ? strdup(sql_text(row, 0)) : NULL;
        sql_reset(row);
        return value;
}

/* 0; -EBADMSG; -ENOMEM. */
static int get_json(struct sql *sql, const char *name, struct json_object **ret_object) {
        _cleanup_(freep) char *text = get_fact(sql, name);

        return text ? json_strict_parse(text, strlen(text), JSON_DEPTH_MAX, JSON_CONTAINERS_UNLIMITED,
                                        ret_object)
                    : -EBADMSG;
}

static int get_time(struct sql *sql, const char *name, uint64_t *ret_us) {
        _cleanup_(freep) char *text = get_fact(sql, name);
        char *end = NULL;

        if (!text)
                return -EBADMSG;
        *ret_us = strtoull(text, &end, 10);
        return *end || *ret_us == 0 || *ret_us > INT64_MAX / 4 ? -EBADMSG : 0;
}

static int read_facts(struct input *input, struct sql *sql) {
        _cleanup_(json_putp) struct json_object *status = NULL;
        _cleanup_(freep) char *format = get_fact(sql, "format");
        int r;

        if (!format || strcmp(format, SNAPSHOT_FORMAT) != 0)
                return -EPROTONOSUPPORT;
        if ((r = get_time(sql, "sinceUsec", &input->record.since_us)) < 0 ||
            (r = get_time(sql, "untilUsec", &input->record.now_us)) < 0 ||
            (r = get_json(sql, "status", &status)) < 0 || (r = input_take_status(input, status)) < 0)
                return r;

        r = get_json(sql, "alerts", &input->record.alerts);
        return r == -ENOMEM ? r : input->record.since_us < input->record.now_us ? 0 : -EBADMSG;
}

/* Of a history: the machine as its last run had it, and the time from the first to the last thing on record.
 */
static int read_history(struct input *input, struct sql *sql) {
        struct json_host *host = &input->record.host;
        struct sql_statement *row;
        int64_t first, last;
        int r;

        r = sql_get(sql,
                    "SELECT min(coalesce((SELECT min(first_id) FROM samples_raw), 1 << 60),"
                    " coalesce((SELECT min(first_id) FROM samples_10s), 1 << 60),"
                    " coalesce((SELECT min(first_id) FROM samples_1min), 1 << 60),"
                    " coalesce((SELECT min(first_id) FROM samples_10min), 1 << 60))"
                    " + coalesce((SELECT offset_us FROM clock ORDER BY id LIMIT 1), 0)",
                    &first);
        if (r >= 0)
                r = sql_get(sql,
                            "SELECT max(coalesce((SELECT max(id) FROM samples_raw), 0),"
                            " coalesce((SELECT max(id) FROM samples_10s), 0))"
                            " + coalesce((SELECT offset_us FROM clock ORDER BY id DESC LIMIT 1), 0)",
                            &last);
        if (r >= 0)
                r = sql_use(sql,
                            "SELECT hostname, kernel, boot_id FROM run JOIN boot ON boot.id = run.boot ORDER "
                            "BY run.id DESC",
                            &row);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r < 0 ? r : -ENODATA;

        (void)snprintf(host->name, sizeof(host->name), "%s",
                       sql_text(row, 0) ?: ""); /* longer ones cannot be */
        (void)snprintf(host->kernel, sizeof(host->kernel), "%s", sql_text(row, 1) ?: "");
        (void)snprintf(host->boot_id, sizeof(host->boot_id), "%s", sql_text(row, 2) ?: "");
        sql_reset(row);
        if (first <= 0 || first >= last || last > INT64_MAX / 4)
                return -ENODATA;
        input->record.since_us = (uint64_t)first - 1;
        input->record.now_us = (uint64_t)last;
        return input_note(
                input,
                "this is a copy of a history, not a snapshot: it has neither status nor alerts, and what had "
                "not been moved into the file when it was copied is missing");
}

/* What read() finds at its start; SQLite would take an empty file for an empty database. */
static int looks_like_ours(const char *path) {
        static const char magic[16] = "SQLite format 3";
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        char start[sizeof(magic)];
        ssize_t n = fd >= 0 ? read(fd, start, sizeof(start)) : -1;

        if (n < 0)
                return -errno;
        return n == (ssize_t)sizeof(start) && memcmp(start, magic, sizeof(magic)) == 0 ? 0 : -EBADMSG;
}

static int read_file(struct input *input, const char *path) {
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        int r;

        r = looks_like_ours(path);
        if (r >= 0)
                r = disk_file_open(path, SQL_READ_ONLY | SQL_IMMUTABLE, NULL, &file);
        if (r >= 0)
                r = check_schema(file->sql);
        if (r >= 0)
                r = r > 0 ? read_facts(input, file->sql) : read_history(input, file->sql);
        return r < 0 ? r : history_open_file(path, &input->history);
}

/* What its writer has not moved out of the log yet cannot be read here, and at first that is everything. */
static bool is_in_use(const char *path) {
        _cleanup_(freep) char *log = NULL;
        struct stat st;

        if (asprintf(&log, "%s-wal", path) < 0) {
                log = NULL;
                return false;
        }
        return stat(log, &st) == 0 && st.st_size > 0;
}

static int explain(int r, const char *path, char **ret_text) {
        if ((r == -EPROTONOSUPPORT || r == -ENODATA) && is_in_use(path))
                return input_fail(
                        r, ret_text,
                        "cannot read %s: most of it is still in %s-wal, as while irqwatchd writes it. "
                        "Ask irqwatchd itself (irqctl report), or have it make a copy: "
                        "irqctl snapshot -o FILE",
                        path, path);

        switch (r) {
        case -EPROTONOSUPPORT:
                return input_fail(r, ret_text,
                                  "cannot read %s: another version of irqctl made it, with a format that "
                                  "this one does not know. "
                                  "Read it with the version that it was made with",
                                  path);
        case -ENODATA:
                return input_fail(r, ret_text, "there is nothing on record in %s", path);
        case -EBADMSG:
        case -EINVAL:
                return input_fail(r, ret_text,
                                  "cannot read %s: it is damaged, or no file of \"irqctl snapshot\". Was it "
                                  "copied to the end? "
                                  "Make it anew with: irqctl snapshot -o FILE",
                                  path);
        default:
                return input_fail(r, ret_text, "cannot read %s: %s", path, strerror(-r));
        }
}

int input_open_file(const char *path, struct input **ret_input, char **ret_text) {
        _cleanup_(input_freep) struct input *input = NULL;
        int r;

        r = input_new(&input);
        if (r >= 0)
                r = read_file(input, path);
        if (r < 0)
                return explain(r, path, ret_text);

        *ret_input = TAKE_PTR(input);
        return 0;
}
