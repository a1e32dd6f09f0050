/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a collector says of itself for status: its own counters.
 */

#include <stddef.h>
#include <stdint.h>

/* A named figure for status, such as a loss counter. */
struct collector_counter {
        const char *name; /* camelCase literal: "lostRecords" */
        uint64_t value;
};
enum { COLLECTOR_COUNTERS_MAX = 24 };

struct collector_info {
        struct collector_counter counters[COLLECTOR_COUNTERS_MAX];
        size_t n_counters;
};
