/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs of code in interrupt context, measured exactly by their entry and exit: how often, how long, and a record of
 * each that takes longer than its threshold. In hard interrupt context one span runs at a time; softirqs
 * are interrupted by those and have a place of their own.
 */

#include "state.h"

#define OFFLINE_AFTER_NS 1000000000ULL

static __always_inline struct abi_slow *reserve_slow(struct abi_cpu *c, const struct abi_span *span,
                                                     __u64 steal_before_ns) {
        struct abi_slow *slow;

        count(&c->n_slow);
        if (over_rate(c, span->end_ns, span->end_ns - span->start_ns, &c->second_slow_ns))
                return NULL;

        slow = bpf_ringbuf_reserve(&records, sizeof(*slow), 0);
        if (!slow) {
                count(&c->n_lost);
                return NULL;
        }

        slow->type = ABI_RECORD_SLOW;
        slow->cpu = bpf_get_smp_processor_id();
        slow->sequence = next_sequence(c);
        slow->steal_before_ns = steal_before_ns;
        slow->span = *span;
        slow->stack.bytes = 0;
        slow->stack.unused = 0;
        return slow;
}

/* Adds a span to the figures of its function. */
static __always_inline void count_span(struct abi_cpu *c, const struct abi_span *span, const char *name) {
        struct abi_time_key key = {
                .function = span->function,
                .number = span->number,
                .cpu = bpf_get_smp_processor_id(),
                .kind = span->kind,
        };
        struct abi_time fresh = {}, *time;

        time = bpf_map_lookup_elem(&times, &key);
        if (!time) {
                if (name)
                        bpf_probe_read_kernel_str(fresh.name, sizeof(fresh.name), name);
                bpf_map_update_elem(&times, &key, &fresh, BPF_NOEXIST);
                time = bpf_map_lookup_elem(&times, &key);
        }
        if (time)
                add_time(time, span->end_ns - span->start_ns);
        else
                c->n_keys_refused++;
}

static __always_inline void span_enter(struct abi_cpu *c, __u32 kind, __u64 function, __s32 number, __u64 now) {
        c->running.start_ns = now;
        c->running.function = function;
        c->running.kind = kind;
        c->running.number = number;
        c->running.name[0] = '\0';
}

static __always_inline void span_exit(struct abi_cpu *c, __u32 kind, const char *name) {
        struct abi_slow *slow;
        __u64 length;

        if (c->running.kind != kind || !c->running.start_ns)
                return;

        c->running.end_ns = bpf_ktime_get_ns();
        length = c->running.end_ns - c->running.start_ns;
        if (length > c->longest.end_ns - c->longest.start_ns) {
                c->longest = c->running;
                if (name)
                        bpf_probe_read_kernel_str(c->longest.name, sizeof(c->longest.name), name);
        }

        count_span(c, &c->running, name);
        if (kind == ABI_SPAN_HARDIRQ && config.hardirq_threshold_ns && length >= config.hardirq_threshold_ns) {
                slow = reserve_slow(c, &c->running, c->steal_ns);
                if (slow) {
                        if (name)
                                bpf_probe_read_kernel_str(slow->span.name, sizeof(slow->span.name), name);
                        read_task(&slow->task);
                        bpf_ringbuf_submit(slow, 0);
                }
        }
        c->running.start_ns = 0;
}

/* Copies what a timer interrupt saw, if it was inside the same span. */
static __always_inline void copy_stack(struct abi_stack *to, const struct abi_stack *from) {
        bpf_probe_read_kernel(to, sizeof(*to), from);
}

/* Comparing a name each time would cost more than all the rest: the last task of either sort is remembered. */
static __always_inline int in_ksoftirqd(struct abi_cpu *c) {
        __u32 pid = (__u32)bpf_get_current_pid_tgid();
        char comm[ABI_COMM_MAX];

        if (pid == c->ksoftirqd_pid)
                return pid != 0;
        if (pid == 0 || pid == c->other_pid)
                return 0;

        bpf_get_current_comm(comm, sizeof(comm));
        if (!is_ksoftirqd(comm)) {
                c->other_pid = pid;
                return 0;
        }
        c->ksoftirqd_pid = pid;
        return 1;
}

/* Whether the long softirq of which there is a stack ran for most of the time. */
static __always_inline int softirq_ran(const struct abi_scratch *s, const struct abi_span *span) {
        __u64 start = s->softirq_start_ns > span->start_ns ? s->softirq_start_ns : span->start_ns;
        __u64 end = s->softirq_end_ns < span->end_ns ? s->softirq_end_ns : span->end_ns;

        return end > start && (end - start) * 2 >= span->end_ns - span->start_ns;
}

/* What ran while it waited is what it waited for: another softirq, or a task that kept softirqs off. One stack serves all
 * softirqs that were pending when it was taken. */
static __always_inline void record_slow_wait(struct abi_cpu *c, const struct abi_span *span,
                                             __u64 steal_before_ns) {
        __u32 cpu = bpf_get_smp_processor_id();
        struct abi_scratch *s = bpf_map_lookup_elem(&scratch, &cpu);
        struct abi_slow *slow = reserve_slow(c, span, steal_before_ns);

        if (!slow)
                return;

        if (s && softirq_ran(s, span)) {
                copy_stack(&slow->stack, &s->softirq_stack);
                bpf_probe_read_kernel(&slow->task, sizeof(slow->task), &s->softirq_task);
        } else if (s && s->wait_taken_ns >= span->start_ns && s->wait_taken_ns <= span->end_ns) {
                copy_stack(&slow->stack, &s->wait_stack);
                bpf_probe_read_kernel(&slow->task, sizeof(slow->task), &s->wait_task);
        } else {
                read_task(&slow->task);
        }
        bpf_ringbuf_submit(slow, 0);
}

/* handle_softirqs() (kernel/softirq.c) takes all that is pending and goes through it by ascending number: a number that is no
 * greater than the one before began another round. What is pending when a round begins runs in it. So a softirq that starts
 * two rounds after its raise or later ran before, where no program saw it, and was raised again. */
static __always_inline void count_round(struct abi_cpu *c, __u32 vector) {
        c->softirq_round += vector <= c->last_vector;
        c->last_vector = vector;
}

static __always_inline int ran_unseen(const struct abi_cpu *c, __u32 vector) {
        return c->softirq_round - c->raised_round[vector] > 1;
}

static __always_inline void end_wait(struct abi_cpu *c, __u32 vector, __u64 now) {
        struct abi_span span = {
                .start_ns = c->raised_ns[vector],
                .end_ns = now,
                .kind = ABI_SPAN_SOFTIRQ_WAIT,
                .number = vector,
        };

        c->raised_ns[vector] = 0;
        if (ran_unseen(c, vector)) {
                c->n_waits_unseen++;
                return;
        }
        /* No timer for so long: the CPU was offline, and what was pending then went elsewhere. */
        if (!span.start_ns || now - c->last_expiry_ns > OFFLINE_AFTER_NS)
                return;

        add_time(&c->softirqs[vector].wait, now - span.start_ns);
        if (config.softirq_wait_threshold_ns && now - span.start_ns >= config.softirq_wait_threshold_ns)
                record_slow_wait(c, &span, c->raised_steal_ns[vector]);
}

static __always_inline void softirq_enter(struct abi_cpu *c, __u32 vector, __u64 now) {
        if (vector >= ABI_SOFTIRQS)
                return;

        count_round(c, vector);
        end_wait(c, vector, now);
        c->softirq.start_ns = now;
        c->softirq.kind = ABI_SPAN_SOFTIRQ;
        c->softirq.number = vector;
        c->softirq.function = 0;
        c->softirq.name[0] = '\0';
        c->softirq_part_ns = 0;
        c->softirq_steal_ns = c->steal_ns;
        c->poll_wanted = 0;
        c->poll_dev = 0;
        c->poll_only_dev = 0;
}

/* The device cannot go away before the softirq ends: taking one down waits for a grace period of RCU. */
static __always_inline void name_device(struct abi_span *span, const struct abi_cpu *c) {
        struct net_device *dev = (struct net_device *)(c->poll_dev ? c->poll_dev : c->poll_only_dev);

        if (span->kind != ABI_SPAN_SOFTIRQ)
                return;
        if ((__u64)dev == ABI_DEV_BACKLOG)
                __builtin_memcpy(span->name, "backlog", sizeof("backlog"));
        else if (dev && (__u64)dev != ABI_DEV_SEVERAL)
                bpf_probe_read_kernel_str(span->name, sizeof(dev->name), &dev->name);
}

static __always_inline void record_slow_softirq(struct abi_cpu *c, const struct abi_scratch *s) {
        struct abi_slow *slow = reserve_slow(c, &c->softirq, c->softirq_steal_ns);

        if (!slow)
                return;

        if (s && s->softirq_start_ns == c->softirq.start_ns)
                copy_stack(&slow->stack, &s->softirq_stack);
        name_device(&slow->span, c);
        read_task(&slow->task);
        bpf_ringbuf_submit(slow, 0);
}

/* Long enough that a stack may have been taken inside. */
static __always_inline void end_long_softirq(struct abi_cpu *c, __u64 length) {
        __u32 cpu = bpf_get_smp_processor_id();
        struct abi_scratch *s = bpf_map_lookup_elem(&scratch, &cpu);

        if (s && s->softirq_start_ns == c->softirq.start_ns)
                s->softirq_end_ns = c->softirq.end_ns;
        if (length >= config.softirq_threshold_ns)
                record_slow_softirq(c, s);
}

static __always_inline void softirq_leave(struct abi_cpu *c, __u32 vector, __u64 now) {
        __u64 length = now - c->softirq.start_ns;
        struct abi_softirq *softirq;

        if (vector >= ABI_SOFTIRQS || !c->softirq.start_ns || c->softirq.number != (__s32)vector)
                return;

        softirq = &c->softirqs[vector];
        add_time(&softirq->run, length);
        if (in_ksoftirqd(c)) {
                softirq->ksoftirqd_count++;
                softirq->ksoftirqd_ns += length;
        }

        c->softirq.end_ns = now;
        if (config.softirq_threshold_ns && length >= config.softirq_threshold_ns / 2)
                end_long_softirq(c, length);
        c->softirq.start_ns = 0;
        c->softirq.kind = ABI_SPAN_NONE;
}

/* The latest raise of those softirqs that have been pending for so long that whoever runs now may be the reason. */
static __always_inline __u64 long_pending(const struct abi_cpu *c, __u64 now) {
        __u64 latest = 0;

        for (int i = 0; i < ABI_SOFTIRQS; i++) {
                __u64 raised = c->raised_ns[i];

                if (raised && now - raised >= config.softirq_wait_threshold_ns / 2 &&
                    raised > latest)
                        latest = raised;
        }
        return latest;
}

/* In a timer interrupt: the stack inside a long softirq, or of the task that keeps one from running, tells what took
 * the time; at the end it would tell nothing. Taken once for each, in the second half of its threshold. */
static __always_inline void watch_softirqs(void *ctx, struct abi_cpu *c, __u64 now) {
        __u32 cpu = bpf_get_smp_processor_id();
        __u64 start = c->softirq.start_ns, raised;
        struct abi_scratch *s;

        if (start && config.softirq_threshold_ns && now - start >= config.softirq_threshold_ns / 2) {
                s = bpf_map_lookup_elem(&scratch, &cpu);
                if (s && s->softirq_start_ns != start) {
                        s->softirq_start_ns = start;
                        s->softirq_end_ns = 0;
                        c->poll_wanted = 1;
                        read_stack(ctx, &s->softirq_stack);
                        read_task(&s->softirq_task);
                }
                return;
        }

        raised = start || !config.softirq_wait_threshold_ns ? 0 : long_pending(c, now);
        if (raised) {
                s = bpf_map_lookup_elem(&scratch, &cpu);
                if (s && s->wait_taken_ns < raised) {
                        s->wait_taken_ns = now;
                        read_stack(ctx, &s->wait_stack);
                        read_task(&s->wait_task);
                }
        }
}

/* One tasklet or timer inside a softirq. */
static __always_inline void part_enter(struct abi_cpu *c, __u64 function) {
        c->softirq_part_function = function;
        c->softirq_part_ns = bpf_ktime_get_ns();
}

static __always_inline void part_leave(struct abi_cpu *c, __u32 kind) {
        struct abi_span span = {
                .start_ns = c->softirq_part_ns,
                .function = c->softirq_part_function,
                .kind = kind,
                .number = -1,
        };

        if (!span.start_ns)
                return;

        span.end_ns = bpf_ktime_get_ns();
        count_span(c, &span, NULL);
        c->softirq_part_ns = 0;
}

/* After each poll. Runs for every few packets, so it reads no clock: the poll to name is the one that the timer interrupt
 * found under way when the softirq had become long. */
static __always_inline void poll_done(struct abi_cpu *c, struct napi_struct *napi) {
        __u64 dev;

        if (!c->softirq.start_ns || c->softirq.number != ABI_SOFTIRQ_NET_RX)
                return;

        dev = (__u64)napi->dev;
        if (!dev)
                dev = ABI_DEV_BACKLOG;
        if (c->poll_wanted) {
                c->poll_wanted = 0;
                c->poll_dev = dev;
        }
        if (!c->poll_only_dev)
                c->poll_only_dev = dev;
        else if (c->poll_only_dev != dev)
                c->poll_only_dev = ABI_DEV_SEVERAL;
}
