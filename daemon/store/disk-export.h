/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of a file of history on their way into another file: those that answer questions about a span, in all
 * tiers that there are, with the events of the span and what these refer to. Read page by page, so that
 * neither side ever holds much, while the file is written. Rows go over as they are: their coding is the same
 * on every architecture. Belongs to the thread that has the file open.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/disk-file.h"

enum disk_table {
        DISK_BOOT,
        DISK_RUN,
        DISK_CLOCK,
        DISK_SOURCE,
        DISK_STRING,
        DISK_STACK,
        DISK_EVENT,
        DISK_SAMPLES, /* and the coarser tiers */
        _DISK_TABLE_MAX = DISK_SAMPLES + _DISK_TIER_MAX,
};

enum {
        DISK_NUMBERS_MAX = 8,
        DISK_TEXTS_MAX = 6,
        DISK_SEEN_MAX = 1024, /* strings and stacks that are remembered as sent; others may be sent again */
};

/* The schema's name of the table. */
const char *disk_table_to_string(enum disk_table table) _const_;
/* _DISK_TABLE_MAX: there is none of that name. */
enum disk_table disk_table_from_string(const char *name) _pure_;

/* A row, its columns by type: numbers, then texts, then bytes, each in the order of the schema. */
struct disk_row {
        enum disk_table table;
        size_t n_numbers, n_texts;
        int64_t numbers[DISK_NUMBERS_MAX];
        bool is_null[DISK_NUMBERS_MAX];
        const char *texts[DISK_TEXTS_MAX]; /* NULL: null */
        bool has_body;
        const void *body;
        size_t body_size;
};

/* Where an export stands. */
struct disk_export {
        uint64_t since_us, until_us; /* (since_us, until_us] */
        int64_t first_run;
        int64_t first[_DISK_TIER_MAX]; /* on the timeline */
        int64_t last;
        unsigned table; /* of which rows come now */
        bool in_table;
        int64_t after;                  /* the latest id of it */
        int64_t in_event;               /* that is being sent */
        uint64_t n_sent;                /* strings and stacks of it that were */
        int64_t seen[2][DISK_SEEN_MAX]; /* strings and stacks, by id modulo the size */
};

/* 0 or -errno. */
int disk_export_begin(struct disk_file *file, uint64_t since_us, uint64_t until_us,
                      struct disk_export *ret_export);
/* Calls fn with row after row, borrowed, until it returns positive: that row was taken, and the next call
 * goes on after it. A row may come more than once. 1: there may be more; 0: that was all; negative: of fn, or
 * -errno. */
int disk_export_rows(struct disk_file *file, struct disk_export *export,
                     int (*fn)(const struct disk_row *row, void *userdata), void *userdata);
/* Adds the row to a file that has none of them; one that is there already is left as it is. -EBADMSG: it has
 * not the columns of its table. */
int disk_row_insert(struct disk_file *file, const struct disk_row *row);
/* An empty file for rows, of which no half is ever of use: written without a log, synced by nobody but the
 * caller. */
int disk_file_create(const char *path, struct disk_file **ret_file);
