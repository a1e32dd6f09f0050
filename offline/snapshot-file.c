/* SPDX-License-Identifier: Apache-2.0 */

#include "offline/snapshot-file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "common/json-strict.h"
#include "daemon/store/coding.h"
#include "daemon/store/disk-export.h"
#include "daemon/store/disk-schema.h"

enum {
        NAMES_TRIED = 64,
        DATA_MAX = 256 * 1024 * 1024, /* of one row; see coding.c */
};

struct snapshot_writer {
        char *path, *temporary;
        int fd; /* the same file */
        struct disk_file *file;
        struct json_object *row; /* whose data goes on in the next one, a reference */
        struct bytes data;       /* of it so far */
        struct snapshot_stats stats;
};

/* Hidden, beside its place: only within a file system can it be moved there in one step. */
static int make_temporary(struct snapshot_writer *writer) {
        const char *slash = strrchr(writer->path, '/'), *name = slash ? slash + 1 : writer->path;

        for (int i = 0; i < NAMES_TRIED; i++) {
                _cleanup_(freep) char *path = NULL;

                if (asprintf(&path, "%.*s.%s.%i-%i", (int)(name - writer->path), writer->path, name,
                             (int)getpid(), i) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                writer->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (writer->fd >= 0) {
                        writer->temporary = TAKE_PTR(path);
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }

        return -EEXIST;
}

int snapshot_writer_new(const char *path, struct snapshot_writer **ret_writer) {
        _cleanup_(snapshot_writer_freep) struct snapshot_writer *writer = NULL;
        int r;

        writer = calloc(1, sizeof(*writer));
        if (!writer)
                return -ENOMEM;

        writer->fd = -EBADF;
        writer->path = strdup(path);
        if (!writer->path)
                return -ENOMEM;
        if ((r = make_temporary(writer)) < 0 ||
            (r = disk_file_create(writer->temporary, &writer->file)) < 0 ||
            (r = sql_exec(writer->file->sql, "BEGIN")) < 0 ||
            (r = sql_exec(writer->file->sql, SNAPSHOT_TABLE)) < 0 ||
            (r = snapshot_writer_set(writer, "format", SNAPSHOT_FORMAT)) < 0)
                return r;

        *ret_writer = TAKE_PTR(writer);
        return 0;
}

struct snapshot_writer *snapshot_writer_free(struct snapshot_writer *writer) {
        if (!writer)
                return NULL;

        (void)disk_file_close(writer->file); /* returns NULL */
        if (writer->temporary)
                (void)unlink(writer->temporary); /* best effort: it is of no use to anybody */
        (void)close_safe(writer->fd);
        (void)json_object_put(writer->row); /* the result says whether it was the last reference */
        bytes_done(&writer->data);
        free(writer->temporary);
        free(writer->path);
        free(writer);
        return NULL;
}

static struct json_object *member(struct json_object *object, const char *name, enum json_type type) {
        struct json_object *value = NULL;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, name, &value))
                return NULL;
        return json_object_is_type(value, type) ? value : NULL;
}

/* Appends what the row has of data. 0 or -errno. */
static int take_data(struct snapshot_writer *writer, struct json_object *text) {
        size_t length = (size_t)json_object_get_string_len(text), size;
        int r;

        if (writer->data.size + length > DATA_MAX)
                return -EBADMSG;
        r = bytes_reserve(&writer->data, length + 1);
        if (r >= 0)
                r = base64_decode(json_object_get_string(text), length, writer->data.data + writer->data.size,
                                  &size);
        if (r >= 0)
                writer->data.size += size;
        return r;
}

/* Positions of columns that are null. */
static int take_nulls(struct json_object *nulls, struct disk_row *row) {
        for (size_t i = 0; i < json_object_array_length(nulls); i++) {
                int64_t at = json_object_get_int64(json_object_array_get_idx(nulls, i));

                if (at < 0 || (size_t)at >= row->n_numbers + row->n_texts)
                        return -EBADMSG;
                if ((size_t)at < row->n_numbers)
                        row->is_null[at] = true;
                else
                        row->texts[(size_t)at - row->n_numbers] = NULL;
        }

        return 0;
}

static int take_columns(struct json_object *object, struct disk_row *ret_row) {
        struct json_object *numbers = member(object, "numbers", json_type_array);
        struct json_object *texts = member(object, "texts", json_type_array);
        struct json_object *nulls = member(object, "nulls", json_type_array);
        struct json_object *table = member(object, "table", json_type_string);
        struct disk_row row = {};

        if (!numbers || !texts || !nulls || !table || json_object_array_length(numbers) > DISK_NUMBERS_MAX ||
            json_object_array_length(texts) > DISK_TEXTS_MAX)
                return -EBADMSG;

        row.table = disk_table_from_string(json_object_get_string(table));
        row.n_numbers = json_object_array_length(numbers);
        row.n_texts = json_object_array_length(texts);
        for (size_t i = 0; i < row.n_numbers; i++)
                row.numbers[i] = json_object_get_int64(json_object_array_get_idx(numbers, i));
        for (size_t i = 0; i < row.n_texts; i++)
                row.texts[i] = json_object_get_string(json_object_array_get_idx(texts, i));
        *ret_row = row;
        return take_nulls(nulls, ret_row);
}

static int insert_row(struct snapshot_writer *writer, struct json_object *object, bool has_body) {
        struct disk_row row;
        int r;

        r = take_columns(object, &row);
        if (r < 0)
                return r;

        row.has_body = has_body;
        row.body = writer->data.data;
        row.body_size = writer->data.size;
        writer->stats.n_events += row.table == DISK_EVENT;
        writer->stats.n_samples += row.table >= DISK_SAMPLES;
        return disk_row_insert(writer->file, &row);
}

/* A row, or a part of one. */
static int add_row(struct snapshot_writer *writer, struct json_object *object) {
        struct json_object *data = member(object, "data", json_type_string);
        struct json_object *more = member(object, "more", json_type_boolean);
        int r = 0;

        if (!writer->row) {
                writer->row = json_object_get(object);
                writer->data.size = 0;
        }
        if (data)
                r = take_data(writer, data);
        if (r >= 0 && more && json_object_get_boolean(more))
                return 0;
        if (r >= 0)
                r = insert_row(writer, writer->row, data != NULL);
        (void)json_object_put(writer->row); /* the result says whether it was the last reference */
        writer->row = NULL;
        return r;
}

int snapshot_writer_add(struct snapshot_writer *writer, struct json_object *reply) {
        struct json_object *format = member(reply, "format", json_type_int);
        struct json_object *rows = member(reply, "rows", json_type_array);
        int r = 0;

        if (!format || !rows)
                return -EBADMSG;
        if (json_object_get_int64(format) != DISK_VERSION)
                return -EPROTONOSUPPORT;

        for (size_t i = 0; i < json_object_array_length(rows) && r >= 0; i++)
                r = add_row(writer, json_object_array_get_idx(rows, i));
        return r;
}

int snapshot_writer_set(struct snapshot_writer *writer, const char *name, const char *value) {
        struct sql_statement *statement;
        int r;

        r = sql_use(writer->file->sql, "INSERT OR REPLACE INTO snapshot (name, value) VALUES (?, ?)",
                    &statement);
        if (r >= 0)
                r = sql_bind_text(statement, name);
        if (r >= 0)
                r = sql_bind_text(statement, value);
        return r < 0 ? r : sql_run(statement);
}

/* The name as well: without its directory on disk the file is nowhere after a power loss. */
static void sync_directory(const char *path) {
        _cleanup_(freep) char *dir = strdup(path);
        _cleanup_(closep) int fd = -EBADF;
        char *slash = dir ? strrchr(dir, '/') : NULL;

        if (slash)
                slash[slash == dir] = '\0';
        fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                (void)fsync(fd); /* best effort: not every file system can */
}

int snapshot_writer_finish(struct snapshot_writer *writer) {
        struct stat st;
        int r;

        if (writer->row)
                return -EBADMSG;
        r = sql_exec(writer->file->sql, "COMMIT");
        if (r < 0)
                return r;

        writer->file = disk_file_close(writer->file);
        if (fsync(writer->fd) < 0 || fstat(writer->fd, &st) < 0 ||
            rename(writer->temporary, writer->path) < 0)
                return -errno;

        sync_directory(writer->path);
        free(TAKE_PTR(writer->temporary));
        writer->stats.bytes = (uint64_t)st.st_size;
        return 0;
}

void snapshot_writer_get_stats(const struct snapshot_writer *writer, struct snapshot_stats *ret_stats) {
        *ret_stats = writer->stats;
}
