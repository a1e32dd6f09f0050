/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file that is written whole or not at all: beside its place, and renamed at the end. A link is followed,
 * and what is there and is no file (a device, a pipe) is written to: renaming would put a file in its place,
 * which as root takes away /dev/null from the whole machine.
 */

#include <stdio.h>

struct new_file {
        FILE *stream;    /* write here */
        char *place;     /* where it goes at the end */
        char *temporary; /* NULL: it is written in place */
};

/* 0 or -errno. */
int new_file_open(struct new_file *file, const char *path);
/* Closes it and puts it into its place. 0 or -errno, also of what could not be written before. */
int new_file_commit(struct new_file *file);
/* What was not committed is cleared away. */
void new_file_done(struct new_file *file);
