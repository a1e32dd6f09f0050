/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/hash-table.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "common/cleanup.h"

enum { BUCKETS_MIN = 64 };

int hash_table_init(struct hash_table *table) {
        *table = (struct hash_table){};
        table->buckets = calloc(BUCKETS_MIN, sizeof(*table->buckets));
        if (!table->buckets)
                return -ENOMEM;

        table->n_buckets = BUCKETS_MIN;
        return 0;
}

void hash_table_done(struct hash_table *table) {
        free(table->buckets);
        *table = (struct hash_table){};
}

/* FNV's low bits are weaker than its high ones; the multiplication brings the latter down. */
static struct hash_node **bucket_of(const struct hash_table *table, uint64_t hash) {
        return &table->buckets[((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (table->n_buckets - 1)];
}

static void link_node(struct hash_table *table, struct hash_node *node) {
        struct hash_node **bucket = bucket_of(table, node->hash);

        node->next = *bucket;
        *bucket = node;
}

static void grow(struct hash_table *table) {
        struct hash_table bigger = { .n_buckets = table->n_buckets * 2, .n_nodes = table->n_nodes };

        bigger.buckets = calloc(bigger.n_buckets, sizeof(*bigger.buckets));
        if (!bigger.buckets)
                return;

        for (size_t i = 0; i < table->n_buckets; i++)
                for (struct hash_node *node = table->buckets[i], *next; node; node = next) {
                        next = node->next;
                        link_node(&bigger, node);
                }

        free(table->buckets);
        *table = bigger;
}

void hash_table_insert(struct hash_table *table, struct hash_node *node, uint64_t hash) {
        if (table->n_nodes >= table->n_buckets)
                grow(table);

        node->hash = hash;
        link_node(table, node);
        table->n_nodes++;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node) {
        struct hash_node **p = bucket_of(table, node->hash);

        while (*p != node) {
                assert(*p);
                p = &(*p)->next;
        }

        *p = node->next;
        node->next = NULL;
        table->n_nodes--;
}

static struct hash_node *skip_to(struct hash_node *node, uint64_t hash) {
        while (node && node->hash != hash)
                node = node->next;

        return node;
}

struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash) {
        return skip_to(*bucket_of(table, hash), hash);
}

struct hash_node *hash_table_next(const struct hash_node *node) {
        return skip_to(node->next, node->hash);
}

size_t hash_table_memory(const struct hash_table *table) {
        return malloc_usable_size((void *)table->buckets);
}

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);

        return hash;
}

uint64_t hash_text(uint64_t hash, const char *text) {
        return text ? hash_bytes(hash, text, strlen(text) + 1) : hash_bytes(hash, "\xff", 1);
}
