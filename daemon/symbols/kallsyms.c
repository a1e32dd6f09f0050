/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/kallsyms.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "common/fileio.h"

/* Reading proc/kallsyms costs the kernel some 50 ms for 120k lines, proc/modules some 50 us. */
#define IMAGE_TAIL_MAX (32 * 1024 * 1024)
#define MODULES_CHECK_NS (NSEC_PER_SEC)
#define MISS_BACKOFF_MIN_NS (NSEC_PER_SEC)
#define MISS_BACKOFF_MAX_NS (600 * NSEC_PER_SEC)

enum {
        READ_SIZE = 64 * 1024,
        MODULES_SIZE_MAX = 1024 * 1024,
};

struct kallsyms {
        int root_fd;
        struct kallsyms_table table;
        uint64_t modules_hash;
        uint64_t modules_checked_ns;
        uint64_t miss_read_ns; /* when the table was last read, for the back-off of misses */
        uint64_t miss_backoff_ns;
        uint64_t text_start, text_end; /* of the kernel proper; 0 when not known */
        uint64_t n_reads, n_failed;
};

static uint64_t fnv1a(const char *data, size_t size) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (uint8_t)data[i]) * UINT64_C(0x100000001b3);
        return hash;
}

/* The columns that say which modules there are: reference counts and users move all the time. */
static uint64_t modules_identity(const char *text) {
        uint64_t hash = 0;

        while (*text) {
                size_t length = strcspn(text, "\n"), size = 0;
                const char *address = memrchr(text, 'x', length);

                for (int column = 0; column < 2; column++) {
                        size += strcspn(text + size, " \n");
                        size += strspn(text + size, " ");
                }
                hash = hash * 31 + fnv1a(text, MIN(size, length));
                if (address)
                        hash = hash * 31 + fnv1a(address, (size_t)(text + length - address));
                text += length + (text[length] == '\n');
        }
        return hash;
}

/* A kernel without modules has no proc/modules: that is an empty list. */
static int modules_read(int root_fd, struct text_buffer *buffer, uint64_t *ret_hash) {
        int r = text_buffer_read(buffer, root_fd, "proc/modules", MODULES_SIZE_MAX);

        if (r == -ENOENT)
                *ret_hash = 0;
        else if (r < 0)
                return r;
        else
                *ret_hash = modules_identity(buffer->data);
        return 0;
}

static int feed_file(struct kallsyms_builder *builder, int root_fd) {
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *buffer = NULL;

        fd = openat(root_fd, "proc/kallsyms", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        buffer = malloc(READ_SIZE);
        if (!buffer)
                return -ENOMEM;

        for (;;) {
                ssize_t n = read(fd, buffer, READ_SIZE);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                r = kallsyms_builder_feed(builder, buffer, (size_t)n);
                if (r < 0)
                        return r;
        }
}

static int kallsyms_read(struct kallsyms *kallsyms) {
        _cleanup_(kallsyms_builder_done) struct kallsyms_builder builder = {};
        _cleanup_(text_buffer_done) struct text_buffer modules = {};
        struct kallsyms_table table;
        uint64_t hash = 0;
        int r;

        /* The list first: what changes after it was read shows as a change next time. */
        r = modules_read(kallsyms->root_fd, &modules, &hash);
        if (r < 0)
                return r;
        r = feed_file(&builder, kallsyms->root_fd);
        if (r < 0)
                return r;
        if (modules.data)
                kallsyms_builder_modules(&builder, modules.data);
        r = kallsyms_table_build(&builder, &table);
        if (r < 0)
                return r;

        kallsyms_table_done(&kallsyms->table);
        kallsyms->table = table;
        kallsyms->modules_hash = hash;
        kallsyms->text_start = kallsyms->text_end = 0;
        (void)kallsyms_find(kallsyms, "_stext", &kallsyms->text_start, 1); /* stays 0 when there is none */
        (void)kallsyms_find(kallsyms, "_etext", &kallsyms->text_end, 1);
        kallsyms->n_reads++;
        return 0;
}

int kallsyms_new(int root_fd, uint64_t now_ns, struct kallsyms **ret_kallsyms) {
        _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
        int r;

        kallsyms = malloc(sizeof(*kallsyms));
        if (!kallsyms)
                return -ENOMEM;
        *kallsyms = (struct kallsyms){
                .root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3),
                .modules_checked_ns = now_ns,
                .miss_read_ns = now_ns - MIN(now_ns, MISS_BACKOFF_MIN_NS), /* the first miss rereads at once */
                .miss_backoff_ns = MISS_BACKOFF_MIN_NS,
        };
        if (kallsyms->root_fd < 0)
                return -errno;

        r = kallsyms_read(kallsyms);
        if (r < 0)
                return r;
        *ret_kallsyms = TAKE_PTR(kallsyms);
        return 0;
}

int kallsyms_are_hidden(int root_fd) {
        _cleanup_(fclosep) FILE *file = NULL;
        _cleanup_(freep) char *line = NULL;
        size_t allocated = 0;
        bool any = false;
        int fd;

        fd = openat(root_fd, "proc/kallsyms", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        file = fdopen(fd, "re");
        if (!file) {
                int r = -errno;

                (void)close_safe(fd);
                return r;
        }

        /* The first symbols are at 0 anyway, those of per-CPU data. */
        while (getline(&line, &allocated, file) > 0) {
                if (line[strspn(line, "0")] != ' ')
                        return 0;
                any = true;
        }
        return any;
}

struct kallsyms *kallsyms_free(struct kallsyms *kallsyms) {
        if (!kallsyms)
                return NULL;
        kallsyms_table_done(&kallsyms->table);
        (void)close_safe(kallsyms->root_fd);
        free(kallsyms);
        return NULL;
}

int kallsyms_lookup(const struct kallsyms *kallsyms, uint64_t address, struct kallsyms_symbol *ret_symbol) {
        return kallsyms_table_lookup(&kallsyms->table, address, ret_symbol);
}

size_t kallsyms_find(const struct kallsyms *kallsyms, const char *name, uint64_t *ret_addresses,
                     size_t n_max) {
        return kallsyms_table_find(&kallsyms->table, name, ret_addresses, n_max);
}

void kallsyms_get_stats(const struct kallsyms *kallsyms, struct kallsyms_stats *ret_stats) {
        *ret_stats = (struct kallsyms_stats){
                .n_symbols = kallsyms->table.n_symbols,
                .memory_bytes = kallsyms_table_memory(&kallsyms->table),
                .n_reads = kallsyms->n_reads,
                .n_failed = kallsyms->n_failed,
        };
}

/* How many of the addresses the table has no certain answer for, and might have after a reread. */
static size_t count_doubtful(const struct kallsyms *kallsyms, const uint64_t *addresses, size_t n) {
        size_t n_doubtful = 0;

        for (size_t i = 0; i < n; i++) {
                struct kallsyms_symbol symbol;

                /* Behind the text lies what only booting needed: boot tasks still return into it. */
                if (addresses[i] >= kallsyms->text_start && addresses[i] < kallsyms->text_end + IMAGE_TAIL_MAX)
                        continue;
                if (kallsyms_lookup(kallsyms, addresses[i], &symbol) < 0)
                        n_doubtful++;
        }
        return n_doubtful;
}

static uint64_t answers_hash(const struct kallsyms *kallsyms, const uint64_t *addresses, size_t n) {
        uint64_t hash = 0;

        for (size_t i = 0; i < n; i++) {
                struct kallsyms_symbol symbol = { .name = "" };

                (void)kallsyms_lookup(kallsyms, addresses[i], &symbol); /* no symbol is an answer, too */
                hash = hash * 31 + fnv1a(symbol.name, strlen(symbol.name)) + symbol.start;
        }
        return hash;
}

static int reread(struct kallsyms *kallsyms, uint64_t now_ns) {
        int r;

        kallsyms->miss_read_ns = now_ns;
        r = kallsyms_read(kallsyms);
        if (r < 0) {
                kallsyms->n_failed++;
                return r;
        }
        return 1;
}

static int reread_for_doubts(struct kallsyms *kallsyms, const uint64_t *addresses, size_t n,
                             uint64_t now_ns) {
        uint64_t before;
        int r;

        if (now_ns - kallsyms->miss_read_ns < kallsyms->miss_backoff_ns ||
            count_doubtful(kallsyms, addresses, n) == 0)
                return 0;

        before = answers_hash(kallsyms, addresses, n);
        r = reread(kallsyms, now_ns);
        if (r > 0 && answers_hash(kallsyms, addresses, n) != before)
                kallsyms->miss_backoff_ns = MISS_BACKOFF_MIN_NS;
        else
                kallsyms->miss_backoff_ns = MIN(kallsyms->miss_backoff_ns * 2, MISS_BACKOFF_MAX_NS);
        return r;
}

int kallsyms_refresh(struct kallsyms *kallsyms, const uint64_t *addresses, size_t n, uint64_t now_ns) {
        if (now_ns - kallsyms->modules_checked_ns >= MODULES_CHECK_NS) {
                _cleanup_(text_buffer_done) struct text_buffer modules = {};
                uint64_t hash;
                int r;

                kallsyms->modules_checked_ns = now_ns;
                r = modules_read(kallsyms->root_fd, &modules, &hash);
                if (r < 0)
                        return r;
                if (hash != kallsyms->modules_hash)
                        return reread(kallsyms, now_ns);
        }
        return reread_for_doubts(kallsyms, addresses, n, now_ns);
}

/* What GCC (cold ... lto_priv, localalias), clang (llvm) and both (part) append behind a dot. */
static bool suffix_is_clone(const char *suffix, size_t length) {
        static const char *const words[] = { "cold", "constprop", "isra",       "part",
                                             "llvm", "lto_priv",  "localalias", "warm" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i]) == length && memcmp(words[i], suffix, length) == 0)
                        return true;
        return false;
}

/* A number belongs to the word in front of it: ".isra.0". */
static bool suffix_is_number(const char *suffix, size_t length) {
        for (size_t i = 0; i < length; i++)
                if (!isdigit((unsigned char)suffix[i]))
                        return false;
        return length > 0;
}

size_t symbol_base_length(const char *name) {
        size_t length = strlen(name), kept = length, numbers_end = length;

        for (;;) {
                const char *dot = memrchr(name, '.', numbers_end);
                size_t suffix_length = dot ? numbers_end - (size_t)(dot + 1 - name) : 0;

                if (!dot || dot == name)
                        return kept;
                if (suffix_is_clone(dot + 1, suffix_length))
                        kept = (size_t)(dot - name);
                else if (!suffix_is_number(dot + 1, suffix_length) || numbers_end != kept)
                        return kept;
                numbers_end = (size_t)(dot - name);
        }
}
