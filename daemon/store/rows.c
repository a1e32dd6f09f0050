/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/rows.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "common/array.h"

int rows_init(struct rows *rows) {
        *rows = (struct rows){};
        return hash_table_init(&rows->by_key);
}

static size_t row_memory(const struct row *row) {
        return malloc_usable_size((void *)row) + malloc_usable_size(row->series);
}

static void row_free(struct row *row) {
        if (!row)
                return;

        free(row->series);
        free(row);
}

void rows_done(struct rows *rows) {
        for (size_t i = 0; i < rows->n_items; i++)
                row_free(rows->items[i]);
        free(rows->items);
        hash_table_done(&rows->by_key);
        *rows = (struct rows){};
}

static uint64_t key_hash(unsigned metric, const struct row_key *key) {
        uint64_t hash = hash_bytes(HASH_SEED, &metric, sizeof(metric));

        hash = hash_text(hash, key->name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                hash = hash_text(hash, key->labels[i]);

        return hash;
}

static bool text_equal(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool row_has_key(const struct row *row, unsigned metric, const struct row_key *key) {
        if (row->identity.metric != metric || strcmp(row->identity.key.name, key->name) != 0)
                return false;

        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (!text_equal(row->identity.key.labels[i], key->labels[i]))
                        return false;

        return true;
}

/* The node is the first member. */
static struct row *row_of(struct hash_node *node) {
        return (struct row *)node;
}

struct row *rows_find(const struct rows *rows, unsigned metric, const struct row_key *key) {
        struct hash_node *node = hash_table_first(&rows->by_key, key_hash(metric, key));

        for (; node; node = hash_table_next(node))
                if (row_of(node)->last_pass == ROW_PASS_NONE && row_has_key(row_of(node), metric, key))
                        return row_of(node);

        return NULL;
}

static unsigned next_generation(const struct rows *rows, uint64_t hash, unsigned metric,
                                const struct row_key *key) {
        struct hash_node *node = hash_table_first(&rows->by_key, hash);
        unsigned generation = 0;

        for (; node; node = hash_table_next(node))
                if (row_has_key(row_of(node), metric, key))
                        generation = MAX(generation, row_of(node)->identity.generation + 1);

        return generation;
}

/* Copies a text to *end and moves *end behind it. */
static const char *put_text(char **end, const char *text) {
        const char *copy = *end;

        *end = stpcpy(*end, text) + 1;
        return copy;
}

static int row_new(unsigned metric, const struct row_key *key, struct row **ret_row) {
        size_t size = strlen(key->name) + 1;
        struct row *row = NULL;
        char *end = NULL;

        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                size += key->labels[i] ? strlen(key->labels[i]) + 1 : 0;

        row = calloc(1, sizeof(*row) + size);
        if (!row)
                return -ENOMEM;

        row->identity.metric = metric;
        row->first_pass = row->last_pass = ROW_PASS_NONE;
        end = row->text;
        row->identity.key.name = put_text(&end, key->name);
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (key->labels[i])
                        row->identity.key.labels[i] = put_text(&end, key->labels[i]);

        *ret_row = row;
        return 0;
}

/* A slot whose row is gone, else a new one at the end. */
static size_t take_slot(struct rows *rows) {
        if (rows->n_live_items < rows->n_items)
                for (size_t i = 0; i < rows->n_items; i++)
                        if (!rows->items[i])
                                return i;

        return rows->n_items++;
}

int rows_add(struct rows *rows, unsigned metric, const struct row_key *key, struct row **ret_row) {
        uint64_t hash = key_hash(metric, key);
        struct row *row = NULL;
        int r;

        r = ARRAY_RESERVE(rows->items, rows->items_allocated, rows->n_items + 1);
        if (r < 0)
                return r;

        r = row_new(metric, key, &row);
        if (r < 0)
                return r;

        row->identity.generation = next_generation(rows, hash, metric, key);
        row->index = (uint32_t)take_slot(rows);
        rows->items[row->index] = row;
        rows->n_live_items++;
        rows->bytes += row_memory(row);
        hash_table_insert(&rows->by_key, &row->node, hash);

        *ret_row = row;
        return 0;
}

static void remove_row(struct rows *rows, struct row *row) {
        hash_table_remove(&rows->by_key, &row->node);
        rows->items[row->index] = NULL;
        rows->n_live_items--;
        rows->n_series -= row->n_series;
        rows->bytes -= row_memory(row);
        row_free(row);
}

static int reserve_series(struct rows *rows, struct row *row) {
        size_t allocated = MAX(row->series_allocated + row->series_allocated / 2, (size_t)2);
        struct series *series = NULL;

        if (row->n_series < row->series_allocated)
                return 0;

        rows->bytes -= row_memory(row);
        series = reallocarray(row->series, allocated, sizeof(*series));
        if (series) {
                row->series = series;
                row->series_allocated = allocated;
        }
        rows->bytes += row_memory(row);
        return series ? 0 : -ENOMEM;
}

int rows_add_series(struct rows *rows, struct row *row, size_t at, int cpu) {
        int r;

        assert(at <= row->n_series);

        r = reserve_series(rows, row);
        if (r < 0)
                return r;

        memmove(&row->series[at + 1], &row->series[at], (row->n_series - at) * sizeof(*row->series));
        row->series[at] = (struct series){ .cpu = cpu };
        row->n_series++;
        rows->n_series++;
        return 0;
}

static void drop_series_without_value(struct rows *rows, struct row *row) {
        size_t n = 0;

        for (size_t i = 0; i < row->n_series; i++)
                if (row->series[i].has_value)
                        row->series[n++] = row->series[i];

        rows->n_series -= row->n_series - n;
        row->n_series = n;
}

void rows_roll_back(struct rows *rows, size_t n_items) {
        for (size_t i = 0; i < rows->n_items; i++)
                if (rows->items[i] && row_is_new(rows->items[i]))
                        remove_row(rows, rows->items[i]);
                else if (rows->items[i])
                        drop_series_without_value(rows, rows->items[i]);

        rows->n_items = n_items;
}

void rows_forget(struct rows *rows, uint64_t first_kept_pass) {
        for (size_t i = 0; i < rows->n_items; i++)
                if (rows->items[i] && rows->items[i]->last_pass < first_kept_pass)
                        remove_row(rows, rows->items[i]);
}

size_t rows_memory(const struct rows *rows) {
        return rows->bytes + malloc_usable_size((void *)rows->items) + hash_table_memory(&rows->by_key);
}
