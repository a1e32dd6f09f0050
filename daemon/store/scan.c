/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/scan.h"

#include <string.h>

struct position {
        const struct chunk *chunk; /* NULL: no such pass */
        size_t index;
};

/* Which passes a scan delivers. The realtime clock may have been set while they were taken: the passes of
 * a span of realtime need neither be neighbours nor ascend, so every chunk is looked at. */
struct selection {
        struct position baseline;
        struct position last; /* to deliver; chunk NULL: only the baseline */
};

enum {
        CHANGED = 1 << 0,
        RESET = 1 << 1,
        FIRST = 1 << 2,
};

/* A series at this point of the scan. */
struct scan_value {
        uint64_t value;
        /* What is gathered of the change that is delivered next; all-zero: none. */
        uint64_t delta, max;
        unsigned flags;
};

/* One row as the scan sees it: its series (shared with the live row) and their values. */
struct scan_row {
        const struct row *row; /* NULL: gone, or of a metric that is not wanted */
        const struct metric_desc *metric;
        struct scan_value *values;
        bool grows;        /* a counter: its differences are those of its values unless it fell */
        bool dense;        /* its series are those of the CPUs from 0 on, all of them: nothing to look for */
        uint32_t delivery; /* the last one that has changes of it */
};

struct scan {
        const struct source *source;
        const struct store_scan *request;
        struct scan_row *rows;
        struct scan_value *values;
        /* What is delivered next: passes that were joined. */
        struct store_pass pass;
        const struct shared_cpus *cpus; /* of these passes */
        uint32_t delivery;              /* its number, from 1 on */
        uint32_t *changed;              /* the rows that have changes in it */
        size_t n_changed;
        struct store_change *changes; /* room for one of every series */
        size_t n_changes;
        uint64_t delivered_ns; /* the monotonic moment of the delivery before */
};

static void scan_done(struct scan *scan) {
        free(scan->rows);
        free(scan->values);
        free(scan->changes);
        free(scan->changed);
}

static bool row_is_dense(const struct row *row) {
        size_t i = 0;

        while (i < row->n_series && row->series[i].cpu == (int)i)
                i++;

        return i == row->n_series;
}

static int scan_init(struct scan *scan) {
        const struct rows *rows = &scan->source->rows;
        size_t n_series = MAX(rows->n_series, (size_t)1);
        struct scan_value *values = NULL;

        scan->rows = calloc(MAX(rows->n_items, (size_t)1), sizeof(*scan->rows));
        scan->values = values = calloc(n_series, sizeof(*scan->values));
        scan->changes = reallocarray(NULL, n_series, sizeof(*scan->changes));
        scan->changed = reallocarray(NULL, MAX(rows->n_items, (size_t)1), sizeof(*scan->changed));
        if (!scan->rows || !scan->values || !scan->changes || !scan->changed)
                return -ENOMEM;

        for (size_t i = 0; i < rows->n_items; i++) {
                const struct row *row = rows->items[i];

                if (!row || !(scan->request->metrics & store_metric_bit(row->identity.metric)))
                        continue;
                scan->rows[i] = (struct scan_row){
                        .row = row,
                        .metric = &scan->source->metrics[row->identity.metric],
                        .values = values,
                        .grows = scan->source->metrics[row->identity.metric].type != METRIC_GAUGE,
                        .dense = row_is_dense(row),
                };
                values += row->n_series;
        }

        return 0;
}

static bool in_range(const struct scan *scan, const struct pass *pass) {
        return pass->stamp.realtime_us > scan->request->since_us &&
               pass->stamp.realtime_us <= scan->request->until_us;
}

/* Of a chunk that is before or behind the range as a whole the last pass is enough. */
static size_t first_to_look_at(const struct scan *scan, const struct chunk *chunk) {
        const struct store_scan *request = scan->request;
        bool outside = chunk->max_us <= MIN(request->since_us, request->until_us) ||
                       chunk->min_us > request->until_us;

        return outside && chunk->n_passes > 0 ? chunk->n_passes - 1 : 0;
}

/* False when there is no pass at or before until_us. */
static bool scan_select(const struct scan *scan, struct selection *ret_selection) {
        struct position previous = {}, first = {}, at_most_until = {};
        struct selection selection = {};

        for (const struct chunk *chunk = scan->source->oldest; chunk; chunk = chunk->next) {
                for (size_t i = first_to_look_at(scan, chunk); i < chunk->n_passes; i++) {
                        struct position here = { .chunk = chunk, .index = i };

                        if (in_range(scan, &chunk->passes[i])) {
                                if (!first.chunk) {
                                        first = here;
                                        selection.baseline = previous.chunk ? previous : here;
                                }
                                selection.last = here;
                        } else if (chunk->passes[i].stamp.realtime_us <= scan->request->until_us)
                                at_most_until = here;
                        previous = here;
                }
        }

        if (!first.chunk)
                selection.baseline = at_most_until;
        *ret_selection = selection;
        return selection.baseline.chunk;
}

static inline size_t scan_row_seek(const struct scan_row *row, int cpu, size_t from) {
        return row->dense ? (size_t)cpu : row_seek(row->row, cpu, from);
}

/* Adds the differences of a code to the values, or takes them away again. */
static void shift_values(struct scan *scan, struct decoder decoder, bool back) {
        struct coded_change change;
        size_t at = 0;
        uint32_t i;

        while (decoder_next_row(&decoder, &i)) {
                const struct scan_row *row = &scan->rows[i];

                while (decoder.in_row) {
                        decoder_next_of_row(&decoder, &change);
                        if (!row->row)
                                continue;
                        at = scan_row_seek(row, change.cpu, at);
                        row->values[at].value += back ? -change.difference : change.difference;
                }
        }
}

static void shift_by_pass(struct scan *scan, const struct position *position, bool back) {
        shift_values(scan, chunk_pass_decoder(position->chunk, position->index), back);
}

/* Where the values do not tell all. A pass that stands for several says itself whether there was a reset:
 * what a counter that wraps did in all of them cannot be told from its values. */
static void scan_judge(const struct scan_row *row, const struct coded_change *coded, uint64_t from,
                       const struct pass *pass, struct scan_value *change) {
        bool reset = false;

        change->delta = coded->first ? 0 : metric_difference(row->metric, from, change->value, &reset);
        if (coded->extra.has_delta)
                change->delta = coded->extra.delta;
        if (pass->extras)
                reset = coded->extra.reset;
        change->max =
                coded->extra.excess + (row->grows ? per_pass(change->delta, pass->n_passes) : change->value);
        change->flags |= (reset ? RESET : 0) | (coded->first ? FIRST : 0);
}

static void scan_add_change(const struct scan_row *row, const struct coded_change *coded,
                            const struct pass *pass, struct scan_value *value) {
        struct scan_value change = {
                .value = value->value + coded->difference,
                .delta = coded->difference,
                .max = coded->difference,
                .flags = CHANGED,
        };

        if (!row->grows || pass->extras || coded->first || change.value < value->value)
                scan_judge(row, coded, value->value, pass, &change);

        value->value = change.value;
        value->delta += change.delta;
        value->max = MAX(value->max, change.max);
        value->flags |= change.flags;
}

static void scan_touch_row(struct scan *scan, struct scan_row *row, uint32_t number) {
        if (row->delivery == scan->delivery)
                return;

        row->delivery = scan->delivery;
        scan->changed[scan->n_changed++] = number;
}

/* Brings the values forward by one pass, and gathers what changed. */
static void scan_add_changes(struct scan *scan, const struct position *position) {
        const struct pass *pass = &position->chunk->passes[position->index];
        struct decoder decoder = chunk_pass_decoder(position->chunk, position->index);
        struct coded_change coded;
        size_t at = 0;
        uint32_t i;

        while (decoder_next_row(&decoder, &i)) {
                struct scan_row *row = &scan->rows[i];

                if (row->row)
                        scan_touch_row(scan, row, i);
                while (decoder.in_row) {
                        decoder_next_of_row(&decoder, &coded);
                        if (!row->row)
                                continue;
                        at = scan_row_seek(row, coded.cpu, at);
                        scan_add_change(row, &coded, pass, &row->values[at]);
                }
        }
}

/* Of a row, and begins anew. */
static void scan_take_changes(struct scan *scan, uint32_t number) {
        const struct scan_row *row = &scan->rows[number];

        for (size_t i = 0; i < row->row->n_series; i++) {
                struct scan_value *value = &row->values[i];

                if (value->flags == 0)
                        continue;
                scan->changes[scan->n_changes++] = (struct store_change){
                        .row = number,
                        .cpu = row->row->series[i].cpu,
                        .reset = value->flags & RESET,
                        .first = value->flags & FIRST,
                        .value = value->value,
                        .delta = value->delta,
                        .max = value->max,
                };
                *value = (struct scan_value){ .value = value->value };
        }
}

/* The pass is what is delivered next, or, with more that are joined to it, the first of that. */
static void scan_begin(struct scan *scan, const struct pass *pass) {
        scan->pass = (struct store_pass){ .cpus = &pass->cpus->set, .after_gap = pass->after_gap };
        scan->cpus = pass->cpus;
        scan->n_changes = scan->n_changed = 0;
        scan->delivery++;
}

static void scan_join(struct scan *scan, const struct pass *pass) {
        scan->pass.stamp = pass->stamp;
        scan->pass.n_passes += pass->n_passes;
}

/* The pass after a gap stays alone: it may be what a span is judged from. */
static bool scan_may_join(const struct scan *scan, const struct pass *pass) {
        return !pass->after_gap && !scan->pass.after_gap && pass->cpus == scan->cpus &&
               scan->pass.stamp.monotonic_ns - scan->delivered_ns < scan->request->join_ns;
}

static bool scan_has_pass(const struct scan *scan) {
        return scan->pass.n_passes > 0;
}

static int scan_deliver(struct scan *scan, store_pass_fn fn, void *userdata) {
        struct store_pass pass = scan->pass;

        for (size_t i = 0; i < scan->n_changed; i++)
                scan_take_changes(scan, scan->changed[i]);
        pass.changes = scan->changes;
        pass.n_changes = scan->n_changes;
        scan->pass = (struct store_pass){};
        scan->delivered_ns = pass.stamp.monotonic_ns;
        return fn ? fn(&pass, userdata) : 0;
}

/* Everything that was not zero, in rows that the pass had. */
static void collect_values(struct scan *scan, uint64_t pass) {
        for (size_t i = 0; i < scan->source->rows.n_items; i++) {
                const struct scan_row *row = &scan->rows[i];

                if (!row->row || !row_in_pass(row->row, pass))
                        continue;

                for (size_t j = 0; j < row->row->n_series; j++) {
                        if (row->values[j].value == 0)
                                continue;
                        scan->changes[scan->n_changes++] = (struct store_change){
                                .row = (uint32_t)i,
                                .cpu = row->row->series[j].cpu,
                                .value = row->values[j].value,
                        };
                }
        }
}

/* The pass after this one. */
static struct position next_position(const struct position *position) {
        if (position->index + 1 < position->chunk->n_passes)
                return (struct position){ .chunk = position->chunk, .index = position->index + 1 };

        return (struct position){ .chunk = position->chunk->next };
}

/* From the start of its chunk to the position. */
static void values_from_base(struct scan *scan, const struct position *position) {
        shift_values(scan, chunk_base_decoder(position->chunk), false);
        for (struct position at = { .chunk = position->chunk }; at.index <= position->index; at.index++)
                shift_by_pass(scan, &at, false);
}

/* From the latest values back to the position. What is zero then need not be in rows that were not there yet,
 * or no more: nobody asks for these. */
static void values_from_latest(struct scan *scan, const struct position *position) {
        for (size_t i = 0; i < scan->source->rows.n_items; i++) {
                const struct scan_row *row = &scan->rows[i];

                for (size_t j = 0; row->row && j < row->row->n_series; j++)
                        row->values[j].value = row->row->series[j].value;
        }
        for (struct position at = next_position(position); at.chunk; at = next_position(&at))
                shift_by_pass(scan, &at, true);
}

/* Who asks all the time mostly asks for the last seconds. */
static bool is_nearer_to_latest(const struct position *position) {
        size_t before = position->chunk->passes[position->index].end,
               after = position->chunk->code.size - before;

        for (const struct chunk *chunk = position->chunk->next; chunk && after < before; chunk = chunk->next)
                after += chunk->code.size - chunk->base_size;
        return after < before;
}

static int scan_baseline(struct scan *scan, const struct position *baseline, store_pass_fn fn,
                         void *userdata) {
        const struct pass *pass = &baseline->chunk->passes[baseline->index];

        if (is_nearer_to_latest(baseline))
                values_from_latest(scan, baseline);
        else
                values_from_base(scan, baseline);

        scan_begin(scan, pass);
        scan_join(scan, pass);
        if (fn)
                collect_values(scan, baseline->chunk->first_pass + baseline->index);
        return scan_deliver(scan, fn, userdata);
}

static bool is_at_or_before(const struct position *a, const struct position *b) {
        return a->chunk && b->chunk && a->chunk->first_pass + a->index <= b->chunk->first_pass + b->index;
}

static int scan_pass(struct scan *scan, const struct position *position, store_pass_fn fn, void *userdata) {
        const struct pass *pass = &position->chunk->passes[position->index];
        bool wanted = in_range(scan, pass);
        int r;

        if (scan_has_pass(scan) && !(wanted && scan_may_join(scan, pass))) {
                r = scan_deliver(scan, fn, userdata);
                if (r != 0)
                        return r;
        }
        if (!wanted) {
                shift_by_pass(scan, position, false);
                return 0;
        }

        if (!scan_has_pass(scan))
                scan_begin(scan, pass);
        scan_add_changes(scan, position);
        scan_join(scan, pass);
        return 0;
}

static int scan_passes(struct scan *scan, const struct selection *selection, store_pass_fn fn,
                       void *userdata) {
        struct position at = next_position(&selection->baseline);
        int r;

        for (; is_at_or_before(&at, &selection->last); at = next_position(&at)) {
                r = scan_pass(scan, &at, fn, userdata);
                if (r != 0)
                        return r;
        }

        return scan_has_pass(scan) ? scan_deliver(scan, fn, userdata) : 0;
}

int source_scan(const struct source *source, const struct store_scan *request, store_pass_fn baseline_fn,
                store_pass_fn fn, void *userdata) {
        _cleanup_(scan_done) struct scan scan = { .source = source, .request = request };
        struct selection selection = {};
        int r;

        if (!scan_select(&scan, &selection))
                return -ENOENT;

        r = scan_init(&scan);
        if (r < 0)
                return r;

        r = scan_baseline(&scan, &selection.baseline, baseline_fn, userdata);
        if (r != 0)
                return r;

        return scan_passes(&scan, &selection, fn, userdata);
}

/* The pass of which the values are known soonest: the first one of the chunk, if it will do. */
static void position_take_start(struct position *position, uint64_t at_us, uint64_t slack_us) {
        uint64_t start_us = position->chunk->passes[0].stamp.realtime_us;

        if (start_us <= at_us && at_us - start_us <= slack_us && !is_nearer_to_latest(position))
                position->index = 0;
}

int source_values_at(const struct source *source, uint64_t metrics, uint64_t at_us, uint64_t slack_us,
                     store_pass_fn fn, void *userdata) {
        const struct store_scan request = { .metrics = metrics, .since_us = at_us, .until_us = at_us };
        _cleanup_(scan_done) struct scan scan = { .source = source, .request = &request };
        struct selection selection = {};
        int r;

        if (!scan_select(&scan, &selection))
                return -ENOENT;

        r = scan_init(&scan);
        if (r < 0)
                return r;

        position_take_start(&selection.baseline, at_us, slack_us);
        return scan_baseline(&scan, &selection.baseline, fn, userdata);
}
