/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that were looked into lately, least recently used ones dropped first, bounded in number and bytes.
 * One thread at a time. Knows nothing of what the files say.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/symbols/elf-file.h"

struct elf_cache;

/* 0 or -ENOMEM. */
int elf_cache_new(size_t n_max, size_t bytes_max, struct elf_cache **ret_cache);
struct elf_cache *elf_cache_free(struct elf_cache *cache);
DEFINE_CLEANUP(struct elf_cache *, elf_cache_free)

/* The file of an open descriptor, which must be a regular file, from the cache or opened anew; *fd is taken
 * over either way. *ret_file is a reference of the caller. 0; as elf_file_new(). */
int elf_cache_get(struct elf_cache *cache, int *fd, struct elf_file **ret_file);
/* A file that is in the cache by its build-id, with its symbols read. 0, -ENOENT. */
int elf_cache_find_build_id(struct elf_cache *cache, const uint8_t *build_id, size_t size,
                            struct elf_file **ret_file);
/* Call when files have been used: drops what exceeds the limits by now, and keeps none of the rest open, so
 * that no file system is busy because of the cache. Returns how many bytes were dropped. */
size_t elf_cache_trim(struct elf_cache *cache);
void elf_cache_clear(struct elf_cache *cache);
size_t elf_cache_n_files(const struct elf_cache *cache);
size_t elf_cache_memory(const struct elf_cache *cache);
