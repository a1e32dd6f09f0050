/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/online-cpus.h"

#define ONLINE_PATH "sys/devices/system/cpu/online"

enum { ONLINE_MAX = 64 * 1024 };

int online_cpus_probe(int root_fd, const char **ret_reason) {
        return proc_file_probe(root_fd, ONLINE_PATH,
                               "there is no /sys/devices/system/cpu/online: mount sysfs on /sys",
                               "/sys/devices/system/cpu/online may not be read: run as root", ret_reason);
}

int online_cpus_open(struct online_cpus *online, int root_fd) {
        return proc_file_open(&online->file, root_fd, ONLINE_PATH, ONLINE_MAX);
}

bool online_cpus_is_open(const struct online_cpus *online) {
        return online->file.fd >= 0;
}

void online_cpus_done(struct online_cpus *online) {
        proc_file_done(&online->file);
        cpu_set_done(&online->set);
}

int online_cpus_read(struct online_cpus *online) {
        int r;

        r = proc_file_read(&online->file);
        if (r < 0)
                return r;

        /* An empty file, as a read that failed half-way gives it, is a list of no CPUs. */
        if (online->file.buffer.size <= 1)
                return -EBADMSG;

        return cpu_list_parse(online->file.buffer.data, &online->set);
}
