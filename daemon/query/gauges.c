/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/gauges.h"

#include <string.h>

struct gauges_walk {
        const struct store *store;
        unsigned source, metric;
        const struct cpu_set *filter; /* NULL: all */
        struct gauges *gauges;
        size_t *positions;            /* by the store's row number: 1 + index into gauges->rows, 0: none */
        size_t n_values_allocated;    /* of the row that was added to last */
        const struct gauges_row *row; /* that row */
};

static int gauges_find_metric(const struct store *store, const struct gauges_request *request,
                              struct gauges_walk *walk) {
        const struct metric_desc *metrics;
        size_t n;
        int source;

        source = store_find_source(store, request->source);
        if (source < 0)
                return -ENOENT;

        metrics = store_source_metrics(store, (unsigned)source, &n);
        for (size_t i = 0; i < n; i++) {
                if (metrics[i].type != METRIC_GAUGE)
                        continue;
                if (request->metric && strcmp(metrics[i].name, request->metric) != 0)
                        continue;
                walk->source = (unsigned)source;
                walk->metric = (unsigned)i;
                return 0;
        }

        return -ENOENT;
}

static int gauges_copy_text(const char *text, char **ret_copy) {
        if (!text)
                return 0;

        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

static int gauges_fill_row(struct gauges_row *row, const struct store_row *from) {
        int r;

        row->generation = from->generation;
        r = gauges_copy_text(from->key.name, &row->name);
        for (size_t i = 0; r == 0 && i < METRIC_LABELS_MAX; i++)
                r = gauges_copy_text(from->key.labels[i], &row->labels[i]);

        return r;
}

/* The result's row for a row of the store, made when it is met first. */
static int gauges_take_row(struct gauges_walk *walk, uint32_t index, const struct store_row *from,
                           struct gauges_row **ret_row) {
        struct gauges *gauges = walk->gauges;
        struct gauges_row *row;
        int r;

        if (walk->positions[index] > 0) {
                *ret_row = &gauges->rows[walk->positions[index] - 1];
                return 0;
        }

        row = &gauges->rows[gauges->n_rows++]; /* first: what is half filled is freed with the rest */
        walk->positions[index] = gauges->n_rows;
        r = gauges_fill_row(row, from);
        if (r < 0)
                return r;

        *ret_row = row;
        return 0;
}

/* Values of a row follow each other, by ascending CPU. */
static int gauges_add_value(struct gauges_walk *walk, struct gauges_row *row, int cpu, uint64_t value) {
        struct gauges_value *values = row->values;
        size_t n;

        if (walk->row != row) {
                walk->row = row;
                walk->n_values_allocated = 0;
        }
        if (row->n_values == walk->n_values_allocated) {
                n = MAX(walk->n_values_allocated * 2, (size_t)4);
                values = reallocarray(row->values, n, sizeof(*values));
                if (!values)
                        return -ENOMEM;
                row->values = values;
                walk->n_values_allocated = n;
        }

        values[row->n_values++] = (struct gauges_value){ .cpu = cpu, .value = value };
        return cpu_set_add(&row->cpus, cpu);
}

static int gauges_add_change(struct gauges_walk *walk, const struct store_change *change) {
        const struct store_row *from = store_row_at(walk->store, walk->source, change->row);
        struct gauges_row *row = NULL;
        int r;

        if (from->metric != walk->metric || change->value == 0)
                return 0;
        if (change->cpu != CPU_NONE && walk->filter && !cpu_set_contains(walk->filter, change->cpu))
                return 0;

        r = gauges_take_row(walk, change->row, from, &row);
        if (r < 0)
                return r;
        if (change->cpu != CPU_NONE)
                return gauges_add_value(walk, row, change->cpu, change->value);

        row->single = change->value;
        return 0;
}

static size_t gauges_count_rows(const struct gauges_walk *walk, const struct store_pass *pass) {
        size_t n = 0;

        for (size_t i = 0; i < pass->n_changes; i++)
                n += i == 0 || pass->changes[i].row != pass->changes[i - 1].row;

        return n;
}

/* The baseline of a scan holds every value other than zero. */
static int gauges_take_pass(const struct store_pass *pass, void *userdata) {
        struct gauges_walk *walk = userdata;
        struct gauges *gauges = walk->gauges;
        int r;

        gauges->time_us = pass->stamp.realtime_us;
        gauges->rows = calloc(MAX(gauges_count_rows(walk, pass), (size_t)1), sizeof(*gauges->rows));
        if (!gauges->rows)
                return -ENOMEM;

        r = cpu_set_copy(&gauges->cpus, pass->cpus);
        for (size_t i = 0; r == 0 && i < pass->n_changes; i++)
                r = gauges_add_change(walk, &pass->changes[i]);

        return r;
}

static int gauges_note_gap(const struct store_gap *gap, void *userdata) {
        struct gauges_walk *walk = userdata;

        if (gap->source == walk->source)
                walk->gauges->after_end = true;
        return 0;
}

static int gauges_scan(struct gauges_walk *walk, uint64_t at_us) {
        const struct store_scan request = {
                .metrics = store_metric_bit(walk->metric),
                .since_us = at_us,
                .until_us = at_us,
        };
        int r;

        r = store_scan_for(walk->store, walk->source, &request, gauges_take_pass, gauges_take_pass, walk);
        if (r < 0)
                return r;

        (void)store_for_each_gap(walk->store, walk->gauges->time_us, at_us, gauges_note_gap,
                                 walk); /* returns what the callback returns: 0 */
        return 0;
}

static int gauges_compare(const void *a, const void *b) {
        const struct gauges_row *x = *(const struct gauges_row *const *)a,
                                *y = *(const struct gauges_row *const *)b;

        return strcmp(x->name, y->name);
}

static int gauges_sort(struct gauges *gauges) {
        gauges->by_name = calloc(MAX(gauges->n_rows, (size_t)1), sizeof(const struct gauges_row *));
        if (!gauges->by_name)
                return -ENOMEM;

        for (size_t i = 0; i < gauges->n_rows; i++)
                gauges->by_name[i] = &gauges->rows[i];
        qsort(gauges->by_name, gauges->n_rows, sizeof(const struct gauges_row *), gauges_compare);
        return 0;
}

int gauges_query(const struct store *store, const struct gauges_request *request,
                 struct gauges **ret_gauges) {
        struct gauges_walk walk = { .store = store, .filter = request->cpus };
        _cleanup_(gauges_freep) struct gauges *gauges = NULL;
        _cleanup_(freep) size_t *positions = NULL;
        size_t n;
        int r;

        r = gauges_find_metric(store, request, &walk);
        if (r < 0)
                return r;

        walk.gauges = gauges = calloc(1, sizeof(*gauges));
        walk.positions = positions =
                calloc(MAX(store_n_rows(store, walk.source), (size_t)1), sizeof(*positions));
        if (!gauges || !positions)
                return -ENOMEM;

        gauges->metric = &store_source_metrics(store, walk.source, &n)[walk.metric];
        r = gauges_scan(&walk, request->at_us);
        if (r < 0)
                return r;
        r = gauges_sort(gauges);
        if (r < 0)
                return r;

        *ret_gauges = TAKE_PTR(gauges);
        return 0;
}

struct gauges *gauges_free(struct gauges *gauges) {
        if (!gauges)
                return NULL;

        for (size_t i = 0; i < gauges->n_rows; i++) {
                struct gauges_row *row = &gauges->rows[i];

                free(row->name);
                for (size_t j = 0; j < METRIC_LABELS_MAX; j++)
                        free(row->labels[j]);
                free(row->values);
                cpu_set_done(&row->cpus);
        }
        free(gauges->rows);
        free(gauges->by_name);
        cpu_set_done(&gauges->cpus);
        free(gauges);
        return NULL;
}

const struct gauges_row *gauges_find(const struct gauges *gauges, const char *name) {
        size_t low = 0, high = gauges->n_rows;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int r = strcmp(gauges->by_name[middle]->name, name);

                if (r == 0)
                        return gauges->by_name[middle];
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return NULL;
}

const char *gauges_label(const struct gauges *gauges, const struct gauges_row *row, const char *label) {
        for (size_t i = 0; i < METRIC_LABELS_MAX && gauges->metric->labels[i]; i++)
                if (strcmp(gauges->metric->labels[i], label) == 0)
                        return row->labels[i];

        return NULL;
}

uint64_t gauges_single(const struct gauges *gauges) {
        return gauges->n_rows > 0 ? gauges->rows[0].single : 0;
}
