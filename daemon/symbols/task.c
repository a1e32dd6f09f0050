/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/task.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "common/fileio.h"

enum {
        FILEID_KERNFS_TYPE = 0xfe, /* FILEID_KERNFS, include/linux/exportfs.h; 8 bytes: the node's id */
        MOUNTINFO_SIZE_MAX = 4 * 1024 * 1024,
        CGROUP_SIZE_MAX = 64 * 1024,
};

struct cgroup_resolver {
        int root_fd;
        int mount_fd;     /* the cgroup2 mount, or negative */
        char *mount_path; /* as /proc/self/fd shows it */
        char *mount_root; /* the cgroup that is mounted there: "/" unless bound from elsewhere */
};

/* The nth field (from 0) of a line of blank-separated fields; false when there are fewer. */
static bool line_field(const char *line, size_t length, unsigned n, const char **ret_field,
                       size_t *ret_length) {
        const char *p = line, *end = line + length;

        for (; n > 0; n--) {
                p = memchr(p, ' ', (size_t)(end - p));
                if (!p)
                        return false;
                p++;
        }
        *ret_field = p;
        *ret_length = (size_t)((const char *)(memchr(p, ' ', (size_t)(end - p)) ?: (const void *)end) - p);
        return true;
}

/* mountinfo writes blank, tab, newline and backslash as octal. */
static char *field_unescape(const char *field, size_t length) {
        char *text = malloc(length + 1);
        size_t n = 0;

        if (!text)
                return NULL;
        for (size_t i = 0; i < length; i++) {
                const char *p = field + i;

                if (p[0] == '\\' && i + 3 < length && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
                    p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
                        text[n++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
                        i += 3;
                } else {
                        text[n++] = *p;
                }
        }
        text[n] = '\0';
        return text;
}

/* "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw": the file system's type comes after
 * the dash, fields in front of it vary in number. */
static bool line_is_cgroup2(const char *line, size_t length) {
        static const char type[] = " - cgroup2 ";

        return memmem(line, length, type, sizeof(type) - 1) != NULL;
}

static int resolver_open_mount(struct cgroup_resolver *resolver, const char *line, size_t length) {
        _cleanup_(freep) char *root = NULL, *point = NULL;
        char link[64], path[PATH_MAX];
        _cleanup_(closep) int fd = -EBADF;
        const char *field;
        size_t field_length;
        ssize_t n;

        if (!line_field(line, length, 3, &field, &field_length))
                return -EBADMSG;
        root = field_unescape(field, field_length);
        if (!line_field(line, length, 4, &field, &field_length))
                return -EBADMSG;
        point = field_unescape(field, field_length);
        if (!root || !point)
                return -ENOMEM;

        fd = openat(resolver->root_fd, point[0] == '/' && point[1] ? point + 1 : ".",
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path));
        if (n < 0 || (size_t)n >= sizeof(path))
                return n < 0 ? -errno : -ENAMETOOLONG;

        free(resolver->mount_path);
        free(resolver->mount_root);
        resolver->mount_root = NULL;
        resolver->mount_path = strndup(path, (size_t)n);
        if (!resolver->mount_path)
                return -ENOMEM;
        resolver->mount_root = TAKE_PTR(root);
        (void)close_safe(resolver->mount_fd);
        resolver->mount_fd = TAKE_FD(fd);
        return 0;
}

/* The first mount of the whole hierarchy, else the first of any part of it. */
static int resolver_find_mount(struct cgroup_resolver *resolver) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        int r;

        r = text_buffer_read(&buffer, resolver->root_fd, "proc/self/mountinfo", MOUNTINFO_SIZE_MAX);
        if (r < 0)
                return r;

        for (const char *line = buffer.data; *line;) {
                size_t length = strcspn(line, "\n");

                if (line_is_cgroup2(line, length)) {
                        const char *root = "";
                        size_t root_length = 0;

                        (void)line_field(line, length, 3, &root,
                                         &root_length); /* too short: not opened below */
                        if (resolver->mount_fd < 0 || (root_length == 1 && root[0] == '/')) {
                                r = resolver_open_mount(resolver, line, length);
                                if (r == -ENOMEM)
                                        return r;
                                if (r == 0 && strcmp(resolver->mount_root, "/") == 0)
                                        return 0;
                        }
                }
                line += length + (line[length] == '\n');
        }
        return resolver->mount_fd >= 0 ? 0 : -ENOENT;
}

int cgroup_resolver_new(int root_fd, struct cgroup_resolver **ret_resolver) {
        _cleanup_(cgroup_resolver_freep) struct cgroup_resolver *resolver = NULL;
        int r;

        resolver = malloc(sizeof(*resolver));
        if (!resolver)
                return -ENOMEM;
        *resolver = (struct cgroup_resolver){
                .root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3),
                .mount_fd = -EBADF,
        };
        if (resolver->root_fd < 0)
                return -errno;

        r = resolver_find_mount(resolver);
        if (r == -ENOMEM)
                return r; /* anything else: by proc/PID/cgroup alone */

        *ret_resolver = TAKE_PTR(resolver);
        return 0;
}

struct cgroup_resolver *cgroup_resolver_free(struct cgroup_resolver *resolver) {
        if (!resolver)
                return NULL;
        (void)close_safe(resolver->mount_fd);
        (void)close_safe(resolver->root_fd);
        free(resolver->mount_path);
        free(resolver->mount_root);
        free(resolver);
        return NULL;
}

/* From a path in the mount to one in the hierarchy. */
static int resolver_relative(const struct cgroup_resolver *resolver, char *path, char **ret_path) {
        size_t length = strlen(resolver->mount_path);
        const char *root = strcmp(resolver->mount_root, "/") == 0 ? "" : resolver->mount_root;
        static const char deleted[] = " (deleted)";
        char *text, *end = strrchr(path, ' ');

        if (strcmp(resolver->mount_path, "/") == 0)
                length = 0;
        if (strncmp(path, resolver->mount_path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
                return -ENOENT; /* not below this mount */
        if (end && strcmp(end, deleted) == 0)
                *end = '\0';

        if (asprintf(&text, "%s%s", root, path + length) < 0)
                return -ENOMEM;
        if (!text[0]) {
                free(text);
                text = strdup("/");
                if (!text)
                        return -ENOMEM;
        }
        *ret_path = text;
        return 0;
}

int cgroup_path_by_id(const struct cgroup_resolver *resolver, uint64_t id, char **ret_path) {
        union {
                struct file_handle handle;
                char space[sizeof(struct file_handle) + sizeof(id)];
        } u = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS_TYPE } };
        _cleanup_(closep) int fd = -EBADF;
        char link[64], path[PATH_MAX];
        ssize_t n;

        if (resolver->mount_fd < 0)
                return -ENOENT;
        memcpy(u.handle.f_handle, &id, sizeof(id));
        fd = open_by_handle_at(resolver->mount_fd, &u.handle, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno == ESTALE ? -ENOENT : -errno;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = '\0';
        return resolver_relative(resolver, path, ret_path);
}

/* How much a controller's path is worth: v2 most, then systemd's tree, then any. "/" says nothing. */
static size_t path_rank(const char *controllers, size_t controllers_length, size_t path_length) {
        static const char systemd[] = "name=systemd";

        if (path_length <= 1)
                return 0;
        if (controllers_length == 0)
                return SIZE_MAX;
        if (controllers_length == sizeof(systemd) - 1 &&
            memcmp(controllers, systemd, controllers_length) == 0)
                return SIZE_MAX - 1;
        return path_length;
}

int cgroup_path_parse(const char *text, char **ret_path) {
        const char *best = NULL;
        size_t best_length = 0, best_rank = 0;
        char *path;

        /* hierarchy:controllers:path */
        while (*text) {
                size_t length = strcspn(text, "\n");
                const char *controllers = memchr(text, ':', length);
                const char *colon =
                        controllers ? memchr(controllers + 1, ':', length - (size_t)(controllers + 1 - text))
                                    : NULL;

                if (colon && colon[1] == '/') {
                        size_t path_length = length - (size_t)(colon + 1 - text);
                        size_t rank =
                                path_rank(controllers + 1, (size_t)(colon - controllers - 1), path_length);

                        if (!best || rank > best_rank) {
                                best = colon + 1;
                                best_length = path_length;
                                best_rank = rank;
                        }
                }
                text += length + (text[length] == '\n');
        }

        if (!best)
                return -ENODATA;
        path = strndup(best, best_length);
        if (!path)
                return -ENOMEM;
        *ret_path = path;
        return 0;
}

int cgroup_path_by_pid(const struct cgroup_resolver *resolver, pid_t pid, char **ret_path) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), "proc/%d/cgroup", (int)pid);
        r = text_buffer_read(&buffer, resolver->root_fd, path, CGROUP_SIZE_MAX);
        if (r < 0)
                return r;
        return cgroup_path_parse(buffer.data, ret_path);
}

int cgroup_resolver_path(const struct cgroup_resolver *resolver, uint64_t id, pid_t pid, char **ret_path) {
        _cleanup_(freep) char *by_id = NULL, *by_pid = NULL;
        int r = -ENOENT;

        if (id != 0)
                r = cgroup_path_by_id(resolver, id, &by_id);
        if (r == -ENOMEM)
                return r;
        if ((!by_id || strcmp(by_id, "/") == 0) && pid > 0)
                r = cgroup_path_by_pid(resolver, pid, &by_pid);
        if (r == -ENOMEM)
                return r;

        if (!by_id && !by_pid)
                return -ENOENT;
        *ret_path = by_pid ? TAKE_PTR(by_pid) : TAKE_PTR(by_id);
        return 0;
}
