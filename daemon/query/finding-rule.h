/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the rules behind findings.h share: a list that they add to, text, evidence, and the common yardstick
 * of severity. Private to query/.
 */

#include "daemon/query/findings.h"
#include "daemon/query/report.h"

/* What a rule is given. add functions return 0 or -ENOMEM. */
struct finding_context {
        const struct report *report;
        const struct status *status; /* NULL: not known */
        const char *code; /* of the rule that runs */
        struct findings *findings;
};

typedef int (*finding_fn)(struct finding_context *context);

/* Window rules (finding-windows.c). */
int finding_culprits(struct finding_context *context);
int finding_unexplained(struct finding_context *context);
int finding_steal(struct finding_context *context);
int finding_platform(struct finding_context *context);
int finding_idle_exit(struct finding_context *context);
/* Rules about single runs in interrupt context (finding-slow.c). */
int finding_slow_hardirqs(struct finding_context *context);
int finding_slow_softirqs(struct finding_context *context);
int finding_starved_softirqs(struct finding_context *context);
/* Rules about load and about what was not watched (finding-load.c). */
int finding_softirq_imbalance(struct finding_context *context);
int finding_coverage(struct finding_context *context);
int finding_not_counted(struct finding_context *context);
int finding_gaps(struct finding_context *context);
int finding_not_recorded(struct finding_context *context);
int finding_collectors(struct finding_context *context); /* finding-status.c */
/* Rules about packets that come in masses (finding-flood.c). */
int finding_syn_flood(struct finding_context *context);
int finding_udp_flood(struct finding_context *context);
int finding_small_packets(struct finding_context *context);
/* Rules about the receive path (finding-softnet.c). */
int finding_softnet_drops(struct finding_context *context);
int finding_time_squeeze(struct finding_context *context);
int finding_ksoftirqd(struct finding_context *context);
/* Rules about interrupts and where they go (finding-irqs.c, finding-affinity.c). */
int finding_irq_storm(struct finding_context *context);
int finding_irq_imbalance(struct finding_context *context);
int finding_spurious(struct finding_context *context);
int finding_isolated(struct finding_context *context);
int finding_affinity_changes(struct finding_context *context);

/* Adds a finding of the rule's code; *ret_finding is borrowed and valid until the next one is added.
 * subject is copied. */
int finding_add(struct finding_context *context, enum severity severity, const char *subject,
                struct finding **ret_finding);
int finding_set_text(struct finding *finding, const char *format, ...) _printf_(2, 3);
int finding_set_advice(struct finding *finding, const char *format, ...) _printf_(2, 3);
/* name is a literal. */
int finding_add_integer(struct finding *finding, const char *name, uint64_t value);
int finding_add_cpus(struct finding *finding, const char *name, const struct cpu_set *cpus);
int finding_add_text(struct finding *finding, const char *name, const char *value);
/* Rounded; negative is 0. */
int finding_add_rate(struct finding *finding, const char *name, double value);
/* When it was at its worst. Where it happened is added to finding->cpus with cpu_set_add(). */
void finding_set_time(struct finding *finding, uint64_t since_us, uint64_t until_us);

/* Of windows: certain time lost. Critical from 50 ms at once (network queues overflow, watchdogs and
 * consensus heartbeats are missed) or 1 % of the span in sum; warning below. */
enum severity finding_window_severity(const struct report *report, uint64_t worst_min_ns,
                                      uint64_t total_min_ns) _pure_;

/* "CPU 1" or "CPUs 0-3,8"; "an unknown CPU" for the empty set. 0 or -ENOMEM; the caller frees. */
int finding_format_cpus(const struct cpu_set *cpus, char **ret_text);
