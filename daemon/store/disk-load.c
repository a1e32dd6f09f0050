/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-load.h"

#include <string.h>

#include "daemon/store/disk-event.h"
#include "daemon/store/segment.h"
#include "daemon/store/store-private.h"

enum {
        SPAN_STEPS = 60, /* a span is told in at least so many steps, where there are as fine ones */
        SLACK_US = 120 * 1000 * 1000, /* by which a number on the timeline may be later than its moment */
        CLOCKS_MAX = 4096,
        SOURCES_MAX = 256,
        LOOK_BACK_MAX = 20000, /* segments of other sources that are passed over in looking for one's own */
};

/* A part of the timeline over which the realtime clock was not set. */
struct clock_span {
        int64_t first, end; /* [first, end) */
        int64_t offset_us;
};

struct loader {
        struct disk_file *file;
        const struct disk_load_request *request;
        struct store *store;
        struct disk_load_result *result;
        enum disk_tier tier; /* for the middle of the span */
        struct clock_span clocks[CLOCKS_MAX];
        size_t n_clocks;
        int64_t run, boot; /* the latest asked for */
};

/* The collector of one name, over all versions of its description. */
struct load_source {
        struct loader *loader;
        const char *name;
        const struct disk_source *ids[SOURCES_MAX];
        size_t n_ids;
        struct source *target;
        struct source_limits limits;
        struct segment_reader *reader;
        uint32_t *map;
        int64_t mapped; /* id of the source that the map is of */
};

static int read_clocks(struct loader *loader) {
        struct sql_statement *row;
        int r;

        r = sql_use(loader->file->sql, "SELECT id, offset_us FROM clock ORDER BY id", &row);
        while (r >= 0 && (r = sql_step(row)) > 0 && loader->n_clocks < CLOCKS_MAX) {
                struct clock_span *clock = &loader->clocks[loader->n_clocks++];

                *clock = (struct clock_span){ .first = sql_value(row, 0),
                                              .end = INT64_MAX / 2,
                                              .offset_us = sql_value(row, 1) };
                if (loader->n_clocks > 1)
                        clock[-1].end = clock->first;
        }
        if (r > 0)
                sql_reset(row);
        return MIN(r, 0);
}

static int get_boot(struct loader *loader, int64_t run, int64_t *ret_boot) {
        struct sql_statement *row;
        int r;

        if (run != loader->run) {
                r = sql_use(loader->file->sql, "SELECT boot FROM run WHERE id = ?", &row);
                if (r >= 0)
                        r = sql_bind(row, run);
                if (r >= 0)
                        r = sql_step(row);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                loader->run = run;
                loader->boot = sql_value(row, 0);
                sql_reset(row);
        }

        *ret_boot = loader->boot;
        return 0;
}

static const struct disk_source *find_id(const struct load_source *source, int64_t id) {
        for (size_t i = 0; i < source->n_ids; i++)
                if (source->ids[i]->id == id)
                        return source->ids[i];

        return NULL;
}

/* Metrics of an older description by their names; one that changed its type is another one. */
static void make_map(struct load_source *source, const struct disk_source *from) {
        for (size_t i = 0; i < from->n_metrics; i++) {
                source->map[i] = SEGMENT_METRIC_NONE;
                for (size_t j = 0; j < source->target->n_metrics; j++)
                        if (strcmp(from->metrics[i].name, source->target->metrics[j].name) == 0 &&
                            from->metrics[i].type == source->target->metrics[j].type)
                                source->map[i] = (uint32_t)j;
        }

        segment_reader_map(source->reader, source->map, from->n_metrics);
        source->mapped = from->id;
}

enum segment_column {
        COLUMN_ID, /* or first_id */
        COLUMN_BLOCK,
        COLUMN_SOURCE,
        COLUMN_RUN,
        COLUMN_BODY,
};

/* 0; 1: the span's end was reached; negative. */
static int take_segment(struct load_source *source, struct sql_statement *row, uint64_t until_us) {
        const struct disk_source *from = find_id(source, sql_value(row, COLUMN_SOURCE));
        struct segment_origin origin = { .run = sql_value(row, COLUMN_RUN) };
        const void *data;
        size_t size;
        int r;

        if (!from)
                return 0; /* another collector's */

        r = get_boot(source->loader, origin.run, &origin.boot);
        if (r >= 0) {
                if (from->id != source->mapped)
                        make_map(source, from);
                data = sql_bytes(row, COLUMN_BODY, &size);
                r = segment_read(source->reader, &origin, until_us, data, size);
        }
        if (r == -EBADMSG) {
                source->loader->result->n_damaged++;
                return 0;
        }
        return r;
}

/* Where to begin so that the passes from that point on, and one before, can be read: the head of a block. */
static int find_start(struct load_source *source, enum disk_tier tier, int64_t from, int64_t *ret_start) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT id, block, source FROM ", " WHERE id <= ? ORDER BY id DESC");
        struct sql_statement *row;
        int r;

        *ret_start = from;
        r = sql_use(source->loader->file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, from);
        for (size_t i = 0; r >= 0 && i < LOOK_BACK_MAX && (r = sql_step(row)) > 0; i++)
                if (find_id(source, sql_value(row, COLUMN_SOURCE))) {
                        *ret_start = sql_value(row, COLUMN_BLOCK);
                        break;
                }
        if (r > 0)
                sql_reset(row);
        return MIN(r, 0);
}

/* The first segment after that point may lie in a block that began before it. */
static int find_first(struct load_source *source, enum disk_tier tier, int64_t *start) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT id, block, source FROM ", " WHERE id > ? ORDER BY id");
        struct sql_statement *row;
        int r;

        r = sql_use(source->loader->file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, *start);
        for (size_t i = 0; r >= 0 && i < LOOK_BACK_MAX && (r = sql_step(row)) > 0; i++)
                if (find_id(source, sql_value(row, COLUMN_SOURCE))) {
                        *start = MIN(*start, sql_value(row, COLUMN_BLOCK));
                        break;
                }
        if (r > 0)
                sql_reset(row);
        return MIN(r, 0);
}

/* Passes of a tier in a part of the timeline, (from, to], with the one before; those that the source has
 * already are left out. Both are moments of the clock's span, seen on the timeline. */
static int load_part(struct load_source *source, enum disk_tier tier, const struct clock_span *clock,
                     int64_t from, int64_t to) {
        static const char *const texts[] = SQL_PER_TIER("SELECT first_id, block, source, run, body FROM ",
                                                        " WHERE id >= ? AND id < ? ORDER BY id");
        uint64_t before = source->target->next_pass;
        struct sql_statement *row;
        int64_t start;
        int r;

        if (from > to)
                return 0;

        r = find_start(source, tier, from, &start);
        if (r >= 0)
                r = find_first(source, tier, &start);
        if (r >= 0)
                r = sql_use(source->loader->file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, start);
        if (r >= 0)
                r = sql_bind(row, clock->end);
        segment_reader_skip(source->reader, start < clock->first ? 0 : (uint64_t)(from + clock->offset_us));
        while (r >= 0 && (r = sql_step(row)) > 0) {
                if (sql_value(row, COLUMN_ID) > to + SLACK_US) {
                        sql_reset(row);
                        break;
                }
                /* A block may have begun before the clock was set: what its times were then says nothing. */
                r = take_segment(source, row,
                                 sql_value(row, COLUMN_ID) < clock->first ? UINT64_MAX
                                                                          : (uint64_t)(to + clock->offset_us));
                if (r != 0) {
                        sql_reset(row);
                        break;
                }
        }
        if (source->target->next_pass > before)
                source->loader->result->tier = MAX(source->loader->result->tier, tier);
        return MIN(r, 0);
}

/* The ends of what a tier has of the source. 1; 0: nothing. */
static int find_end(struct load_source *source, enum disk_tier tier, bool newest, int64_t *ret_id) {
        static const char *const first[] =
                SQL_PER_TIER("SELECT first_id, block, source FROM ", " ORDER BY id");
        static const char *const last[] = SQL_PER_TIER("SELECT id, block, source FROM ", " ORDER BY id DESC");
        struct sql_statement *row;
        int r;

        r = sql_use(source->loader->file->sql, newest ? last[tier] : first[tier], &row);
        for (size_t i = 0; r >= 0 && i < LOOK_BACK_MAX && (r = sql_step(row)) > 0; i++)
                if (find_id(source, sql_value(row, COLUMN_SOURCE))) {
                        *ret_id = sql_value(row, COLUMN_ID);
                        break;
                }
        if (r > 0)
                sql_reset(row);
        return r;
}

static int64_t round_up(int64_t value, uint64_t step) {
        return value + (int64_t)step - 1 - (value + (int64_t)step - 1) % (int64_t)step;
}

/* The part of the span in which the clock was not set: coarser steps than wanted where the wanted ones are no
 * longer kept; then finer and finer ones up to the first whole step, so that the span begins where it should;
 * the wanted ones; and finer ones again for what has not been condensed yet. */
static int load_clock(struct load_source *source, const struct clock_span *clock, int64_t from, int64_t to) {
        enum disk_tier tier = source->loader->tier;
        int64_t at = from, end = from;
        int r = 0;

        for (int t = _DISK_TIER_MAX - 1; t > (int)tier && r >= 0; t--) {
                int found = find_end(source, (enum disk_tier)(t - 1), false, &end), coarser;
                int64_t begin = INT64_MAX;

                coarser = found < 0 ? found : find_end(source, (enum disk_tier)t, false, &begin);
                if (coarser < 0)
                        return coarser;
                if (found > 0 && (end <= at || end <= begin))
                        continue; /* nothing older than the finer ones have */
                end = found > 0 ? MIN(end, to) : to;
                r = load_part(source, (enum disk_tier)t, clock, at, end);
                at = found > 0 ? end : at;
        }
        for (int t = TIER_RAW; t < (int)tier && at == from && r >= 0; t++) {
                end = MIN(round_up(from, disk_tier_step((enum disk_tier)(t + 1))), to);
                r = load_part(source, (enum disk_tier)t, clock, from, end);
        }
        for (int t = (int)tier; t >= TIER_RAW && r >= 0; t--) {
                r = load_part(source, (enum disk_tier)t, clock, at, to);
                if (r >= 0 && source->target->next_pass > 0)
                        at = MAX(at, MIN((int64_t)source->target->last.realtime_us - clock->offset_us, to));
        }
        return r;
}

static int load_source(struct load_source *source) {
        const struct disk_load_request *request = source->loader->request;
        int r = 0;

        for (size_t i = 0; i < source->loader->n_clocks && r >= 0; i++) {
                const struct clock_span *clock = &source->loader->clocks[i];
                int64_t since = (int64_t)MIN(request->since_us, (uint64_t)INT64_MAX / 4) - clock->offset_us;
                int64_t until = (int64_t)MIN(request->until_us, (uint64_t)INT64_MAX / 4) - clock->offset_us;

                if (since < clock->end && until >= clock->first)
                        r = load_clock(source, clock, since, until);
        }

        return r;
}

static int prepare_source(struct load_source *source) {
        const struct disk_source *newest = source->ids[source->n_ids - 1];
        size_t n = 1;
        unsigned number;
        int r;

        for (size_t i = 0; i < source->n_ids; i++)
                n = MAX(n, source->ids[i]->n_metrics);
        source->map = calloc(n, sizeof(*source->map));
        if (!source->map)
                return -ENOMEM;

        r = store_add_source(source->loader->store, source->name, newest->metrics, newest->n_metrics,
                             &number);
        if (r < 0)
                return r;

        store_get_source_limits(source->loader->store, &source->limits);
        source->target = store_source_at(source->loader->store, number);
        return segment_reader_new(source->target, &source->limits, &source->reader);
}

static int read_ids(struct load_source *source) {
        int64_t ids[SOURCES_MAX];
        struct sql_statement *row;
        size_t n = 0;
        int r;

        r = sql_use(source->loader->file->sql, "SELECT id FROM source WHERE name = ? ORDER BY id", &row);
        if (r >= 0)
                r = sql_bind_text(row, source->name);
        while (r >= 0 && n < SOURCES_MAX && (r = sql_step(row)) > 0)
                ids[n++] = sql_value(row, 0);
        if (r > 0)
                sql_reset(row);
        for (source->n_ids = 0; r >= 0 && source->n_ids < n; source->n_ids++)
                r = disk_file_source(source->loader->file, ids[source->n_ids], &source->ids[source->n_ids]);
        return MIN(r, 0);
}

static void load_source_done(struct load_source *source) {
        (void)segment_reader_free(source->reader); /* returns NULL */
        free(source->map);
}

static int load_named(struct loader *loader, const char *name) {
        _cleanup_(load_source_done) struct load_source source = { .loader = loader, .name = name };
        int r;

        r = read_ids(&source);
        if (r < 0 || source.n_ids == 0)
                return r;
        r = prepare_source(&source);
        return r < 0 ? r : load_source(&source);
}

/* In the order in which they were first written. */
static int load_samples(struct loader *loader) {
        char *names[SOURCES_MAX];
        struct sql_statement *row;
        size_t n = 0;
        int r;

        if (loader->request->source)
                return load_named(loader, loader->request->source);

        r = sql_use(loader->file->sql, "SELECT name FROM source GROUP BY name ORDER BY min(id)", &row);
        while (r >= 0 && n < SOURCES_MAX && (r = sql_step(row)) > 0) {
                names[n] = strdup(sql_text(row, 0) ?: "");
                if (!names[n++])
                        r = -ENOMEM;
        }
        if (r != 0 && n > 0)
                sql_reset(row);
        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = load_named(loader, names[i]);
                free(names[i]);
        }
        return MIN(r, 0);
}

/* Events on their way into a store: those of a boot after another have a monotonic clock that began anew. */
struct event_list {
        struct event **items;
        size_t n, n_allocated;
};

static void event_list_done(struct event_list *list) {
        for (size_t i = 0; i < list->n; i++)
                (void)event_unref(list->items[i]); /* returns NULL */
        free(list->items);
}

static int keep_event(struct event *event, void *userdata) {
        struct event_list *list = userdata;
        size_t n = MAX(list->n_allocated * 2, (size_t)64);
        struct event **items;

        if (list->n == list->n_allocated) {
                items = reallocarray(list->items, n, sizeof(struct event *));
                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->n_allocated = n;
        }

        list->items[list->n++] = event_ref(event);
        return 0;
}

static int add_events(struct loader *loader, const struct event_list *list, bool reverse) {
        uint64_t shift_ns = 0;
        sd_id128_t boot_id = SD_ID128_NULL;

        for (size_t i = 0; i < list->n; i++) {
                struct event *event = list->items[reverse ? list->n - 1 - i : i];
                int r;

                if (i == 0 || !sd_id128_equal(boot_id, event->boot_id))
                        shift_ns = event->time_us * NSEC_PER_USEC - event->monotonic_ns;
                boot_id = event->boot_id;
                event->monotonic_ns += shift_ns;
                r = store_keep_event(loader->store, event);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int load_events(struct loader *loader) {
        const struct disk_load_request *request = loader->request;
        size_t max = request->events_max ?: LOAD_EVENTS_MAX, n_damaged;
        const struct disk_event_filter filter = {
                .since_us = request->since_us,
                .until_us = request->until_us,
                .after_id = request->after_id,
                .last_id = request->last_id,
                .id = request->event_id,
                .newest_first = !request->oldest_first,
                .limit = max + 1,
                .wants = request->wants,
                .userdata = request->userdata,
        };
        _cleanup_(event_list_done) struct event_list list = {};
        int r;

        r = disk_event_read(loader->file, &filter, keep_event, &list, &n_damaged);
        if (r < 0)
                return r;

        loader->result->n_damaged += n_damaged;
        if (list.n > max) {
                loader->result->events_left_out = true;
                (void)event_unref(list.items[--list.n]); /* returns NULL */
        }
        return add_events(loader, &list, filter.newest_first);
}

static enum disk_tier choose_tier(const struct disk_load_request *request) {
        uint64_t step_us = request->step_us ?: (request->until_us - request->since_us) / SPAN_STEPS;
        enum disk_tier tier = TIER_RAW;

        while (tier + 1 < _DISK_TIER_MAX && disk_tier_step(tier + 1) <= step_us)
                tier++;
        return tier;
}

/* 0; -EFBIG: coarser steps, please. */
static int load_all(struct loader *loader) {
        static const struct store_limits limits = {
                .budget_bytes = UINT64_C(1) << 40, /* what is to be left out is not left out here */
                .retention_ns = UINT64_MAX,
                .n_events_max = SIZE_MAX,
                .n_series_max = UINT32_MAX,
        };
        struct store_stats stats;
        int r;

        loader->store = store_free(loader->store);
        *loader->result = (struct disk_load_result){};
        r = store_new(&limits, &loader->store);
        if (r >= 0 && loader->request->samples)
                r = load_samples(loader);
        if (r < 0)
                return r;

        store_get_stats(loader->store, &stats);
        if (stats.bytes > LOAD_BYTES_MAX && loader->tier + 1 < _DISK_TIER_MAX)
                return -EFBIG;
        return loader->request->events ? load_events(loader) : 0;
}

int disk_load(struct disk_file *file, const struct disk_load_request *request, struct store **ret_store,
              struct disk_load_result *ret_result) {
        _cleanup_(freep) struct loader *loader = NULL;
        int r;

        loader = calloc(1, sizeof(*loader));
        if (!loader)
                return -ENOMEM;

        loader->file = file;
        loader->request = request;
        loader->result = ret_result;
        loader->run = -1;
        loader->tier = choose_tier(request);

        /* One state of the file, whatever is written meanwhile. */
        r = sql_exec(file->sql, "BEGIN");
        if (r < 0)
                return r;
        r = read_clocks(loader);
        while (r >= 0) {
                r = load_all(loader);
                if (r != -EFBIG)
                        break;
                loader->tier++;
                r = 0;
        }
        (void)sql_exec(file->sql, "COMMIT"); /* nothing was written */
        if (r < 0) {
                (void)store_free(loader->store); /* returns NULL */
                return r;
        }

        *ret_store = loader->store;
        return 0;
}
