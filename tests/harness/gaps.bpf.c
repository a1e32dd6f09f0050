/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stretches in which nothing on a CPU proved that interrupts were on: a second opinion on windows, from other
 * evidence than the product's. System calls begin and end with interrupts on, softirq handlers start with
 * them on, and an interrupt that comes in could come in. Timers are not asked.
 */

#include "gaps.h"
#include "core.h"

char LICENSE[] SEC("license")
= "GPL";

const volatile __u64 shortest_ns = 0;

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} last SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 4 * 1024 * 1024);
} gaps SEC(".maps");

__u64 n_lost = 0;

static __always_inline int interrupts_are_on(__u32 evidence) {
        __u64 now = bpf_ktime_get_ns(), *before;
        struct gap *gap;
        __u32 zero = 0;

        before = bpf_map_lookup_elem(&last, &zero);
        if (!before)
                return 0;

        if (*before && now - *before >= shortest_ns) {
                gap = bpf_ringbuf_reserve(&gaps, sizeof(*gap), 0);
                if (gap) {
                        gap->start_ns = *before;
                        gap->end_ns = now;
                        gap->cpu = bpf_get_smp_processor_id();
                        gap->evidence = evidence;
                        bpf_ringbuf_submit(gap, 0);
                } else {
                        __sync_fetch_and_add(&n_lost, 1);
                }
        }
        *before = now;
        return 0;
}

#define EVIDENCE(name) \
        SEC("raw_tp/" #name) \
        int gaps_##name(struct bpf_raw_tracepoint_args *ctx) { \
                return interrupts_are_on(GAP_##name); \
        }

GAPS_EVIDENCE(EVIDENCE)
