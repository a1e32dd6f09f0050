/* SPDX-License-Identifier: Apache-2.0 */

/* Counts by task the timers that a BPF program gets to see, to be laid beside what ftrace saw. */

#include "core.h"

char LICENSE[] SEC("license") = "GPL";

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, 65536);
        __type(key, __u32);
        __type(value, __u64);
} seen SEC(".maps");

SEC("raw_tp/hrtimer_expire_entry")
int count_timer(struct bpf_raw_tracepoint_args *ctx) {
        __u32 tid = (__u32)bpf_get_current_pid_tgid();
        __u64 one = 1, *n = bpf_map_lookup_elem(&seen, &tid);

        if (n)
                __sync_fetch_and_add(n, 1);
        else
                bpf_map_update_elem(&seen, &tid, &one, BPF_ANY);
        return 0;
}
