/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A proc file that is kept open and reread from its start on every pass: what the two proc collectors have in
 * common. Knows nothing of the contents.
 */

#include <stddef.h>

#include "common/cleanup.h"
#include "common/fileio.h"

struct proc_file {
        int fd;
        size_t limit; /* bytes; larger is -EFBIG */
        struct text_buffer buffer;
};

/* Whether the file can be read. 0; -EOPNOTSUPP with *ret_reason when it is not there or not allowed; other
 * -errno. missing and denied are the reasons for these two, literals. */
int proc_file_probe(int root_fd, const char *path, const char *missing, const char *denied,
                    const char **ret_reason);
/* 0 or -errno. Only then proc_file_done() is needed, which also takes { .fd = -EBADF }. */
int proc_file_open(struct proc_file *file, int root_fd, const char *path, size_t limit);
void proc_file_done(struct proc_file *file);
/* Fills file->buffer with the present contents. 0, -EFBIG, -ENOMEM, -errno. */
int proc_file_read(struct proc_file *file);
