/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/latency.h"

#include <string.h>

enum latency_metric {
        LATENCY_LATENESS,
        LATENCY_LARGEST,
        LATENCY_OBSERVED,
        LATENCY_WATCHED,
        LATENCY_LOST,
        LATENCY_SUPPRESSED,
        _LATENCY_METRIC_MAX,
};

static const char *const metric_names[] = {
        [LATENCY_LATENESS] = "lateness", [LATENCY_LARGEST] = "lateness-max",
        [LATENCY_OBSERVED] = "observed", [LATENCY_WATCHED] = "watched",
        [LATENCY_LOST] = "lost",         [LATENCY_SUPPRESSED] = "suppressed",
};
_Static_assert(ELEMENTSOF(metric_names) == _LATENCY_METRIC_MAX, "a name for every metric");

/* One CPU while the passes go by. */
struct latency_sum {
        uint64_t counts[HISTOGRAM_BUCKETS];
        uint64_t observed_ns, watched_ns;
        struct histogram_peak peak; /* of lateness-max */
};

/* What a row of the store is, so that nothing need be parsed for each change. */
struct latency_row {
        enum latency_metric metric;
        size_t bucket;
};

/* All CPUs. */
struct latency_sums {
        uint64_t n_lost, n_suppressed;
        const struct store *store;
        unsigned source;
        const struct cpu_set *filter;     /* NULL: all */
        int metrics[_LATENCY_METRIC_MAX]; /* the source's metric number or -1 */
        struct latency_row *rows;         /* by the store's row number */
        struct latency_sum *cpus;         /* by CPU id */
        size_t n_cpus;
};

struct latency_sums *latency_sums_free(struct latency_sums *sums) {
        if (!sums)
                return NULL;

        free(sums->rows);
        free(sums->cpus);
        free(sums);
        return NULL;
}

static int latency_reserve(struct latency_sums *sums, size_t cpu) {
        size_t n = MAX(sums->n_cpus * 2, cpu + 1);
        struct latency_sum *cpus;

        if (cpu < sums->n_cpus)
                return 0;

        cpus = reallocarray(sums->cpus, n, sizeof(*cpus));
        if (!cpus)
                return -ENOMEM;

        memset(cpus + sums->n_cpus, 0, (n - sums->n_cpus) * sizeof(*cpus));
        sums->cpus = cpus;
        sums->n_cpus = n;
        return 0;
}

static enum latency_metric latency_metric_of(const struct latency_sums *sums, unsigned metric) {
        enum latency_metric m = 0;

        while (m < _LATENCY_METRIC_MAX && sums->metrics[m] != (int)metric)
                m++;

        return m;
}

static int latency_add_change(struct latency_sums *sums, const struct store_change *change, bool baseline) {
        const struct latency_row *row = &sums->rows[change->row];
        uint64_t delta = baseline ? 0 : change->delta;
        struct latency_sum *sum;
        int r;

        if (row->metric == _LATENCY_METRIC_MAX || change->cpu == CPU_NONE ||
            (sums->filter && !cpu_set_contains(sums->filter, change->cpu)))
                return 0;

        r = latency_reserve(sums, (size_t)change->cpu);
        if (r < 0)
                return r;

        sum = &sums->cpus[change->cpu];
        switch (row->metric) {
        case LATENCY_LATENESS:
                if (row->bucket < HISTOGRAM_BUCKETS)
                        sum->counts[row->bucket] += delta;
                break;
        case LATENCY_LARGEST:
                histogram_peak_add(&sum->peak, change->max, change->value, baseline);
                break;
        case LATENCY_OBSERVED:
                sum->observed_ns += delta;
                break;
        case LATENCY_WATCHED:
                sum->watched_ns += delta;
                break;
        case LATENCY_LOST:
                sums->n_lost += delta;
                break;
        case LATENCY_SUPPRESSED:
                sums->n_suppressed += delta;
                break;
        case _LATENCY_METRIC_MAX: /* of no interest here */
                break;
        }

        return 0;
}

static int latency_add_pass(const struct store_pass *pass, bool baseline, void *userdata) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < pass->n_changes; i++)
                r = latency_add_change(userdata, &pass->changes[i], baseline);

        return r;
}

static int latency_find_metrics(struct latency_sums *sums) {
        const struct metric_desc *metrics;
        size_t n;

        metrics = store_source_metrics(sums->store, sums->source, &n);
        for (size_t m = 0; m < _LATENCY_METRIC_MAX; m++) {
                sums->metrics[m] = -1;
                for (size_t i = 0; i < n; i++)
                        if (strcmp(metrics[i].name, metric_names[m]) == 0)
                                sums->metrics[m] = (int)i;
        }

        return sums->metrics[LATENCY_LATENESS] < 0 ? -ENOENT : 0;
}

static uint64_t latency_quantile(const struct latency_sum *sum, double q, uint64_t max_ns) {
        return MIN(histogram_quantile(sum->counts, HISTOGRAM_BUCKETS, q), max_ns);
}

static uint64_t latency_n(const struct latency_sum *sum) {
        uint64_t n = 0;

        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
                n += sum->counts[i];

        return n;
}

static void latency_fill_cpu(const struct latency_sum *sum, int cpu, struct latency_cpu *ret_cpu) {
        uint64_t max_ns =
                histogram_peak_max(&sum->peak, histogram_quantile(sum->counts, HISTOGRAM_BUCKETS, 1));

        *ret_cpu = (struct latency_cpu){
                .cpu = cpu,
                .n = latency_n(sum),
                .p50_ns = latency_quantile(sum, 0.5, max_ns),
                .p99_ns = latency_quantile(sum, 0.99, max_ns),
                .p999_ns = latency_quantile(sum, 0.999, max_ns),
                .max_ns = max_ns,
        };
        if (sum->watched_ns > 0)
                ret_cpu->coverage = MIN((double)sum->observed_ns / (double)sum->watched_ns, 1.0);
}

static int latency_fill(const struct latency_sums *sums, struct latency *latency) {
        latency->cpus = calloc(MAX(sums->n_cpus, (size_t)1), sizeof(*latency->cpus));
        if (!latency->cpus)
                return -ENOMEM;

        for (size_t cpu = 0; cpu < sums->n_cpus; cpu++) {
                const struct latency_sum *sum = &sums->cpus[cpu];

                /* Neither measured nor watched: offline all the time, or no such CPU. */
                if (sum->watched_ns == 0 && latency_n(sum) == 0)
                        continue;
                latency_fill_cpu(sum, (int)cpu, &latency->cpus[latency->n_cpus++]);
        }

        return 0;
}

static uint64_t latency_metric_bits(const struct latency_sums *sums) {
        uint64_t bits = 0;

        for (size_t m = 0; m < _LATENCY_METRIC_MAX; m++)
                if (sums->metrics[m] >= 0)
                        bits |= store_metric_bit((unsigned)sums->metrics[m]);

        return bits;
}

static int latency_find_rows(struct latency_sums *sums) {
        size_t n = store_n_rows(sums->store, sums->source);

        sums->rows = calloc(n + 1, sizeof(*sums->rows));
        if (!sums->rows)
                return -ENOMEM;

        for (uint32_t i = 0; i < n; i++) {
                const struct store_row *row = store_row_at(sums->store, sums->source, i);

                sums->rows[i].metric = latency_metric_of(sums, row->metric);
                if (sums->rows[i].metric == LATENCY_LATENESS)
                        sums->rows[i].bucket = histogram_bucket(row->key.name);
        }

        return 0;
}

int latency_sums_new(const struct store *store, const struct cpu_set *cpus, struct latency_sums **ret_sums) {
        _cleanup_(latency_sums_freep) struct latency_sums *sums = NULL;
        int r;

        sums = calloc(1, sizeof(*sums));
        if (!sums)
                return -ENOMEM;

        sums->store = store;
        sums->filter = cpus;
        r = store_find_source(store, "irq-delay");
        if (r < 0)
                return -ENOENT;
        sums->source = (unsigned)r;
        r = latency_find_metrics(sums);
        if (r < 0)
                return r;
        r = latency_find_rows(sums);
        if (r < 0)
                return r;

        *ret_sums = TAKE_PTR(sums);
        return 0;
}

struct scan_reader latency_reader(struct latency_sums *sums) {
        return (struct scan_reader){
                .metrics = latency_metric_bits(sums),
                .fn = latency_add_pass,
                .userdata = sums,
        };
}

int latency_finish(const struct latency_sums *sums, struct latency **ret_latency) {
        _cleanup_(latency_freep) struct latency *latency = NULL;
        int r;

        latency = calloc(1, sizeof(*latency));
        if (!latency)
                return -ENOMEM;
        r = latency_fill(sums, latency);
        if (r < 0)
                return r;

        latency->n_lost = sums->n_lost;
        latency->n_suppressed = sums->n_suppressed;
        *ret_latency = TAKE_PTR(latency);
        return 0;
}

int latency_query(const struct store *store, uint64_t since_us, uint64_t until_us, const struct cpu_set *cpus,
                  struct latency **ret_latency) {
        _cleanup_(latency_sums_freep) struct latency_sums *sums = NULL;
        struct scan_reader reader;
        struct span span;
        int r;

        r = latency_sums_new(store, cpus, &sums);
        if (r < 0)
                return r;
        reader = latency_reader(sums);
        r = span_scan_all(store, sums->source, since_us, until_us, &reader, 1, &span);
        if (r < 0)
                return r;

        return latency_finish(sums, ret_latency);
}

struct latency *latency_free(struct latency *latency) {
        if (!latency)
                return NULL;

        free(latency->cpus);
        free(latency);
        return NULL;
}
