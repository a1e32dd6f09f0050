/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sets of CPU numbers and the kernel's list format for them ("0-3,8,10-11"). CPU numbers are the
 * kernel's ids, never the ordinal of a column. Knows nothing of where a list came from.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
        CPU_LIMIT = 8192, /* NR_CPUS of the largest distribution kernels (x86 with MAXSMP) */
        CPU_NONE = -1,    /* the "cpu" of values that belong to no CPU */
};

/* A growable bitmap. All-zero is the empty set. Owned by the embedding object: cpu_set_done(). */
struct cpu_set {
        uint64_t *words;
        size_t n_words;
};

void cpu_set_done(struct cpu_set *set);
/* Adds one CPU. 0, -ERANGE when cpu is not in 0..CPU_LIMIT-1, -ENOMEM. */
int cpu_set_add(struct cpu_set *set, int cpu);
void cpu_set_remove(struct cpu_set *set, int cpu);
void cpu_set_clear(struct cpu_set *set);
bool cpu_set_contains(const struct cpu_set *set, int cpu);
bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b);
size_t cpu_set_count(const struct cpu_set *set);
/* The smallest member that is >= from, or CPU_NONE. Walk: for (c = next(s, 0); c >= 0; c = next(s, c + 1)) */
int cpu_set_next(const struct cpu_set *set, int from);
/* 0 or -ENOMEM; on failure *dest is unchanged. */
int cpu_set_copy(struct cpu_set *dest, const struct cpu_set *src);

/* Parses the kernel's list format, trailing newline allowed, "" is the empty set. *set is replaced
 * on success, untouched on failure. 0, -EINVAL, -ERANGE, -ENOMEM. */
int cpu_list_parse(const char *text, struct cpu_set *set);
/* The same for the kernel's masks, groups of 32 bits in hexadecimal with the lowest CPUs last:
 * "00000001,0000000f". */
int cpu_mask_parse(const char *text, struct cpu_set *set);
/* Formats as the kernel does ("0-3,8"). 0 or -ENOMEM. The caller frees *ret_text. */
int cpu_list_format(const struct cpu_set *set, char **ret_text);
/* Reads a list file such as sys/devices/system/cpu/online below root_fd. 0, -EINVAL, -errno. */
int cpu_list_read(int root_fd, const char *path, struct cpu_set *set);
