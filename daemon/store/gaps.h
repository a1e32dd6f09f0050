/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The spans in which one source was not watched, oldest first. The last one may still be open.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/batch.h"

struct gap {
        uint64_t since_us, until_us; /* until_us UINT64_MAX: open */
        uint64_t until_monotonic_ns; /* UINT64_MAX: open */
        char *reason;
};

struct gaps {
        struct gap *items;
        size_t n_items, items_allocated;
};

void gaps_done(struct gaps *gaps);
bool gaps_has_open(const struct gaps *gaps);
/* Does nothing when one is open already. 0 or -ENOMEM. */
int gaps_open(struct gaps *gaps, uint64_t since_us, const char *reason);
/* One that is over. 0 or -ENOMEM. */
int gaps_add(struct gaps *gaps, uint64_t since_us, uint64_t until_us, uint64_t until_monotonic_ns, const char *reason);
void gaps_close(struct gaps *gaps, const struct stamp *stamp);
/* Forgets those that ended at or before that moment. */
void gaps_forget(struct gaps *gaps, uint64_t monotonic_ns);
size_t gaps_memory(const struct gaps *gaps);
