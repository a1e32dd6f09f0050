/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/histograms.h"

#include <string.h>

/* What a row of the store contributes to a histogram. */
enum part {
        PART_BUCKET,
        PART_TOTAL,
        PART_LONGEST,
        PART_KSOFTIRQD_RUNS,
        PART_KSOFTIRQD_TOTAL,
        _PART_MAX,
};

struct part_row {
        char *key;    /* labels of the histogram, separated by blanks */
        uint32_t row; /* of the store */
        enum part part;
        size_t bucket; /* PART_BUCKET */
        size_t sum;    /* index: rows of one key have the same */
};

/* A key's values on one CPU: the gauge is the CPU's own, and so is what it is held against. */
struct cpu_peak {
        struct histogram_peak peak;
        uint64_t edge; /* of the highest bucket that counted */
};

/* One key while the passes go by. */
struct histogram_sum {
        struct histogram item;            /* labels are filled at the end */
        const struct store_row *labelled; /* NULL: no bucket of this key */
        struct cpu_peak *cpus;            /* by CPU id */
        size_t n_cpus;
};

struct histogram_sums {
        const struct store *store;
        unsigned source;
        const struct cpu_set *filter; /* NULL: all */
        int metrics[_PART_MAX];       /* the source's metric number or -1 */
        struct part_row *parts;
        size_t n_parts;
        const struct part_row **by_row; /* by the store's row number; NULL: of no interest */
        struct histogram_sum *sums;
        size_t n_sums;
};

struct histogram_sums *histogram_sums_free(struct histogram_sums *sums) {
        if (!sums)
                return NULL;

        for (size_t i = 0; i < sums->n_parts; i++)
                free(sums->parts[i].key);
        for (size_t i = 0; i < sums->n_sums; i++)
                free(sums->sums[i].cpus);
        free(sums->parts);
        free(sums->by_row);
        free(sums->sums);
        free(sums);
        return NULL;
}

/* The number of the metric STEM + suffix, where the stem is name without "-time"; -1. */
static int histograms_find_sibling(const struct histogram_sums *sums, const char *name, const char *suffix) {
        const char *time = strstr(name, "-time");
        size_t stem = time && !time[5] ? (size_t)(time - name) : strlen(name), n;
        const struct metric_desc *metrics = store_source_metrics(sums->store, sums->source, &n);

        for (size_t i = 0; i < n; i++)
                if (strncmp(metrics[i].name, name, stem) == 0 && strcmp(metrics[i].name + stem, suffix) == 0)
                        return (int)i;

        return -1;
}

static int histograms_find_metrics(const struct rates_request *request, struct histogram_sums *sums) {
        const struct metric_desc *metrics;
        bool softirqs = strcmp(request->metric, "softirq-time") == 0;
        int source;
        size_t n, i;

        source = store_find_source(sums->store, request->source);
        if (source < 0)
                return -ENOENT;

        sums->source = (unsigned)source;
        metrics = store_source_metrics(sums->store, sums->source, &n);
        for (i = 0; i < n && strcmp(metrics[i].name, request->metric) != 0; i++)
                ;
        if (i == n || metrics[i].type != METRIC_HISTOGRAM || strcmp(metrics[i].unit, "ns") != 0)
                return -ENOENT;

        sums->metrics[PART_BUCKET] = (int)i;
        sums->metrics[PART_TOTAL] = histograms_find_sibling(sums, request->metric, "-total");
        sums->metrics[PART_LONGEST] = histograms_find_sibling(sums, request->metric, "-max");
        sums->metrics[PART_KSOFTIRQD_RUNS] =
                softirqs ? histograms_find_sibling(sums, "ksoftirqd", "-runs") : -1;
        sums->metrics[PART_KSOFTIRQD_TOTAL] =
                softirqs ? histograms_find_sibling(sums, "ksoftirqd", "-total") : -1;
        return 0;
}

static uint64_t histograms_metric_bits(const struct histogram_sums *sums) {
        uint64_t bits = 0;

        for (size_t i = 0; i < _PART_MAX; i++)
                if (sums->metrics[i] >= 0)
                        bits |= store_metric_bit((unsigned)sums->metrics[i]);

        return bits;
}

static enum part histograms_part_of(const struct histogram_sums *sums, unsigned metric) {
        enum part part = 0;

        while (part < _PART_MAX && (sums->metrics[part] < 0 || (unsigned)sums->metrics[part] != metric))
                part++;

        return part;
}

static int histograms_join_labels(const struct store_row *row, char **ret_key) {
        const char *const *labels = row->key.labels;

        if (asprintf(ret_key, "%s%s%s%s%s", labels[0] ?: "", labels[1] ? " " : "", labels[1] ?: "",
                     labels[2] ? " " : "", labels[2] ?: "") < 0) {
                *ret_key = NULL;
                return -ENOMEM;
        }

        return 0;
}

static int histograms_add_part(struct histogram_sums *sums, uint32_t row, enum part part) {
        const struct store_row *from = store_row_at(sums->store, sums->source, row);
        struct part_row *p = &sums->parts[sums->n_parts];

        *p = (struct part_row){ .row = row, .part = part };
        if (part == PART_BUCKET) {
                p->bucket = histogram_bucket(from->key.name);
                if (p->bucket == HISTOGRAM_BUCKETS)
                        return 0;
                sums->n_parts++;
                return histograms_join_labels(from, &p->key);
        }

        sums->n_parts++;
        p->key = strdup(from->key.name);
        return p->key ? 0 : -ENOMEM;
}

static int compare_parts(const void *a, const void *b) {
        return strcmp(((const struct part_row *)a)->key, ((const struct part_row *)b)->key);
}

/* The rows that take part, those of one key beside one another. */
static int histograms_find_parts(struct histogram_sums *sums) {
        size_t n_rows = store_n_rows(sums->store, sums->source);
        int r;

        sums->parts = calloc(n_rows + 1, sizeof(*sums->parts));
        sums->by_row = calloc(n_rows + 1, sizeof(*sums->by_row));
        sums->sums = calloc(n_rows + 1, sizeof(*sums->sums));
        if (!sums->parts || !sums->by_row || !sums->sums)
                return -ENOMEM;

        for (uint32_t i = 0; i < n_rows; i++) {
                enum part part = histograms_part_of(sums, store_row_at(sums->store, sums->source, i)->metric);

                if (part == _PART_MAX)
                        continue;
                r = histograms_add_part(sums, i, part);
                if (r < 0)
                        return r;
        }

        qsort(sums->parts, sums->n_parts, sizeof(*sums->parts), compare_parts);
        for (size_t i = 0; i < sums->n_parts; i++) {
                struct part_row *part = &sums->parts[i];

                sums->n_sums += i == 0 || strcmp(part[-1].key, part->key) != 0;
                part->sum = sums->n_sums - 1;
                sums->by_row[part->row] = part;
                if (part->part == PART_BUCKET)
                        sums->sums[part->sum].labelled = store_row_at(sums->store, sums->source, part->row);
        }

        return 0;
}

static int histograms_reserve_cpu(struct histogram_sum *sum, size_t cpu) {
        size_t n = MAX(sum->n_cpus * 2, cpu + 1);
        struct cpu_peak *cpus;

        if (cpu < sum->n_cpus)
                return 0;

        cpus = reallocarray(sum->cpus, n, sizeof(*cpus));
        if (!cpus)
                return -ENOMEM;

        memset(cpus + sum->n_cpus, 0, (n - sum->n_cpus) * sizeof(*cpus));
        sum->cpus = cpus;
        sum->n_cpus = n;
        return 0;
}

static void histograms_add_value(struct histogram_sum *sum, const struct part_row *part,
                                 const struct store_change *change, bool baseline) {
        struct cpu_peak *cpu = &sum->cpus[change->cpu];
        uint64_t delta = baseline ? 0 : change->delta;

        switch (part->part) {
        case PART_BUCKET:
                sum->item.buckets[part->bucket] += delta;
                if (delta > 0)
                        cpu->edge = MAX(cpu->edge, histogram_edge(part->bucket));
                break;
        case PART_TOTAL:
                sum->item.total_ns += delta;
                break;
        case PART_LONGEST:
                histogram_peak_add(&cpu->peak, change->max, change->value, baseline);
                break;
        case PART_KSOFTIRQD_RUNS:
                sum->item.n_ksoftirqd += delta;
                break;
        case PART_KSOFTIRQD_TOTAL:
                sum->item.ksoftirqd_ns += delta;
                break;
        case _PART_MAX: /* no row has this */
                break;
        }
}

static int histograms_add_pass(const struct store_pass *pass, bool baseline, void *userdata) {
        struct histogram_sums *sums = userdata;
        int r;

        for (size_t i = 0; i < pass->n_changes; i++) {
                const struct store_change *change = &pass->changes[i];
                const struct part_row *part = sums->by_row[change->row];

                if (!part || change->cpu == CPU_NONE ||
                    (sums->filter && !cpu_set_contains(sums->filter, change->cpu)))
                        continue;
                r = histograms_reserve_cpu(&sums->sums[part->sum], (size_t)change->cpu);
                if (r < 0)
                        return r;
                histograms_add_value(&sums->sums[part->sum], part, change, baseline);
        }

        return 0;
}

static void histograms_fill_figures(const struct histogram_sums *sums, const struct histogram_sum *sum,
                                    uint64_t elapsed_ns, struct histogram *item) {
        for (size_t i = 0; i < sum->n_cpus; i++)
                item->max_ns = MAX(item->max_ns, histogram_peak_max(&sum->cpus[i].peak, sum->cpus[i].edge));

        item->p50_ns = MIN(histogram_quantile(item->buckets, HISTOGRAM_BUCKETS, 0.5), item->max_ns);
        item->p99_ns = MIN(histogram_quantile(item->buckets, HISTOGRAM_BUCKETS, 0.99), item->max_ns);
        item->p999_ns = MIN(histogram_quantile(item->buckets, HISTOGRAM_BUCKETS, 0.999), item->max_ns);
        if (elapsed_ns > 0)
                item->per_second = (double)item->n * (double)NSEC_PER_SEC / (double)elapsed_ns;
        item->has_total = sums->metrics[PART_TOTAL] >= 0;
        item->has_ksoftirqd =
                sums->metrics[PART_KSOFTIRQD_RUNS] >= 0 && sums->metrics[PART_KSOFTIRQD_TOTAL] >= 0;
}

static int histograms_fill_labels(const struct store_row *from, struct histogram *item) {
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
                if (!from->key.labels[i])
                        continue;
                item->labels[i] = strdup(from->key.labels[i]);
                if (!item->labels[i])
                        return -ENOMEM;
        }

        return 0;
}

static int compare_items(const void *a, const void *b) {
        const struct histogram *x = a, *y = b;
        int r = 0;

        if (x->total_ns != y->total_ns)
                return x->total_ns < y->total_ns ? 1 : -1;
        if (x->n != y->n)
                return x->n < y->n ? 1 : -1;
        for (size_t i = 0; r == 0 && i < METRIC_LABELS_MAX; i++)
                r = strcmp(x->labels[i] ?: "", y->labels[i] ?: "");
        return r;
}

static int histograms_fill(struct histograms *histograms, const struct histogram_sums *sums) {
        int r;

        histograms->items = calloc(MAX(sums->n_sums, (size_t)1), sizeof(*histograms->items));
        if (!histograms->items)
                return -ENOMEM;

        for (size_t i = 0; i < sums->n_sums; i++) {
                const struct histogram_sum *sum = &sums->sums[i];
                struct histogram *item = &histograms->items[histograms->n_items];
                uint64_t n = 0;

                for (size_t j = 0; j < HISTOGRAM_BUCKETS; j++)
                        n += sum->item.buckets[j];
                if (n == 0)
                        continue;

                histograms->n_items++; /* first: what is half filled is freed with the rest */
                *item = sum->item;
                item->n = n;
                histograms_fill_figures(sums, sum, histograms->elapsed_ns, item);
                r = histograms_fill_labels(sum->labelled, item);
                if (r < 0)
                        return r;
        }

        qsort(histograms->items, histograms->n_items, sizeof(*histograms->items), compare_items);
        return 0;
}

static int histograms_make(const struct histogram_sums *sums, const struct rates_request *request,
                           const struct span *span, struct histograms *histograms) {
        size_t n;

        histograms->metric = &store_source_metrics(sums->store, sums->source, &n)[sums->metrics[PART_BUCKET]];
        histograms->since_us = span->first.realtime_us;
        histograms->until_us = span->last.realtime_us;
        histograms->elapsed_ns = span->last.monotonic_ns - span->first.monotonic_ns;
        histograms->n_gaps = span_n_gaps(sums->store, sums->source, request->since_us, request->until_us);
        histograms->source = strdup(request->source);
        return histograms->source ? histograms_fill(histograms, sums) : -ENOMEM;
}

int histogram_sums_new(const struct store *store, const struct rates_request *request,
                       struct histogram_sums **ret_sums) {
        _cleanup_(histogram_sums_freep) struct histogram_sums *sums = NULL;
        int r;

        sums = calloc(1, sizeof(*sums));
        if (!sums)
                return -ENOMEM;

        sums->store = store;
        sums->filter = request->cpus;
        r = histograms_find_metrics(request, sums);
        if (r < 0)
                return r;
        r = histograms_find_parts(sums);
        if (r < 0)
                return r;

        *ret_sums = TAKE_PTR(sums);
        return 0;
}

struct scan_reader histograms_reader(struct histogram_sums *sums) {
        return (struct scan_reader){
                .metrics = histograms_metric_bits(sums),
                .fn = histograms_add_pass,
                .userdata = sums,
        };
}

int histograms_finish(const struct histogram_sums *sums, const struct rates_request *request,
                      const struct span *span, struct histograms **ret_histograms) {
        _cleanup_(histograms_freep) struct histograms *histograms = NULL;
        int r;

        histograms = calloc(1, sizeof(*histograms));
        if (!histograms)
                return -ENOMEM;
        r = histograms_make(sums, request, span, histograms);
        if (r < 0)
                return r;

        *ret_histograms = TAKE_PTR(histograms);
        return 0;
}

int histograms_query(const struct store *store, const struct rates_request *request,
                     struct histograms **ret_histograms) {
        _cleanup_(histogram_sums_freep) struct histogram_sums *sums = NULL;
        struct scan_reader reader;
        struct span span;
        int r;

        r = histogram_sums_new(store, request, &sums);
        if (r < 0)
                return r;
        reader = histograms_reader(sums);
        r = span_scan_all(store, sums->source, request->since_us, request->until_us, &reader, 1, &span);
        if (r < 0)
                return r;

        return histograms_finish(sums, request, &span, ret_histograms);
}

struct histograms *histograms_free(struct histograms *histograms) {
        if (!histograms)
                return NULL;

        for (size_t i = 0; i < histograms->n_items; i++)
                for (size_t j = 0; j < METRIC_LABELS_MAX; j++)
                        free(histograms->items[i].labels[j]);
        free(histograms->items);
        free(histograms->source);
        free(histograms);
        return NULL;
}
