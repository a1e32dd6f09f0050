/* SPDX-License-Identifier: Apache-2.0 */

#include "common/fileio.h"

#include <fcntl.h>

#include "common/cleanup.h"

enum { BUFFER_FIRST_SIZE = 4096 };

void text_buffer_done(struct text_buffer *buffer) {
        free(buffer->data);
        *buffer = (struct text_buffer){};
}

static int text_buffer_grow(struct text_buffer *buffer) {
        size_t allocated = buffer->allocated ? buffer->allocated * 2 : BUFFER_FIRST_SIZE;
        char *data;

        data = realloc(buffer->data, allocated);
        if (!data)
                return -ENOMEM;

        buffer->data = data;
        buffer->allocated = allocated;
        return 0;
}

int text_buffer_pread(struct text_buffer *buffer, int fd, size_t limit) {
        size_t size = 0;
        int r;

        for (;;) {
                ssize_t n;

                if (size + 1 >= buffer->allocated) {
                        r = text_buffer_grow(buffer);
                        if (r < 0)
                                return r;
                }

                n = pread(fd, buffer->data + size, buffer->allocated - size - 1, (off_t)size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                size += (size_t)n;
                if (size > limit)
                        return -EFBIG;
        }

        buffer->data[size] = '\0';
        buffer->size = size;
        return 0;
}

int text_buffer_read(struct text_buffer *buffer, int root_fd, const char *path, size_t limit) {
        _cleanup_(closep) int fd = -EBADF;

        fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        return text_buffer_pread(buffer, fd, limit);
}

DIR *opendir_at(int dir_fd, const char *path) {
        int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir;
        int error;

        if (fd < 0)
                return NULL;

        dir = fdopendir(fd);
        if (!dir) {
                error = errno;
                (void)close_safe(fd);
                errno = error;
        }
        return dir;
}
