/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cgroup of a task, by the cgroup-v2 id that the kernel side recorded or by the task's entry in proc.
 * Reads files: for a worker's thread. The container in a path is container.h's business.
 */

#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "daemon/symbols/container.h"

struct cgroup_resolver;

/* Finds the cgroup2 file system in proc/self/mountinfo below root_fd, which is duplicated. Without one, or
 * when it cannot be opened, the resolver goes by proc/PID/cgroup alone. 0, -ENOMEM, -errno. */
int cgroup_resolver_new(int root_fd, struct cgroup_resolver **ret_resolver);
struct cgroup_resolver *cgroup_resolver_free(struct cgroup_resolver *resolver);
DEFINE_CLEANUP(struct cgroup_resolver *, cgroup_resolver_free)

/* The path of a cgroup-v2 id (bpf_get_current_cgroup_id()), as in proc/PID/cgroup. 0; -ENOENT there is no
 * cgroup2 mount, or no such cgroup any more; -EPERM without CAP_DAC_READ_SEARCH; other -errno. */
int cgroup_path_by_id(const struct cgroup_resolver *resolver, uint64_t id, char **ret_path);
/* The path in proc/PID/cgroup; see cgroup_path_parse(). -ENOENT, -ESRCH: the task is gone. */
int cgroup_path_by_pid(const struct cgroup_resolver *resolver, pid_t pid, char **ret_path);
/* By id (0: not known) and, where that says no more than "/", by pid (0: not known): on hosts with both
 * versions the v2 path is "/" and v1 has the real one. The caller frees *ret_path. 0; -ENOENT when neither
 * leads anywhere; -ENOMEM. */
int cgroup_resolver_path(const struct cgroup_resolver *resolver, uint64_t id, pid_t pid, char **ret_path);

/* Pure: the text of proc/PID/cgroup to one path: v2's, else name=systemd's, else the longest of the others;
 * "/" only when all say so. 0, -ENODATA no line of that form, -ENOMEM. */
int cgroup_path_parse(const char *text, char **ret_path);
