/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which CPUs are online, read anew on every pass from /sys/devices/system/cpu/online: CPUs come and go, and
 * the files below /proc do not always say whose numbers they have.
 */

#include <stdbool.h>

#include "common/cpulist.h"
#include "daemon/collect/proc-file.h"

/* Made by ONLINE_CPUS_CLOSED, so that done() may be called at any time. */
struct online_cpus {
        struct proc_file file;
        struct cpu_set set;
};
#define ONLINE_CPUS_CLOSED ((struct online_cpus){ .file.fd = -EBADF })

/* As proc_file_probe(). */
int online_cpus_probe(int root_fd, const char **ret_reason);
/* 0, -ENOENT (there is no sysfs), -errno. */
int online_cpus_open(struct online_cpus *online, int root_fd);
bool online_cpus_is_open(const struct online_cpus *online);
void online_cpus_done(struct online_cpus *online);
/* Reads the list into online->set, which is unchanged on failure. 0; -EBADMSG: an empty list, as no running
 * machine has it; -EINVAL, -ERANGE, -ENOMEM, -errno. */
int online_cpus_read(struct online_cpus *online);
