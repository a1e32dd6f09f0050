/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/scan.h"

#include <string.h>

#include "common/array.h"

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

/* One row as the scan sees it: its series (shared with the live row) and their values at this point. */
struct scan_row {
        const struct row *row; /* NULL: gone, or of a metric that is not wanted */
        const struct metric_desc *metric;
        uint64_t *values;
};

struct scan {
        const struct source *source;
        struct scan_row *rows;
        uint64_t *values;
        struct store_change *changes;
        size_t n_changes, changes_allocated;
        uint64_t metrics; /* bits of those wanted */
        uint64_t since_us, until_us;
};

static void scan_done(struct scan *scan) {
        free(scan->rows);
        free(scan->values);
        free(scan->changes);
}

static int scan_init(struct scan *scan) {
        const struct rows *rows = &scan->source->rows;
        uint64_t *values = NULL;

        scan->rows = calloc(MAX(rows->n_items, (size_t)1), sizeof(*scan->rows));
        scan->values = values = calloc(MAX(rows->n_series, (size_t)1), sizeof(*scan->values));
        if (!scan->rows || !scan->values)
                return -ENOMEM;

        for (size_t i = 0; i < rows->n_items; i++) {
                const struct row *row = rows->items[i];

                if (!row || !(scan->metrics & store_metric_bit(row->identity.metric)))
                        continue;
                scan->rows[i] = (struct scan_row){
                        .row = row,
                        .metric = &scan->source->metrics[row->identity.metric],
                        .values = values,
                };
                values += row->n_series;
        }

        return 0;
}

static bool in_range(const struct scan *scan, const struct pass *pass) {
        return pass->stamp.realtime_us > scan->since_us && pass->stamp.realtime_us <= scan->until_us;
}

/* Of a chunk that is before or behind the range as a whole the last pass is enough. */
static size_t first_to_look_at(const struct scan *scan, const struct chunk *chunk) {
        bool outside = chunk->max_us <= MIN(scan->since_us, scan->until_us) || chunk->min_us > scan->until_us;

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
                        } else if (chunk->passes[i].stamp.realtime_us <= scan->until_us)
                                at_most_until = here;
                        previous = here;
                }
        }

        if (!first.chunk)
                selection.baseline = at_most_until;
        *ret_selection = selection;
        return selection.baseline.chunk;
}

/* Adds the differences of a code to the values, or takes them away again. */
static void shift_values(struct scan *scan, struct decoder *decoder, bool back) {
        struct coded_change change;
        size_t at = 0;

        while (decoder_next(decoder, &change)) {
                struct scan_row *row = &scan->rows[change.row];

                if (!row->row)
                        continue;
                at = row_seek(row->row, change.cpu, at);
                row->values[at] += back ? -change.difference : change.difference;
        }
}

static void shift_by_pass(struct scan *scan, const struct position *position, bool back) {
        struct decoder decoder;

        chunk_decode_pass(position->chunk, position->index, &decoder);
        shift_values(scan, &decoder, back);
}

/* A pass that stands for several says itself whether there was a reset: what a counter that wraps did in all of them
 * cannot be told from its values. */
static void scan_add_change(struct scan *scan, const struct scan_row *row, const struct coded_change *change,
                            uint64_t from, uint64_t to, const struct pass *pass) {
        struct store_change *out = &scan->changes[scan->n_changes++];

        *out = (struct store_change){ .row = change->row, .cpu = change->cpu, .value = to };
        if (change->first)
                out->first = true;
        else
                out->delta = metric_difference(row->metric, from, to, &out->reset);

        if (change->extra.has_delta)
                out->delta = change->extra.delta;
        if (pass->extras)
                out->reset = change->extra.reset;
        out->max = change->extra.excess +
                   (row->metric->type == METRIC_GAUGE ? to : per_pass(out->delta, pass->n_passes));
}

/* Brings the values forward by one pass, and says what changed. */
static int scan_pass(struct scan *scan, const struct position *position) {
        const struct pass *pass = &position->chunk->passes[position->index];
        struct coded_change change;
        struct decoder decoder;
        size_t at = 0;
        int r;

        chunk_decode_pass(position->chunk, position->index, &decoder);
        scan->n_changes = 0;
        /* A change takes two bytes at least. */
        r = ARRAY_RESERVE(scan->changes, scan->changes_allocated, (size_t)(decoder.end - decoder.p) / 2);
        if (r < 0)
                return r;

        while (decoder_next(&decoder, &change)) {
                struct scan_row *row = &scan->rows[change.row];
                uint64_t from, to;

                if (!row->row)
                        continue;

                at = row_seek(row->row, change.cpu, at);
                from = row->values[at];
                to = from + change.difference;
                row->values[at] = to;
                scan_add_change(scan, row, &change, from, to, pass);
        }

        return 0;
}

static int deliver(const struct scan *scan, const struct position *position, store_pass_fn fn,
                   void *userdata) {
        const struct pass *pass = &position->chunk->passes[position->index];

        return fn(
                &(struct store_pass){
                        .stamp = pass->stamp,
                        .n_passes = pass->n_passes,
                        .cpus = &pass->cpus->set,
                        .after_gap = pass->after_gap,
                        .changes = scan->changes,
                        .n_changes = scan->n_changes,
                },
                userdata);
}

/* Everything that was not zero, in rows that the pass had. */
static int collect_values(struct scan *scan, uint64_t pass) {
        int r;

        r = ARRAY_RESERVE(scan->changes, scan->changes_allocated, scan->source->rows.n_series);
        if (r < 0)
                return r;

        scan->n_changes = 0;
        for (size_t i = 0; i < scan->source->rows.n_items; i++) {
                const struct scan_row *row = &scan->rows[i];

                if (!row->row || !row_in_pass(row->row, pass))
                        continue;

                for (size_t j = 0; j < row->row->n_series; j++)
                        if (row->values[j] != 0)
                                scan->changes[scan->n_changes++] = (struct store_change){
                                        .row = (uint32_t)i,
                                        .cpu = row->row->series[j].cpu,
                                        .value = row->values[j],
                                };
        }

        return 0;
}

/* The pass after this one. */
static struct position next_position(const struct position *position) {
        if (position->index + 1 < position->chunk->n_passes)
                return (struct position){ .chunk = position->chunk, .index = position->index + 1 };

        return (struct position){ .chunk = position->chunk->next };
}

/* From the start of its chunk to the position. */
static void values_from_base(struct scan *scan, const struct position *position) {
        struct decoder decoder;

        chunk_decode_base(position->chunk, &decoder);
        shift_values(scan, &decoder, false);
        for (struct position at = { .chunk = position->chunk }; at.index <= position->index; at.index++)
                shift_by_pass(scan, &at, false);
}

/* From the latest values back to the position. What is zero then need not be in rows that were not there yet,
 * or no more: nobody asks for these. */
static void values_from_latest(struct scan *scan, const struct position *position) {
        for (size_t i = 0; i < scan->source->rows.n_items; i++) {
                const struct scan_row *row = &scan->rows[i];

                for (size_t j = 0; row->row && j < row->row->n_series; j++)
                        row->values[j] = row->row->series[j].value;
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
        int r;

        if (is_nearer_to_latest(baseline))
                values_from_latest(scan, baseline);
        else
                values_from_base(scan, baseline);
        if (!fn)
                return 0;

        r = collect_values(scan, baseline->chunk->first_pass + baseline->index);
        if (r < 0)
                return r;

        return deliver(scan, baseline, fn, userdata);
}

static bool is_at_or_before(const struct position *a, const struct position *b) {
        return a->chunk && b->chunk && a->chunk->first_pass + a->index <= b->chunk->first_pass + b->index;
}

static int scan_changes(struct scan *scan, const struct selection *selection, store_pass_fn fn,
                        void *userdata) {
        struct position at = next_position(&selection->baseline);
        int r;

        for (; is_at_or_before(&at, &selection->last); at = next_position(&at)) {
                if (!in_range(scan, &at.chunk->passes[at.index])) {
                        shift_by_pass(scan, &at, false);
                        continue;
                }

                r = scan_pass(scan, &at);
                if (r < 0)
                        return r;
                r = deliver(scan, &at, fn, userdata);
                if (r != 0)
                        return r;
        }

        return 0;
}

int source_scan(const struct source *source, uint64_t metrics, uint64_t since_us, uint64_t until_us,
                store_pass_fn baseline_fn, store_pass_fn fn, void *userdata) {
        _cleanup_(scan_done) struct scan scan = { .source = source,
                                                  .metrics = metrics,
                                                  .since_us = since_us,
                                                  .until_us = until_us };
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

        return scan_changes(&scan, &selection, fn, userdata);
}
