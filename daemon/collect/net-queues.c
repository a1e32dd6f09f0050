/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/net-queues.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/utf8.h"

enum {
        MASK_MAX = 16 * 1024,
        NAME_SIZE = 64, /* IFNAMSIZ, and "/rx-4095" */
        PATH_SIZE = 512,
};

static void queue_done(struct net_queue *queue) {
        free(queue->name);
        cpu_set_done(&queue->cpus);
        cpus_gauge_done(&queue->gauge);
}

void net_queues_done(struct net_queues *queues) {
        for (size_t i = 0; i < queues->n_items; i++)
                queue_done(&queues->items[i]);
        free(queues->items);
        text_buffer_done(&queues->buffer);
        *queues = (struct net_queues){};
}

static struct net_queue *find_queue(const struct net_queues *queues, const char *name) {
        for (size_t i = 0; i < queues->n_items; i++)
                if (strcmp(queues->items[i].name, name) == 0)
                        return &queues->items[i];

        return NULL;
}

static int add_queue(struct net_queues *queues, const char *name, bool is_tx, struct net_queue **ret_queue) {
        struct net_queue *items;
        char *copy;

        items = reallocarray(queues->items, queues->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        queues->items = items;

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;

        items[queues->n_items] = (struct net_queue){ .name = copy, .is_tx = is_tx };
        *ret_queue = &items[queues->n_items++];
        return 0;
}

/* What is no mask tells nothing. */
static int set_mask(struct net_queue *queue, const char *mask) {
        int r;

        r = cpu_mask_parse(mask, &queue->cpus);
        if (r < 0)
                cpu_set_clear(&queue->cpus);
        return r == -ENOMEM ? r : 0;
}

static bool is_empty_mask(const char *mask) {
        return mask[strspn(mask, "0,\n")] == '\0';
}

/* Most queues have no mask and get no entry. */
static int read_queue(struct net_queues *queues, int queues_fd, const char *device, const char *queue) {
        bool is_tx = strncmp(queue, "tx-", 3) == 0;
        char path[PATH_SIZE], raw[PATH_SIZE], name[NAME_SIZE];
        struct net_queue *found;
        int r;

        (void)snprintf(path, sizeof(path), "%s/%s", queue, is_tx ? "xps_cpus" : "rps_cpus");
        r = text_buffer_read(&queues->buffer, queues_fd, path, MASK_MAX);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* no such queue any more; with one queue there is no XPS */

        (void)snprintf(raw, sizeof(raw), "%s/%s", device, queue);
        (void)utf8_printable(raw, name, sizeof(name));
        found = find_queue(queues, name);
        if (!found && is_empty_mask(queues->buffer.data))
                return 0;
        if (!found) {
                r = add_queue(queues, name, is_tx, &found);
                if (r < 0)
                        return r;
        }

        found->seen = true;
        return set_mask(found, queues->buffer.data);
}

static int read_device(struct net_queues *queues, int class_fd, const char *device) {
        _cleanup_(closedirp) DIR *dir = NULL;
        char path[PATH_SIZE];
        struct dirent *entry;
        int r = 0;

        (void)snprintf(path, sizeof(path), "%s/queues", device);
        dir = opendir_at(class_fd, path);
        while (dir && r == 0 && (entry = readdir(dir)))
                if (strncmp(entry->d_name, "rx-", 3) == 0 || strncmp(entry->d_name, "tx-", 3) == 0)
                        r = read_queue(queues, dirfd(dir), device, entry->d_name);
        return r;
}

static void drop_unseen(struct net_queues *queues) {
        size_t n = 0;

        for (size_t i = 0; i < queues->n_items; i++)
                if (queues->items[i].seen)
                        queues->items[n++] = queues->items[i];
                else
                        queue_done(&queues->items[i]);
        queues->n_items = n;
}

int net_queues_read(struct net_queues *queues, int root_fd) {
        _cleanup_(closedirp) DIR *dir = opendir_at(root_fd, "sys/class/net");
        struct dirent *entry;
        int r = 0;

        for (size_t i = 0; i < queues->n_items; i++)
                queues->items[i].seen = false;
        while (dir && r == 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        r = read_device(queues, dirfd(dir), entry->d_name);
        if (r < 0)
                return r;

        drop_unseen(queues);
        return 0;
}
