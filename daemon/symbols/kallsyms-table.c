/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/kallsyms-table.h"

#include <string.h>

static size_t table_n_regions(const struct kallsyms_table *table) {
        return table->regions.size / sizeof(struct kallsyms_region);
}

/* The region of a symbol by its index, or, by address, the last one that begins at or below it. */
static const struct kallsyms_region *table_region_of(const struct kallsyms_table *table, size_t index) {
        const struct kallsyms_region *regions = table->regions.data;
        size_t n = table_n_regions(table);

        while (n > 1 && regions[n - 1].first > index)
                n--;
        return &regions[n - 1];
}

static uint64_t table_address(const struct kallsyms_table *table, size_t index) {
        return table_region_of(table, index)->base + ((const uint32_t *)table->offsets.data)[index];
}

static const char *table_name(const struct kallsyms_table *table, size_t index) {
        const uint32_t *blocks = table->blocks.data;
        const char *name = (const char *)table->names.data + blocks[index / KALLSYMS_BLOCK_NAMES];

        for (size_t i = index % KALLSYMS_BLOCK_NAMES; i > 0; i--)
                name += strlen(name) + 1;
        return name;
}

static const struct kallsyms_module *table_module(const struct kallsyms_table *table, size_t index) {
        const struct kallsyms_run *runs = table->runs.data;
        size_t low = 0, high = table->runs.size / sizeof(*runs);

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (runs[middle].first <= index)
                        low = middle;
                else
                        high = middle;
        }
        return runs[low].module > 0 ? &table->modules[runs[low].module - 1] : NULL;
}

/* The number of symbols at or below the address. */
static size_t table_upper_bound(const struct kallsyms_table *table, uint64_t address) {
        size_t low = 0, high = table->n_symbols;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (table_address(table, middle) <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* True for what the linker puts behind the last function: nothing is in it. */
static bool name_is_end(const char *name) {
        return strcmp(name, "_etext") == 0 || strcmp(name, "_einittext") == 0;
}

/* Steps back to the first symbol at the same address; -ENOENT when one of them is an end of text. */
static int table_first_alias(const struct kallsyms_table *table, size_t *index) {
        uint64_t start = table_address(table, *index);

        for (;;) {
                if (name_is_end(table_name(table, *index)))
                        return -ENOENT;
                if (*index == 0 || table_address(table, *index - 1) != start)
                        return 0;
                (*index)--;
        }
}

static bool table_padding(const struct kallsyms_table *table, size_t index, uint64_t address,
                          struct kallsyms_symbol *ret_symbol) {
        const uint8_t *bits = table->padded.data;
        const struct kallsyms_module *module;
        uint64_t start;

        if (index >= table->n_symbols || !(bits[index / 8] & 1 << index % 8))
                return false;
        start = table_address(table, index) - table->padding;
        if (address < start)
                return false;

        module = table_module(table, index);
        *ret_symbol = (struct kallsyms_symbol){
                .name = table_name(table, index),
                .module = module ? module->name : NULL,
                .start = start,
                .offset = address - start,
                .is_padding = true,
        };
        return true;
}

int kallsyms_table_lookup(const struct kallsyms_table *table, uint64_t address,
                          struct kallsyms_symbol *ret_symbol) {
        size_t above = table_upper_bound(table, address), index;
        const struct kallsyms_module *module;
        uint64_t start;

        if (table_padding(table, above, address, ret_symbol))
                return 0;
        if (above == 0)
                return -ENOENT;

        index = above - 1;
        start = table_address(table, index);
        if (address - start >= KALLSYMS_SPAN_MAX || table_first_alias(table, &index) < 0)
                return -ENOENT;
        module = table_module(table, index);
        if (module && start < module->end && start >= module->start && address >= module->end)
                return -ENOENT;

        *ret_symbol = (struct kallsyms_symbol){
                .name = table_name(table, index),
                .module = module ? module->name : NULL,
                .start = start,
                .offset = address - start,
        };
        return 0;
}

size_t kallsyms_table_find(const struct kallsyms_table *table, const char *name, uint64_t *ret_addresses,
                           size_t n_max) {
        const char *p = table->names.data;
        size_t n = 0;

        for (size_t i = 0; i < table->n_symbols; i++) {
                if (strcmp(p, name) == 0) {
                        if (n < n_max)
                                ret_addresses[n] = table_address(table, i);
                        n++;
                }
                p += strlen(p) + 1;
        }
        return n;
}

size_t kallsyms_table_memory(const struct kallsyms_table *table) {
        size_t memory = table->offsets.size + table->padded.size + table->blocks.size + table->names.size +
                        table->runs.size + table->regions.size + table->n_modules * sizeof(*table->modules);

        for (size_t i = 0; i < table->n_modules; i++)
                memory += strlen(table->modules[i].name) + 1;
        return memory;
}
