/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/batch.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/array.h"

static uint64_t clock_ns(clockid_t id) {
        struct timespec ts;

        (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void stamp_now(struct stamp *ret_stamp) {
        ret_stamp->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
        ret_stamp->realtime_us = clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC;
}

void batch_init(struct batch *batch) {
        *batch = (struct batch){};
}

void batch_done(struct batch *batch) {
        cpu_set_done(&batch->cpus);
        free(batch->rows);
        free(batch->cells);
        free(batch->text);
        batch_init(batch);
}

void batch_clear(struct batch *batch) {
        cpu_set_clear(&batch->cpus);
        batch->n_rows = 0;
        batch->n_cells = 0;
        batch->text_size = 0;
}

static size_t key_size(const struct row_key *key) {
        size_t size = strlen(key->name) + 1;

        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                size += key->labels[i] ? strlen(key->labels[i]) + 1 : 0;

        return size;
}

static void rebase_key(struct row_key *key, const char *from, const char *to) {
        key->name = to + (key->name - from);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (key->labels[i])
                        key->labels[i] = to + (key->labels[i] - from);
}

/* Keys point into batch->text: when that moves, they move with it. */
static int reserve_text(struct batch *batch, size_t size) {
        size_t allocated = MAX(batch->text_allocated, (size_t)1024);
        char *text;

        if (batch->text_size + size <= batch->text_allocated)
                return 0;

        while (allocated < batch->text_size + size)
                allocated *= 2;

        text = malloc(allocated);
        if (!text)
                return -ENOMEM;

        if (batch->text_size > 0)
                memcpy(text, batch->text, batch->text_size);
        for (size_t i = 0; i < batch->n_rows; i++)
                rebase_key(&batch->rows[i].key, batch->text, text);

        free(batch->text);
        batch->text = text;
        batch->text_allocated = allocated;
        return 0;
}

static const char *copy_text(struct batch *batch, const char *text) {
        size_t size = strlen(text) + 1;
        char *copy = batch->text + batch->text_size;

        assert(batch->text_size + size <= batch->text_allocated);
        memcpy(copy, text, size);
        batch->text_size += size;
        return copy;
}

int batch_add_row(struct batch *batch, unsigned metric, const struct row_key *key) {
        struct batch_row *row;
        int r;

        r = ARRAY_RESERVE(batch->rows, batch->rows_allocated, batch->n_rows + 1);
        if (r < 0)
                return r;

        r = reserve_text(batch, key_size(key));
        if (r < 0)
                return r;

        row = &batch->rows[batch->n_rows];
        *row = (struct batch_row){ .metric = metric, .first_cell = batch->n_cells };
        row->key.name = copy_text(batch, key->name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (key->labels[i])
                        row->key.labels[i] = copy_text(batch, key->labels[i]);

        batch->n_rows++;
        return 0;
}

int batch_add(struct batch *batch, int cpu, uint64_t value) {
        int r;

        assert(batch->n_rows > 0);

        r = ARRAY_RESERVE(batch->cells, batch->cells_allocated, batch->n_cells + 1);
        if (r < 0)
                return r;

        if (cpu != CPU_NONE) {
                r = cpu_set_add(&batch->cpus, cpu);
                if (r < 0)
                        return r;
        }

        batch->cells[batch->n_cells++] = (struct batch_cell){ .value = value, .cpu = cpu };
        batch->rows[batch->n_rows - 1].n_cells++;
        return 0;
}

/* The bits of a CPU are set in its first row; every later row finds them set. */
static bool has_cpu(const struct cpu_set *cpus, int cpu) {
        size_t bit = (size_t)cpu; /* a negative one is beyond any set */

        return bit / 64 < cpus->n_words && cpus->words[bit / 64] >> (bit % 64) & 1;
}

int batch_add_cpus(struct batch *batch, const int *cpus, const uint64_t *values, size_t n) {
        struct batch_cell *cells;
        int r;

        assert(batch->n_rows > 0);

        r = ARRAY_RESERVE(batch->cells, batch->cells_allocated, batch->n_cells + n);
        if (r < 0)
                return r;

        cells = batch->cells + batch->n_cells;
        for (size_t i = 0; i < n; i++) {
                if (!has_cpu(&batch->cpus, cpus[i])) {
                        r = cpu_set_add(&batch->cpus, cpus[i]);
                        if (r < 0)
                                return r;
                }
                cells[i] = (struct batch_cell){ .value = values[i], .cpu = cpus[i] };
        }

        batch->n_cells += n;
        batch->rows[batch->n_rows - 1].n_cells += n;
        return 0;
}

int batch_add_single(struct batch *batch, unsigned metric, const char *name, uint64_t value) {
        int r;

        r = batch_add_row(batch, metric, &(struct row_key){ .name = name });
        if (r < 0)
                return r;

        return batch_add(batch, CPU_NONE, value);
}
