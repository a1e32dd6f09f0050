/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SQLite behind the project's conventions: negative errno instead of its codes, owned handles, values bound
 * in the order of their question marks. The only module that knows sqlite3.h. A connection belongs to one
 * thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct sql;           /* a connection */
struct sql_statement; /* a prepared statement, which its connection owns */

enum sql_flags {
        SQL_READ_ONLY = 1 << 0,
        SQL_IMMUTABLE = 1 << 1, /* nobody writes to the file, and nothing may be written beside it */
};

/* Opens or, unless read-only, creates. vfs NULL: the system's. Errors of all functions: -ENOSPC full (disk or
 * page limit), -EIO, -EROFS, -EBADMSG damaged or no database, -EBUSY, -EACCES, -ENOMEM, -ENOENT, -EINVAL our
 * mistake. */
int sql_open(const char *path, unsigned flags, const char *vfs, struct sql **ret_sql);
struct sql *sql_close(struct sql *sql);
DEFINE_CLEANUP(struct sql *, sql_close)
/* In SQLite's words, of the latest failure. Borrowed until the next call. */
const char *sql_message(const struct sql *sql);

/* One or more statements without results. */
int sql_exec(struct sql *sql, const char *text);
/* The first column of the first row. -ENODATA: no row. */
int sql_get(struct sql *sql, const char *text, int64_t *ret_value);

/* The prepared form of text, a literal: made once, found again by its address. Reset, without values. */
int sql_use(struct sql *sql, const char *text, struct sql_statement **ret_statement);
/* Values for the question marks, from the first to the last. Text and bytes are borrowed until the statement
 * is done with. */
int sql_bind(struct sql_statement *statement, int64_t value);
int sql_bind_text(struct sql_statement *statement, const char *text);
int sql_bind_bytes(struct sql_statement *statement, const void *data, size_t size);
int sql_bind_null(struct sql_statement *statement);
/* 1: a row; 0: the end. After 0 and errors the statement is reset. */
int sql_step(struct sql_statement *statement);
/* Runs a statement that has no rows. 0. */
int sql_run(struct sql_statement *statement);
/* Done before its end. NULL-safe. */
void sql_reset(struct sql_statement *statement);

/* Columns of the row; borrowed until the next step. */
int64_t sql_value(struct sql_statement *statement, int column);
bool sql_is_null(struct sql_statement *statement, int column);
const char *sql_text(struct sql_statement *statement, int column); /* NULL: null */
const void *sql_bytes(struct sql_statement *statement, int column, size_t *ret_size);

/* Pages that the write-ahead log held after the latest commit; and all that were ever appended to it. */
int64_t sql_log_pages(const struct sql *sql);
int64_t sql_n_logged(const struct sql *sql);
/* Rows that the latest statement changed. */
int64_t sql_n_changed(const struct sql *sql);
/* Moves what is in the write-ahead log into the database as far as readers allow, and syncs both.
 * *ret_n_left: pages that could not be moved. */
int sql_checkpoint(struct sql *sql, int64_t *ret_n_left);
