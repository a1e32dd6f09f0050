/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A block keeps its own rows and values, which each pass brings forward, whether it goes over to the source
 * or not.
 */

#include <string.h>

#include "daemon/store/segment-format.h"

/* One segment while it is read. */
struct part {
        struct segment_reader *reader;
        struct reader in;
        struct stamp stamp; /* of the pass before */
        struct new_row {
                size_t number, at;
                unsigned metric;
                struct row_key key; /* points into the record */
        } * new_rows;
        struct old_row {
                size_t number, at;
        } * old_rows;
        size_t n_new_rows, n_old_rows;
        uint64_t until_us;
};

static void part_done(struct part *part) {
        free(part->new_rows);
        free(part->old_rows);
}

static void block_row_done(struct block_row *row) {
        free(row->text);
        free(row->series);
        *row = (struct block_row){};
}

static void leave_block(struct segment_reader *reader) {
        for (size_t i = 0; i < reader->n_rows; i++)
                block_row_done(&reader->rows[i]);
        free(reader->rows);
        reader->rows = NULL;
        reader->n_rows = 0;
        reader->in_block = reader->synced = false;
        cpu_set_clear(&reader->cpus);
}

int segment_reader_new(struct source *source, const struct source_limits *limits,
                       struct segment_reader **ret_reader) {
        struct segment_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;

        reader->source = source;
        reader->limits = limits;
        *ret_reader = reader;
        return 0;
}

struct segment_reader *segment_reader_free(struct segment_reader *reader) {
        if (!reader)
                return NULL;

        leave_block(reader);
        cpu_set_done(&reader->cpus);
        unpacker_done(&reader->unpacker);
        bytes_done(&reader->record);
        free(reader->changes);
        free(reader);
        return NULL;
}

void segment_reader_map(struct segment_reader *reader, const uint32_t *map, size_t n) {
        reader->map = map;
        reader->n_map = n;
        leave_block(reader);
}

void segment_reader_skip(struct segment_reader *reader, uint64_t since_us) {
        reader->since_us = since_us;
}

uint64_t segment_reader_last_ns(const struct segment_reader *reader) {
        return reader->last_ns;
}

static int read_new_rows(struct part *part) {
        size_t n = (size_t)read_up_to(&part->in, SEGMENT_ROWS_MAX);

        /* Each takes some bytes: a number that is too large cannot be meant. */
        if (n > (size_t)(part->in.end - part->in.p))
                return -EBADMSG;
        part->new_rows = calloc(n + 1, sizeof(*part->new_rows));
        if (!part->new_rows)
                return -ENOMEM;

        for (part->n_new_rows = 0; part->n_new_rows < n; part->n_new_rows++) {
                struct new_row *row = &part->new_rows[part->n_new_rows];

                row->number = (size_t)read_up_to(&part->in, SEGMENT_ROWS_MAX - 1);
                row->at = (size_t)read_up_to(&part->in, CHUNK_PASSES_MAX);
                row->metric = (unsigned)read_up_to(&part->in, MAX(part->reader->n_map, (size_t)1) - 1);
                row->key.name = read_text(&part->in);
                for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                        row->key.labels[i] = read_text(&part->in);
                if (!row->key.name || row->metric >= part->reader->n_map)
                        return -EBADMSG;
        }

        return 0;
}

static int read_old_rows(struct part *part) {
        size_t n = (size_t)read_up_to(&part->in, SEGMENT_ROWS_MAX);

        if (n > (size_t)(part->in.end - part->in.p))
                return -EBADMSG;
        part->old_rows = calloc(n + 1, sizeof(*part->old_rows));
        if (!part->old_rows)
                return -ENOMEM;

        for (part->n_old_rows = 0; part->n_old_rows < n; part->n_old_rows++) {
                struct old_row *row = &part->old_rows[part->n_old_rows];

                row->number = (size_t)read_up_to(&part->in, SEGMENT_ROWS_MAX - 1);
                row->at = (size_t)read_up_to(&part->in, CHUNK_PASSES_MAX);
        }

        return part->in.failed ? -EBADMSG : 0;
}

static int reserve_rows(struct segment_reader *reader, size_t number) {
        size_t n = MAX(reader->n_rows * 2, number + 1);
        struct block_row *rows;

        if (number < reader->n_rows)
                return 0;

        rows = reallocarray(reader->rows, n, sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        memset(rows + reader->n_rows, 0, (n - reader->n_rows) * sizeof(*rows));
        reader->rows = rows;
        reader->n_rows = n;
        return 0;
}

static const char *put_text(char **end, const char *text) {
        const char *copy = *end;

        *end = stpcpy(*end, text) + 1;
        return copy;
}

static int begin_row(struct segment_reader *reader, const struct new_row *from) {
        size_t size = strlen(from->key.name) + 1;
        struct block_row *row;
        char *end;
        int r;

        r = reserve_rows(reader, from->number);
        if (r < 0)
                return r;

        row = &reader->rows[from->number];
        block_row_done(row);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                size += from->key.labels[i] ? strlen(from->key.labels[i]) + 1 : 0;
        row->text = end = malloc(size);
        if (!row->text)
                return -ENOMEM;

        row->key.name = put_text(&end, from->key.name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (from->key.labels[i])
                        row->key.labels[i] = put_text(&end, from->key.labels[i]);
        row->metric = reader->map[from->metric];
        row->lives = true;
        return 0;
}

/* Rows that end and begin with this pass: the key of one that ended may come back at once. */
static int turn_rows(struct part *part, size_t at) {
        struct segment_reader *reader = part->reader;

        for (size_t i = 0; i < part->n_old_rows; i++) {
                const struct old_row *old = &part->old_rows[i];

                if (old->at != at || old->number >= reader->n_rows || !reader->rows[old->number].lives)
                        continue;
                if (reader->synced && reader->rows[old->number].target)
                        source_end_row(reader->source, reader->rows[old->number].target);
                block_row_done(&reader->rows[old->number]);
        }

        for (size_t i = 0; i < part->n_new_rows; i++) {
                int r = part->new_rows[i].at == at ? begin_row(reader, &part->new_rows[i]) : 0;

                if (r < 0)
                        return r;
        }

        return 0;
}

/* The row's value for that CPU, 0 if it is new. *at: where the one before was found. 0 or -ENOMEM. */
static int block_value(struct block_row *row, int cpu, size_t *at, struct series **ret_series) {
        size_t n = MAX(row->series_allocated * 2, (size_t)2);
        struct series *series = row->series;

        *at = series_seek(series, row->n_series, cpu, *at);
        if (*at == row->n_series || series[*at].cpu != cpu) {
                if (row->n_series == row->series_allocated) {
                        series = reallocarray(series, n, sizeof(*series));
                        if (!series)
                                return -ENOMEM;
                        row->series = series;
                        row->series_allocated = n;
                }
                memmove(&series[*at + 1], &series[*at], (row->n_series - *at) * sizeof(*series));
                series[*at] = (struct series){ .cpu = cpu };
                row->n_series++;
        }

        *ret_series = &row->series[*at];
        return 0;
}

/* Brings the block's values forward. Changes are numbered by the block's rows. */
static int apply_code(struct segment_reader *reader, const uint8_t *code, size_t size, bool extras,
                      uint64_t n_passes) {
        struct decoder decoder = decoder_new(code, size, extras);
        struct coded_change coded;
        size_t at = 0;
        int r;

        reader->n_changes = 0;
        r = segment_reserve_changes(reader, size / 2);
        if (r < 0)
                return r;

        while ((r = decoder_next_checked(&decoder, (uint32_t)reader->n_rows, &coded)) > 0) {
                struct store_change *change = &reader->changes[reader->n_changes++];
                struct block_row *row = &reader->rows[coded.row];
                struct series *series = NULL;

                if (!row->lives)
                        return -EBADMSG;
                r = block_value(row, coded.cpu, &at, &series);
                if (r < 0)
                        return r;

                if (row->metric == SEGMENT_METRIC_NONE) {
                        reader->n_changes--;
                        continue;
                }

                *change = (struct store_change){ .row = coded.row, .cpu = coded.cpu, .first = coded.first };
                change->value = series->value + coded.difference;
                if (!coded.first)
                        change->delta = metric_difference(segment_metric(reader, row), series->value,
                                                          change->value, &change->reset);
                if (coded.extra.has_delta)
                        change->delta = coded.extra.delta;
                if (extras) /* see scan_add_change() */
                        change->reset = coded.extra.reset;
                change->max = coded.extra.excess + (segment_metric(reader, row)->type == METRIC_GAUGE
                                                            ? change->value
                                                            : per_pass(change->delta, n_passes));
                series->value = change->value;
        }

        return r;
}

/* Of the pass that follows in the segment; read again when it is its turn. */
static uint64_t next_realtime_us(const struct part *part) {
        struct reader in = part->in;

        (void)read_u64(&in); /* flags */
        return part->stamp.realtime_us + (uint64_t)read_i64(&in);
}

/* Is it older than the pass that the first one wanted is compared to? */
static bool is_before_span(const struct part *part, bool is_last) {
        const struct segment_reader *reader = part->reader;

        return !is_last && reader->source->next_pass == 0 && next_realtime_us(part) <= reader->since_us;
}

/* 0; 1: it is later than what is wanted; negative. */
static int read_pass(struct part *part, size_t at, bool is_last) {
        struct segment_reader *reader = part->reader;
        uint64_t flags = read_up_to(&part->in, PASS_AFTER_GAP | PASS_CPUS | PASS_EXTRAS);
        struct store_pass pass = { .cpus = &reader->cpus, .after_gap = flags & PASS_AFTER_GAP };
        const uint8_t *code;
        size_t size;
        int r;

        part->stamp.realtime_us += (uint64_t)read_i64(&part->in);
        part->stamp.monotonic_ns += read_u64(&part->in);
        r = flags & PASS_CPUS ? read_cpus(&part->in, &reader->cpus) : 0;
        if (r < 0)
                return r;
        pass.n_passes = (unsigned)MAX(read_up_to(&part->in, UINT32_MAX), UINT64_C(1));
        code = read_bytes(&part->in, &size);
        if (part->in.failed)
                return -EBADMSG;
        if (part->stamp.realtime_us > part->until_us)
                return 1;

        r = turn_rows(part, at);
        if (r < 0)
                return r;
        r = apply_code(reader, code, size, flags & PASS_EXTRAS, pass.n_passes);
        if (r < 0)
                return r;
        if (segment_is_known(reader, &part->stamp) || is_before_span(part, is_last)) {
                reader->synced = false;
                reader->follows_ns = part->stamp.monotonic_ns; /* for the next one */
                return 0;
        }

        pass.stamp = part->stamp;
        return segment_import(reader, &pass);
}

static int read_gaps(struct part *part) {
        struct segment_reader *reader = part->reader;
        size_t n = (size_t)read_u64(&part->in);

        for (size_t i = 0; i < n && !part->in.failed; i++) {
                uint64_t since_us = read_u64(&part->in), until_us = since_us + (uint64_t)read_i64(&part->in);
                uint64_t until_ns = read_u64(&part->in);
                const char *reason = read_text(&part->in);
                int r = 0;

                if (!part->in.failed && reason && since_us <= part->until_us &&
                    (reader->source->next_pass == 0 || reader->imported.run != reader->origin.run ||
                     until_ns > reader->last_ns))
                        r = gaps_add(&reader->source->gaps, since_us, until_us, until_ns + reader->shift_ns,
                                     reason);
                if (r < 0)
                        return r;
        }

        return part->in.failed ? -EBADMSG : 0;
}

static int read_base(struct part *part) {
        struct segment_reader *reader = part->reader;
        const uint8_t *code;
        size_t size;
        int r;

        reader->follows_ns = read_u64(&part->in);
        code = read_bytes(&part->in, &size);
        if (part->in.failed)
                return -EBADMSG;

        r = turn_rows(part, 0);
        if (r < 0)
                return r;
        for (size_t i = 0; i < part->n_new_rows; i++)
                if (part->new_rows[i].at == 0)
                        part->new_rows[i].at = SIZE_MAX; /* not again with the first pass */
        return apply_code(reader, code, size, false, 1);
}

static int read_part(struct part *part, const struct segment_origin *origin) {
        struct segment_reader *reader = part->reader;
        bool head = read_u64(&part->in) & SEGMENT_HEAD;
        size_t n;
        int r;

        if (head)
                leave_block(reader);
        if (!head && (!reader->in_block || origin->run != reader->origin.run))
                return -EBADMSG;
        reader->origin = *origin;
        reader->in_block = true;

        r = read_new_rows(part);
        if (r >= 0)
                r = read_old_rows(part);
        if (r >= 0 && head)
                r = read_base(part);
        if (r >= 0)
                r = read_gaps(part);
        if (r < 0)
                return r;

        n = (size_t)read_up_to(&part->in, CHUNK_PASSES_MAX);
        for (size_t i = 0; i < n && r == 0; i++)
                r = read_pass(part, i, i + 1 == n);
        if (r > 0)
                leave_block(reader); /* its values were not brought to the end */
        return r == 0 && part->in.failed ? -EBADMSG : r;
}

int segment_read(struct segment_reader *reader, const struct segment_origin *origin, uint64_t until_us,
                 const void *data, size_t size) {
        _cleanup_(part_done) struct part part = { .reader = reader, .until_us = until_us };
        int r;

        r = unpack(&reader->unpacker, data, size, &reader->record);
        if (r >= 0) {
                part.in = (struct reader){ .p = reader->record.data,
                                           .end = reader->record.data + reader->record.size };
                r = read_part(&part, origin);
        }
        if (r == -EBADMSG)
                leave_block(reader);
        return r;
}
