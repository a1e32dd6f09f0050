/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/elf-cache.h"

#include <fcntl.h>
#include <string.h>

struct elf_cache {
        size_t n_max, bytes_max;
        size_t n_files;
        int null_fd;
        struct elf_file **files; /* n_max of them, most recently used first */
};

int elf_cache_new(size_t n_max, size_t bytes_max, struct elf_cache **ret_cache) {
        _cleanup_(elf_cache_freep) struct elf_cache *cache = calloc(1, sizeof(*cache));

        if (!cache)
                return -ENOMEM;
        cache->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (cache->null_fd < 0)
                return -errno;
        cache->n_max = MAX(n_max, (size_t)1);
        cache->bytes_max = bytes_max;
        cache->files = calloc(cache->n_max, sizeof(*cache->files));
        if (!cache->files)
                return -ENOMEM;
        *ret_cache = TAKE_PTR(cache);
        return 0;
}

struct elf_cache *elf_cache_free(struct elf_cache *cache) {
        if (!cache)
                return NULL;
        if (cache->files)
                elf_cache_clear(cache);
        free(cache->files);
        (void)close_safe(cache->null_fd);
        free(cache);
        return NULL;
}

static void cache_move_to_front(struct elf_cache *cache, size_t index) {
        struct elf_file *file = cache->files[index];

        memmove(cache->files + 1, cache->files, index * sizeof(*cache->files));
        cache->files[0] = file;
}

static void cache_drop_last(struct elf_cache *cache) {
        cache->n_files--;
        cache->files[cache->n_files] = elf_file_unref(cache->files[cache->n_files]);
}

static int cache_find_key(struct elf_cache *cache, int *fd, struct elf_file **ret_file) {
        struct elf_key key;
        struct stat st;

        if (fstat(*fd, &st) < 0)
                return -errno;
        elf_key_from_stat(&st, &key);
        for (size_t i = 0; i < cache->n_files; i++)
                if (elf_key_equal(elf_file_key(cache->files[i]), &key)) {
                        cache_move_to_front(cache, i);
                        elf_file_resume(cache->files[0], fd);
                        *ret_file = elf_file_ref(cache->files[0]);
                        return 0;
                }
        return -ENOENT;
}

int elf_cache_get(struct elf_cache *cache, int *fd, struct elf_file **ret_file) {
        _cleanup_(closep) int owned = TAKE_FD(*fd);
        struct elf_file *file;
        int r;

        r = cache_find_key(cache, &owned, ret_file);
        if (r != -ENOENT)
                return r;
        r = elf_file_new(&owned, &file);
        if (r < 0)
                return r;

        if (cache->n_files == cache->n_max)
                cache_drop_last(cache);
        cache->files[cache->n_files++] = file;
        cache_move_to_front(cache, cache->n_files - 1);
        *ret_file = elf_file_ref(file);
        return 0;
}

int elf_cache_find_build_id(struct elf_cache *cache, const uint8_t *build_id, size_t size,
                            struct elf_file **ret_file) {
        for (size_t i = 0; i < cache->n_files; i++) {
                size_t n;
                const uint8_t *id = elf_file_build_id(cache->files[i], &n);

                if (n > 0 && n == size && memcmp(id, build_id, n) == 0 &&
                    elf_file_has_symbols(cache->files[i])) {
                        cache_move_to_front(cache, i);
                        *ret_file = elf_file_ref(cache->files[0]);
                        return 0;
                }
        }
        return -ENOENT;
}

size_t elf_cache_trim(struct elf_cache *cache) {
        size_t before = elf_cache_memory(cache);

        while (cache->n_files > 0 && elf_cache_memory(cache) > cache->bytes_max)
                cache_drop_last(cache);
        for (size_t i = 0; i < cache->n_files; i++)
                elf_file_park(cache->files[i], cache->null_fd);
        return before - elf_cache_memory(cache);
}

void elf_cache_clear(struct elf_cache *cache) {
        while (cache->n_files > 0)
                cache_drop_last(cache);
}

size_t elf_cache_n_files(const struct elf_cache *cache) {
        return cache->n_files;
}

size_t elf_cache_memory(const struct elf_cache *cache) {
        size_t memory = 0;

        for (size_t i = 0; i < cache->n_files; i++)
                memory += elf_file_memory(cache->files[i]);
        return memory;
}
