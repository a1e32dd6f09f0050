/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Maps, settings and small helpers that the programs of irq-delay.bpf.c share.
 */

#include "abi.h"
#include "core.h"

#define RECORDS_BYTES (512 * 1024)

/* Set at any time; aligned words, so a program sees the old or the new value. */
volatile struct abi_config config = {};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(map_flags, BPF_F_MMAPABLE);
        __uint(max_entries, 1); /* possible CPUs, set before loading */
        __type(key, __u32);
        __type(value, struct abi_cpu);
} cpus SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1); /* possible CPUs, set before loading */
        __type(key, __u32);
        __type(value, struct abi_scratch);
} scratch SEC(".maps");

/* Allocated beforehand: an interrupt must not wait for memory. The key has the CPU, so values have one writer. */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 4096);
        __type(key, struct abi_time_key);
        __type(value, struct abi_time);
} times SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 1024 * 1024);
} records SEC(".maps");

static __always_inline struct abi_cpu *this_cpu(void) {
        __u32 cpu = bpf_get_smp_processor_id();

        return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline __u32 log2_bucket(__u64 value) {
        __u32 bucket = 0;

        if (value >> 32) {
                bucket += 32;
                value >>= 32;
        }
        if (value >> 16) {
                bucket += 16;
                value >>= 16;
        }
        if (value >> 8) {
                bucket += 8;
                value >>= 8;
        }
        if (value >> 4) {
                bucket += 4;
                value >>= 4;
        }
        if (value >> 2) {
                bucket += 2;
                value >>= 2;
        }
        bucket += value >> 1;
        return bucket < ABI_BUCKETS ? bucket : ABI_BUCKETS - 1;
}

static __always_inline void add_time(struct abi_time *time, __u64 ns) {
        __u32 bucket = log2_bucket(ns);

        time->count++;
        time->total_ns += ns;
        if (ns > time->max_ns)
                time->max_ns = ns;
        if (bucket < ABI_BUCKETS) /* for the verifier */
                time->histogram[bucket]++;
}

/* For what both softirqs and the interrupts that interrupt them count. */
static __always_inline void count(__u64 *counter) {
        __sync_fetch_and_add(counter, 1);
}

/* ns: length of the record; longest: of its sort in this second. A storm of short ones must not hide the one that matters:
 * what is twice as long as any of its sort is recorded above the limit, too. That can be so only a few times in a second. */
static __always_inline int over_rate(struct abi_cpu *c, __u64 now, __u64 ns, __u64 *longest) {
        if (now - c->second_start_ns >= 1000000000) {
                c->second_start_ns = now;
                c->second_events = 0;
                c->second_window_ns = 0;
                c->second_slow_ns = 0;
        }

        if (c->second_events++ < config.max_events_per_second || ns / 2 >= *longest) {
                if (ns > *longest)
                        *longest = ns;
                return 0;
        }

        count(&c->n_suppressed);
        return 1;
}

/* A softirq and an interrupt that interrupts it may get the same number: both are settled together then, which is all that
 * numbers of slow spans are for. An atomic addition that returns the sum needs 5.12. */
static __always_inline __u64 next_sequence(struct abi_cpu *c) {
        c->recorded = ++c->sequence;
        return c->recorded;
}

static __always_inline void read_parents(struct abi_task *t, struct task_struct *task) {
        struct task_struct *leader = BPF_CORE_READ(task, group_leader);

        t->n_parents = 0;
        for (int i = 0; i < ABI_PARENTS_MAX; i++) {
                struct task_struct *parent = BPF_CORE_READ(leader, real_parent, group_leader);

                if (!parent || parent == leader)
                        break;

                t->parents[i].pid = BPF_CORE_READ(parent, tgid);
                if (t->parents[i].pid == 0)
                        break;
                BPF_CORE_READ_STR_INTO(&t->parents[i].comm, parent, comm);
                t->n_parents = i + 1;
                leader = parent;
        }
}

static __always_inline int is_ksoftirqd(const char *comm) {
        const char name[] = "ksoftirqd/";

        for (unsigned int i = 0; i < sizeof(name) - 1; i++)
                if (comm[i] != name[i])
                        return 0;
        return 1;
}

static __always_inline void read_task(struct abi_task *t) {
        struct task_struct *task = (struct task_struct *)bpf_get_current_task();
        __u64 id = bpf_get_current_pid_tgid();

        t->flags = 0;
        t->pid = (__u32)id;
        t->tgid = id >> 32;
        t->cgroup_id = bpf_get_current_cgroup_id();
        bpf_get_current_comm(t->comm, sizeof(t->comm));
        if (t->pid == 0)
                t->flags |= ABI_TASK_IDLE;
        if (BPF_CORE_READ(task, flags) & PF_KTHREAD) {
                t->flags |= ABI_TASK_KTHREAD;
                if (is_ksoftirqd(t->comm))
                        t->flags |= ABI_TASK_KSOFTIRQD;
        }
        read_parents(t, task);
}

static __always_inline void read_stack(void *ctx, struct abi_stack *stack) {
        stack->unused = 0;
        stack->bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), 0);
}
