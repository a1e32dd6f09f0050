/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What "irqctl --input PATH" reads, in the shape in which a daemon has it: a file of "irqctl snapshot", a
 * copy of irqwatchd's history, or a directory with captures of proc files. What is read comes from somebody
 * else, and may be damaged or made to hurt.
 */

#include <json-c/json.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/ipc/monitor.h"
#include "daemon/store/history.h"
#include "daemon/store/store.h"

enum { INPUT_NOTES_MAX = 16 };

struct input {
        struct store *store;          /* never NULL; empty where there is a history */
        struct history *history;      /* NULL: all is in the store */
        struct monitor_record record; /* its JSON objects are owned */
        char *notes[INPUT_NOTES_MAX]; /* for who asks: what is less than one might think */
        size_t n_notes;
};

/* 0; otherwise *ret_text is a sentence on what is wrong and what to do (owned; NULL: out of memory). */
int input_open(const char *path, struct input **ret_input, char **ret_text);
struct input *input_free(struct input *input);
DEFINE_CLEANUP(struct input *, input_free)

/* For those who fill it. */
int input_new(struct input **ret_input);
int input_note(struct input *input, const char *format, ...) _printf_(2, 3);
/* Keeps a reply {"status": ...} as the record's and takes from it whose record it is. 0; -EBADMSG; -ENOMEM.
 */
int input_take_status(struct input *input, struct json_object *reply);
/* The collectors of the record's status, as findings want them; end with status_done(). 0 or -ENOMEM. */
int input_get_status(const struct input *input, struct status *ret_status);

/* By what the path is. Returns as input_open() does. */
int input_open_file(const char *path, struct input **ret_input, char **ret_text);
int input_open_captures(int fd, const char *path, struct input **ret_input, char **ret_text);
/* Sets *ret_text. Returns r. */
int input_fail(int r, char **ret_text, const char *format, ...) _printf_(3, 4);
