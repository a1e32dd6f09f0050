/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A segment:
 *   flags (1: head)
 *   rows: how many, then of each its number in the block, the index of the first pass here that has it,
 * metric, name, labels rows that ended: how many, then of each its number and the index of the first pass
 * here that does not have it head only: the monotonic moment of the pass before, or 0; the values at the
 * start (samples.h) gaps: how many, then of each since and until (realtime), until (monotonic), reason
 *   passes: how many, then of each flags (1: after a gap; 2: its CPUs follow, else as the one before; 4:
 * extras), times (as differences to the one before), [CPUs], how many passes it stands for, its code
 * (samples.h)
 */

#include "daemon/store/segment-format.h"

static bool row_lives(const struct row *row, uint64_t first, uint64_t end) {
        return !row_is_new(row) && row->first_pass < end &&
               (row->last_pass == ROW_PASS_NONE || row->last_pass >= first);
}

static void write_row(struct writer *writer, const struct row *row, uint64_t first) {
        const struct row_key *key = &row->identity.key;

        write_u64(writer, row->index);
        write_u64(writer, MAX(row->first_pass, first) - first);
        write_u64(writer, row->identity.metric);
        write_text(writer, key->name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                write_text(writer, key->labels[i]);
}

/* Those that the reader does not know yet. */
static bool is_wanted(const struct row *row, uint64_t first, uint64_t end, bool head) {
        return row && row_lives(row, first, end) && (head || row->first_pass >= first);
}

static void write_rows(struct writer *writer, const struct source *source, uint64_t first, uint64_t end,
                       bool head) {
        size_t n = 0;

        for (size_t i = 0; i < source->rows.n_items; i++)
                n += is_wanted(source->rows.items[i], first, end, head);

        write_u64(writer, n);
        for (size_t i = 0; i < source->rows.n_items; i++)
                if (is_wanted(source->rows.items[i], first, end, head))
                        write_row(writer, source->rows.items[i], first);
}

/* The first pass that does not have it lies in the range. */
static bool ended_in(const struct row *row, uint64_t first, uint64_t end, bool head) {
        if (!row || row->last_pass == ROW_PASS_NONE || row_is_new(row))
                return false;

        return row->last_pass + 1 < end && row->last_pass + 1 >= first + head;
}

static void write_ended(struct writer *writer, const struct source *source, uint64_t first, uint64_t end,
                        bool head) {
        size_t n = 0;

        for (size_t i = 0; i < source->rows.n_items; i++)
                n += ended_in(source->rows.items[i], first, end, head);

        write_u64(writer, n);
        for (size_t i = 0; i < source->rows.n_items; i++) {
                const struct row *row = source->rows.items[i];

                if (!ended_in(row, first, end, head))
                        continue;
                write_u64(writer, row->index);
                write_u64(writer, row->last_pass + 1 - first);
        }
}

static bool gap_is_in(const struct gap *gap, uint64_t after_ns, uint64_t until_ns) {
        return gap->until_us != UINT64_MAX && gap->until_monotonic_ns > after_ns &&
               gap->until_monotonic_ns <= until_ns;
}

/* Those that ended with or before a pass of the range. */
static void write_gaps(struct writer *writer, const struct source *source, uint64_t after_ns,
                       uint64_t until_ns) {
        size_t n = 0;

        for (size_t i = 0; i < source->gaps.n_items; i++)
                n += gap_is_in(&source->gaps.items[i], after_ns, until_ns);

        write_u64(writer, n);
        for (size_t i = 0; i < source->gaps.n_items; i++) {
                const struct gap *gap = &source->gaps.items[i];

                if (!gap_is_in(gap, after_ns, until_ns))
                        continue;
                write_u64(writer, gap->since_us);
                write_i64(writer, (int64_t)(gap->until_us - gap->since_us));
                write_u64(writer, gap->until_monotonic_ns);
                write_text(writer, gap->reason);
        }
}

static void write_pass(struct writer *writer, const struct chunk *chunk, size_t index,
                       const struct pass *before) {
        static const struct pass none;
        const struct pass *pass = &chunk->passes[index], *from = before ?: &none;
        bool with_cpus = from->cpus != pass->cpus;
        size_t start = index > 0 ? chunk->passes[index - 1].end : chunk->base_size;

        write_u64(writer, (pass->after_gap ? PASS_AFTER_GAP : 0U) | (with_cpus ? PASS_CPUS : 0U) |
                                  (pass->extras ? PASS_EXTRAS : 0U));
        write_i64(writer, (int64_t)(pass->stamp.realtime_us - from->stamp.realtime_us));
        write_u64(writer, pass->stamp.monotonic_ns - from->stamp.monotonic_ns);
        if (with_cpus)
                write_cpus(writer, &pass->cpus->set);
        write_u64(writer, pass->n_passes);
        write_bytes(writer, chunk->code.data + start, pass->end - start);
}

void segment_write(const struct source *source, const struct chunk *chunk, size_t from, size_t to,
                   struct writer *writer) {
        uint64_t first = chunk->first_pass + from, end = chunk->first_pass + to;
        bool head = from == 0;

        write_u64(writer, head ? SEGMENT_HEAD : 0);
        write_rows(writer, source, first, end, head);
        write_ended(writer, source, first, end, head);
        if (head) {
                write_u64(writer, chunk->follows_ns);
                write_bytes(writer, chunk->code.data, chunk->base_size);
        }
        write_gaps(writer, source, from > 0 ? chunk->passes[from - 1].stamp.monotonic_ns : chunk->follows_ns,
                   chunk->passes[to - 1].stamp.monotonic_ns);
        write_u64(writer, to - from);
        for (size_t i = from; i < to; i++)
                write_pass(writer, chunk, i, i > from ? &chunk->passes[i - 1] : NULL);
}
