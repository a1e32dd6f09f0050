/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A chained hash table of nodes embedded in their owners' objects. Keeps no memory but its buckets, so that
 * nothing after hash_table_init() can fail. What makes two objects equal is the caller's business.
 */

#include <stddef.h>
#include <stdint.h>

struct hash_node {
        struct hash_node *next;
        uint64_t hash;
};

struct hash_table {
        struct hash_node **buckets;
        size_t n_buckets; /* a power of two */
        size_t n_nodes;
};

/* 0 or -ENOMEM. */
int hash_table_init(struct hash_table *table);
/* Frees the buckets; the nodes are their owners'. */
void hash_table_done(struct hash_table *table);
/* Duplicates are allowed. Grows when it can; a table that could not grow is only slower. */
void hash_table_insert(struct hash_table *table, struct hash_node *node, uint64_t hash);
void hash_table_remove(struct hash_table *table, struct hash_node *node);
/* The first node of that hash and the next one with the same hash, in no particular order; NULL. */
struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash);
struct hash_node *hash_table_next(const struct hash_node *node);
size_t hash_table_memory(const struct hash_table *table);

#define HASH_SEED UINT64_C(0xcbf29ce484222325)
/* FNV-1a, 64 bits: adds data to a hash that started as HASH_SEED. A NULL text differs from an empty one. */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t hash_text(uint64_t hash, const char *text);
