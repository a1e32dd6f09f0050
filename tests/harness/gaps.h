/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One stretch without evidence, from gaps.bpf.c to bpf-gaps.c. CLOCK_MONOTONIC.
 */

#include <linux/types.h>

struct gap {
        __u64 start_ns, end_ns;
        __u32 cpu;
        __u32 unused;
};
