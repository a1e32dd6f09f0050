/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-affinity.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"
#include "common/parse.h"
#include "common/utf8.h"

enum {
        LIST_MAX = 64 * 1024, /* 4,096 single CPUs of five characters make 24 KiB */
        ACTIONS_MAX = 4096,
        PATH_SIZE = 64,
};

static void cpus_done(struct irq_cpus *cpus) {
        free(cpus->text);
        cpu_set_done(&cpus->set);
        cpus_gauge_done(&cpus->gauge);
        *cpus = (struct irq_cpus){};
}

/* Leaves the number only. */
static void entry_clear(struct irq_entry *entry) {
        free(entry->actions);
        free(entry->device);
        cpus_done(&entry->configured);
        cpus_done(&entry->effective);
        *entry = (struct irq_entry){ .irq = entry->irq };
}

int irq_affinity_init(struct irq_affinity *affinity, int root_fd) {
        *affinity = (struct irq_affinity){ .root_fd = root_fd, .irq_fd = -EBADF, .actions_fd = -EBADF };

        affinity->irq_fd = openat(root_fd, "proc/irq", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (affinity->irq_fd < 0)
                return -errno;
        affinity->actions_fd = openat(root_fd, "sys/kernel/irq", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return affinity->actions_fd < 0 ? -errno : 0;
}

void irq_affinity_done(struct irq_affinity *affinity) {
        for (size_t i = 0; i < affinity->n_entries; i++)
                entry_clear(&affinity->entries[i]);
        free(affinity->entries);
        irq_topology_free(affinity->topology);
        text_buffer_done(&affinity->buffer);
        affinity->irq_fd = close_safe(affinity->irq_fd);
        affinity->actions_fd = close_safe(affinity->actions_fd);
        affinity->entries = NULL;
        affinity->n_entries = 0;
        affinity->topology = NULL;
}

/* Such a file has one line: where a read ends in one, there is no need to ask whether that was all. */
static int read_file(struct text_buffer *buffer, int dir_fd, const char *path, size_t limit) {
        _cleanup_(closep) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        ssize_t n;

        if (fd < 0)
                return -errno;

        n = buffer->allocated > 0 ? pread(fd, buffer->data, buffer->allocated - 1, 0) : 0;
        if (n <= 0 || (size_t)n > limit || buffer->data[n - 1] != '\n')
                return text_buffer_pread(buffer, fd, limit);

        buffer->data[n] = '\0';
        buffer->size = (size_t)n;
        return 0;
}

/* What goes away while it is read is no failure. 1: read, without the newline; 0: not there; -errno. */
static int read_line(struct irq_affinity *affinity, int dir_fd, unsigned irq, const char *name,
                     size_t limit) {
        char path[PATH_SIZE];
        int r;

        (void)snprintf(path, sizeof(path), "%u/%s", irq, name);
        r = read_file(&affinity->buffer, dir_fd, path, limit);
        if (r == -ENOENT || r == -ENODEV || r == -ESRCH || r == -EIO || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return r;

        affinity->buffer.data[strcspn(affinity->buffer.data, "\n")] = '\0';
        return 1;
}

/* Takes the list's text. *ret_old: what it was, for the caller to free. 1: there was another before; 0: it is
 * the same, or the first; on failure nothing changed. */
static int cpus_take(struct irq_cpus *cpus, const char *text, struct cpu_set *ret_old) {
        _cleanup_(freep) char *copy = NULL;
        struct cpu_set set = {};
        bool had = cpus->text;
        int r;

        if (had && strcmp(cpus->text, text) == 0)
                return 0;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        r = cpu_list_parse(text, &set);
        if (r < 0)
                return r;

        *ret_old = cpus->set;
        cpus->set = set;
        free(cpus->text);
        cpus->text = TAKE_PTR(copy);
        return had;
}

/* Reads both lists. 1: something changed, *change says what and its sets are in old[]; 0: nothing did; 2: the
 * interrupt is gone. */
static int entry_read_lists(struct irq_affinity *affinity, struct irq_entry *entry, struct cpu_set old[2],
                            struct irq_change *change) {
        bool effective_changed;
        int r;

        r = read_line(affinity, affinity->irq_fd, entry->irq, "smp_affinity_list", LIST_MAX);
        if (r <= 0)
                return r < 0 ? r : 2;
        r = cpus_take(&entry->configured, affinity->buffer.data, &old[0]);
        if (r < 0)
                return r;
        change->configured = r > 0;

        r = read_line(affinity, affinity->irq_fd, entry->irq, "effective_affinity_list", LIST_MAX);
        if (r > 0)
                r = cpus_take(&entry->effective, affinity->buffer.data, &old[1]);
        if (r < 0)
                return r;
        effective_changed = r > 0;

        change->entry = entry;
        change->old_configured = change->configured ? &old[0] : &entry->configured.set;
        change->old_effective = effective_changed ? &old[1] : &entry->effective.set;
        return change->configured || effective_changed;
}

/* Where it belongs by what is known now: a network device may have got another name. */
static int entry_describe(const struct irq_affinity *affinity, struct irq_entry *entry) {
        struct irq_place place;
        char *device = NULL;

        irq_topology_find(affinity->topology, entry->irq, entry->actions, &place);
        if (place.device) {
                device = strdup(place.device);
                if (!device)
                        return -ENOMEM;
        }

        free(entry->device);
        entry->device = device;
        entry->kind = place.kind;
        (void)snprintf(entry->queue, sizeof(entry->queue), "%s", place.queue); /* of the same size */
        return 0;
}

/* Whether it is still the same interrupt as before by its actions. 1: yes; 0: no, and all that was known of
 * it is forgotten; -errno. */
static int entry_read_actions(struct irq_affinity *affinity, struct irq_entry *entry) {
        char text[ACTIONS_MAX], *actions;
        int r;

        r = read_line(affinity, affinity->actions_fd, entry->irq, "actions", ACTIONS_MAX - 1);
        if (r < 0)
                return r;

        (void)utf8_printable(r > 0 ? affinity->buffer.data : "", text, sizeof(text));
        if (entry->actions && strcmp(entry->actions, text) == 0)
                return 1;

        actions = strdup(text);
        if (!actions)
                return -ENOMEM;
        entry_clear(entry);
        entry->actions = actions;
        return *actions ? entry_describe(affinity, entry) : 0;
}

static int entry_forget(struct irq_entry *entry) {
        entry_clear(entry);
        return 0;
}

/* An interrupt whose lists changed may be another one under the old number: only then its name is worth a
 * look. */
static int entry_changed(struct irq_affinity *affinity, struct irq_entry *entry,
                         const struct irq_change *change, irq_change_fn fn, void *userdata) {
        struct cpu_set unused[2] = {};
        struct irq_change first = {};
        int r;

        r = entry_read_actions(affinity, entry);
        if (r < 0)
                return r;
        if (r > 0)
                return fn(change, userdata);
        if (!*entry->actions)
                return 0;

        /* Its first values. */
        r = entry_read_lists(affinity, entry, unused, &first);
        return r == 2 ? entry_forget(entry) : MIN(r, 0);
}

static int entry_read(struct irq_affinity *affinity, struct irq_entry *entry, uint64_t now_ns, irq_change_fn fn,
                      void *userdata) {
        struct irq_change change = { .since_reading_ns = now_ns - entry->read_ns };
        bool with_topology = entry->described != affinity->n_topologies;
        struct cpu_set old[2] = {};
        int r;

        /* Without a handler it is looked at for one only. */
        if (with_topology || !entry->actions || !*entry->actions) {
                r = entry_read_actions(affinity, entry);
                if (r < 0 || !*entry->actions)
                        return MIN(r, 0);
                if (r > 0 && with_topology && (r = entry_describe(affinity, entry)) < 0)
                        return r;
        }

        r = entry_read_lists(affinity, entry, old, &change);
        if (r == 1)
                r = entry_changed(affinity, entry, &change, fn, userdata);
        else if (r == 2)
                r = entry_forget(entry);
        if (r >= 0) {
                entry->read_ns = now_ns;
                entry->described = affinity->n_topologies;
        }

        cpu_set_done(&old[0]);
        cpu_set_done(&old[1]);
        return r;
}

static int compare_numbers(const void *a, const void *b) {
        const unsigned *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

struct numbers {
        unsigned *items;
        size_t n, allocated;
};

static void numbers_done(struct numbers *numbers) {
        free(numbers->items);
}

static int numbers_add(struct numbers *numbers, unsigned number) {
        int r = ARRAY_RESERVE(numbers->items, numbers->allocated, numbers->n + 1);

        if (r < 0)
                return r;

        numbers->items[numbers->n++] = number;
        return 0;
}

/* The numbers in proc/irq, ascending. */
static int numbers_read(struct numbers *numbers, int irq_fd) {
        _cleanup_(closedirp) DIR *dir = opendir_at(irq_fd, ".");
        struct dirent *entry;
        int r = 0;

        if (!dir)
                return -errno;

        while (r == 0 && (entry = readdir(dir))) {
                uint64_t number;

                if (parse_u64(entry->d_name, &number) == 0 && number <= UINT32_MAX)
                        r = numbers_add(numbers, (unsigned)number);
        }

        if (numbers->n > 0)
                qsort(numbers->items, numbers->n, sizeof(*numbers->items), compare_numbers);
        return r;
}

static int reserve_entries(struct irq_affinity *affinity, size_t n) {
        struct irq_entry *entries;

        if (n <= affinity->entries_allocated)
                return 0;

        entries = reallocarray(affinity->entries, n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        affinity->entries = entries;
        affinity->entries_allocated = n;
        return 0;
}

/* Forgets entries whose number is gone and makes new ones. Returns whether there was any difference. */
static int follow_numbers(struct irq_affinity *affinity, const unsigned *numbers, size_t n,
                          bool *ret_differs) {
        size_t kept = 0, at = 0;
        int r;

        for (size_t i = 0; i < affinity->n_entries; i++) {
                struct irq_entry *entry = &affinity->entries[i];

                while (at < n && numbers[at] < entry->irq)
                        at++;
                if (at < n && numbers[at] == entry->irq)
                        affinity->entries[kept++] = *entry;
                else
                        entry_clear(entry);
        }
        *ret_differs = kept < affinity->n_entries || kept < n;
        affinity->n_entries = kept;
        if (kept == n)
                return 0;

        r = reserve_entries(affinity, n);
        if (r < 0)
                return r;

        /* From the end, so that each moves once. */
        for (size_t i = n; i-- > 0;)
                affinity->entries[i] = kept > 0 && affinity->entries[kept - 1].irq == numbers[i]
                                               ? affinity->entries[--kept]
                                               : (struct irq_entry){ .irq = numbers[i] };
        affinity->n_entries = n;
        return 0;
}

static int read_topology(struct irq_affinity *affinity) {
        struct irq_topology *topology = NULL;
        int r;

        r = irq_topology_read(affinity->root_fd, &topology);
        if (r < 0)
                return r;

        irq_topology_free(affinity->topology);
        affinity->topology = topology;
        affinity->n_topologies++;
        return 0;
}

/* The index of whose turn it is. */
static size_t find_next(const struct irq_affinity *affinity) {
        for (size_t i = 0; i < affinity->n_entries; i++)
                if (affinity->entries[i].irq >= affinity->next_irq)
                        return i;

        return 0;
}

static int read_entries(struct irq_affinity *affinity, uint64_t now_ns, irq_change_fn fn, void *userdata) {
        size_t first = find_next(affinity), n_read = 0;

        for (size_t n = 0; n < affinity->n_entries; n++) {
                struct irq_entry *entry = &affinity->entries[(first + n) % affinity->n_entries];
                bool is_new = !entry->actions;
                int r;

                if (!is_new && n_read >= IRQ_AFFINITY_READ_MAX)
                        continue;

                r = entry_read(affinity, entry, now_ns, fn, userdata);
                if (r < 0)
                        return r;
                if (is_new)
                        continue;
                n_read++;
                affinity->next_irq = entry->irq + 1;
        }

        return 0;
}

int irq_affinity_read(struct irq_affinity *affinity, bool with_topology, uint64_t now_ns, irq_change_fn fn,
                      void *userdata) {
        _cleanup_(numbers_done) struct numbers numbers = {};
        bool differs = false;
        int r;

        r = numbers_read(&numbers, affinity->irq_fd);
        if (r < 0)
                return r;
        r = follow_numbers(affinity, numbers.items, numbers.n, &differs);
        if (r < 0)
                return r;

        if (with_topology || differs || !affinity->topology) {
                r = read_topology(affinity);
                if (r < 0)
                        return r;
        }

        return read_entries(affinity, now_ns, fn, userdata);
}
