/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-topology.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fileio.h"
#include "common/parse.h"

enum {
        BUS_ID_MAX = IRQ_QUEUE_MAX,
        LINK_MAX = 1024,
        NUMBER_FILE_MAX = 64,
};

/* A network or block device that sits on hardware. */
struct irq_device {
        char *name;
        const char *kind;
        char parent[BUS_ID_MAX]; /* the nearest PCI or virtio device above it */
};

/* A vector, or the line, of a PCI device. */
struct irq_vector {
        unsigned irq;
        char parent[BUS_ID_MAX];
};

struct irq_topology {
        struct irq_device *devices;
        size_t n_devices;
        struct irq_vector *vectors; /* by number once complete */
        size_t n_vectors, vectors_allocated;
};

/* "0000:3b:00.0", drivers/pci/probe.c: pci_setup_device(); domains may have more digits. */
static bool is_pci_id(const char *text, size_t n) {
        size_t domain = strcspn(text, ":");

        return n >= 12 && domain >= 4 && domain + 8 == n && text[domain + 3] == ':' &&
               text[domain + 6] == '.';
}

static bool is_virtio_id(const char *text, size_t n) {
        static const char prefix[] = "virtio";
        size_t length = strlen(prefix);

        return n > length && strncmp(text, prefix, length) == 0 &&
               strspn(text + length, "0123456789") == n - length;
}

/* "../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0" -> "virtio2". Bridges on the way have interrupts
 * of their own, so the nearest device counts. False: there is none. */
static bool find_parent(const char *path, char *ret_parent) {
        bool found = false;

        for (const char *part = path; *part;) {
                size_t n = strcspn(part, "/");

                if (n < BUS_ID_MAX && (is_pci_id(part, n) || is_virtio_id(part, n))) {
                        memcpy(ret_parent, part, n);
                        ret_parent[n] = '\0';
                        found = true;
                }
                part += n + (part[n] == '/');
        }

        return found;
}

static int add_device(struct irq_topology *topology, const char *name, const char *kind, const char *link) {
        struct irq_device device = { .kind = kind }, *devices;

        if (!find_parent(link, device.parent))
                return 0;

        devices = reallocarray(topology->devices, topology->n_devices + 1, sizeof(*devices));
        if (!devices)
                return -ENOMEM;
        topology->devices = devices;

        device.name = strdup(name);
        if (!device.name)
                return -ENOMEM;
        devices[topology->n_devices++] = device;
        return 0;
}

static int read_class(struct irq_topology *topology, int root_fd, const char *path, const char *kind) {
        _cleanup_(closedirp) DIR *dir = opendir_at(root_fd, path);
        struct dirent *entry;
        int r = 0;

        while (dir && r == 0 && (entry = readdir(dir))) {
                char link[LINK_MAX];
                ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

                if (n < 0) /* "bonding_masters" and the like */
                        continue;
                link[n] = '\0';
                r = add_device(topology, entry->d_name, kind, link);
        }

        return r;
}

static int add_vector(struct irq_topology *topology, uint64_t irq, const char *parent) {
        struct irq_vector *vectors;
        size_t n;

        if (irq == 0 || irq > UINT32_MAX || strlen(parent) >= BUS_ID_MAX)
                return 0;

        if (topology->n_vectors == topology->vectors_allocated) {
                n = MAX(topology->vectors_allocated * 2, (size_t)64);
                vectors = reallocarray(topology->vectors, n, sizeof(*vectors));
                if (!vectors)
                        return -ENOMEM;
                topology->vectors = vectors;
                topology->vectors_allocated = n;
        }

        vectors = &topology->vectors[topology->n_vectors++];
        *vectors = (struct irq_vector){ .irq = (unsigned)irq };
        memcpy(vectors->parent, parent, strlen(parent));
        return 0;
}

/* A device without messages has a line; the number is in "irq". */
static int read_line(struct irq_topology *topology, int device_fd, const char *parent) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        uint64_t irq;
        int r;

        r = text_buffer_read(&buffer, device_fd, "irq", NUMBER_FILE_MAX);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        buffer.data[strcspn(buffer.data, "\n")] = '\0';
        return parse_u64(buffer.data, &irq) < 0 ? 0 : add_vector(topology, irq, parent);
}

static int read_pci_device(struct irq_topology *topology, int pci_fd, const char *name) {
        _cleanup_(closep) int fd = openat(pci_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        uint64_t irq;
        int r = 0;

        if (fd < 0)
                return 0;

        dir = opendir_at(fd, "msi_irqs");
        if (!dir)
                return read_line(topology, fd, name);

        while (r == 0 && (entry = readdir(dir)))
                if (parse_u64(entry->d_name, &irq) == 0)
                        r = add_vector(topology, irq, name);
        return r;
}

static int read_pci(struct irq_topology *topology, int root_fd) {
        _cleanup_(closedirp) DIR *dir = opendir_at(root_fd, "sys/bus/pci/devices");
        struct dirent *entry;
        int r = 0;

        while (dir && r == 0 && (entry = readdir(dir)))
                if (is_pci_id(entry->d_name, strlen(entry->d_name)))
                        r = read_pci_device(topology, dirfd(dir), entry->d_name);
        return r;
}

static int compare_vectors(const void *a, const void *b) {
        const struct irq_vector *x = a, *y = b;

        return x->irq != y->irq ? (x->irq > y->irq) - (x->irq < y->irq) : strcmp(x->parent, y->parent);
}

int irq_topology_read(int root_fd, struct irq_topology **ret_topology) {
        _cleanup_(irq_topology_freep) struct irq_topology *topology = NULL;
        int r;

        topology = calloc(1, sizeof(*topology));
        if (!topology)
                return -ENOMEM;

        if ((r = read_class(topology, root_fd, "sys/class/net", "net")) < 0 ||
            (r = read_class(topology, root_fd, "sys/block", "block")) < 0 ||
            (r = read_pci(topology, root_fd)) < 0)
                return r;

        if (topology->n_vectors > 0)
                qsort(topology->vectors, topology->n_vectors, sizeof(*topology->vectors), compare_vectors);
        *ret_topology = TAKE_PTR(topology);
        return 0;
}

struct irq_topology *irq_topology_free(struct irq_topology *topology) {
        if (!topology)
                return NULL;

        for (size_t i = 0; i < topology->n_devices; i++)
                free(topology->devices[i].name);
        free(topology->devices);
        free(topology->vectors);
        free(topology);
        return NULL;
}

/* NULL when there is none, or several devices share the line. */
static const struct irq_vector *find_vector(const struct irq_topology *topology, unsigned irq) {
        size_t low = 0, high = topology->n_vectors;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (topology->vectors[middle].irq < irq)
                        low = middle + 1;
                else
                        high = middle;
        }

        if (low == topology->n_vectors || topology->vectors[low].irq != irq)
                return NULL;
        if (low + 1 < topology->n_vectors && topology->vectors[low + 1].irq == irq)
                return NULL;
        return &topology->vectors[low];
}

/* Whether the action names the device: "i40e-eth1-TxRx-3" names eth1, not eth. */
static bool names_device(const char *actions, const char *device) {
        size_t n = strlen(device);

        for (const char *p = strstr(actions, device); p; p = strstr(p + 1, device))
                if ((p == actions || strchr("-_.:@, ", p[-1])) && (!p[n] || strchr("-_.:@, ", p[n])))
                        return true;

        return false;
}

static void take_device(struct irq_place *place, const struct irq_device *device) {
        place->device = device->name;
        place->kind = device->kind;
}

/* Several devices on one parent (ports, disks) are told apart by the action's name only; where that does not
 * say it, the parent stands for them all. */
static void find_on_parent(const struct irq_topology *topology, const char *parent, const char *actions,
                           struct irq_place *place) {
        const struct irq_device *first = NULL;
        bool several = false, mixed = false;

        for (size_t i = 0; i < topology->n_devices; i++) {
                const struct irq_device *device = &topology->devices[i];

                if (strcmp(device->parent, parent) != 0)
                        continue;
                if (names_device(actions, device->name)) {
                        take_device(place, device);
                        return;
                }
                several = several || first;
                mixed = mixed || (first && first->kind != device->kind);
                first = first ?: device;
        }

        (void)snprintf(place->name, sizeof(place->name), "%s", parent); /* both have BUS_ID_MAX bytes */
        place->device = place->name;
        if (first && !several)
                take_device(place, first);
        else if (first && !mixed)
                place->kind = first->kind;
}

/* Network devices outside of PCI and virtio name their interrupts after themselves. */
static void find_by_name(const struct irq_topology *topology, const char *actions, struct irq_place *place) {
        for (size_t i = 0; i < topology->n_devices; i++)
                if (names_device(actions, topology->devices[i].name)) {
                        take_device(place, &topology->devices[i]);
                        return;
                }
}

/* "nvme12q7": the controller; its disks share the queue (drivers/nvme/host/pci.c). */
static bool find_nvme(const char *actions, struct irq_place *place) {
        size_t n = strncmp(actions, "nvme", 4) == 0 ? 4 + strspn(actions + 4, "0123456789") : 0;

        if (n <= 4 || n >= sizeof(place->name) || actions[n] != 'q')
                return false;

        memcpy(place->name, actions, n);
        place->name[n] = '\0';
        place->device = place->name;
        place->kind = "block";
        return true;
}

static bool find_virtio(const struct irq_topology *topology, const char *actions, struct irq_place *place) {
        char parent[BUS_ID_MAX];
        size_t n = strcspn(actions, "-,");

        if (n >= sizeof(parent) || !is_virtio_id(actions, n))
                return false;

        memcpy(parent, actions, n);
        parent[n] = '\0';
        find_on_parent(topology, parent, actions, place);
        return true;
}

void irq_topology_find(const struct irq_topology *topology, unsigned irq, const char *actions,
                       struct irq_place *ret_place) {
        const struct irq_vector *vector = find_vector(topology, irq);

        *ret_place = (struct irq_place){};
        if (!find_nvme(actions, ret_place) && !find_virtio(topology, actions, ret_place)) {
                if (vector)
                        find_on_parent(topology, vector->parent, actions, ret_place);
                else
                        find_by_name(topology, actions, ret_place);
        }

        if (ret_place->kind)
                irq_queue_of_action(actions, ret_place->device, ret_place->queue);
}
