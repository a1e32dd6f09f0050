/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * /tmp/perf-PID.map, in which just-in-time compilers (node --perf-basic-prof, Java agents, .NET) write "START
 * SIZE name" in hex for the code they make. Read anew for each stack: it grows all the time. Pure but for
 * reading the descriptor that it is given.
 */

#include <stddef.h>
#include <stdint.h>

enum {
        PERF_MAP_BYTES_MAX = 64 * 1024 * 1024, /* the newest part is read of a longer one */
        PERF_MAP_NAME_MAX = 512,               /* longer names are cut */
};

struct perf_map_query {
        uint64_t address;
        char *name;      /* out: owned by the caller, NULL when nothing fits */
        uint64_t offset; /* out */
};

/* Fills in name and offset of each query; of several entries that hold an address the last counts, as code
 * space is reused. 0; -ENOMEM; -errno of reading. */
int perf_map_lookup(int fd, struct perf_map_query *queries, size_t n);
