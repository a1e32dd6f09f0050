/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/packet-namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "daemon/store/batch.h"

enum {
        FILE_MAX = 16 * 1024 * 1024, /* 64,000 devices */
        PATH_SIZE = 64,
};

static const char *process_path(char path[static PATH_SIZE], pid_t pid, const char *name) {
        if (pid == 0)
                (void)snprintf(path, PATH_SIZE, "proc/self/%s", name); /* names are short literals */
        else
                (void)snprintf(path, PATH_SIZE, "proc/%i/%s", (int)pid, name);
        return path;
}

static int find_inode(int root_fd, pid_t pid, uint32_t *ret_inode) {
        char path[PATH_SIZE];
        struct stat st;

        if (fstatat(root_fd, process_path(path, pid, "ns/net"), &st, 0) < 0)
                return -errno;

        *ret_inode =
                (uint32_t)st.st_ino; /* proc's own numbers, 32 bits: proc_alloc_inum() in fs/proc/generic.c */
        return 0;
}

int packet_namespaces_init(struct packet_namespaces *namespaces, int root_fd) {
        int r;

        *namespaces = (struct packet_namespaces){ .n = 1 };
        r = find_inode(root_fd, 0, &namespaces->items[0].inode);
        return r == -ENOENT ? 0 : r; /* a kernel without network namespaces */
}

static void namespace_done(struct packet_namespace *netns) {
        packet_devices_done(&netns->before);
        packet_devices_done(&netns->after);
}

void packet_namespaces_done(struct packet_namespaces *namespaces) {
        for (size_t i = 0; i < namespaces->n; i++)
                namespace_done(&namespaces->items[i]);
        text_buffer_done(&namespaces->buffer);
        namespaces->n = 0;
}

void packet_namespaces_forget(struct packet_namespaces *namespaces) {
        for (size_t i = 1; i < namespaces->n; i++)
                namespace_done(&namespaces->items[i]);
        namespaces->n = MIN(namespaces->n, (size_t)1);
}

static void add_process(struct packet_namespaces *namespaces, pid_t pid, uint32_t inode) {
        for (size_t i = 0; i < namespaces->n; i++)
                if (namespaces->items[i].inode == inode)
                        return;

        if (namespaces->n < PACKET_NAMESPACES_MAX)
                namespaces->items[namespaces->n++] = (struct packet_namespace){ .inode = inode, .pid = pid };
}

bool packet_device_is_stacked(int root_fd, const char *device) {
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        char path[PATH_SIZE];

        (void)snprintf(path, sizeof(path), "sys/class/net/%s", device); /* at most 15 bytes of a name */
        dir = opendir_at(root_fd, path);
        if (!dir)
                return false;

        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, "lower_", strlen("lower_")) == 0)
                        return true;

        return false;
}

int packet_namespaces_find(struct packet_namespaces *namespaces, int root_fd) {
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;

        dir = opendir_at(root_fd, "proc");
        if (!dir)
                return -errno;

        while ((entry = readdir(dir))) {
                uint32_t inode = 0;
                uint64_t pid;

                if (parse_u64(entry->d_name, &pid) == 0 && pid <= INT32_MAX &&
                    find_inode(root_fd, (pid_t)pid, &inode) == 0)
                        add_process(namespaces, (pid_t)pid, inode);
        }

        return 0;
}

static int read_devices(struct packet_namespaces *namespaces, struct packet_namespace *netns, int root_fd) {
        struct packet_devices oldest = netns->before;
        char path[PATH_SIZE];
        struct stamp now;
        uint32_t inode = 0;
        int r;

        /* Each at its own moment: many namespaces on a busy machine take a part of a second. */
        stamp_now(&now);
        r = text_buffer_read(&namespaces->buffer, root_fd, process_path(path, netns->pid, "net/dev"),
                             FILE_MAX);
        if (r < 0)
                return r;
        /* Behind the reading: the process may have gone, its number may be another's. */
        if (netns->pid != 0 && (find_inode(root_fd, netns->pid, &inode) < 0 || inode != netns->inode))
                return -ESRCH;

        netns->before = netns->after;
        netns->before_ns = netns->after_ns;
        netns->after = oldest;
        netns->after_ns = now.monotonic_ns;
        r = packet_devices_parse(&netns->after, namespaces->buffer.data, namespaces->buffer.size);
        if (r < 0)
                netns->before_ns = netns->after_ns = 0; /* nothing to compare with */
        return r;
}

int packet_namespaces_read_own(struct packet_namespaces *namespaces, int root_fd) {
        return read_devices(namespaces, &namespaces->items[0], root_fd);
}

void packet_namespaces_read_others(struct packet_namespaces *namespaces, int root_fd) {
        size_t n = 1;

        for (size_t i = 1; i < namespaces->n; i++) {
                struct packet_namespace *netns = &namespaces->items[i];

                if (read_devices(namespaces, netns, root_fd) < 0)
                        namespace_done(netns);
                else
                        namespaces->items[n++] = *netns;
        }

        namespaces->n = n;
}
