/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking one pass. First everything that can fail: rows and series are created, the code of the pass is
 * written to a scratch buffer, room is reserved; none of that is visible yet, and undone on failure. Then
 * the code is applied to the series in the same way in which a scan will, which cannot fail.
 */

#include "daemon/store/source.h"

#include <assert.h>
#include <string.h>

struct commit {
        struct source *source;
        const struct batch *batch; /* NULL: an import */
        struct stamp stamp;
        const struct cpu_set *batch_cpus; /* borrowed */
        unsigned n_passes;
        bool after_gap, extras;
        const struct source_limits *limits;
        struct encoder encoder;
        struct shared_cpus *cpus; /* owned reference */
        struct chunk *chunk;      /* owned, if it is a new one */
        size_t n_refused;
};

static void commit_done(struct commit *commit) {
        (void)shared_cpus_unref(commit->cpus);
        (void)chunk_free(commit->chunk);
}

static bool metric_is_known(const struct source *source, unsigned metric) {
        return metric < source->n_metrics;
}

static bool too_many_series(const struct commit *commit) {
        return commit->source->rows.n_series >= commit->limits->n_series_max;
}

static size_t count_nonzero(const struct batch *batch, const struct batch_row *row) {
        size_t n = 0;

        for (size_t i = 0; i < row->n_cells; i++)
                n += batch->cells[row->first_cell + i].value != 0;

        return n;
}

/* *ret_row: NULL when there are too many rows. -EINVAL: the batch has the same row twice. */
static int commit_find_row(struct commit *commit, const struct batch_row *batch_row, struct row **ret_row) {
        struct source *source = commit->source;
        struct row *row = NULL;
        int r;

        if (!metric_is_known(source, batch_row->metric))
                return -EINVAL;

        row = rows_find(&source->rows, batch_row->metric, &batch_row->key);
        if (row && row->attempt == source->attempt)
                return -EINVAL;
        if (!row && source->rows.n_live_items >= MIN(commit->limits->n_series_max, (size_t)UINT32_MAX)) {
                commit->n_refused += MAX(count_nonzero(commit->batch, batch_row), (size_t)1);
                *ret_row = NULL;
                return 0;
        }
        if (!row) {
                r = rows_add(&source->rows, batch_row->metric, &batch_row->key, &row);
                if (r < 0)
                        return r;
        }

        row->attempt = source->attempt;
        *ret_row = row;
        return 0;
}

/* A value of which no series was made, though the row already was there when the CPU was seen last, was zero
 * at that time. */
static bool was_zero(const struct source *source, const struct row *row, int cpu) {
        if (row_is_new(row) || row->lacks_series)
                return false;
        if (cpu == CPU_NONE)
                return true;

        return (size_t)cpu < source->n_cpu_passes && source->cpu_passes[cpu] > row->first_pass;
}

/* Of the source's first pass nothing is known, whatever it counts from. */
static bool began_at_zero(const struct source *source, const struct row *row) {
        return source->metrics[row->identity.metric].from_zero && source->next_pass > 0;
}

/* CPUs come in ascending order; only for one that does not is it worth looking for a duplicate. */
static bool is_duplicate(const struct batch_cell *cells, size_t i) {
        if (i == 0 || cells[i].cpu > cells[i - 1].cpu)
                return false;

        for (size_t j = 0; j < i; j++)
                if (cells[j].cpu == cells[i].cpu)
                        return true;

        return false;
}

/* Finds the cell's series, making one for the first value that is not zero. 1: *ret_at is its position; 0: it
 * has and needs none; negative errno. */
static int commit_find_series(struct commit *commit, struct row *row, const struct batch_cell *cell,
                              size_t *ret_at) {
        struct rows *rows = &commit->source->rows;
        size_t at = row_seek(row, cell->cpu, *ret_at);
        int r;

        *ret_at = at;
        if (at < row->n_series && row->series[at].cpu == cell->cpu)
                return 1;
        if (cell->value == 0)
                return 0;
        if (too_many_series(commit)) {
                commit->n_refused++;
                row->refused_attempt = commit->source->attempt;
                return 0;
        }

        r = rows_add_series(rows, row, at, cell->cpu);
        return r < 0 ? r : 1;
}

static int commit_cell(struct commit *commit, struct row *row, const struct batch_cell *cell, size_t *at) {
        const struct series *series = NULL;
        bool first;
        int r;

        r = commit_find_series(commit, row, cell, at);
        if (r <= 0)
                return r;

        series = &row->series[*at];
        if (series->value == cell->value)
                return 0;

        first = !series->has_value && !began_at_zero(commit->source, row) &&
                !was_zero(commit->source, row, cell->cpu);
        return encoder_add(&commit->encoder, row->index, cell->cpu, first, cell->value - series->value);
}

static int commit_row(struct commit *commit, const struct batch_row *batch_row) {
        const struct batch_cell *cells = commit->batch->cells + batch_row->first_cell;
        struct row *row = NULL;
        size_t at = 0;
        int r;

        r = commit_find_row(commit, batch_row, &row);
        if (r < 0 || !row)
                return r;

        for (size_t i = 0; i < batch_row->n_cells; i++) {
                if (is_duplicate(cells, i))
                        return -EINVAL;

                r = commit_cell(commit, row, &cells[i], &at);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int commit_rows(struct commit *commit) {
        int r;

        encoder_init(&commit->encoder, &commit->source->scratch);
        commit->source->scratch.size = 0;

        for (size_t i = 0; i < commit->batch->n_rows; i++) {
                r = commit_row(commit, &commit->batch->rows[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int reserve_cpu_passes(struct source *source, const struct cpu_set *cpus) {
        size_t n = cpus->n_words * 64;
        uint64_t *cpu_passes = NULL;

        if (n <= source->n_cpu_passes)
                return 0;

        cpu_passes = reallocarray(source->cpu_passes, n, sizeof(*cpu_passes));
        if (!cpu_passes)
                return -ENOMEM;

        memset(cpu_passes + source->n_cpu_passes, 0, (n - source->n_cpu_passes) * sizeof(*cpu_passes));
        source->cpu_passes = cpu_passes;
        source->n_cpu_passes = n;
        return 0;
}

static int commit_cpus(struct commit *commit) {
        struct source *source = commit->source;
        int r;

        r = reserve_cpu_passes(source, commit->batch_cpus);
        if (r < 0)
                return r;

        if (!source->cpus || !cpu_set_equal(&source->cpus->set, commit->batch_cpus))
                return shared_cpus_new(commit->batch_cpus, &commit->cpus);

        commit->cpus = shared_cpus_ref(source->cpus);
        return 0;
}

/* The values that rows of this pass had before it. Rows that ended before it need no values in its chunk. */
static int encode_base(const struct source *source, struct chunk *chunk) {
        struct encoder encoder;
        int r;

        encoder_init(&encoder, &chunk->code);
        for (size_t i = 0; i < source->rows.n_items; i++) {
                const struct row *row = source->rows.items[i];

                if (!row || row->attempt != source->attempt)
                        continue;

                for (size_t j = 0; j < row->n_series; j++) {
                        if (row->series[j].value == 0)
                                continue;
                        r = encoder_add(&encoder, row->index, row->series[j].cpu, false,
                                        row->series[j].value);
                        if (r < 0)
                                return r;
                }
        }

        chunk->base_size = chunk->code.size;
        return 0;
}

/* Room for the pass: in the newest chunk, or in a new one when that is full. */
static int commit_chunk(struct commit *commit) {
        struct source *source = commit->source;
        size_t size = source->scratch.size;
        int r;

        if (source->newest && !chunk_is_full(source->newest, size, commit->limits->chunk_bytes))
                return bytes_reserve(&source->newest->code, size);

        r = chunk_new(source->next_pass, source->next_pass > 0 ? source->last.monotonic_ns : 0, &commit->chunk);
        if (r < 0)
                return r;

        r = encode_base(source, commit->chunk);
        if (r < 0)
                return r;

        return bytes_reserve(&commit->chunk->code, size);
}

static int commit_prepare(struct commit *commit) {
        int r;

        r = commit_cpus(commit);
        if (r < 0)
                return r;

        return commit_chunk(commit);
}

static void apply_chunk(struct commit *commit) {
        struct source *source = commit->source;

        if (commit->chunk) {
                if (source->newest) {
                        chunk_close(source->newest);
                        source->closed_bytes += chunk_memory(source->newest);
                        source->newest->next = commit->chunk;
                } else
                        source->oldest = commit->chunk;
                source->newest = TAKE_PTR(commit->chunk);
        }

        chunk_append(source->newest, &source->scratch,
                     &(struct pass){
                             .stamp = commit->stamp,
                             .cpus = commit->cpus,
                             .n_passes = commit->n_passes,
                             .after_gap = commit->after_gap || gaps_has_open(&source->gaps),
                             .extras = commit->extras,
                     });
        source->n_passes++;
}

static void apply_change(const struct source *source, struct row *row, struct series *series,
                         const struct coded_change *change) {
        uint64_t value = series->value + change->difference;
        bool reset;

        if (!change->first)
                row->growth += metric_difference(&source->metrics[row->identity.metric], series->value, value,
                                                 &reset);
        series->value = value;
        series->has_value = true;
}

static void apply_values(struct source *source, bool extras) {
        struct decoder decoder = decoder_new(source->scratch.data, source->scratch.size, extras);
        struct coded_change change;
        size_t at = 0;

        while (decoder_next(&decoder, &change)) {
                struct row *row = source->rows.items[change.row];

                at = row_seek(row, change.cpu, at);
                assert(at < row->n_series && row->series[at].cpu == change.cpu);
                apply_change(source, row, &row->series[at], &change);
        }
}

static void apply_rows(struct source *source) {
        for (size_t i = 0; i < source->rows.n_items; i++) {
                struct row *row = source->rows.items[i];

                if (!row || row->last_pass != ROW_PASS_NONE)
                        continue;
                if (row->attempt != source->attempt)
                        row->last_pass = source->next_pass - 1;
                if (row_is_new(row))
                        row->first_pass = source->next_pass;
                if (row->refused_attempt == source->attempt)
                        row->lacks_series = true;
        }
}

static void apply_cpus(struct commit *commit) {
        struct source *source = commit->source;
        const struct cpu_set *set = &commit->cpus->set;

        for (int cpu = cpu_set_next(set, 0); cpu >= 0; cpu = cpu_set_next(set, cpu + 1))
                source->cpu_passes[cpu] = source->next_pass + 1;

        (void)shared_cpus_unref(source->cpus);
        source->cpus = TAKE_PTR(commit->cpus);
}

static void commit_apply(struct commit *commit) {
        struct source *source = commit->source;

        apply_chunk(commit);
        apply_values(source, commit->extras);
        apply_rows(source);
        apply_cpus(commit);
        gaps_close(&source->gaps, &commit->stamp);
        source->last = commit->stamp;
        source->next_pass++;
}

/* Nothing is visible before all of it is certain. */
static int commit_run(struct commit *commit, size_t n_items, int r) {
        if (r >= 0)
                r = commit_prepare(commit);
        if (r < 0) {
                rows_roll_back(&commit->source->rows, n_items);
                return r;
        }

        commit_apply(commit);
        return 0;
}

int source_commit(struct source *source, const struct batch *batch, const struct source_limits *limits,
                  size_t *ret_n_refused) {
        _cleanup_(commit_done) struct commit commit = {
                .source = source,
                .batch = batch,
                .stamp = batch->stamp,
                .batch_cpus = &batch->cpus,
                .n_passes = 1,
                .limits = limits,
        };
        size_t n_items = source->rows.n_items;
        int r;

        if (source->next_pass > 0 && batch->stamp.monotonic_ns <= source->last.monotonic_ns)
                return -EINVAL;

        source->attempt++;
        r = commit_run(&commit, n_items, commit_rows(&commit));
        if (r < 0)
                return r;

        *ret_n_refused = commit.n_refused > source->n_refused ? commit.n_refused - source->n_refused : 0;
        source->n_refused += *ret_n_refused;
        return 0;
}

int source_import_row(struct source *source, unsigned metric, const struct row_key *key, struct row **ret_row) {
        if (!metric_is_known(source, metric))
                return -EBADMSG;

        *ret_row = rows_find(&source->rows, metric, key);
        return *ret_row ? 0 : rows_add(&source->rows, metric, key, ret_row);
}

void source_end_row(struct source *source, struct row *row) {
        if (row->last_pass == ROW_PASS_NONE && !row_is_new(row))
                row->last_pass = source->next_pass - 1;
}

/* The row's series of that CPU, or a new one whose value is 0. *at: where the one before was found. */
static int import_series(struct source *source, struct row *row, int cpu, size_t *at,
                         struct series **ret_series) {
        int r;

        *at = row_seek(row, cpu, *at);
        if (*at == row->n_series || row->series[*at].cpu != cpu) {
                r = rows_add_series(&source->rows, row, *at, cpu);
                if (r < 0)
                        return r;
        }

        *ret_series = &row->series[*at];
        return 0;
}

/* What the change says of itself that its values do not. */
static struct coded_extra extra_of(const struct metric_desc *metric, const struct store_change *change,
                                   uint64_t from, unsigned n_passes) {
        uint64_t average = metric->type == METRIC_GAUGE ? change->value : per_pass(change->delta, n_passes),
                 expected;
        struct coded_extra extra = { .excess = change->max - MIN(change->max, average) };
        bool reset;

        expected = change->first ? 0 : metric_difference(metric, from, change->value, &reset);
        extra.reset = change->reset;
        extra.has_delta = change->delta != expected;
        extra.delta = change->delta;
        return extra;
}

static int import_change(struct commit *commit, const struct store_change *change, size_t *at) {
        struct source *source = commit->source;
        struct row *row = change->row < source->rows.n_items ? source->rows.items[change->row] : NULL;
        struct series *series = NULL;
        struct coded_extra extra;
        int r;

        if (!row || row->last_pass != ROW_PASS_NONE)
                return -EINVAL;

        r = import_series(source, row, change->cpu, at, &series);
        if (r < 0)
                return r;
        r = encoder_add(&commit->encoder, change->row, change->cpu, change->first, change->value - series->value);
        if (r < 0)
                return r;

        extra = extra_of(&source->metrics[row->identity.metric], change, series->value, commit->n_passes);
        return encoder_add_extra(&commit->encoder, &extra);
}

int source_import(struct source *source, const struct store_pass *pass, const struct source_limits *limits) {
        _cleanup_(commit_done) struct commit commit = {
                .source = source,
                .stamp = pass->stamp,
                .batch_cpus = pass->cpus,
                .n_passes = MAX(pass->n_passes, 1U),
                .after_gap = pass->after_gap,
                .extras = true,
                .limits = limits,
        };
        size_t at = 0;
        int r = 0;

        if (source->next_pass > 0 && pass->stamp.monotonic_ns <= source->last.monotonic_ns)
                return -EINVAL;

        source->attempt++;
        for (size_t i = 0; i < source->rows.n_items; i++)
                if (source->rows.items[i] && source->rows.items[i]->last_pass == ROW_PASS_NONE)
                        source->rows.items[i]->attempt = source->attempt;

        encoder_init(&commit.encoder, &source->scratch);
        source->scratch.size = 0;
        for (size_t i = 0; i < pass->n_changes && r >= 0; i++)
                r = import_change(&commit, &pass->changes[i], &at);

        return commit_run(&commit, source->rows.n_items, r);
}
