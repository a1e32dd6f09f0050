/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records and per-CPU state that the BPF programs share with the daemon. Plain C types of fixed width, no
 * padding that a compiler could choose. All times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns()).
 */

#include <linux/types.h>

enum {
        ABI_COMM_MAX = 16,       /* TASK_COMM_LEN */
        ABI_PARENTS_MAX = 8,
        ABI_STACK_MAX = 127,     /* kernel.perf_event_max_stack */
        ABI_BUCKETS = 40,        /* log2 buckets of nanoseconds: up to 18 minutes */
        ABI_EVIDENCE = 4,        /* moments remembered at which interrupts were on */
        ABI_SPAN_NAME_MAX = 32,
        ABI_CODE_MAX = 16,       /* bytes of machine code before the interrupted instruction */
        ABI_ENTRY_FRAMES_MAX = 16, /* the timer interrupt's entry is among the first frames */
};

enum abi_record_type {
        ABI_RECORD_WINDOW = 1,
        ABI_RECORD_SETTLE = 2,
};

enum abi_span_kind {
        ABI_SPAN_NONE,
        ABI_SPAN_HARDIRQ, /* a device's interrupt handler */
        ABI_SPAN_IPI,     /* a function that another CPU asked this one to run */
        ABI_SPAN_TIMER,   /* an hrtimer's callback in hard interrupt context */
};

enum abi_window_flags {
        ABI_WINDOW_IDLE = 1 << 0,      /* the idle task was interrupted */
        ABI_WINDOW_KTHREAD = 1 << 1,
        ABI_WINDOW_HEARTBEAT = 1 << 2, /* found by the heartbeat, else by the tick */
};

/* One run of code in interrupt context. */
struct abi_span {
        __u64 start_ns, end_ns;
        __u64 function; /* address of handler or function, 0: not known */
        __u32 kind;     /* enum abi_span_kind */
        __s32 irq;      /* number, -1: none */
        char name[ABI_SPAN_NAME_MAX]; /* action name of a hardirq */
};

struct abi_parent {
        __s32 pid;
        char comm[ABI_COMM_MAX];
};

/* A window in which interrupts were held off; it ended at end_ns and was min_ns..max_ns long. */
struct abi_window {
        __u32 type; /* ABI_RECORD_WINDOW */
        __u32 cpu;
        __u64 sequence; /* per CPU */
        __u64 end_ns, min_ns, max_ns;
        __u64 steal_before_ns; /* accumulated steal time at the last expiry before the window */
        __u64 cgroup_id;
        __s32 pid, tgid; /* of the interrupted task, as user space counts: tid, process */
        __u32 flags;
        __u32 n_parents;
        char comm[ABI_COMM_MAX];
        struct abi_parent parents[ABI_PARENTS_MAX];
        struct abi_span span; /* the longest that ended since the last expiry before the window */
        __s32 stack_bytes;    /* negative: errno of bpf_get_stack() */
        __u32 code_bytes;     /* 0: none could be read */
        __u8 code[ABI_CODE_MAX]; /* what stands before the interrupted kernel instruction */
        __u64 stack[ABI_STACK_MAX]; /* return addresses, innermost first, the timer's own included */
};

/* Follows a window once the kernel has accounted the steal time that fell into it. */
struct abi_settle {
        __u32 type; /* ABI_RECORD_SETTLE */
        __u32 cpu;
        __u64 sequence; /* of the window */
        __u64 steal_ns; /* accumulated steal time now */
};

/* What one CPU accumulates; read by the daemon through a mapping, never reset. One CPU writes each, in
 * interrupt context, except the evidence and spans, which interrupts of the same CPU interleave. */
struct abi_cpu {
        __u64 observed_ns;     /* time during which a window would have been found */
        __u64 n_expiries;
        __u64 n_heartbeats;    /* the part of n_expiries that the heartbeat made */
        __u64 last_tick_ns;    /* expiry of the last tick */
        __u64 tick_period_ns;  /* shortest distance of two ticks so far, 0: not known */
        __u64 lateness_max_ns;
        __u64 steal_ns;        /* as of the last expiry */
        __u64 n_windows;       /* above the threshold, recorded or not */
        __u64 n_lost;          /* no room in the ring buffer */
        __u64 n_suppressed;    /* over max_events_per_second */
        __u64 last_expiry_ns;  /* moment of the last trusted expiry */
        __u64 window_end_ns;   /* of the last window, recorded or not */
        __u64 evidence_ns[ABI_EVIDENCE];
        __u32 evidence_next;
        __u32 settle_ticks;    /* ticks seen since the window that waits for its steal time */
        __u64 settle_sequence; /* 0: none waits */
        __u64 second_start_ns;
        __u64 second_events;
        struct abi_span running; /* start_ns 0: none */
        struct abi_span longest; /* since the last trusted expiry */
        __u64 histogram[ABI_BUCKETS];
} __attribute__((aligned(64)));

/* Settings that change at runtime. */
struct abi_config {
        __u64 threshold_ns;
        __u64 period_ns; /* of the heartbeat, or of the tick in passive mode */
        __u64 max_events_per_second;
};
