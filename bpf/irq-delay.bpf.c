/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds windows in which interrupts were held off. Measured where it shows: a timer interrupt that was due
 * at "expires" runs at "now", so interrupts were off for at least now - expires, and at most since
 * the last moment at which they were provably on. Only timers that the kernel itself arms forward
 * again and again are trusted: user space can arm a timer whose expiry is long past. Beside it, the exact lengths
 * of what runs in interrupt context: spans.h.
 */

#include "spans.h"
#include "user.h"

char LICENSE[] SEC("license") = "GPL"; /* bpf_get_stack() and bpf_probe_read_kernel() are GPL-only */

/* Set before loading. Addresses from /proc/kallsyms; 0: no such function. */
const volatile __u64 tick_function = 0;
const volatile __u64 heartbeat_function = 0;
const volatile __u64 timer_entry_start = 0; /* of the timer interrupt's assembler entry */
const volatile __u64 timer_entry_end = 0;

/* Moments closer together than this share one slot of the evidence; it widens the upper bound by at
 * most as much. */
#define EVIDENCE_SPACING_NS 20000

/* Interrupts were on at this moment. */
static __always_inline void note_evidence(struct abi_cpu *c, __u64 now) {
        __u32 last = (c->evidence_next - 1) % ABI_EVIDENCE;

        if (now - c->evidence_ns[last] < EVIDENCE_SPACING_NS)
                return;

        c->evidence_ns[c->evidence_next % ABI_EVIDENCE] = now;
        c->evidence_next++;
}

/* The last moment at or before the expiry at which interrupts were on. Evidence after it belongs to the window's
 * end: a device's interrupt that was pending too may be served before the timer's. */
static __always_inline __u64 evidence_before(const struct abi_cpu *c, __u64 expires) {
        __u64 best = c->last_expiry_ns;

        for (int i = 0; i < ABI_EVIDENCE; i++) {
                __u64 at = c->evidence_ns[i];

                if (at <= expires && at > best)
                        best = at;
        }

        return best;
}

/* The last moment well inside of what the timer says was certain, at which interrupts were on all the same: then the timer
 * itself was late. Well inside: those that were held off come in one after the other. */
#define EVIDENCE_CLEARANCE_NS 300000

static __always_inline __u64 evidence_inside(const struct abi_cpu *c, __u64 expires, __u64 now) {
        __u64 best = 0;

        for (int i = 0; i < ABI_EVIDENCE; i++) {
                __u64 at = c->evidence_ns[i];

                if (at > expires && at + EVIDENCE_CLEARANCE_NS < now && at > best)
                        best = at;
        }

        return best;
}

static __always_inline __u64 read_steal(void) {
        struct task_struct *task;
        struct rq *rq;

        if (!bpf_core_field_exists(struct rq, prev_steal_time) || !bpf_core_field_exists(struct cfs_rq, rq))
                return 0;

        /* 5.11: a typed pointer, which the program may follow itself; a helper call for each step costs more than the
         * rest of the program. */
        if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
                task = bpf_get_current_task_btf();
                return task->se.cfs_rq->rq->prev_steal_time;
        }

        task = (struct task_struct *)bpf_get_current_task();
        rq = BPF_CORE_READ(task, se.cfs_rq, rq);
        return rq ? BPF_CORE_READ(rq, prev_steal_time) : 0;
}

static __always_inline void count_expiry(struct abi_cpu *c, __u64 now, __u64 lateness) {
        __u64 watched = lateness + config.period_ns;
        __u64 since = now - c->last_expiry_ns;
        __u32 bucket = log2_bucket(lateness);

        /* This timer would have found a window only from one period before its expiry. */
        if (since < watched)
                watched = since;
        c->observed_ns += watched;
        c->n_expiries++;
        if (lateness > c->lateness_max_ns)
                c->lateness_max_ns = lateness;
        if (bucket < ABI_BUCKETS)
                c->histogram[bucket]++;
}

/* User space cannot ask for HZ; two ticks in a row tell. */
static __always_inline void note_tick(struct abi_cpu *c, __u64 expires) {
        __u64 distance = expires - c->last_tick_ns;

        if (distance && (!c->tick_period_ns || distance < c->tick_period_ns))
                c->tick_period_ns = distance;
        c->last_tick_ns = expires;
}

/* Interrupts that were off come in right behind the instruction that enables them. So what stands before the interrupted
 * instruction tells whether interrupts were off, or on while the CPU itself stood still. */
static __always_inline void read_code(struct abi_window *w) {
        w->code_bytes = 0;

        for (int i = 0; i < ABI_ENTRY_FRAMES_MAX; i++) {
                __u64 address = w->stack.frames[i];

                if (address < timer_entry_start || address >= timer_entry_end)
                        continue;

                address = w->stack.frames[i + 1];
                if (w->stack.bytes >= (i + 2) * (int)sizeof(w->stack.frames[0]) &&
                    bpf_probe_read_kernel(w->code, sizeof(w->code), (void *)(address - sizeof(w->code))) == 0)
                        w->code_bytes = sizeof(w->code);
                return;
        }
}

static __always_inline void record_window(void *ctx, struct abi_cpu *c, __u64 now, __u64 min_ns, __u64 max_ns,
                                          __u32 flags) {
        struct abi_window *w;
        __u64 sequence;

        c->n_windows++;
        if (over_rate(c, now, max_ns, &c->second_window_ns))
                return;

        sequence = next_sequence(c);

        /* Records are read in the order in which they were reserved: this one belongs to the window behind it. */
        if (has_user_stack())
                record_user(ctx, c, sequence);

        w = bpf_ringbuf_reserve(&records, sizeof(*w), 0);
        if (!w) {
                count(&c->n_lost);
                return;
        }

        w->type = ABI_RECORD_WINDOW;
        w->cpu = bpf_get_smp_processor_id();
        w->sequence = sequence;
        w->end_ns = now;
        w->min_ns = min_ns;
        w->max_ns = max_ns;
        w->threshold_ns = config.threshold_ns;
        w->steal_before_ns = c->steal_ns;
        w->on_ns = evidence_inside(c, now - min_ns, now);
        w->flags = flags;
        w->span = c->longest;
        w->softirq = c->softirq;
        name_device(&w->softirq, c);
        read_task(&w->task);
        read_stack(ctx, &w->stack);
        read_code(w);
        bpf_ringbuf_submit(w, 0);
}

/* Steal time is accounted by the tick's handler, which runs after this program: what was recorded before a tick is known
 * at the one after that. */
static __always_inline void settle(struct abi_cpu *c, __u64 steal_ns) {
        __u64 sequence = c->settles_next;
        struct abi_settle *s;

        c->settles_next = c->recorded;
        c->recorded = 0;
        if (!sequence)
                return;

        s = bpf_ringbuf_reserve(&records, sizeof(*s), 0);
        if (!s) {
                c->n_unsettled++;
        } else {
                s->type = ABI_RECORD_SETTLE;
                s->cpu = bpf_get_smp_processor_id();
                s->sequence = sequence;
                s->steal_ns = steal_ns;
                bpf_ringbuf_submit(s, 0);
        }
}

/* A window that a tick found: that same tick accounts what was stolen. */
static __always_inline void settle_at_next_tick(struct abi_cpu *c) {
        if (c->recorded)
                c->settles_next = c->recorded;
        c->recorded = 0;
}

/* Between the least and the most that interrupts can have been off. */
static __always_inline __u64 upper_bound(const struct abi_cpu *c, __u64 now, __u64 expires, __u64 lateness,
                                         int is_tick) {
        __u64 bound = now - evidence_before(c, expires);

        /* The first expiry on this CPU: nothing is known of the time before. */
        if (!c->last_expiry_ns)
                return lateness;
        /* A heartbeat was armed one period before its expiry, when interrupts were on. */
        if (!is_tick && bound > lateness + config.period_ns)
                bound = lateness + config.period_ns;

        return bound > lateness ? bound : lateness;
}

/* A window of the threshold's length that began right after the last expiry is late by the threshold less one period. With
 * a period of more than half the threshold (passive mode) half of it must be certain: else every tick that was
 * stopped for long would look like a window. */
static __always_inline __u64 least_lateness(void) {
        __u64 least = config.threshold_ns / 2;

        return config.period_ns < least ? config.threshold_ns - config.period_ns : least;
}

static __always_inline void trusted_expiry(void *ctx, struct abi_cpu *c, __u64 now, __u64 expires, int is_tick) {
        __u64 lateness = now > expires ? now - expires : 0;
        __u64 steal_ns = read_steal();

        count_expiry(c, now, lateness);
        if (is_tick) {
                note_tick(c, expires);
                settle(c, steal_ns);
        } else {
                c->n_heartbeats++;
        }

        /* Other timers that were late over the same moment are the same window. */
        if (lateness >= least_lateness() && expires > c->window_end_ns) {
                __u64 bound = upper_bound(c, now, expires, lateness, is_tick);

                if (bound >= config.threshold_ns) {
                        record_window(ctx, c, now, lateness, bound, is_tick ? 0 : ABI_WINDOW_HEARTBEAT);
                        c->window_end_ns = now;
                        if (is_tick)
                                settle_at_next_tick(c);
                }
        }

        watch_softirqs(ctx, c, now);
        c->steal_ns = steal_ns;
        c->last_expiry_ns = now;
        c->longest.start_ns = 0;
        c->longest.end_ns = 0;
        c->longest.kind = ABI_SPAN_NONE;
}

/* *now_ptr is when the timer interrupt looked at the clock, before it ran other timers that were due: with a slow one among
 * them, this one is later than that. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(irqd_hrtimer_entry, struct hrtimer *timer, __s64 *now_ptr) {
        __u64 function = (__u64)timer->function;
        struct abi_cpu *c = this_cpu();
        __u64 now = bpf_ktime_get_ns();

        if (!c)
                return 0;

        if (!function || (function != tick_function && function != heartbeat_function)) {
                if (!timer->is_soft)
                        span_enter(c, ABI_SPAN_TIMER, function, -1, now);
                return 0;
        }

        trusted_expiry(ctx, c, now, timer->node.expires, function == tick_function);
        return 0;
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(irqd_hrtimer_exit, struct hrtimer *timer) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_TIMER, NULL);
        return 0;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(irqd_hardirq_entry, int irq, struct irqaction *action) {
        struct abi_cpu *c = this_cpu();
        __u64 now = bpf_ktime_get_ns();

        if (!c)
                return 0;

        note_evidence(c, now);
        span_enter(c, ABI_SPAN_HARDIRQ, (__u64)action->handler, irq, now);
        return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(irqd_hardirq_exit, int irq, struct irqaction *action) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_HARDIRQ, action->name);
        return 0;
}

/* x86: the timer interrupt itself came in, so interrupts were on until here. Where that was long before the timer ran, its
 * handler was held up, not the interrupt. Elsewhere it is a device's, and comes by irq_handler_entry. */
SEC("tp_btf/local_timer_entry")
int BPF_PROG(irqd_local_timer_entry, int vector) {
        struct abi_cpu *c = this_cpu();

        if (c)
                note_evidence(c, bpf_ktime_get_ns());
        return 0;
}

/* Raw, because the verifier gives typed programs no access to arguments that are function pointers. */
SEC("raw_tp/csd_function_entry")
int irqd_csd_entry(struct bpf_raw_tracepoint_args *ctx) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_enter(c, ABI_SPAN_IPI, ctx->args[0], -1, bpf_ktime_get_ns());
        return 0;
}

SEC("tp_btf/csd_function_exit")
int BPF_PROG(irqd_csd_exit, void *function) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_IPI, NULL);
        return 0;
}

/* x86's own tracepoints of function-call interrupts, for kernels before csd_function_entry (6.4). */
SEC("tp_btf/call_function_single_entry")
int BPF_PROG(irqd_call_single_entry, int vector) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_enter(c, ABI_SPAN_IPI, 0, -1, bpf_ktime_get_ns());
        return 0;
}

SEC("tp_btf/call_function_single_exit")
int BPF_PROG(irqd_call_single_exit, int vector) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_IPI, NULL);
        return 0;
}

SEC("tp_btf/call_function_entry")
int BPF_PROG(irqd_call_entry, int vector) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_enter(c, ABI_SPAN_IPI, 0, -1, bpf_ktime_get_ns());
        return 0;
}

SEC("tp_btf/call_function_exit")
int BPF_PROG(irqd_call_exit, int vector) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_IPI, NULL);
        return 0;
}

/* arm64's tracepoints of interrupts from other CPUs, for kernels before csd_function_entry. The reason is one of ipi_types[] in
 * arch/arm64/kernel/smp.c; of these, "Function call interrupts" run what another CPU asked for. */
static __always_inline int is_call(const char *reason) {
        char start[4] = {};

        bpf_probe_read_kernel(start, sizeof(start), reason);
        return start[0] == 'F' && start[1] == 'u' && start[2] == 'n' && start[3] == 'c';
}

SEC("raw_tp/ipi_entry")
int irqd_ipi_entry(struct bpf_raw_tracepoint_args *ctx) {
        struct abi_cpu *c = this_cpu();

        if (c && is_call((const char *)ctx->args[0]))
                span_enter(c, ABI_SPAN_IPI, 0, -1, bpf_ktime_get_ns());
        return 0;
}

SEC("raw_tp/ipi_exit")
int irqd_ipi_exit(struct bpf_raw_tracepoint_args *ctx) {
        struct abi_cpu *c = this_cpu();

        if (c)
                span_exit(c, ABI_SPAN_IPI, NULL);
        return 0;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(irqd_softirq_raise, unsigned int vector) {
        struct abi_cpu *c = this_cpu();

        /* A later raise does not overwrite the first. */
        if (c && vector < ABI_SOFTIRQS && !c->raised_ns[vector]) {
                c->raised_ns[vector] = bpf_ktime_get_ns();
                c->raised_steal_ns[vector] = c->steal_ns;
                c->raised_round[vector] = c->softirq_round;
        }
        return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(irqd_softirq_entry, unsigned int vector) {
        struct abi_cpu *c = this_cpu();
        __u64 now = bpf_ktime_get_ns();

        if (!c)
                return 0;

        note_evidence(c, now);
        softirq_enter(c, vector, now);
        return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(irqd_softirq_exit, unsigned int vector) {
        struct abi_cpu *c = this_cpu();
        __u64 now = bpf_ktime_get_ns();

        if (!c)
                return 0;

        note_evidence(c, now);
        softirq_leave(c, vector, now);
        return 0;
}

SEC("tp_btf/tasklet_entry")
int BPF_PROG(irqd_tasklet_entry, void *tasklet, void *function) {
        struct abi_cpu *c = this_cpu();

        if (c)
                part_enter(c, (__u64)function);
        return 0;
}

SEC("tp_btf/tasklet_exit")
int BPF_PROG(irqd_tasklet_exit, void *tasklet, void *function) {
        struct abi_cpu *c = this_cpu();

        if (c)
                part_leave(c, ABI_SPAN_TASKLET);
        return 0;
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(irqd_timer_entry, struct timer_list *timer) {
        struct abi_cpu *c = this_cpu();

        if (c)
                part_enter(c, (__u64)timer->function);
        return 0;
}

SEC("tp_btf/timer_expire_exit")
int BPF_PROG(irqd_timer_exit, struct timer_list *timer) {
        struct abi_cpu *c = this_cpu();

        if (c)
                part_leave(c, ABI_SPAN_WHEEL_TIMER);
        return 0;
}

SEC("tp_btf/napi_poll")
int BPF_PROG(irqd_napi_poll, struct napi_struct *napi) {
        struct abi_cpu *c = this_cpu();

        if (c)
                poll_done(c, napi);
        return 0;
}
