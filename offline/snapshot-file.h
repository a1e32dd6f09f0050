/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of "irqctl snapshot": an SQLite file with the tables of irqwatchd's history, and one more,
 * "snapshot", of names and texts: "format" (1), "sinceUsec", "untilUsec", and the replies "status" (of
 * GetStatus) and "alerts" (of ListAlerts) as JSON. Made beside its place and moved there when it is whole.
 */

#include <json-c/json.h>
#include <stdint.h>

#include "common/cleanup.h"

#define SNAPSHOT_FORMAT "1"
#define SNAPSHOT_TABLE "CREATE TABLE snapshot (name TEXT PRIMARY KEY, value TEXT NOT NULL)"

struct snapshot_writer;

/* 0 or -errno: of making a file in that directory, which only its owner may read. */
int snapshot_writer_new(const char *path, struct snapshot_writer **ret_writer);
/* Takes the file away unless it was moved to its place. Returns NULL. */
struct snapshot_writer *snapshot_writer_free(struct snapshot_writer *writer);
DEFINE_CLEANUP(struct snapshot_writer *, snapshot_writer_free)

/* The rows of one reply of Export, in their order. 0; -EBADMSG: they are none; -EPROTONOSUPPORT: of a format
 * that is not known here; -errno. */
int snapshot_writer_add(struct snapshot_writer *writer, struct json_object *reply);
/* 0 or -errno. */
int snapshot_writer_set(struct snapshot_writer *writer, const char *name, const char *value);
/* Whole, on disk, and in its place. -EBADMSG: the last row is not. Other -errno. */
int snapshot_writer_finish(struct snapshot_writer *writer);

struct snapshot_stats {
        uint64_t n_events, n_samples; /* rows */
        uint64_t bytes;               /* after snapshot_writer_finish() */
};
void snapshot_writer_get_stats(const struct snapshot_writer *writer, struct snapshot_stats *ret_stats);
