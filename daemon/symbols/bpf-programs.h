/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the code of loaded BPF programs lies, from the kernel's list of programs. proc/kallsyms has their names,
 * too, but not their ends, and they come and go: an address there could be given to a neighbour.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum { BPF_PROGRAM_SYMBOL_MAX = 64 };

struct bpf_program_range {
        uint64_t start, size;
        char name[BPF_PROGRAM_SYMBOL_MAX]; /* as kallsyms has it: "bpf_prog_TAG_NAME" */
};

/* All-zero is empty. */
struct bpf_programs {
        struct bpf_program_range *ranges; /* one for each function */
        size_t n_ranges, n_allocated;
};

void bpf_programs_done(struct bpf_programs *programs);
/* Reads them anew: takes some 20 us a program. Programs that vanish meanwhile are left out. 0; -EPERM without CAP_BPF
 * (before 5.8 CAP_SYS_ADMIN); -ENOMEM; -errno. On failure the object is empty. */
int bpf_programs_read(struct bpf_programs *programs);
/* NULL when no program has that address. */
const struct bpf_program_range *bpf_programs_find(const struct bpf_programs *programs, uint64_t address);
