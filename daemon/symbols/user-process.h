/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A process from the outside, at the moment of asking: its mappings and the files behind them, also those
 * that are deleted or in another mount namespace. Pinned by its directory in proc, so that a reused process
 * id is never taken for it. Opens regular files only, and never waits for a network or user-space file
 * system.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "daemon/symbols/elf-cache.h"

enum user_map_kind {
        USER_MAP_FILE,
        USER_MAP_VDSO,
        USER_MAP_ANONYMOUS, /* also [heap], [anon:...]; executable: generated code */
        USER_MAP_STACK,
        USER_MAP_OTHER, /* [vvar], [vsyscall] ... */
};

struct user_map {
        uint64_t start, end, offset;
        unsigned device_major, device_minor;
        uint64_t inode;
        enum user_map_kind kind;
        bool executable;
        bool deleted;
        char *path;            /* as the process sees it, without " (deleted)"; NULL when anonymous */
        struct elf_file *file; /* once opened */
        bool tried;
        const char *note; /* why file is NULL, a literal */
};

struct user_process {
        int proc_fd; /* of proc/PID */
        pid_t pid;
        struct user_map *maps; /* ascending */
        size_t n_maps;
};

enum {
        USER_MAPS_MAX = 65536, /* vm.max_map_count is 65530 */
};

/* Pure: the text of proc/PID/maps. 0, -EBADMSG, -ENOMEM. The caller ends with user_maps_free(). */
int user_maps_parse(const char *text, struct user_map **ret_maps, size_t *ret_n);
void user_maps_free(struct user_map *maps, size_t n);

/* 0; -ESRCH gone, or without memory: a zombie, a kernel thread; -EACCES, -EPERM; -ENOMEM. */
int user_process_open(int root_fd, pid_t pid, struct user_process *ret_process);
void user_process_done(struct user_process *process);
/* NULL: nothing is mapped there. */
struct user_map *user_process_find(struct user_process *process, uint64_t address);
/* Opens the map's file through the cache if that was not tried before. 0, or negative with map->note set. */
int user_process_open_map(struct user_process *process, struct elf_cache *cache, struct user_map *map);
/* A file by a path of the process's own root, which cannot lead out of it. A descriptor of a regular file, or
 * -errno. */
int user_process_open_path(const struct user_process *process, const char *path);
/* The process's id in its own innermost namespace. 0, -errno. */
int user_process_namespace_pid(const struct user_process *process, pid_t *ret_pid);
/* Its effective uid as files in proc show it. 0, -errno. */
int user_process_owner(const struct user_process *process, uid_t *ret_uid);
