/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whole small files and directories, as /proc and /sys have them. Paths are relative to root_fd, so that a fixture
 * tree can stand in for the machine.
 */

#include <dirent.h>
#include <stddef.h>

/* A reusable read buffer: keeps its memory between passes. All-zero is empty. */
struct text_buffer {
        char *data; /* NUL-terminated after a successful read */
        size_t size;
        size_t allocated;
};

void text_buffer_done(struct text_buffer *buffer);
/* Reads the file from its start to its end into the buffer. 0, -EFBIG above limit bytes, -errno. */
int text_buffer_read(struct text_buffer *buffer, int root_fd, const char *path, size_t limit);
/* The same from an open descriptor, by pread() from offset 0. */
int text_buffer_pread(struct text_buffer *buffer, int fd, size_t limit);

/* opendir(3) relative to a directory. NULL with errno. */
DIR *opendir_at(int dir_fd, const char *path);
static inline void closedirp(DIR **dir) {
        if (*dir)
                (void)closedir(*dir); /* only read from */
}
