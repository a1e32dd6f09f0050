/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a block into the source. Within a block passes go over change by change; the first pass after a seam
 * (another block, passes left out) goes over as the difference between all values of the block and all of the
 * source, by the rules for what lies between: see seam_delta().
 */

#include "daemon/store/segment-format.h"

#include <assert.h>

#include "common/array.h"

int segment_reserve_changes(struct segment_reader *reader, size_t n) {
        return ARRAY_RESERVE(reader->changes, reader->changes_allocated, n);
}

bool segment_is_known(const struct segment_reader *reader, const struct stamp *stamp) {
        if (reader->source->next_pass == 0)
                return false;
        if (reader->imported.run != reader->origin.run)
                return reader->imported.run > reader->origin.run;
        return stamp->monotonic_ns <= reader->last_ns;
}

/* Every living row gets one of the source's. */
static int give_targets(struct segment_reader *reader) {
        for (size_t i = 0; i < reader->n_rows; i++) {
                struct block_row *row = &reader->rows[i];
                int r = 0;

                if (block_row_is_kept(row) && !row->target)
                        r = source_import_row(reader->source, row->metric, &row->key, &row->target);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* After a seam: rows that the block does not have end. */
static int match_rows(struct segment_reader *reader) {
        struct rows *rows = &reader->source->rows;
        int r;

        for (size_t i = 0; i < reader->n_rows; i++)
                reader->rows[i].target = NULL;
        r = give_targets(reader);
        if (r < 0)
                return r;

        reader->source->attempt++;
        for (size_t i = 0; i < reader->n_rows; i++)
                if (block_row_is_kept(&reader->rows[i]))
                        reader->rows[i].target->attempt = reader->source->attempt;
        for (size_t i = 0; i < rows->n_items; i++)
                if (rows->items[i] && rows->items[i]->attempt != reader->source->attempt)
                        source_end_row(reader->source, rows->items[i]);
        return 0;
}

/* Changes of the pass as those of the source's rows. */
static int take_changes(struct segment_reader *reader) {
        int r;

        r = give_targets(reader); /* of rows that began with it */
        if (r < 0)
                return r;

        for (size_t i = 0; i < reader->n_changes; i++)
                reader->changes[i].row = reader->rows[reader->changes[i].row].target->index;
        return 0;
}

/* What happened between the source's latest value (NULL: it has none) and the first one after a seam. In one
 * run of the daemon the difference of both. In another run what counts from the daemon's start began at zero;
 * in another boot everything did, and what it has counted since is part of the span. */
static void seam_delta(const struct segment_reader *reader, const struct metric_desc *metric,
                       const struct series *before, struct store_change *change) {
        bool counts = metric->type != METRIC_GAUGE;
        bool rebooted = reader->imported.boot != reader->origin.boot;
        bool restarted = reader->imported.run != reader->origin.run;
        bool is_first = reader->source->next_pass == 0;
        bool from_zero = counts && (rebooted || (metric->from_zero && (restarted || !before)));

        change->first = is_first || (!from_zero && !before);
        change->reset = !is_first && counts && rebooted && before && before->value > 0;
        change->delta = change->max = 0;
        if (!is_first && from_zero)
                change->delta = change->value;
        else if (!is_first && before)
                change->delta = metric_difference(metric, before->value, change->value, &change->reset);
        if (!counts)
                change->max = change->value;
}

/* All values of a row of the block, and zero for those that only the source has. Both ascend. */
static int take_row(struct segment_reader *reader, struct block_row *row) {
        const struct row *target = row->target;
        size_t i = 0, j = 0;
        int r;

        r = segment_reserve_changes(reader, reader->n_changes + row->n_series + target->n_series);
        if (r < 0)
                return r;

        while (i < row->n_series || j < target->n_series) {
                const struct series *ours = i < row->n_series ? &row->series[i] : NULL;
                const struct series *theirs = j < target->n_series ? &target->series[j] : NULL;
                struct store_change change = { .row = target->index };

                if (ours && theirs && ours->cpu != theirs->cpu) {
                        if (ours->cpu < theirs->cpu)
                                theirs = NULL;
                        else
                                ours = NULL;
                }
                assert(ours || theirs);
                i += !!ours;
                j += !!theirs;
                change.cpu = (ours ?: theirs)->cpu;
                change.value = ours ? ours->value : 0;
                seam_delta(reader, segment_metric(reader, row), theirs, &change);
                if (change.value != (theirs ? theirs->value : 0) || change.delta > 0)
                        reader->changes[reader->n_changes++] = change;
        }

        return 0;
}

static int take_everything(struct segment_reader *reader) {
        reader->n_changes = 0;
        for (size_t i = 0; i < reader->n_rows; i++) {
                int r = block_row_is_kept(&reader->rows[i]) ? take_row(reader, &reader->rows[i]) : 0;
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What the source is told of the time between its latest pass and this one. */
static int mark_seam(struct segment_reader *reader, const struct stamp *stamp) {
        struct source *source = reader->source;

        if (source->next_pass == 0)
                return 0;
        if (reader->imported.boot != reader->origin.boot)
                return source_mark_gap(source, stamp, "the machine was rebooted");
        if (reader->imported.run != reader->origin.run)
                return source_mark_gap(source, stamp, "irqwatchd was not running");
        if (reader->follows_ns > reader->last_ns)
                return source_mark_gap(source, stamp,
                                       "not on record: it could not be written to disk, or was damaged");
        return 0;
}

/* The clock of another boot begins anew: it is set on by what the realtime clock says has passed. */
static void set_shift(struct segment_reader *reader, const struct stamp *stamp) {
        const struct stamp *last = &reader->source->last;
        uint64_t passed_us;

        if (reader->source->next_pass == 0 || reader->imported.boot == reader->origin.boot)
                return;

        passed_us = stamp->realtime_us - MIN(last->realtime_us, stamp->realtime_us);
        reader->shift_ns =
                last->monotonic_ns + MAX(passed_us * NSEC_PER_USEC, UINT64_C(1)) - stamp->monotonic_ns;
}

/* The block goes on just where the source ends: what the pass says of itself is then worth more than a
 * comparison. */
static bool values_meet(const struct segment_reader *reader) {
        return reader->source->next_pass > 0 && reader->imported.run == reader->origin.run &&
               reader->follows_ns == reader->last_ns;
}

int segment_import(struct segment_reader *reader, struct store_pass *pass) {
        int r;

        if (!reader->synced) {
                r = mark_seam(reader, &pass->stamp);
                if (r >= 0)
                        r = match_rows(reader);
                if (r < 0)
                        return r;
                set_shift(reader, &pass->stamp);
        }

        r = reader->synced || values_meet(reader) ? take_changes(reader) : take_everything(reader);
        if (r < 0)
                return r;

        reader->last_ns = pass->stamp.monotonic_ns;
        reader->imported = reader->origin;
        reader->synced = true;
        pass->stamp.monotonic_ns += reader->shift_ns;
        pass->changes = reader->changes;
        pass->n_changes = reader->n_changes;
        r = source_import(reader->source, pass, reader->limits);
        return r == -EINVAL ? -EBADMSG : r;
}
