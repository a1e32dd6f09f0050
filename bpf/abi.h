/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records and per-CPU state that the BPF programs share with the daemon. Plain C types of fixed width, no
 * padding that a compiler could choose. All times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns()).
 */

#include <linux/bpf.h>
#include <linux/types.h>

enum {
        ABI_COMM_MAX = 16,       /* TASK_COMM_LEN */
        ABI_PARENTS_MAX = 8,
        ABI_STACK_MAX = 127,     /* kernel.perf_event_max_stack */
        ABI_BUCKETS = 40,        /* log2 buckets of nanoseconds: up to 18 minutes */
        ABI_EVIDENCE = 4,        /* moments remembered at which interrupts were on */
        ABI_NAME_MAX = 32,
        ABI_CODE_MAX = 16,       /* bytes of machine code before the interrupted instruction */
        ABI_ENTRY_FRAMES_MAX = 16, /* the timer interrupt's entry is among the first frames */
        ABI_SOFTIRQS = 10,       /* NR_SOFTIRQS: include/linux/interrupt.h, the same since 2.6.31 */
        ABI_SOFTIRQ_NET_RX = 3,
        ABI_USER_FRAMES_MAX = 32,
        ABI_USER_REGISTERS_MAX = 33, /* by DWARF numbers: x86-64 has 17, arm64 33 */
        ABI_PAGE = 4096,         /* the unit in which user memory is copied, whatever the MMU's */
        ABI_USER_PAGES_MAX = 5,  /* 16 KiB from anywhere in a page */
        ABI_DEV_SEVERAL = 1,     /* no address of a device, as the next */
        ABI_DEV_BACKLOG = 2,     /* packets of devices without NAPI, of veth and loopback, and those that RPS sent */
};

enum abi_record_type {
        ABI_RECORD_WINDOW = 1,
        ABI_RECORD_SETTLE = 2,
        ABI_RECORD_SLOW = 3,
        ABI_RECORD_USER = 4,
};

enum abi_span_kind {
        ABI_SPAN_NONE,
        ABI_SPAN_HARDIRQ, /* a device's interrupt handler */
        ABI_SPAN_IPI,     /* a function that another CPU asked this one to run */
        ABI_SPAN_TIMER,   /* an hrtimer's callback in hard interrupt context */
        ABI_SPAN_SOFTIRQ, /* a softirq vector's handler */
        ABI_SPAN_TASKLET, /* one tasklet, inside the TASKLET or HI softirq */
        ABI_SPAN_WHEEL_TIMER, /* one timer_list callback, inside the TIMER softirq */
        ABI_SPAN_SOFTIRQ_WAIT, /* from raising a softirq to its handler's start */
        _ABI_SPAN_KIND_MAX,
};

enum abi_window_flags {
        ABI_WINDOW_HEARTBEAT = 1 << 0, /* found by the heartbeat, else by the tick */
};

enum abi_task_flags {
        ABI_TASK_IDLE = 1 << 0,
        ABI_TASK_KTHREAD = 1 << 1,
        ABI_TASK_KSOFTIRQD = 1 << 2,
};

/* One run of code in interrupt context. */
struct abi_span {
        __u64 start_ns, end_ns;
        __u64 function; /* address of handler or function, 0: not known */
        __u32 kind;     /* enum abi_span_kind */
        __s32 number;   /* IRQ, or softirq vector; -1: none */
        char name[ABI_NAME_MAX]; /* action name of a hardirq; device that a long NET_RX polled, or "backlog" */
};

struct abi_parent {
        __s32 pid;
        char comm[ABI_COMM_MAX];
};

/* The task that was interrupted. */
struct abi_task {
        __u64 cgroup_id;
        __s32 pid, tgid; /* as the kernel counts: thread, process */
        __u32 flags;     /* enum abi_task_flags */
        __u32 n_parents;
        char comm[ABI_COMM_MAX];
        struct abi_parent parents[ABI_PARENTS_MAX];
};

struct abi_stack {
        __s32 bytes; /* negative: errno of bpf_get_stack(); 0: none was taken */
        __u32 unused;
        __u64 frames[ABI_STACK_MAX]; /* return addresses, innermost first, the timer interrupt's own included */
};

/* A window in which interrupts were held off; it ended at end_ns and was min_ns..max_ns long. */
struct abi_window {
        __u32 type; /* ABI_RECORD_WINDOW */
        __u32 cpu;
        __u64 sequence; /* per CPU */
        __u64 end_ns, min_ns, max_ns;
        __u64 threshold_ns;    /* that made a window of it */
        __u64 steal_before_ns; /* accumulated steal time at the last expiry before the window */
        __u64 on_ns;           /* a moment inside min_ns at which interrupts came in none the less, 0: none is known */
        __u32 flags;           /* enum abi_window_flags */
        __u32 code_bytes;      /* 0: none could be read */
        __u8 code[ABI_CODE_MAX]; /* what stands before the interrupted kernel instruction */
        struct abi_task task;
        struct abi_span span;    /* the longest in hard interrupt context since the last expiry before the window */
        struct abi_span softirq; /* the one that was running at the window's end; kind NONE: none */
        struct abi_stack stack;
};

/* Follows windows and slow spans once the kernel has accounted the steal time that fell into them. */
struct abi_settle {
        __u32 type; /* ABI_RECORD_SETTLE */
        __u32 cpu;
        __u64 sequence; /* of the latest of them; it settles those before, too */
        __u64 steal_ns; /* accumulated steal time now */
};

/* A span that took longer than its threshold; its length is exact. */
struct abi_slow {
        __u32 type; /* ABI_RECORD_SLOW */
        __u32 cpu;
        __u64 sequence;        /* per CPU, one count with the windows' */
        __u64 steal_before_ns; /* accumulated steal time at the last expiry before the span */
        struct abi_span span;
        struct abi_task task;
        struct abi_stack stack; /* taken by a timer interrupt inside the span, if there was one */
};

/* Comes before the window of the same sequence: what unwinding the interrupted task's user stack takes. */
struct abi_user {
        __u32 type; /* ABI_RECORD_USER */
        __u32 cpu;
        __u64 sequence;
        __u64 registers[ABI_USER_REGISTERS_MAX];
        __u32 has_registers; /* 0: the kernel cannot give them, or a 32-bit task */
        __u32 is_32bit;
        __s32 frames_bytes;  /* of frames; negative: errno of bpf_get_stack() */
        __u32 data_bytes;    /* copied into data */
        __u64 data_start;    /* user address of data[0]: the stack pointer's page */
        struct bpf_stack_build_id frames[ABI_USER_FRAMES_MAX]; /* by frame pointers, innermost first */
        __u8 data[ABI_USER_PAGES_MAX * ABI_PAGE];
};

/* Figures of one sort of span on one CPU. */
struct abi_time {
        __u64 count, total_ns, max_ns;
        __u32 histogram[ABI_BUCKETS]; /* may wrap: differences are taken modulo 2^32 */
        char name[ABI_COMM_MAX];      /* action name of a hardirq */
};

/* Key of the map of abi_time for hardirqs, calls from other CPUs, tasklets and timers. */
struct abi_time_key {
        __u64 function;
        __s32 number; /* IRQ or -1 */
        __u32 cpu;
        __u32 kind;
        __u32 unused;
};

struct abi_softirq {
        __u64 ksoftirqd_count, ksoftirqd_ns; /* the part that ran in ksoftirqd */
        struct abi_time run;
        struct abi_time wait; /* from the first raise to the start */
};

/* What one CPU accumulates; read by the daemon through a mapping, never reset. Only its CPU writes it, in interrupt
 * context; evidence and spans are interleaved by interrupts of the same CPU. */
struct abi_cpu {
        __u64 observed_ns;     /* time during which a window would have been found */
        __u64 n_expiries;
        __u64 n_heartbeats;    /* the part of n_expiries that the heartbeat made */
        __u64 last_tick_ns;    /* expiry of the last tick */
        __u64 tick_period_ns;  /* shortest distance of two ticks so far, 0: not known */
        __u64 lateness_max_ns;
        __u64 steal_ns;        /* as of the last expiry */
        __u64 n_windows;       /* above the threshold, recorded or not */
        __u64 n_slow;          /* spans above their thresholds, recorded or not */
        __u64 n_lost;          /* no room in the ring buffer */
        __u64 n_user_lost;     /* windows whose user stack found no room there */
        __u64 n_unsettled;     /* records whose steal time found no room there */
        __u64 n_suppressed;    /* over max_events_per_second, and not by far the longest of the second */
        __u64 n_keys_refused;  /* spans without a place in the map of times */
        __u64 last_expiry_ns;  /* moment of the last trusted expiry */
        __u64 window_end_ns;   /* of the last window, recorded or not */
        __u64 evidence_ns[ABI_EVIDENCE];
        __u32 evidence_next;
        __u32 poll_wanted;     /* a long NET_RX: the NAPI poll that ends next is the one to name */
        __u64 sequence;        /* of the last record */
        __u64 recorded;        /* sequence of the last record since the last tick, 0: none */
        __u64 settles_next;    /* sequence of the last record whose steal time the next tick tells, 0: none */
        __u64 second_start_ns;
        __u64 second_events;
        __u64 second_window_ns; /* longest window recorded in this second */
        __u64 second_slow_ns;   /* longest slow span recorded in it */
        struct abi_span running; /* in hard interrupt context; start_ns 0: none */
        struct abi_span longest; /* of these, since the last trusted expiry */
        struct abi_span softirq; /* running; start_ns 0: none */
        __u64 softirq_part_ns;   /* start of the running tasklet or timer; 0: none */
        __u64 softirq_part_function;
        __u64 softirq_steal_ns;  /* steal_ns when the softirq started */
        __u64 poll_dev;          /* struct net_device whose NAPI poll the timer interrupted in this NET_RX run, or 0 */
        __u64 poll_only_dev;     /* the only one polled in this run, 0: none, ABI_DEV_SEVERAL: there were more */
        __u32 ksoftirqd_pid;     /* as seen last */
        __u32 other_pid;         /* a task that is not ksoftirqd, as seen last */
        __u64 raised_ns[ABI_SOFTIRQS]; /* 0: not pending; together, since every timer interrupt looks at all */
        __u64 raised_steal_ns[ABI_SOFTIRQS]; /* steal_ns when it was raised */
        __u32 raised_round[ABI_SOFTIRQS];    /* softirq_round when it was raised */
        __u32 softirq_round;   /* counts the kernel's rounds over pending softirqs, as far as entries tell them apart */
        __u32 last_vector;     /* whose handler started last */
        __u64 n_waits_unseen;  /* softirqs that must have run since their raise, unseen */
        struct abi_softirq softirqs[ABI_SOFTIRQS];
        __u64 histogram[ABI_BUCKETS]; /* lateness of trusted timers */
} __attribute__((aligned(64)));

/* Stacks that a timer interrupt took inside a span, before it was known how long that would last. */
struct abi_scratch {
        __u64 softirq_start_ns; /* the softirq run that the stack belongs to */
        __u64 softirq_end_ns;   /* its end; 0: it is still running */
        __u64 wait_taken_ns;    /* when the stack of what ran while softirqs were pending was taken */
        struct abi_stack softirq_stack;
        struct abi_stack wait_stack;
        struct abi_task softirq_task;
        struct abi_task wait_task;
};

/* Settings that change at runtime. A threshold of 0 switches its records off. */
struct abi_config {
        __u64 threshold_ns;
        __u64 period_ns; /* of the heartbeat, or of the tick in passive mode */
        __u64 max_events_per_second;
        __u64 hardirq_threshold_ns;
        __u64 softirq_threshold_ns;
        __u64 softirq_wait_threshold_ns;
        __u64 user_stack_bytes; /* 0: none are taken */
};
