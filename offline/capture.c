/* SPDX-License-Identifier: Apache-2.0 */

#include "offline/capture.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cpulist.h"
#include "common/fileio.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

/* Without one of these there is nothing to tell. */
static const char *const wanted[] = { "interrupts", "softirqs", "stat" };

static bool has_files(int fd) {
        struct stat st;

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                if (fstatat(fd, wanted[i], &st, 0) == 0 && S_ISREG(st.st_mode))
                        return true;

        return false;
}

void capture_done(struct capture *capture) {
        if (capture->proc_fd != capture->dir_fd)
                (void)close_safe(capture->proc_fd);
        (void)close_safe(capture->dir_fd);
        free(capture->name);
        *capture = (struct capture){ .dir_fd = -EBADF, .proc_fd = -EBADF };
}

int capture_open(int fd, const char *name, struct capture *ret_capture) {
        _cleanup_(capture_done) struct capture capture = { .dir_fd = -EBADF, .proc_fd = -EBADF };

        capture.dir_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (capture.dir_fd < 0)
                return -errno;

        capture.proc_fd = openat(capture.dir_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (capture.proc_fd >= 0 && !has_files(capture.proc_fd))
                capture.proc_fd = close_safe(capture.proc_fd);
        if (capture.proc_fd < 0) {
                if (!has_files(capture.dir_fd))
                        return 1;
                capture.proc_fd = capture.dir_fd;
        }

        capture.name = strdup(name);
        if (!capture.name)
                return -ENOMEM;
        *ret_capture = capture;
        capture = (struct capture){ .dir_fd = -EBADF, .proc_fd = -EBADF };
        return 0;
}

static int read_text(int fd, const char *name, struct text_buffer *buffer) {
        _cleanup_(closep) int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (file < 0 || fstat(file, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? text_buffer_pread(buffer, file, TEXT_MAX) : -EINVAL;
}

/* All words "cpu12" or "CPU12" in lines that they begin, of proc/stat, or in the heading of proc/interrupts:
 * both have the CPUs that are online. */
static int find_cpus(const char *text, bool lines, struct cpu_set *cpus) {
        int r = 0;

        for (const char *p = text; *p && r >= 0; p += strcspn(p, lines ? "\n" : " \n")) {
                unsigned cpu;

                if (!lines && *p == '\n' && p > text)
                        break;
                p += strspn(p, " \n");
                if (strncasecmp(p, "cpu", 3) == 0 && isdigit((unsigned char)p[3]) &&
                    sscanf(p + 3, "%7u", &cpu) == 1 && cpu < CPU_LIMIT)
                        r = cpu_set_add(cpus, (int)cpu);
                if (!*p)
                        break;
        }
        return r;
}

/* 0; -ENODATA: they are not known; -errno. */
static int read_online(const struct capture *capture, char **ret_list) {
        _cleanup_(text_buffer_done) struct text_buffer stat_text = {}, interrupts = {};
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        int r = 0;

        if (read_text(capture->proc_fd, "stat", &stat_text) >= 0)
                r = find_cpus(stat_text.data, true, &cpus);
        if (r >= 0 && cpu_set_count(&cpus) == 0 &&
            read_text(capture->proc_fd, "interrupts", &interrupts) >= 0)
                r = find_cpus(interrupts.data, false, &cpus);
        if (r < 0)
                return r;
        return cpu_set_count(&cpus) > 0 ? cpu_list_format(&cpus, ret_list) : -ENODATA;
}

static int make_online(int fd, const char *list) {
        static const char *const dirs[] = { "sys", "sys/devices", "sys/devices/system",
                                            "sys/devices/system/cpu" };
        _cleanup_(closep) int file = -EBADF;

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                if (mkdirat(fd, dirs[i], 0700) < 0)
                        return -errno;
        file = openat(fd, "sys/devices/system/cpu/online", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return file < 0 || dprintf(file, "%s\n", list) < 0 ? -errno : 0;
}

/* By number, so that it does not matter where the capture is. */
static int link_to(int fd, const char *name, int target) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%i", target); /* fits */
        return symlinkat(path, fd, name) < 0 ? -errno : 0;
}

static int link_sys(const struct capture *capture, struct capture_root *root) {
        _cleanup_(closep) int sys = openat(capture->dir_fd, "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) char *list = NULL;
        struct stat st;
        int r;

        if (sys >= 0 && fstatat(sys, "devices/system/cpu/online", &st, 0) == 0 && S_ISREG(st.st_mode)) {
                root->sys_fd = TAKE_FD(sys);
                return link_to(root->fd, "sys", root->sys_fd);
        }

        r = read_online(capture, &list);
        return r == -ENODATA ? 0 : r < 0 ? r : make_online(root->fd, list);
}

int capture_root_make(const struct capture *capture, struct capture_root *ret_root) {
        const char *tmp = getenv("TMPDIR") ?: "/tmp";
        struct capture_root root = { .fd = -EBADF, .sys_fd = -EBADF };
        int r;

        if (snprintf(root.dir, sizeof(root.dir), "%s/irqctl-XXXXXX", tmp) >= (int)sizeof(root.dir))
                (void)snprintf(root.dir, sizeof(root.dir), "/tmp/irqctl-XXXXXX"); /* fits */
        if (!mkdtemp(root.dir))
                return -errno;

        root.fd = open(root.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = root.fd < 0 ? -errno : link_to(root.fd, "proc", capture->proc_fd);
        if (r >= 0)
                r = link_sys(capture, &root);
        if (r < 0) {
                capture_root_done(&root);
                return r;
        }

        *ret_root = root;
        return 0;
}

void capture_root_done(struct capture_root *root) {
        static const struct {
                const char *name;
                int flags;
        } made[] = {
                { "sys/devices/system/cpu/online", 0 },
                { "sys/devices/system/cpu", AT_REMOVEDIR },
                { "sys/devices/system", AT_REMOVEDIR },
                { "sys/devices", AT_REMOVEDIR },
                { "sys", AT_REMOVEDIR },
        };

        if (root->sys_fd >= 0)
                (void)unlinkat(root->fd, "sys", 0);
        for (size_t i = 0; root->sys_fd < 0 && root->fd >= 0 && i < ELEMENTSOF(made); i++)
                (void)unlinkat(root->fd, made[i].name, made[i].flags); /* what was not made is not there */
        if (root->fd >= 0)
                (void)unlinkat(root->fd, "proc", 0);
        (void)rmdir(root->dir); /* best effort, as all here */
        root->sys_fd = close_safe(root->sys_fd);
        root->fd = close_safe(root->fd);
}
