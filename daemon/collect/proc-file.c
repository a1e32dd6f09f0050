/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-file.h"

#include <fcntl.h>

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY };

int proc_file_probe(int root_fd, const char *path, const char *missing, const char *denied,
                    const char **ret_reason) {
        _cleanup_(closep) int fd = openat(root_fd, path, OPEN_FLAGS);

        if (fd >= 0)
                return 0;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES && errno != EPERM)
                return -errno;

        *ret_reason = errno == EACCES || errno == EPERM ? denied : missing;
        return -EOPNOTSUPP;
}

int proc_file_open(struct proc_file *file, int root_fd, const char *path, size_t limit) {
        int fd = openat(root_fd, path, OPEN_FLAGS);

        if (fd < 0)
                return -errno;

        *file = (struct proc_file){ .fd = fd, .limit = limit };
        return 0;
}

void proc_file_done(struct proc_file *file) {
        file->fd = close_safe(file->fd);
        text_buffer_done(&file->buffer);
}

int proc_file_read(struct proc_file *file) {
        return text_buffer_pread(&file->buffer, file->fd, file->limit);
}
