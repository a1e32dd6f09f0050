/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Programs that do nothing, where each packet over loopback passes: what tracing costs before it says anything.
 */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(name)                         \
        SEC("raw_tp/" #name)                \
        int empty_##name(void *ctx) {       \
                return 0;                   \
        }

EMPTY(softirq_raise)
EMPTY(softirq_entry)
EMPTY(softirq_exit)
EMPTY(napi_poll)
