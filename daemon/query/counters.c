/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/counters.h"

#include <string.h>

/* What one query works on. */
struct counters_walk {
        const struct store *store;
        unsigned source;
        const struct counters_request *request;
};

static bool counters_wants(const struct counters_filter *filter, const char *name) {
        for (size_t i = 0; i < filter->n; i++)
                if (strcmp(filter->names[i], name) == 0)
                        return true;

        return filter->n == 0;
}

static int counters_fill_values(const struct counters_walk *walk, uint32_t index, struct counter_row *row) {
        size_t n = store_row_n_values(walk->store, walk->source, index);

        row->values = calloc(MAX(n, (size_t)1), sizeof(*row->values));
        if (!row->values)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                int cpu;
                uint64_t value = store_row_value(walk->store, walk->source, index, i, &cpu);

                if (cpu != CPU_NONE)
                        row->values[row->n_values++] = (struct counter_value){ .cpu = cpu, .value = value };
        }

        return 0;
}

static uint64_t counters_sum(const struct counters_walk *walk, uint32_t index) {
        uint64_t sum = 0;
        int cpu;

        for (size_t i = 0; i < store_row_n_values(walk->store, walk->source, index); i++)
                sum += store_row_value(walk->store, walk->source, index, i, &cpu);

        return sum;
}

static int counters_add_row(const struct counters_walk *walk, uint32_t index, struct counter_metric *metric) {
        struct counter_row *row = &metric->rows[metric->n_rows++];

        row->row = store_row_at(walk->store, walk->source, index);
        row->total = metric->desc->type == METRIC_GAUGE ? counters_sum(walk, index)
                                                        : store_row_growth(walk->store, walk->source, index);
        return walk->request->per_cpu ? counters_fill_values(walk, index, row) : 0;
}

static int counters_fill_metric(const struct counters_walk *walk, unsigned number,
                                struct counter_metric *metric) {
        size_t n_rows = store_n_rows(walk->store, walk->source);
        int r;

        metric->rows = calloc(MAX(n_rows, (size_t)1), sizeof(*metric->rows));
        if (!metric->rows)
                return -ENOMEM;

        for (uint32_t i = 0; i < n_rows; i++) {
                const struct store_row *row = store_row_at(walk->store, walk->source, i);

                if (row->metric != number || !store_row_is_live(walk->store, walk->source, i) ||
                    !counters_wants(&walk->request->rows, row->key.name))
                        continue;
                r = counters_add_row(walk, i, metric);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int counters_fill(const struct counters_walk *walk, struct counters *counters) {
        const struct metric_desc *metrics;
        size_t n;
        int r;

        metrics = store_source_metrics(walk->store, walk->source, &n);
        counters->metrics = calloc(MAX(n, (size_t)1), sizeof(*counters->metrics));
        if (!counters->metrics)
                return -ENOMEM;

        for (unsigned i = 0; i < n; i++) {
                struct counter_metric *metric = &counters->metrics[counters->n_metrics];

                if (!counters_wants(&walk->request->metrics, metrics[i].name))
                        continue;
                metric->desc = &metrics[i];
                counters->n_metrics++;
                r = counters_fill_metric(walk, i, metric);
                if (r < 0)
                        return r;
        }

        return 0;
}

int counters_query(const struct store *store, const struct counters_request *request,
                   struct counters **ret_counters) {
        _cleanup_(counters_freep) struct counters *counters = NULL;
        struct counters_walk walk = { .store = store, .request = request };
        int r;

        r = store_find_source(store, request->source);
        if (r < 0)
                return -ENOENT;
        walk.source = (unsigned)r;

        counters = calloc(1, sizeof(*counters));
        if (!counters)
                return -ENOMEM;

        counters->source = store_source_name(store, walk.source);
        counters->cpus = store_latest_pass(store, walk.source, &counters->stamp);
        if (!counters->cpus)
                return -ENOENT;
        r = counters_fill(&walk, counters);
        if (r < 0)
                return r;

        *ret_counters = TAKE_PTR(counters);
        return 0;
}

struct counters *counters_free(struct counters *counters) {
        if (!counters)
                return NULL;

        for (size_t i = 0; i < counters->n_metrics; i++) {
                for (size_t j = 0; j < counters->metrics[i].n_rows; j++)
                        free(counters->metrics[i].rows[j].values);
                free(counters->metrics[i].rows);
        }
        free(counters->metrics);
        free(counters);
        return NULL;
}
