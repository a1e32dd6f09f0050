/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/levels.h"

#include <string.h>

struct levels_walk {
        const struct store *store;
        unsigned source, metric;
        struct levels levels;
};

void levels_done(struct levels *levels) {
        free(levels->items);
        *levels = (struct levels){};
}

static int take_pass(const struct store_pass *pass, void *userdata) {
        struct levels_walk *walk = userdata;

        walk->levels.time_us = pass->stamp.realtime_us;
        walk->levels.items = calloc(MAX(pass->n_changes, (size_t)1), sizeof(*walk->levels.items));
        if (!walk->levels.items)
                return -ENOMEM;

        for (size_t i = 0; i < pass->n_changes; i++) {
                const struct store_change *change = &pass->changes[i];
                const struct store_row *row = store_row_at(walk->store, walk->source, change->row);

                /* A row that went away, or a CPU, keeps its last value in the store: it shows nothing now. */
                if (row->metric != walk->metric || change->value == 0 ||
                    !store_row_is_live(walk->store, walk->source, change->row) ||
                    (change->cpu != CPU_NONE && !cpu_set_contains(pass->cpus, change->cpu)))
                        continue;
                walk->levels.items[walk->levels.n_items++] =
                        (struct level){ .row = row, .cpu = change->cpu, .value = change->value };
        }

        return 0;
}

/* All passes after the baseline would lie in the future. */
static int ignore_pass(const struct store_pass *pass, void *userdata) {
        return 0;
}

static int find_gauge(struct levels_walk *walk, const char *source, const char *metric) {
        const struct metric_desc *metrics;
        size_t n = 0;
        int r;

        r = store_find_source(walk->store, source);
        if (r < 0)
                return -ENOENT;

        walk->source = (unsigned)r;
        metrics = store_source_metrics(walk->store, walk->source, &n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(metrics[i].name, metric) == 0 && metrics[i].type == METRIC_GAUGE) {
                        walk->metric = (unsigned)i;
                        return 0;
                }

        return -ENOENT;
}

int levels_query(const struct store *store, const char *source, const char *metric, uint64_t oldest_us,
                 uint64_t now_us, struct levels *ret_levels) {
        struct levels_walk walk = { .store = store };
        struct store_scan request;
        int r;

        r = find_gauge(&walk, source, metric);
        if (r < 0)
                return r;

        /* An empty span: its baseline is the newest pass at this moment. */
        request = (struct store_scan){
                .metrics = store_metric_bit(walk.metric),
                .since_us = now_us,
                .until_us = now_us,
        };
        r = store_scan_for(store, walk.source, &request, take_pass, ignore_pass, &walk);
        if (r >= 0 && walk.levels.time_us <= oldest_us)
                r = -ENOENT;
        if (r < 0) {
                levels_done(&walk.levels);
                return r;
        }

        *ret_levels = walk.levels;
        return 0;
}
