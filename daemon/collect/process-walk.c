/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/process-walk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/parse.h"

#define BALANCER "irqbalance"

enum {
        COMM_FILE_MAX = 64,
        PATH_SIZE = 512,
};

void process_walk_init(struct process_walk *walk, int root_fd) {
        *walk = (struct process_walk){ .root_fd = root_fd };
}

void process_walk_done(struct process_walk *walk) {
        if (walk->dir)
                (void)closedir(walk->dir); /* only read from */
        text_buffer_done(&walk->buffer);
        free(walk->namespaces);
        *walk = (struct process_walk){};
}

/* "net:[4026531840]", fs/nsfs.c: ns_get_name(). 0 or -errno. */
static int read_namespace(int dir_fd, const char *process, uint64_t *ret_inode) {
        char path[PATH_SIZE], link[PATH_SIZE], *digits, *end;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "%s/ns/net", process);
        n = readlinkat(dir_fd, path, link, sizeof(link) - 1);
        if (n < 0)
                return -errno;

        link[n] = '\0';
        digits = strchr(link, '[');
        end = strchr(link, ']');
        if (!digits || !end || end < digits)
                return -EINVAL;

        *end = '\0';
        return parse_u64(digits + 1, ret_inode);
}

static int add_namespace(struct process_walk *walk, uint64_t inode) {
        size_t low = 0, high = walk->n_namespaces, n = MAX(walk->namespaces_allocated * 2, (size_t)16);
        uint64_t *namespaces;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (walk->namespaces[middle] == inode)
                        return 0;
                if (walk->namespaces[middle] < inode)
                        low = middle + 1;
                else
                        high = middle;
        }

        if (walk->n_namespaces == walk->namespaces_allocated) {
                namespaces = reallocarray(walk->namespaces, n, sizeof(*namespaces));
                if (!namespaces)
                        return -ENOMEM;
                walk->namespaces = namespaces;
                walk->namespaces_allocated = n;
        }

        memmove(&walk->namespaces[low + 1], &walk->namespaces[low],
                (walk->n_namespaces - low) * sizeof(*walk->namespaces));
        walk->namespaces[low] = inode;
        walk->n_namespaces++;
        return 0;
}

/* 1: yes; 0: no, or it is gone; -ENOMEM. */
static int is_balancer(struct process_walk *walk, int dir_fd, const char *process) {
        char path[PATH_SIZE];
        int r;

        (void)snprintf(path, sizeof(path), "%s/comm", process);
        r = text_buffer_read(&walk->buffer, dir_fd, path, COMM_FILE_MAX);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        return strcmp(walk->buffer.data, BALANCER "\n") == 0;
}

/* A process that ends meanwhile is none. */
static int look_at(struct process_walk *walk, const char *process) {
        int proc_fd = dirfd(walk->dir), r;
        uint64_t inode = 0, pid;

        if (parse_u64(process, &pid) < 0)
                return 0;

        r = read_namespace(proc_fd, process, &inode);
        if (r == -EACCES || r == -EPERM)
                walk->n_denied++;
        else if (r == 0 && inode != walk->own_namespace && (r = add_namespace(walk, inode)) < 0)
                return r;

        r = walk->balancer == 0 ? is_balancer(walk, proc_fd, process) : 0;
        if (r > 0)
                walk->balancer = pid;
        return r < 0 ? r : 1;
}

static int start(struct process_walk *walk) {
        _cleanup_(closedirp) DIR *dir = opendir_at(walk->root_fd, "proc");
        int r;

        if (!dir)
                return -errno;

        r = read_namespace(dirfd(dir), "self", &walk->own_namespace);
        if (r < 0)
                return r;

        walk->dir = TAKE_PTR(dir);
        walk->n_namespaces = 0;
        walk->balancer = walk->n_denied = 0;
        return 0;
}

static void finish(struct process_walk *walk) {
        (void)closedir(walk->dir); /* only read from */
        walk->dir = NULL;
        walk->complete = true;
        walk->n_others = walk->n_namespaces;
        walk->balancer_found = walk->balancer;
        walk->n_unseen = walk->n_denied;
}

/* Between two walks the process that was found is asked for again: it may have ended. */
static int check_balancer(struct process_walk *walk) {
        char process[64];
        int r;

        if (walk->balancer_found == 0)
                return 0;

        (void)snprintf(process, sizeof(process), "proc/%llu", (unsigned long long)walk->balancer_found);
        r = is_balancer(walk, walk->root_fd, process);
        if (r == 0)
                walk->balancer_found = 0;
        return MIN(r, 0);
}

int process_walk_step(struct process_walk *walk, bool begin, unsigned n_max) {
        struct dirent *entry;
        int r;

        r = check_balancer(walk);
        if (r >= 0 && !walk->dir && begin)
                r = start(walk);
        if (r < 0 || !walk->dir)
                return r;

        for (unsigned n = 0; n < n_max; n += (unsigned)r) {
                entry = readdir(walk->dir);
                if (!entry) {
                        finish(walk);
                        return 0;
                }

                r = look_at(walk, entry->d_name);
                if (r < 0)
                        return r;
        }

        return 0;
}
