/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the gauges of a metric show now: the values of the newest pass. Pure: store + request -> result.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/store/store.h"

/* A value; those that are 0 are left out. */
struct level {
        const struct store_row *row; /* borrowed from the store until its next commit */
        int cpu;                     /* or CPU_NONE */
        uint64_t value;
};

struct levels {
        uint64_t time_us; /* of the pass */
        struct level *items;
        size_t n_items;
};

/* 0; -ENOENT no such source or gauge, or no pass in (oldest_us, now_us]; -ENOMEM. */
int levels_query(const struct store *store, const char *source, const char *metric, uint64_t oldest_us,
                 uint64_t now_us, struct levels *ret_levels);
void levels_done(struct levels *levels);
