/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/sql.h"

#include <sqlite3.h>
#include <string.h>

enum {
        STATEMENTS_MAX = 96,   /* texts are literals of ours: far fewer */
        BUSY_TIMEOUT_MS = 200, /* only a checkpoint of our own is ever in the way */
};

struct sql_statement {
        sqlite3_stmt *handle;
        const char *text;
        int n_bound;
};

struct sql {
        sqlite3 *handle;
        struct sql_statement statements[STATEMENTS_MAX];
        size_t n_statements;
        int64_t log_pages, n_logged;
};

/* SQLite's own code says what failed; the system's says why, where there is one. */
static int sql_errno(sqlite3 *handle, int code) {
        switch (code & 0xff) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
                return -EBADMSG;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CANTOPEN:
                return handle && sqlite3_system_errno(handle) > 0 ? -sqlite3_system_errno(handle) : -EIO;
        case SQLITE_ERROR:
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
                return -EINVAL;
        default:
                return handle && sqlite3_system_errno(handle) == ENOSPC ? -ENOSPC : -EIO;
        }
}

/* "file:PATH?immutable=1", with what has a meaning in such an address escaped. */
static char *immutable_address(const char *path) {
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        fputs("file:", f);
        for (; *path; path++)
                fprintf(f, strchr("?#%", *path) ? "%%%02x" : "%c", (unsigned char)*path);
        fputs("?immutable=1", f);
        if (fclose(f) == 0)
                return text;

        free(text);
        return NULL;
}

/* A log that was moved as a whole starts anew. Having this hook is what keeps SQLite from moving it by
 * itself. */
static int on_commit(void *userdata, sqlite3 *handle _unused_, const char *database _unused_, int n_pages) {
        struct sql *sql = userdata;

        sql->n_logged += n_pages > sql->log_pages ? n_pages - sql->log_pages : n_pages;
        sql->log_pages = n_pages;
        return SQLITE_OK;
}

int64_t sql_log_pages(const struct sql *sql) {
        return sql->log_pages;
}

int64_t sql_n_logged(const struct sql *sql) {
        return sql->n_logged;
}

int sql_open(const char *path, unsigned flags, const char *vfs, struct sql **ret_sql) {
        int mode = flags & SQL_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        _cleanup_(sql_closep) struct sql *sql = NULL;
        _cleanup_(freep) char *address = NULL;
        int code;

        sql = calloc(1, sizeof(*sql));
        if (!sql)
                return -ENOMEM;
        if (flags & SQL_IMMUTABLE) {
                address = immutable_address(path);
                if (!address)
                        return -ENOMEM;
                mode |= SQLITE_OPEN_URI;
        }

        code = sqlite3_open_v2(address ?: path, &sql->handle,
                               mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
        if (code != SQLITE_OK)
                return sql_errno(sql->handle, code);

        (void)sqlite3_busy_timeout(sql->handle, BUSY_TIMEOUT_MS); /* cannot fail for a connection */
        (void)sqlite3_wal_hook(sql->handle, on_commit, sql);      /* returns the hook before */
        /* A file that was made to hurt may have triggers, views and functions in its schema. */
        (void)sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        *ret_sql = TAKE_PTR(sql);
        return 0;
}

struct sql *sql_close(struct sql *sql) {
        if (!sql)
                return NULL;

        for (size_t i = 0; i < sql->n_statements; i++)
                (void)sqlite3_finalize(sql->statements[i].handle); /* repeats the last failure */
        (void)sqlite3_close(sql->handle); /* nothing is left that it could be busy with */
        free(sql);
        return NULL;
}

const char *sql_message(const struct sql *sql) {
        return sql ? sqlite3_errmsg(sql->handle) : "cannot be opened";
}

int sql_exec(struct sql *sql, const char *text) {
        int code = sqlite3_exec(sql->handle, text, NULL, NULL, NULL);

        return code == SQLITE_OK ? 0 : sql_errno(sql->handle, code);
}

int sql_get(struct sql *sql, const char *text, int64_t *ret_value) {
        sqlite3_stmt *handle = NULL;
        int code, r;

        code = sqlite3_prepare_v2(sql->handle, text, -1, &handle, NULL);
        if (code != SQLITE_OK)
                return sql_errno(sql->handle, code);

        code = sqlite3_step(handle);
        r = code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -ENODATA : sql_errno(sql->handle, code);
        if (r == 0)
                *ret_value = sqlite3_column_int64(handle, 0);
        (void)sqlite3_finalize(handle); /* repeats the failure */
        return r;
}

int sql_use(struct sql *sql, const char *text, struct sql_statement **ret_statement) {
        struct sql_statement *statement = NULL;
        int code;

        for (size_t i = 0; i < sql->n_statements; i++)
                if (sql->statements[i].text == text) {
                        sql_reset(&sql->statements[i]);
                        *ret_statement = &sql->statements[i];
                        return 0;
                }

        if (sql->n_statements == STATEMENTS_MAX)
                return -ENOBUFS;

        statement = &sql->statements[sql->n_statements];
        code = sqlite3_prepare_v3(sql->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
        if (code != SQLITE_OK)
                return sql_errno(sql->handle, code);

        statement->text = text;
        statement->n_bound = 0;
        sql->n_statements++;
        *ret_statement = statement;
        return 0;
}

static int bound(struct sql_statement *statement, int code) {
        return code == SQLITE_OK ? 0 : sql_errno(sqlite3_db_handle(statement->handle), code);
}

int sql_bind(struct sql_statement *statement, int64_t value) {
        return bound(statement, sqlite3_bind_int64(statement->handle, ++statement->n_bound, value));
}

int sql_bind_text(struct sql_statement *statement, const char *text) {
        return bound(statement,
                     sqlite3_bind_text(statement->handle, ++statement->n_bound, text, -1, SQLITE_STATIC));
}

int sql_bind_bytes(struct sql_statement *statement, const void *data, size_t size) {
        /* A NULL pointer would be null: no bytes are bytes, too. */
        return bound(statement, sqlite3_bind_blob64(statement->handle, ++statement->n_bound, data ?: "", size,
                                                    SQLITE_STATIC));
}

int sql_bind_null(struct sql_statement *statement) {
        return bound(statement, sqlite3_bind_null(statement->handle, ++statement->n_bound));
}

int sql_step(struct sql_statement *statement) {
        int code = sqlite3_step(statement->handle), r;

        if (code == SQLITE_ROW)
                return 1;

        r = code == SQLITE_DONE ? 0 : sql_errno(sqlite3_db_handle(statement->handle), code);
        sql_reset(statement);
        return r;
}

int sql_run(struct sql_statement *statement) {
        int r = sql_step(statement);

        if (r > 0)
                sql_reset(statement);
        return MIN(r, 0);
}

void sql_reset(struct sql_statement *statement) {
        if (!statement)
                return;

        (void)sqlite3_reset(statement->handle);          /* repeats the last failure */
        (void)sqlite3_clear_bindings(statement->handle); /* always succeeds */
        statement->n_bound = 0;
}

int64_t sql_value(struct sql_statement *statement, int column) {
        return sqlite3_column_int64(statement->handle, column);
}

bool sql_is_null(struct sql_statement *statement, int column) {
        return sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
}

const char *sql_text(struct sql_statement *statement, int column) {
        return (const char *)sqlite3_column_text(statement->handle, column);
}

const void *sql_bytes(struct sql_statement *statement, int column, size_t *ret_size) {
        const void *data = sqlite3_column_blob(statement->handle, column);

        *ret_size = (size_t)sqlite3_column_bytes(statement->handle, column);
        return data ?: ""; /* what is empty is NULL to SQLite */
}

int64_t sql_n_changed(const struct sql *sql) {
        return sqlite3_changes64(sql->handle);
}

int sql_checkpoint(struct sql *sql, int64_t *ret_n_left) {
        int n_log = 0, n_moved = 0, code;

        code = sqlite3_wal_checkpoint_v2(sql->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_moved);
        if (code != SQLITE_OK)
                return sql_errno(sql->handle, code);

        *ret_n_left = MAX(n_log - n_moved, 0);
        return 0;
}
