/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/kallsyms-table.h"

#include <string.h>
#include <sys/mman.h>

enum {
        ARRAY_FIRST_SIZE = 256 * 1024,
};

static const char pfx[] = "__pfx_";
enum { PFX_LENGTH = sizeof(pfx) - 1, PADDING_MAX = 64 };

/* A symbol while the table is built. */
struct entry {
        uint64_t address;
        uint32_t name; /* offset into the builder's names, ascending in order of arrival */
        uint32_t module : 31;
        uint32_t padded : 1;
};

static void array_done(struct kallsyms_array *array) {
        if (array->data)
                (void)munmap(array->data, array->allocated); /* only fails for bad arguments */
        *array = (struct kallsyms_array){};
}

static int array_resize(struct kallsyms_array *array, size_t allocated) {
        void *data;

        if (array->data)
                data = mremap(array->data, array->allocated, allocated, MREMAP_MAYMOVE);
        else
                data = mmap(NULL, allocated, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == MAP_FAILED)
                return -ENOMEM;

        array->data = data;
        array->allocated = allocated;
        return 0;
}

/* Room for n more bytes at the end; *ret_space is zeroed memory on its first use. */
static int array_append(struct kallsyms_array *array, size_t n, void *ret_space) {
        int r;

        if (array->size + n > array->allocated) {
                size_t wanted = MAX(array->allocated * 2, (size_t)ARRAY_FIRST_SIZE);

                r = array_resize(array, MAX(wanted, array->size + n));
                if (r < 0)
                        return r;
        }

        *(void **)ret_space = (char *)array->data + array->size;
        array->size += n;
        return 0;
}

/* The last item of that size, or NULL. */
static void *array_last(const struct kallsyms_array *array, size_t item_size) {
        return array->size > 0 ? (char *)array->data + array->size - item_size : NULL;
}

static void array_trim(struct kallsyms_array *array) {
        if (array->size == 0)
                array_done(array);
        else
                (void)array_resize(array, array->size); /* keeps its size when it cannot shrink */
}

static void modules_free(struct kallsyms_module *modules, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(modules[i].name);
        free(modules);
}

void kallsyms_builder_done(struct kallsyms_builder *builder) {
        array_done(&builder->entries);
        array_done(&builder->names);
        modules_free(builder->modules, builder->n_modules);
        *builder = (struct kallsyms_builder){};
}

void kallsyms_table_done(struct kallsyms_table *table) {
        array_done(&table->offsets);
        array_done(&table->padded);
        array_done(&table->blocks);
        array_done(&table->names);
        array_done(&table->runs);
        array_done(&table->regions);
        modules_free(table->modules, table->n_modules);
        *table = (struct kallsyms_table){};
}

/* Modules are few and their symbols come in a row: the last one is tried first. */
static int builder_module(struct kallsyms_builder *builder, const char *name, uint32_t *ret_module) {
        struct kallsyms_module *modules;

        if (builder->last_module > 0 && strcmp(builder->modules[builder->last_module - 1].name, name) == 0) {
                *ret_module = builder->last_module;
                return 0;
        }
        for (size_t i = 0; i < builder->n_modules; i++)
                if (strcmp(builder->modules[i].name, name) == 0) {
                        builder->last_module = *ret_module = (uint32_t)i + 1;
                        return 0;
                }

        modules = reallocarray(builder->modules, builder->n_modules + 1, sizeof(*modules));
        if (!modules)
                return -ENOMEM;
        builder->modules = modules;

        modules[builder->n_modules] = (struct kallsyms_module){ .name = strdup(name) };
        if (!modules[builder->n_modules].name)
                return -ENOMEM;
        builder->last_module = *ret_module = (uint32_t)++builder->n_modules;
        return 0;
}

static int builder_add(struct kallsyms_builder *builder, uint64_t address, const char *name,
                       const char *module, bool padded) {
        size_t size = strlen(name) + 1;
        uint32_t module_index = 0;
        struct entry *entry;
        char *copy;
        int r;

        if (builder->entries.size / sizeof(*entry) >= KALLSYMS_SYMBOLS_MAX)
                return -E2BIG;
        if (module[0]) {
                r = builder_module(builder, module, &module_index);
                if (r < 0)
                        return r;
        }

        r = array_append(&builder->names, size, &copy);
        if (r < 0)
                return r;
        memcpy(copy, name, size);

        r = array_append(&builder->entries, sizeof(*entry), &entry);
        if (r < 0)
                return r;
        *entry = (struct entry){
                .address = address,
                .name = (uint32_t)(builder->names.size - size),
                .module = module_index,
                .padded = padded,
        };
        return 0;
}

/* Forgets the __pfx_ line before this one if it is this function's padding, else adds it as a symbol. */
static int builder_resolve_pending(struct kallsyms_builder *builder, uint64_t address, const char *name,
                                   bool *ret_padded) {
        uint64_t distance = address - builder->pending_address;
        int r;

        *ret_padded = false;
        if (!builder->pending_name[0])
                return 0;

        if (distance > 0 && distance <= PADDING_MAX &&
            strcmp(builder->pending_name + PFX_LENGTH, name) == 0 &&
            (builder->padding == 0 || builder->padding == distance)) {
                builder->padding = (uint32_t)distance;
                builder->pending_name[0] = '\0';
                *ret_padded = true;
                return 0;
        }

        r = builder_add(builder, builder->pending_address, builder->pending_name, builder->pending_module,
                        false);
        builder->pending_name[0] = '\0';
        return r;
}

static int builder_symbol(struct kallsyms_builder *builder, uint64_t address, const char *name,
                          const char *module) {
        bool padded;
        int r;

        builder->n_text++;
        if (address == 0)
                return 0;
        if (!module[0] && strcmp(name, "_sinittext") == 0)
                builder->init_start = address;
        if (!module[0] && strcmp(name, "_einittext") == 0)
                builder->init_end = address;

        r = builder_resolve_pending(builder, address, name, &padded);
        if (r < 0)
                return r;

        if (strncmp(name, pfx, PFX_LENGTH) == 0 && strlen(module) < sizeof(builder->pending_module)) {
                builder->pending_address = address;
                strcpy(builder->pending_name, name);
                strcpy(builder->pending_module, module);
                return 0;
        }
        return builder_add(builder, address, name, module, padded);
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* "$x" and "$d" tell code from data on arm64 and RISC-V. The kernel has none of its own, but those of modules
 * are listed, at the address of each function and before its name; it passes over them, too
 * (is_mapping_symbol() in include/linux/module_symbol.h). No function's name begins so. */
static bool name_is_mapping(const char *name) {
        return name[0] == '$';
}

/* "ffffffff81000000 T _stext" or "ffffffffc0201000 t name\t[module]". The line is cut up in place. */
static int builder_line(struct kallsyms_builder *builder, char *line) {
        char *p = line, *name, *module = NULL, type;
        uint64_t address = 0;

        for (; hex_value(*p) >= 0; p++)
                address = address << 4 | (uint64_t)hex_value(*p);
        if (p == line || p - line > 16 || p[0] != ' ' || !p[1] || p[2] != ' ' || !p[3])
                return -EBADMSG;
        type = p[1];
        name = p + 3;

        p = name + strcspn(name, "\t ");
        if (p == name || p - name >= KALLSYMS_NAME_MAX)
                return -EBADMSG;
        if (*p) {
                *p++ = '\0';
                p += strspn(p, "\t ");
                module = p[0] == '[' ? p + 1 : NULL;
                p = module ? strchr(module, ']') : NULL;
                if (!p || p == module)
                        return -EBADMSG;
                *p = '\0';
        }

        if (!strchr("tTwW", type) || name_is_mapping(name))
                return 0;
        return builder_symbol(builder, address, name, module ?: "");
}

int kallsyms_builder_feed(struct kallsyms_builder *builder, const char *text, size_t size) {
        while (size > 0) {
                const char *newline = memchr(text, '\n', size);
                size_t n = newline ? (size_t)(newline - text) : size;
                int r;

                if (builder->line_size + n >= sizeof(builder->line) || memchr(text, '\0', n))
                        return -EBADMSG;
                memcpy(builder->line + builder->line_size, text, n);
                builder->line_size += n;
                if (!newline)
                        return 0;

                builder->line[builder->line_size] = '\0';
                builder->line_size = 0;
                r = builder_line(builder, builder->line);
                if (r < 0)
                        return r;
                text += n + 1;
                size -= n + 1;
        }
        return 0;
}

/* "name size refs deps state 0xaddress [taint]"; the address is 0 without privilege. */
static void builder_extent(struct kallsyms_builder *builder, const char *line, size_t length) {
        const char *blank = memchr(line, ' ', length), *x = memrchr(line, 'x', length);
        uint64_t size, start;

        if (!blank || !x || x < blank)
                return;
        size = strtoull(blank, NULL, 10);
        start = strtoull(x + 1, NULL, 16);
        if (size == 0 || start == 0 || start + size < start)
                return;

        for (size_t i = 0; i < builder->n_modules; i++) {
                struct kallsyms_module *module = &builder->modules[i];

                if (strlen(module->name) != (size_t)(blank - line) ||
                    memcmp(module->name, line, (size_t)(blank - line)) != 0)
                        continue;
                module->start = start;
                module->end = start + size;
        }
}

void kallsyms_builder_modules(struct kallsyms_builder *builder, const char *text) {
        while (*text) {
                size_t length = strcspn(text, "\n");

                builder_extent(builder, text, length);
                text += length + (text[length] == '\n');
        }
}

static int entry_compare(const void *a, const void *b) {
        const struct entry *x = a, *y = b;

        if (x->address != y->address)
                return x->address < y->address ? -1 : 1;
        return x->name < y->name ? -1 : x->name > y->name;
}

static void entries_sort(struct entry *entries, size_t n) {
        for (size_t i = 1; i < n; i++)
                if (entries[i].address < entries[i - 1].address) {
                        qsort(entries, n, sizeof(*entries), entry_compare);
                        return;
                }
}

/* A region reaches as far as 32 bits do; a run as far as the module is the same. */
static int table_add_ranges(struct kallsyms_table *table, const struct entry *entry, uint32_t index) {
        struct kallsyms_region *region;
        struct kallsyms_run *run;
        int r;

        region = array_last(&table->regions, sizeof(*region));
        if (!region || entry->address - region->base > UINT32_MAX) {
                r = array_append(&table->regions, sizeof(*region), &region);
                if (r < 0)
                        return r;
                *region = (struct kallsyms_region){ .base = entry->address, .first = index };
        }

        run = array_last(&table->runs, sizeof(*run));
        if (!run || run->module != entry->module) {
                r = array_append(&table->runs, sizeof(*run), &run);
                if (r < 0)
                        return r;
                *run = (struct kallsyms_run){ .first = index, .module = entry->module };
        }
        return 0;
}

static int table_add(struct kallsyms_table *table, const struct entry *entry, const char *name) {
        uint32_t index = (uint32_t)table->n_symbols, *offset, *block;
        const struct kallsyms_region *region;
        size_t size = strlen(name) + 1;
        uint8_t *bits;
        char *copy;
        int r;

        r = table_add_ranges(table, entry, index);
        if (r < 0)
                return r;
        if (index % KALLSYMS_BLOCK_NAMES == 0) {
                r = array_append(&table->blocks, sizeof(*block), &block);
                if (r < 0)
                        return r;
                *block = (uint32_t)table->names.size;
        }
        if (index % 8 == 0) {
                r = array_append(&table->padded, 1, &bits);
                if (r < 0)
                        return r;
        }
        r = array_append(&table->names, size, &copy);
        if (r < 0)
                return r;
        memcpy(copy, name, size);
        r = array_append(&table->offsets, sizeof(*offset), &offset);
        if (r < 0)
                return r;

        region = array_last(&table->regions, sizeof(*region));
        *offset = (uint32_t)(entry->address - region->base);
        if (entry->padded)
                ((uint8_t *)table->padded.data)[index / 8] |= (uint8_t)(1 << index % 8);
        table->n_symbols++;
        return 0;
}

static int table_fill(struct kallsyms_table *table, struct kallsyms_builder *builder) {
        const struct entry *entries = builder->entries.data;
        const char *names = builder->names.data;
        size_t n = builder->entries.size / sizeof(*entries);
        int r;

        for (size_t i = 0; i < n; i++) {
                if (entries[i].module == 0 && entries[i].address >= builder->init_start &&
                    entries[i].address < builder->init_end)
                        continue;
                r = table_add(table, &entries[i], names + entries[i].name);
                if (r < 0)
                        return r;
        }
        return table->n_symbols > 0 ? 0 : -ENODATA;
}

int kallsyms_table_build(struct kallsyms_builder *builder, struct kallsyms_table *ret_table) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};
        bool padded;
        int r;

        if (builder->line_size > 0)
                return -EBADMSG;
        r = builder_resolve_pending(builder, 0, "", &padded);
        if (r < 0)
                return r;
        if (builder->entries.size == 0)
                return builder->n_text > 0 ? -EPERM : -ENODATA;

        entries_sort(builder->entries.data, builder->entries.size / sizeof(struct entry));
        r = table_fill(&table, builder);
        if (r < 0)
                return r;

        array_trim(&table.offsets);
        array_trim(&table.padded);
        array_trim(&table.blocks);
        array_trim(&table.names);
        array_trim(&table.runs);
        array_trim(&table.regions);
        table.padding = builder->padding;
        table.modules = TAKE_PTR(builder->modules);
        table.n_modules = builder->n_modules;
        builder->n_modules = 0;
        *ret_table = table;
        table = (struct kallsyms_table){};
        return 0;
}
