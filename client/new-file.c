/* SPDX-License-Identifier: Apache-2.0 */

#include "client/new-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

/* 0: to be replaced; 1: to be written in place; -ENOMEM. */
static int find_place(const char *path, char **ret_place) {
        struct stat st;
        bool exists = stat(path, &st) == 0;
        char *place;

        /* The real name of /dev/stdout, too, that leads to a file. */
        place = exists ? realpath(path, NULL) : NULL;
        if (!place)
                place = strdup(path);
        if (!place)
                return -ENOMEM;

        *ret_place = place;
        return exists && !S_ISREG(st.st_mode);
}

/* As open() would make it: mkostemp() gives nobody else a right to read, and node_exporter is somebody else.
 */
static mode_t default_mode(void) {
        mode_t mask = umask(0);

        (void)umask(mask); /* cannot fail */
        return 0666 & ~mask;
}

static int open_beside(struct new_file *file) {
        _cleanup_(closep) int fd = -EBADF;
        char *name = NULL;

        /* Its end is not that of the file: node_exporter must not read what is half written. */
        if (asprintf(&name, "%s.XXXXXX", file->place) < 0)
                return -ENOMEM;
        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0) {
                int r = -errno;

                free(name);
                return r;
        }

        file->temporary = name; /* from here on it is cleared away */
        if (fchmod(fd, default_mode()) < 0)
                return -errno;
        file->stream = fdopen(fd, "w");
        if (!file->stream)
                return -errno;
        (void)TAKE_FD(fd); /* the stream's */
        return 0;
}

int new_file_open(struct new_file *file, const char *path) {
        int r;

        *file = (struct new_file){};
        r = find_place(path, &file->place);
        if (r == 0)
                r = open_beside(file);
        else if (r > 0) {
                file->stream = fopen(path, "we");
                r = file->stream ? 0 : -errno;
        }
        if (r < 0)
                new_file_done(file);
        return r;
}

int new_file_commit(struct new_file *file) {
        bool failed = ferror(file->stream) != 0;
        int r = 0;

        errno = 0;
        if (fclose(file->stream) != 0)
                r = -(errno ?: EIO);
        else if (failed)
                r = -EIO;
        file->stream = NULL;
        if (r < 0 || !file->temporary)
                return r;

        if (rename(file->temporary, file->place) < 0)
                return -errno;
        free(file->temporary);
        file->temporary = NULL;
        return 0;
}

void new_file_done(struct new_file *file) {
        if (file->stream)
                (void)fclose(file->stream); /* half a file is of no use */
        if (file->temporary)
                (void)unlink(file->temporary); /* likewise */
        free(file->temporary);
        free(file->place);
        *file = (struct new_file){};
}
