/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a snapshot to return addresses, by libunwind with remote accessors: memory is the snapshot's stack,
 * then the files that are mapped. The only user of libunwind. Knows nothing of symbols.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/symbols/user-process.h"
#include "daemon/symbols/user-stack.h"

struct user_unwinder;

struct unwound_frame {
        uint64_t address;
        bool exact;       /* not a return address: innermost, or interrupted by a signal */
        const char *note; /* how the address was found if not by unwind tables, or why it ends; a literal */
};

/* 0, -ENOMEM. */
int user_unwinder_new(struct user_unwinder **ret_unwinder);
struct user_unwinder *user_unwinder_free(struct user_unwinder *unwinder);
DEFINE_CLEANUP(struct user_unwinder *, user_unwinder_free)

/* Fills in at most n_max frames and returns how many: at least the innermost one, 0 if this build cannot
 * unwind the snapshot's architecture. *ret_complete: the outermost function was reached. */
size_t user_unwind(struct user_unwinder *unwinder, struct user_process *process, struct elf_cache *cache,
                   const struct user_snapshot *snapshot, struct unwound_frame *frames, size_t n_max,
                   bool *ret_complete);
