/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/store.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "daemon/store/events.h"
#include "daemon/store/scan.h"
#include "daemon/store/source.h"
#include "daemon/store/store-private.h"

enum {
        /* History is dropped chunk by chunk: a chunk must be a small part of the budget, or else dropping one
         * drops much that there was room for. */
        CHUNKS_PER_BUDGET = 64,
        /* Events may have what samples leave free, and this part of the budget when there is not enough. */
        EVENTS_SHARE = 2,
};

struct store {
        struct store_limits limits;
        struct source **sources;
        size_t n_sources;
        struct events events;
        struct event_totals totals;
        uint64_t n_series_refused, n_events_dropped, n_passes_dropped;
};

int store_new(const struct store_limits *limits, struct store **ret_store) {
        _cleanup_(store_freep) struct store *store = NULL;
        int r;

        store = calloc(1, sizeof(*store));
        if (!store)
                return -ENOMEM;

        store->limits = *limits;
        r = events_init(&store->events);
        if (r < 0)
                return r;

        *ret_store = TAKE_PTR(store);
        return 0;
}

struct store *store_free(struct store *store) {
        if (!store)
                return NULL;

        for (size_t i = 0; i < store->n_sources; i++)
                (void)source_free(store->sources[i]);
        free(store->sources);
        events_done(&store->events);
        free(store);
        return NULL;
}

void store_set_limits(struct store *store, const struct store_limits *limits) {
        store->limits = *limits;
}

int store_find_source(const struct store *store, const char *name) {
        for (size_t i = 0; i < store->n_sources; i++)
                if (strcmp(store->sources[i]->name, name) == 0)
                        return (int)i;

        return -ENOENT;
}

int store_add_source(struct store *store, const char *name, const struct metric_desc *metrics,
                     size_t n_metrics, unsigned *ret_source) {
        struct source **sources = NULL;
        int r;

        r = store_find_source(store, name);
        if (r >= 0) {
                assert(store->sources[r]->metrics == metrics);
                *ret_source = (unsigned)r;
                return 0;
        }

        sources = reallocarray(store->sources, store->n_sources + 1, sizeof(*sources));
        if (!sources)
                return -ENOMEM;
        store->sources = sources;

        r = source_new(name, metrics, n_metrics, &sources[store->n_sources]);
        if (r < 0)
                return r;

        *ret_source = (unsigned)store->n_sources++;
        return 0;
}

size_t store_n_sources(const struct store *store) {
        return store->n_sources;
}

static struct source *source_at(const struct store *store, unsigned source) {
        assert(source < store->n_sources);

        return store->sources[source];
}

struct source *store_source_at(const struct store *store, unsigned source) {
        return source_at(store, source);
}

const char *store_source_name(const struct store *store, unsigned source) {
        return source_at(store, source)->name;
}

const struct metric_desc *store_source_metrics(const struct store *store, unsigned source, size_t *ret_n) {
        *ret_n = source_at(store, source)->n_metrics;
        return source_at(store, source)->metrics;
}

static uint64_t store_memory(const struct store *store) {
        uint64_t size = malloc_usable_size((void *)store) + malloc_usable_size((void *)store->sources) +
                        events_memory(&store->events);

        for (size_t i = 0; i < store->n_sources; i++)
                size += source_memory(store->sources[i]);

        return size;
}

static void drop_event(struct store *store) {
        events_drop(&store->events);
        store->n_events_dropped++;
}

/* The source with the most memory of those that have more than the chunk which is being filled. */
static struct source *largest_source(const struct store *store) {
        struct source *largest = NULL;

        for (size_t i = 0; i < store->n_sources; i++) {
                struct source *source = store->sources[i];

                if (source->oldest != source->newest &&
                    (!largest || source_memory(source) > source_memory(largest)))
                        largest = source;
        }

        return largest;
}

/* False when nothing is left that could be dropped: what remains are the latest values and passes. */
static bool drop_something(struct store *store) {
        struct source *source = largest_source(store);
        bool has_events = store->events.n > 0;

        if (has_events &&
            (!source || events_memory(&store->events) > store->limits.budget_bytes / EVENTS_SHARE))
                drop_event(store);
        else if (source)
                store->n_passes_dropped += source_drop_chunk(source);
        else
                return false;

        return true;
}

static void enforce_budget(struct store *store) {
        while (store->events.n > store->limits.n_events_max)
                drop_event(store);

        while (store_memory(store) > store->limits.budget_bytes && drop_something(store))
                ;
}

static void enforce_retention(struct store *store, uint64_t now_ns) {
        uint64_t oldest_ns = now_ns - MIN(now_ns, store->limits.retention_ns);

        for (size_t i = 0; i < store->n_sources; i++)
                source_expire(store->sources[i], oldest_ns);
        events_expire(&store->events, now_ns, store->limits.retention_ns);
}

void store_get_source_limits(const struct store *store, struct source_limits *ret_limits) {
        *ret_limits = (struct source_limits){
                .n_series_max = store->limits.n_series_max,
                .chunk_bytes = store->limits.budget_bytes / CHUNKS_PER_BUDGET,
        };
}

int store_commit(struct store *store, unsigned source, const struct batch *batch) {
        struct source_limits limits;
        size_t n_refused = 0;
        int r;

        store_get_source_limits(store, &limits);
        r = source_commit(source_at(store, source), batch, &limits, &n_refused);
        if (r < 0)
                return r;

        store->n_series_refused += n_refused;
        enforce_retention(store, batch->stamp.monotonic_ns);
        enforce_budget(store);
        return 0;
}

int store_mark_gap(struct store *store, unsigned source, const struct stamp *stamp, const char *reason) {
        return source_mark_gap(source_at(store, source), stamp, reason);
}

static int gaps_for_each(const struct gaps *gaps, unsigned source, uint64_t since_us, uint64_t until_us,
                         store_gap_fn fn, void *userdata) {
        for (size_t i = 0; i < gaps->n_items; i++) {
                const struct store_gap gap = {
                        .source = source,
                        .since_us = gaps->items[i].since_us,
                        .until_us = gaps->items[i].until_us,
                        .reason = gaps->items[i].reason,
                };
                int r;

                if (gap.since_us >= until_us || gap.until_us <= since_us)
                        continue;

                r = fn(&gap, userdata);
                if (r != 0)
                        return r;
        }

        return 0;
}

int store_for_each_gap(const struct store *store, uint64_t since_us, uint64_t until_us, store_gap_fn fn,
                       void *userdata) {
        for (size_t i = 0; i < store->n_sources; i++) {
                int r = gaps_for_each(&store->sources[i]->gaps, (unsigned)i, since_us, until_us, fn,
                                      userdata);

                if (r != 0)
                        return r;
        }

        return 0;
}

int store_scan(const struct store *store, unsigned source, uint64_t since_us, uint64_t until_us,
               store_pass_fn baseline_fn, store_pass_fn fn, void *userdata) {
        const struct store_scan request = { .metrics = STORE_ALL_METRICS,
                                            .since_us = since_us,
                                            .until_us = until_us };

        return store_scan_for(store, source, &request, baseline_fn, fn, userdata);
}

int store_scan_for(const struct store *store, unsigned source, const struct store_scan *request,
                   store_pass_fn baseline_fn, store_pass_fn fn, void *userdata) {
        return source_scan(source_at(store, source), request, baseline_fn, fn, userdata);
}

int store_values_at(const struct store *store, unsigned source, uint64_t metrics, uint64_t at_us,
                    uint64_t slack_us, store_pass_fn fn, void *userdata) {
        return source_values_at(source_at(store, source), metrics, at_us, slack_us, fn, userdata);
}

static const struct row *row_at(const struct store *store, unsigned source, uint32_t row) {
        const struct rows *rows = &source_at(store, source)->rows;

        assert(row < rows->n_items);

        return rows->items[row];
}

const struct store_row *store_row_at(const struct store *store, unsigned source, uint32_t row) {
        static const struct store_row gone = { .metric = STORE_METRIC_NONE, .key.name = "" };
        const struct row *item = row_at(store, source, row);

        return item ? &item->identity : &gone;
}

size_t store_n_rows(const struct store *store, unsigned source) {
        return source_at(store, source)->rows.n_items;
}

bool store_row_is_live(const struct store *store, unsigned source, uint32_t row) {
        const struct row *item = row_at(store, source, row);

        return item && item->last_pass == ROW_PASS_NONE;
}

uint64_t store_row_growth(const struct store *store, unsigned source, uint32_t row) {
        const struct row *item = row_at(store, source, row);

        return item ? item->growth : 0;
}

size_t store_row_n_values(const struct store *store, unsigned source, uint32_t row) {
        const struct row *item = row_at(store, source, row);

        return item ? item->n_series : 0;
}

uint64_t store_row_value(const struct store *store, unsigned source, uint32_t row, size_t index, int *ret_cpu) {
        const struct row *item = row_at(store, source, row);

        assert(item && index < item->n_series);

        *ret_cpu = item->series[index].cpu;
        return item->series[index].value;
}

const struct cpu_set *store_latest_pass(const struct store *store, unsigned source, struct stamp *ret_stamp) {
        const struct source *s = source_at(store, source);

        if (s->next_pass == 0)
                return NULL;

        *ret_stamp = s->last;
        return &s->cpus->set;
}

int store_source_range(const struct store *store, unsigned source, uint64_t *ret_first_us,
                       uint64_t *ret_last_us) {
        const struct source *s = source_at(store, source);

        if (!s->oldest)
                return -ENOENT;

        *ret_first_us = s->oldest->passes[0].stamp.realtime_us;
        *ret_last_us = s->newest->passes[s->newest->n_passes - 1].stamp.realtime_us;
        return 0;
}

int store_keep_event(struct store *store, struct event *event) {
        int r;

        if (event->id <= store->events.last_stored_id)
                return -EINVAL;

        r = events_add(&store->events, event);
        if (r < 0)
                return r;

        event_totals_add(&store->totals, event);
        enforce_budget(store);
        return 0;
}

const struct event_totals *store_event_totals(const struct store *store) {
        return &store->totals;
}

int store_add_event(struct store *store, struct event *event) {
        int r;

        store_number_event(store, event);
        r = store_keep_event(store, event);
        if (r < 0)
                event->id = 0;
        return r;
}

void store_number_event(struct store *store, struct event *event) {
        event->id = events_next_id(&store->events, event);
}

void store_reserve_event_ids(struct store *store, int64_t last_id) {
        store->events.last_id = MAX(store->events.last_id, last_id);
}

struct event *store_find_event(const struct store *store, int64_t id) {
        return events_find(&store->events, id);
}

size_t store_n_events(const struct store *store) {
        return store->events.n;
}

struct event *store_event_at(const struct store *store, size_t index) {
        return events_at(&store->events, index);
}

uint64_t store_forgotten_us(const struct store *store) {
        return store->events.forgotten_us;
}

void store_get_stats(const struct store *store, struct store_stats *ret_stats) {
        struct store_stats stats = {
                .bytes = store_memory(store),
                .n_series_refused = store->n_series_refused,
                .n_events = store->events.n,
                .n_events_dropped = store->n_events_dropped,
                .n_stacks = store->events.stacks.n_nodes,
                .n_passes_dropped = store->n_passes_dropped,
        };

        for (size_t i = 0; i < store->n_sources; i++) {
                stats.n_passes += store->sources[i]->n_passes;
                stats.n_series += store->sources[i]->rows.n_series;
        }

        *ret_stats = stats;
}
