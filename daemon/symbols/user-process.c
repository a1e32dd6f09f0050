/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/user-process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "common/fileio.h"

enum {
        MAPS_SIZE_MAX = 16 * 1024 * 1024,
        MOUNTINFO_SIZE_MAX = 4 * 1024 * 1024,
        STATUS_SIZE_MAX = 64 * 1024,
        VDSO_SIZE_MAX = 64 * 1024,
        OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
};

static enum user_map_kind map_kind(const char *path, uint64_t inode) {
        if (strcmp(path, "[vdso]") == 0)
                return USER_MAP_VDSO;
        if (strcmp(path, "[stack]") == 0)
                return USER_MAP_STACK;
        if (path[0] == '/' && inode != 0)
                return USER_MAP_FILE;
        if (path[0] == '\0' || path[0] == '/' || strcmp(path, "[heap]") == 0 ||
            strncmp(path, "[anon", 5) == 0)
                return USER_MAP_ANONYMOUS;
        return USER_MAP_OTHER;
}

/* "7f..-7f.. r-xp 00001000 fe:01 1234    /usr/lib/x" with "\012" for newlines in names. */
static int map_parse(const char *line, size_t length, struct user_map *map) {
        static const char deleted[] = " (deleted)";
        char permissions[5];
        int n = 0;
        size_t size;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &map->start,
                   &map->end, permissions, &map->offset, &map->device_major, &map->device_minor, &map->inode,
                   &n) != 7 ||
            (size_t)n > length || map->start >= map->end)
                return -EBADMSG;
        map->executable = permissions[2] == 'x';

        line += n;
        length -= (size_t)n;
        while (length > 0 && *line == ' ') {
                line++;
                length--;
        }
        size = sizeof(deleted) - 1;
        if (length > size && memcmp(line + length - size, deleted, size) == 0) {
                map->deleted = true;
                length -= size;
        }
        map->path = strndup(line, length);
        if (!map->path)
                return -ENOMEM;
        map->kind = map_kind(map->path, map->inode);
        return 0;
}

void user_maps_free(struct user_map *maps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                elf_file_unref(maps[i].file);
                free(maps[i].path);
        }
        free(maps);
}

int user_maps_parse(const char *text, struct user_map **ret_maps, size_t *ret_n) {
        size_t n = 0, allocated = 0;
        struct user_map *maps = NULL;
        int r = 0;

        while (*text && r == 0) {
                size_t length = strcspn(text, "\n");

                if (n == allocated) {
                        size_t wanted = allocated ? allocated * 2 : 64;
                        struct user_map *grown = wanted <= 2 * USER_MAPS_MAX
                                                         ? reallocarray(maps, wanted, sizeof(*maps))
                                                         : NULL;

                        if (!grown) {
                                r = -ENOMEM;
                                break;
                        }
                        maps = grown;
                        allocated = wanted;
                }
                maps[n] = (struct user_map){};
                r = map_parse(text, length, &maps[n]);
                if (r == 0)
                        n++;
                text += length + (text[length] == '\n');
        }

        if (r < 0) {
                user_maps_free(maps, n);
                return r;
        }
        *ret_maps = maps;
        *ret_n = n;
        return 0;
}

void user_process_done(struct user_process *process) {
        user_maps_free(process->maps, process->n_maps);
        (void)close_safe(process->proc_fd);
        *process = (struct user_process){ .proc_fd = -EBADF };
}

int user_process_open(int root_fd, pid_t pid, struct user_process *ret_process) {
        _cleanup_(user_process_done) struct user_process process = { .proc_fd = -EBADF, .pid = pid };
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        char path[32];
        int r;

        (void)snprintf(path, sizeof(path), "proc/%d", (int)pid);
        process.proc_fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (process.proc_fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        r = text_buffer_read(&buffer, process.proc_fd, "maps", MAPS_SIZE_MAX);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        if (buffer.size == 0)
                return -ESRCH;
        r = user_maps_parse(buffer.data, &process.maps, &process.n_maps);
        if (r < 0)
                return r;

        *ret_process = process;
        process = (struct user_process){ .proc_fd = -EBADF };
        return 0;
}

struct user_map *user_process_find(struct user_process *process, uint64_t address) {
        size_t low = 0, high = process->n_maps;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (process->maps[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == process->n_maps || process->maps[low].start > address)
                return NULL;
        return &process->maps[low];
}

/* The words after " - " on the line of the process's mountinfo that has this device. */
static bool mount_type_is_slow(const char *mountinfo, unsigned device_major, unsigned device_minor) {
        static const char *const slow[] = { "fuse", "nfs", "cifs", "smb",     "9p",
                                            "ceph", "afs", "coda", "orangefs" };
        char device[32];

        (void)snprintf(device, sizeof(device), " %u:%u ", device_major, device_minor);
        while (*mountinfo) {
                size_t length = strcspn(mountinfo, "\n");
                const char *found = memmem(mountinfo, length, device, strlen(device));
                const char *dash = memmem(mountinfo, length, " - ", 3);

                if (found && dash && found < dash)
                        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                                if (strncmp(dash + 3, slow[i], strlen(slow[i])) == 0)
                                        return true;
                mountinfo += length + (mountinfo[length] == '\n');
        }
        return false;
}

/* Opening a file of a user-space or network file system can wait for ever. */
static bool map_is_slow(const struct user_process *process, const struct user_map *map) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};

        if (text_buffer_read(&buffer, process->proc_fd, "mountinfo", MOUNTINFO_SIZE_MAX) < 0)
                return false;
        return mount_type_is_slow(buffer.data, map->device_major, map->device_minor);
}

static int check_regular(int *fd) {
        struct stat st;

        if (*fd < 0)
                return -errno;
        if (fstat(*fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? TAKE_FD(*fd) : -ENOEXEC;
}

int user_process_open_path(const struct user_process *process, const char *path) {
        struct open_how how = {
                .flags = OPEN_FLAGS,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        _cleanup_(closep) int root_fd = -EBADF, fd = -EBADF;

        root_fd = openat(process->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        return check_regular(&fd);
}

/* map_files leads to the very file, deleted or not, in whatever namespace; it takes CAP_SYS_ADMIN or,
 * since 5.9, CAP_CHECKPOINT_RESTORE. */
static int open_map_files(const struct user_process *process, const struct user_map *map) {
        _cleanup_(closep) int fd = -EBADF;
        char path[64];

        (void)snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64, map->start, map->end);
        fd = openat(process->proc_fd, path, OPEN_FLAGS);
        return check_regular(&fd);
}

/* The program itself, or the path in the process's root, if that still is the file that is mapped. Overlay
 * file systems show other devices in maps than stat() does: only inode numbers are compared. */
static int open_by_name(const struct user_process *process, const struct user_map *map) {
        _cleanup_(closep) int exe = openat(process->proc_fd, "exe", OPEN_FLAGS), fd = -EBADF;
        struct stat st;

        if (exe >= 0 && fstat(exe, &st) == 0 && st.st_ino == map->inode && S_ISREG(st.st_mode))
                return TAKE_FD(exe);
        if (map->deleted)
                return -ENOENT;
        fd = user_process_open_path(process, map->path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0 || st.st_ino != map->inode)
                return -ESTALE;
        return TAKE_FD(fd);
}

/* All processes have the vdso of the kernel: the daemon's own serves, and needs no access to another's
 * memory. */
static int open_vdso(struct user_map *map) {
        const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
        size_t size = map->end - map->start;
        int r;

        if (!vdso || size > VDSO_SIZE_MAX) {
                map->note = "the vdso is not known";
                return -ENOENT;
        }
        r = elf_file_new_memory(vdso, size, &map->file);
        if (r < 0)
                map->note = "the vdso cannot be read";
        return r;
}

static const char *open_error_note(int error, const struct user_map *map) {
        switch (error) {
        case -ENOENT:
                return map->deleted ? "file deleted" : "file not found";
        case -ESTALE:
                return "file replaced since it was mapped";
        case -ESRCH:
                return "process exited";
        case -EACCES:
        case -EPERM:
                return "no permission to open the file";
        case -ENOEXEC:
                return "not an ELF file of this architecture";
        default:
                return "file could not be read";
        }
}

static int open_map_file(struct user_process *process, struct elf_cache *cache, struct user_map *map) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (map_is_slow(process, map)) {
                map->note = "file on a network or user-space file system, not read";
                return -EOPNOTSUPP;
        }
        fd = open_map_files(process, map);
        if (fd < 0)
                fd = open_by_name(process, map);
        r = fd < 0 ? fd : elf_cache_get(cache, &fd, &map->file);
        if (r < 0)
                map->note = open_error_note(r, map);
        return r;
}

int user_process_open_map(struct user_process *process, struct elf_cache *cache, struct user_map *map) {
        if (map->tried)
                return map->file ? 0 : -ENOENT;
        map->tried = true;

        switch (map->kind) {
        case USER_MAP_FILE:
                return open_map_file(process, cache, map);
        case USER_MAP_VDSO:
                return open_vdso(map);
        default:
                return -ENOENT;
        }
}

int user_process_namespace_pid(const struct user_process *process, pid_t *ret_pid) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        const char *line, *last;
        int r;

        r = text_buffer_read(&buffer, process->proc_fd, "status", STATUS_SIZE_MAX);
        if (r < 0)
                return r;
        line = strstr(buffer.data, "\nNStgid:");
        if (!line)
                return -ENODATA;
        last = memrchr(line + 1, '\t', strcspn(line + 1, "\n"));
        if (!last)
                return -ENODATA;
        *ret_pid = (pid_t)strtol(last + 1, NULL, 10);
        return *ret_pid > 0 ? 0 : -ENODATA;
}

int user_process_owner(const struct user_process *process, uid_t *ret_uid) {
        struct stat st;

        if (fstat(process->proc_fd, &st) < 0)
                return -errno;
        *ret_uid = st.st_uid;
        return 0;
}
