/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A directory under /tmp that stands in for "/" in a test: files are written below it, and all of it is
 * removed at the end. Header only, so that tests that do not need it link nothing. */

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct temp_tree {
        char path[64];
        int fd;
};

static inline void temp_tree_init(struct temp_tree *tree) {
        (void)snprintf(tree->path, sizeof(tree->path), "/tmp/irqwatch-test-XXXXXX");
        if (!mkdtemp(tree->path))
                abort();
        tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (tree->fd < 0)
                abort();
}

/* name is relative and may have directories in it. */
static inline void temp_tree_write(const struct temp_tree *tree, const char *name, const char *text) {
        char path[4096];
        size_t size = strlen(text);
        int fd;

        (void)snprintf(path, sizeof(path), "%s", name);
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void)mkdirat(tree->fd, path, 0700); /* may be there from the file before */
                *slash = '/';
        }
        fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, text, size) != (ssize_t)size)
                abort();
        (void)close(fd);
}

static inline int temp_tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st, (void)type, (void)ftw;
        return remove(path);
}

static inline void temp_tree_done(struct temp_tree *tree) {
        if (tree->path[0])
                (void)nftw(tree->path, temp_tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
        (void)close(tree->fd);
        *tree = (struct temp_tree){ .fd = -1 };
}
