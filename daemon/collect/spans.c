/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/spans.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <string.h>

#include "daemon/collect/irq-metrics.h"

enum {
        READ_CHUNK = 256,      /* entries of one lookup */
        ENTRIES_LIMIT = 65536, /* far above the map's size: an end to any loop */
        FUNCTION_NAME_MAX = 128,
};

struct span_entry {
        struct abi_time_key key;
        struct abi_time time;
};

const char *softirq_name(unsigned vector) {
        /* softirq_to_name[] in kernel/softirq.c */
        static const char *const names[] = { "HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                             "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU" };
        static_assert(ELEMENTSOF(names) == ABI_SOFTIRQS, "a name for each vector");

        return vector < ELEMENTSOF(names) ? names[vector] : NULL;
}

void span_reader_done(struct span_reader *reader) {
        free(reader->entries);
        free(reader->softirqs);
        *reader = (struct span_reader){};
}

static int reserve_entries(struct span_reader *reader, size_t n) {
        struct span_entry *entries;

        if (n <= reader->n_allocated)
                return 0;

        entries = reallocarray(reader->entries, n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;

        reader->entries = entries;
        reader->n_allocated = n;
        return 0;
}

static int append(struct span_reader *reader, const struct abi_time_key *keys, const struct abi_time *times,
                  size_t n) {
        int r;

        r = reserve_entries(reader, reader->n_entries + n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++)
                reader->entries[reader->n_entries++] = (struct span_entry){ .key = keys[i], .time = times[i] };
        return 0;
}

/* One system call per chunk; entries are only ever added, so none is seen twice or missed for good. */
static int read_entries(struct span_reader *reader, int map_fd) {
        struct abi_time_key keys[READ_CHUNK];
        struct abi_time times[READ_CHUNK];
        uint32_t cursor = 0;
        bool first = true;
        int r, e = 0;

        reader->n_entries = 0;
        while (e == 0 && reader->n_entries < ENTRIES_LIMIT) {
                uint32_t n = READ_CHUNK;

                e = bpf_map_lookup_batch(map_fd, first ? NULL : &cursor, &cursor, keys, times, &n, NULL) < 0 ? -errno : 0;
                if (e < 0 && e != -ENOENT) /* ENOENT: that was the last chunk */
                        return e;
                first = false;

                r = append(reader, keys, times, n);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int compare_groups(const struct abi_time_key *a, const struct abi_time_key *b) {
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        if (a->number != b->number)
                return a->number < b->number ? -1 : 1;
        if (a->function != b->function)
                return a->function < b->function ? -1 : 1;
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        const struct abi_time_key *x = &((const struct span_entry *)a)->key, *y = &((const struct span_entry *)b)->key;
        int c = compare_groups(x, y);

        return c ? c : (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

/* One key's values on several CPUs, wherever they lie. */
struct span_group {
        const struct abi_time *const *times;
        const int *cpus;
        size_t n;
};

/* Where a group's rows go and what identifies them. */
struct span_target {
        unsigned histogram, total, longest; /* metric indexes in the batch */
        const char *name;                   /* of the rows of total and longest */
        const char *labels[METRIC_LABELS_MAX]; /* of the histogram's rows */
};

static bool bucket_is_empty(const struct span_group *group, unsigned bucket) {
        for (size_t i = 0; i < group->n; i++)
                if (group->times[i]->histogram[bucket])
                        return false;

        return true;
}

static int add_buckets(const struct span_group *group, const struct span_target *target, struct batch *batch) {
        int r;

        for (unsigned bucket = 0; bucket < ABI_BUCKETS; bucket++) {
                struct row_key key = { .labels = { target->labels[0], target->labels[1], target->labels[2] } };
                char name[16];

                if (bucket_is_empty(group, bucket))
                        continue;

                (void)snprintf(name, sizeof(name), "%u", bucket); /* two digits */
                key.name = name;
                r = batch_add_row(batch, target->histogram, &key);
                for (size_t i = 0; r >= 0 && i < group->n; i++)
                        r = batch_add(batch, group->cpus[i], group->times[i]->histogram[bucket]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_group(const struct span_group *group, const struct span_target *target, struct batch *batch) {
        const struct row_key key = { .name = target->name };
        int r;

        r = add_buckets(group, target, batch);
        if (r >= 0)
                r = batch_add_row(batch, target->total, &key);
        for (size_t i = 0; r >= 0 && i < group->n; i++)
                r = batch_add(batch, group->cpus[i], group->times[i]->total_ns);
        if (r >= 0)
                r = batch_add_row(batch, target->longest, &key);
        for (size_t i = 0; r >= 0 && i < group->n; i++)
                r = batch_add(batch, group->cpus[i], group->times[i]->max_ns);

        return r < 0 ? r : 0;
}

static void set_metrics(struct span_target *target, enum irq_metric histogram) {
        target->histogram = histogram;
        target->total = histogram - IRQ_HARDIRQ_TIME + IRQ_HARDIRQ_TOTAL;
        target->longest = histogram - IRQ_HARDIRQ_TIME + IRQ_HARDIRQ_MAX;
}

/* False for kinds that have no metrics of their own. */
static bool metric_of_kind(uint32_t kind, enum irq_metric *ret_metric) {
        switch (kind) {
        case ABI_SPAN_HARDIRQ:
                *ret_metric = IRQ_HARDIRQ_TIME;
                return true;
        case ABI_SPAN_IPI:
                *ret_metric = IRQ_CALL_TIME;
                return true;
        case ABI_SPAN_TASKLET:
                *ret_metric = IRQ_TASKLET_TIME;
                return true;
        case ABI_SPAN_TIMER:
        case ABI_SPAN_WHEEL_TIMER:
                *ret_metric = IRQ_TIMER_TIME;
                return true;
        default:
                return false;
        }
}

struct span_sampling {
        span_name_fn name_function;
        void *userdata;
        struct batch *batch;
        uint64_t *seen; /* hashes of metric and name of the rows so far */
        size_t n_seen;
};

static uint64_t hash_name(enum irq_metric metric, const char *name) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ metric; /* FNV-1a */

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
        return hash;
}

/* Static functions may share a name: the second one becomes "name#2". They come in the order of their addresses, so it
 * is the same one in every pass. */
static void make_unique(struct span_sampling *s, enum irq_metric metric, char *name, size_t size) {
        uint64_t hash = hash_name(metric, name);
        unsigned n = 1;

        for (size_t i = 0; i < s->n_seen; i++)
                n += s->seen[i] == hash;
        s->seen[s->n_seen++] = hash;
        if (n > 1)
                (void)snprintf(name + strlen(name), size - strlen(name), "#%u", n);
}

static int sample_group(struct span_sampling *s, const struct span_entry *entries, const struct span_group *group) {
        const struct abi_time_key *key = &entries[0].key;
        char number[16], function[FUNCTION_NAME_MAX + 16], action[ABI_COMM_MAX + 1], unique[64];
        struct span_target target = {};
        enum irq_metric metric;

        if (!metric_of_kind(key->kind, &metric))
                return 0;
        set_metrics(&target, metric);

        if (key->kind == ABI_SPAN_HARDIRQ) {
                (void)snprintf(number, sizeof(number), "%i", key->number);
                (void)snprintf(action, sizeof(action), "%.*s", ABI_COMM_MAX, entries[0].time.name);
                (void)snprintf(unique, sizeof(unique), "%s %s", number, action);
                target.name = unique;
                target.labels[0] = number;
                target.labels[1] = action;
        } else {
                /* Before 6.4 the kernel tells of the interrupt, not of the functions it runs. */
                if (!key->function)
                        (void)snprintf(function, sizeof(function), "function call interrupt");
                else if (!s->name_function(s->userdata, key->function, function, sizeof(function)))
                        return 0;
                make_unique(s, metric, function, sizeof(function));
                target.name = function;
                target.labels[0] = function;
        }

        return add_group(group, &target, s->batch);
}

static int sample_entries(struct span_reader *reader, struct span_sampling *s, unsigned n_cpus) {
        _cleanup_(freep) const struct abi_time **times = calloc(n_cpus, sizeof(*times));
        _cleanup_(freep) int *cpus = calloc(n_cpus, sizeof(*cpus));
        _cleanup_(freep) uint64_t *seen = calloc(reader->n_entries + 1, sizeof(*seen));
        size_t end;
        int r;

        if (!times || !cpus || !seen)
                return -ENOMEM;

        s->seen = seen;

        qsort(reader->entries, reader->n_entries, sizeof(*reader->entries), compare_entries);
        for (size_t begin = 0; begin < reader->n_entries; begin = end) {
                struct span_group group = { .times = times, .cpus = cpus };

                for (end = begin; end < reader->n_entries && group.n < n_cpus &&
                                  compare_groups(&reader->entries[begin].key, &reader->entries[end].key) == 0;
                     end++) {
                        times[group.n] = &reader->entries[end].time;
                        cpus[group.n++] = (int)reader->entries[end].key.cpu;
                }

                r = sample_group(s, &reader->entries[begin], &group);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Copies the softirqs' figures of all CPUs; the BPF side goes on writing them. */
static int read_softirqs(struct span_reader *reader, const struct irq_programs *programs) {
        if (!reader->softirqs) {
                reader->softirqs = calloc((size_t)programs->n_cpus * ABI_SOFTIRQS, sizeof(*reader->softirqs));
                if (!reader->softirqs)
                        return -ENOMEM;
        }

        for (unsigned cpu = 0; cpu < programs->n_cpus; cpu++)
                memcpy(&reader->softirqs[(size_t)cpu * ABI_SOFTIRQS], (const void *)programs->cpus[cpu].softirqs,
                       sizeof(programs->cpus[cpu].softirqs));
        return 0;
}

static const struct abi_softirq *softirq_at(const struct span_reader *reader, unsigned cpu, unsigned vector) {
        return &reader->softirqs[(size_t)cpu * ABI_SOFTIRQS + vector];
}

/* One vector's figures of all CPUs that have any. */
static size_t gather_vector(const struct span_reader *reader, unsigned n_cpus, unsigned vector, bool wait,
                            const struct abi_time **times, int *cpus) {
        size_t n = 0;

        for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
                const struct abi_softirq *softirq = softirq_at(reader, cpu, vector);
                const struct abi_time *time = wait ? &softirq->wait : &softirq->run;

                if (time->count == 0)
                        continue;
                times[n] = time;
                cpus[n++] = (int)cpu;
        }

        return n;
}

static int sample_ksoftirqd(const struct span_sampling *s, const struct span_reader *reader, unsigned n_cpus,
                            unsigned vector) {
        const struct row_key key = { .name = softirq_name(vector) };
        int r;

        r = batch_add_row(s->batch, IRQ_KSOFTIRQD_RUNS, &key);
        for (unsigned cpu = 0; r >= 0 && cpu < n_cpus; cpu++)
                if (softirq_at(reader, cpu, vector)->run.count > 0)
                        r = batch_add(s->batch, (int)cpu, softirq_at(reader, cpu, vector)->ksoftirqd_count);
        if (r >= 0)
                r = batch_add_row(s->batch, IRQ_KSOFTIRQD_TOTAL, &key);
        for (unsigned cpu = 0; r >= 0 && cpu < n_cpus; cpu++)
                if (softirq_at(reader, cpu, vector)->run.count > 0)
                        r = batch_add(s->batch, (int)cpu, softirq_at(reader, cpu, vector)->ksoftirqd_ns);

        return r < 0 ? r : 0;
}

static int sample_softirqs(const struct span_sampling *s, const struct span_reader *reader, unsigned n_cpus) {
        _cleanup_(freep) const struct abi_time **times = calloc(n_cpus, sizeof(*times));
        _cleanup_(freep) int *cpus = calloc(n_cpus, sizeof(*cpus));
        int r;

        if (!times || !cpus)
                return -ENOMEM;

        for (unsigned vector = 0; vector < ABI_SOFTIRQS; vector++) {
                struct span_target target = { .name = softirq_name(vector), .labels = { softirq_name(vector) } };

                for (int wait = 0; wait < 2; wait++) {
                        struct span_group group = { .times = times, .cpus = cpus };

                        group.n = gather_vector(reader, n_cpus, vector, wait, times, cpus);
                        if (group.n == 0)
                                continue;
                        set_metrics(&target, wait ? IRQ_SOFTIRQ_WAIT : IRQ_SOFTIRQ_TIME);
                        r = add_group(&group, &target, s->batch);
                        if (r < 0)
                                return r;
                }

                r = sample_ksoftirqd(s, reader, n_cpus, vector);
                if (r < 0)
                        return r;
        }

        return 0;
}

int span_reader_sample(struct span_reader *reader, const struct irq_programs *programs, span_name_fn name_function,
                       void *userdata, struct batch *batch) {
        struct span_sampling s = {
                .name_function = name_function,
                .userdata = userdata,
                .batch = batch,
        };
        uint64_t now_ns = batch->stamp.monotonic_ns;
        int r;

        if (reader->read_ns == 0 || now_ns - reader->read_ns >= SPAN_READ_INTERVAL_NS) {
                if ((r = read_softirqs(reader, programs)) < 0 ||
                    (r = read_entries(reader, irq_programs_times_fd(programs))) < 0)
                        return r;
                reader->read_ns = now_ns;
        }

        r = sample_softirqs(&s, reader, programs->n_cpus);
        if (r < 0)
                return r;

        return sample_entries(reader, &s, programs->n_cpus);
}
