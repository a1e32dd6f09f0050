/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text symbols of one reading of /proc/kallsyms, packed to be kept resident: 32-bit offsets and one
 * blob of names, both in order of address. Pure: it is fed the file's text and knows nothing of
 * files, of time, or of who asks. Used by kallsyms.c only, which adds reading and refreshing.
 *
 * Left out: data symbols; the kernel's init text, which is gone after boot; and "__pfx_NAME", the padding in
 * front of every function since 6.2, which would double the table and is made up again when an
 * address falls into it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
        KALLSYMS_BLOCK_NAMES = 16, /* names walked at most to find one */
        KALLSYMS_NAME_MAX = 512,   /* KSYM_NAME_LEN since 6.1 */
        KALLSYMS_SYMBOLS_MAX = 4 * 1024 * 1024,
        /* An address further than this behind the start of a symbol is not in it: nothing says how long the
         * last function before a gap is, and no function of a kernel built to date comes near. */
        KALLSYMS_SPAN_MAX = 256 * 1024,
};

/* Anonymous memory that grows by mremap() and is given back whole: a reread must not leave holes in
 * the heap. All-zero is empty. */
struct kallsyms_array {
        void *data;
        size_t size, allocated; /* bytes */
};

/* Symbols from first on, up to the next run's first, belong to one module. */
struct kallsyms_run {
        uint32_t first;
        uint32_t module; /* index into modules + 1; 0: the kernel proper */
};

/* Symbols from first on have their addresses as 32-bit offsets to base. */
struct kallsyms_region {
        uint64_t base;
        uint32_t first;
};

struct kallsyms_module {
        char *name;
        uint64_t start, end; /* from proc/modules; both 0 when not listed there */
};

struct kallsyms_table {
        size_t n_symbols;
        struct kallsyms_array offsets; /* uint32_t */
        struct kallsyms_array padded;  /* bitmap: a __pfx_ of `padding` bytes lies in front */
        struct kallsyms_array blocks;  /* uint32_t: where every 16th name begins in names */
        struct kallsyms_array names;   /* NUL-terminated */
        struct kallsyms_array runs;    /* struct kallsyms_run */
        struct kallsyms_array regions; /* struct kallsyms_region */
        uint32_t padding;              /* CONFIG_FUNCTION_PADDING_BYTES as seen, or 0 */
        struct kallsyms_module *modules;
        size_t n_modules;
};

struct kallsyms_symbol {
        const char *name;   /* as in kallsyms, suffixes kept; points into the table */
        const char *module; /* NULL: the kernel proper; "bpf": a BPF program or trampoline */
        uint64_t start;
        uint64_t offset; /* of the address looked up */
        bool is_padding; /* the address lies in the padding in front of the function: the kernel has
                          * "__pfx_" + name there, and start and offset are those of the padding */
};

/* Collects lines; see kallsyms_table_build(). All-zero is empty. */
struct kallsyms_builder {
        struct kallsyms_array entries;
        struct kallsyms_array names;
        struct kallsyms_module *modules;
        size_t n_modules;
        uint32_t last_module;
        char line[KALLSYMS_NAME_MAX + 128]; /* what came after the last newline */
        size_t line_size;
        size_t n_text; /* text symbols seen, also those without an address */
        uint32_t padding;
        uint64_t pending_address; /* a __pfx_ line whose function is expected next */
        char pending_name[KALLSYMS_NAME_MAX];
        char pending_module[64];
        uint64_t init_start, init_end;
};

void kallsyms_builder_done(struct kallsyms_builder *builder);
/* Takes the next piece of proc/kallsyms, cut anywhere. 0; -EBADMSG a line is not of kallsyms; -E2BIG;
 * -ENOMEM. */
int kallsyms_builder_feed(struct kallsyms_builder *builder, const char *text, size_t size);
/* Takes proc/modules whole: where modules lie. Lines that are not understood are passed over: the extents
 * only sharpen bounds. Call after feeding. */
void kallsyms_builder_modules(struct kallsyms_builder *builder, const char *text);
/* 0; -ENODATA no text symbol at all; -EPERM all addresses are 0; -EBADMSG the text ended within a
 * line; -ENOMEM. The builder is spent. */
int kallsyms_table_build(struct kallsyms_builder *builder, struct kallsyms_table *ret_table);
void kallsyms_table_done(struct kallsyms_table *table);

/* 0; -ENOENT no symbol fits. Of several symbols at one address it is the first, as in the kernel. */
int kallsyms_table_lookup(const struct kallsyms_table *table, uint64_t address,
                          struct kallsyms_symbol *ret_symbol);
/* Addresses of all symbols of that name, ascending; returns how many there are and stores the first
 * n_max of them. A scan over all names: about 1 ms. */
size_t kallsyms_table_find(const struct kallsyms_table *table, const char *name, uint64_t *ret_addresses,
                           size_t n_max);
size_t kallsyms_table_memory(const struct kallsyms_table *table);
