/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The BPF object bpf/irq-delay.bpf.c as the collector sees it: which programs this kernel can run, loading,
 * attaching, and the state that it shares. The only place that knows the skeleton.
 */

#include <bpf/btf.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "common/cleanup.h"

struct irq_delay_bpf;
struct kallsyms;
struct ring_buffer;

/* Which optional kernel features the BPF object can use. */
struct irq_features {
        bool csd_function;  /* csd_function_entry/exit: function calls from other CPUs, by function (6.4) */
        bool call_function; /* x86's irq_vectors of the same, without the function */
        bool ipi;           /* arm64's ipi_entry/exit: interrupts from other CPUs, of which calls are one sort */
        bool local_timer;   /* x86's irq_vectors: the timer interrupt came in */
        bool tasklet;       /* tasklet_entry/exit (6.5) */
        bool timer;         /* timer_expire_entry/exit */
        bool napi_poll;
        bool steal;         /* struct rq's prev_steal_time */
};

/* Looks for the tracepoints in the kernel's type information. 0; -EOPNOTSUPP with *ret_reason (a literal) when a
 * needed one is missing. Source: every tracepoint has a typedef btf_trace_NAME (include/trace/bpf_probe.h). */
int irq_features_find(const struct btf *btf, struct irq_features *ret_features, const char **ret_reason);
/* The same for the running kernel; also -EOPNOTSUPP when it offers no type information. */
int irq_features_find_kernel(struct irq_features *ret_features, const char **ret_reason);

struct irq_programs {
        struct irq_delay_bpf *skel;
        struct ring_buffer *ring;
        const volatile struct abi_cpu *cpus; /* mapped, n_cpus of them */
        volatile struct abi_config *config;  /* takes effect at once */
        size_t cpus_size;
        unsigned n_cpus;
        bool has_heartbeat_function;
        bool has_steal; /* records tell steal time */

        int (*on_record)(void *userdata, void *data, size_t size);
        void *userdata;
        unsigned n_records_left; /* of this irq_programs_consume() */
};

/* Loads the programs for CPU ids below n_cpus, not yet attached. on_record gets each record of the ring buffer. 0 or
 * -errno; end with irq_programs_done() either way. *programs stays where it is from then on. */
int irq_programs_load(struct irq_programs *programs, unsigned n_cpus, const struct kallsyms *kallsyms,
                      int (*on_record)(void *userdata, void *data, size_t size), void *userdata);
int irq_programs_attach(struct irq_programs *programs);
void irq_programs_done(struct irq_programs *programs);

/* Readable when records wait; irq_programs_consume() delivers some of them: then it stays readable. A machine that makes records
 * faster than they can be named, such as an emulated one, must not keep the caller for ever. */
int irq_programs_fd(const struct irq_programs *programs);
int irq_programs_consume(struct irq_programs *programs);
/* The map of struct abi_time by struct abi_time_key. */
int irq_programs_times_fd(const struct irq_programs *programs);
/* Sums over all programs. Time and runs are zero unless kernel.bpf_stats_enabled is on; missed counts runs that the kernel
 * left out because the same program was interrupted on that CPU. */
void irq_programs_get_cost(const struct irq_programs *programs, uint64_t *ret_ns, uint64_t *ret_runs,
                           uint64_t *ret_missed);
