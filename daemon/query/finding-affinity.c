/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about where interrupts are sent: to CPUs that should be left alone, or elsewhere than before. */

#include <inttypes.h>
#include <string.h>

#include "daemon/query/finding-rule.h"
#include "daemon/query/gauges.h"

enum {
        ISOLATED_PER_SECOND = 1,           /* below, it is set up or torn down */
        ISOLATED_PER_SECOND_WARNING = 100, /* costs the task there about a permille, and jitter */
        CHANGES_TOLD_MAX = 3,
};

/* A device interrupt has a number for a name; the others cannot be sent elsewhere. */
static bool is_device(const char *irq) {
        return irq[0] >= '0' && irq[0] <= '9';
}

/* What went to isolated CPUs. */
struct intrusion {
        struct cpu_set cpus;
        size_t n_irqs;
        const struct rates_row *worst;
        int worst_cpu;
        struct peak peak;
};

static void intrusion_done(struct intrusion *intrusion) {
        cpu_set_done(&intrusion->cpus);
}

static int intrusion_add(struct intrusion *intrusion, const struct rates_row *row, int cpu,
                         const struct peak *peak) {
        if (peak->per_second > intrusion->peak.per_second) {
                intrusion->worst = row;
                intrusion->worst_cpu = cpu;
                intrusion->peak = *peak;
        }

        return cpu_set_add(&intrusion->cpus, cpu);
}

static int find_intrusion(const struct rates *rates, const struct cpu_set *isolated,
                          struct intrusion *intrusion) {
        int r;

        for (size_t i = 0; i < rates->n_rows; i++) {
                const struct rates_row *row = &rates->rows[i];
                bool counts = false;

                if (!row->cells || !is_device(row->name))
                        continue;
                for (size_t j = 0; j < rates->n_cpus; j++) {
                        if (row->cells[j].peak.per_second < ISOLATED_PER_SECOND ||
                            !cpu_set_contains(isolated, rates->cpus[j]))
                                continue;
                        counts = true;
                        r = intrusion_add(intrusion, row, rates->cpus[j], &row->cells[j].peak);
                        if (r < 0)
                                return r;
                }
                intrusion->n_irqs += counts;
        }

        return 0;
}

static int set_isolated_text(struct finding *finding, const struct rates *rates,
                             const struct intrusion *intrusion) {
        const char *name = rates_row_label(rates, intrusion->worst, "actions");
        char more[64] = "";
        int r;

        if (intrusion->n_irqs > 1)
                (void)snprintf(more, sizeof(more), "; %zu interrupts do such things",
                               intrusion->n_irqs); /* fits */
        r = finding_set_text(
                finding,
                "CPU %d is isolated, but was interrupted up to %.0f times per second by IRQ %s%s%s%s%s",
                intrusion->worst_cpu, intrusion->peak.per_second, intrusion->worst->name, name ? " (" : "",
                name ?: "", name ? ")" : "", more);
        if (r < 0)
                return r;
        return finding_set_advice(finding,
                                  "\"cat /proc/irq/%s/smp_affinity_list\" (free) says where it may go; "
                                  "writing a list without the "
                                  "isolated CPUs moves it at once. Managed interrupts (NVMe) refuse that and "
                                  "follow the CPU that does "
                                  "the I/O: keep the I/O away, or boot with isolcpus=managed_irq. If "
                                  "irqbalance runs, tell it with "
                                  "IRQBALANCE_BANNED_CPULIST.",
                                  intrusion->worst->name);
}

int finding_isolated(struct finding_context *context) {
        const struct rates *rates = context->report->interrupts;
        const struct gauges_row *isolated = NULL;
        _cleanup_(intrusion_done) struct intrusion intrusion = {};
        struct finding *finding;
        int r;

        if (context->report->isolated && context->report->isolated->n_rows > 0)
                isolated = &context->report->isolated->rows[0];
        if (!rates || !isolated)
                return 0;
        r = find_intrusion(rates, &isolated->cpus, &intrusion);
        if (r < 0 || !intrusion.worst)
                return r;

        r = finding_add(context,
                        intrusion.peak.per_second >= ISOLATED_PER_SECOND_WARNING ? SEVERITY_WARNING
                                                                                 : SEVERITY_INFO,
                        intrusion.worst->name, &finding);
        if (r == 0)
                r = set_isolated_text(finding, rates, &intrusion);
        if (r == 0)
                r = finding_add_integer(finding, "cpu", (uint64_t)intrusion.worst_cpu);
        if (r == 0)
                r = finding_add_rate(finding, "perSecond", intrusion.peak.per_second);
        if (r == 0)
                r = finding_add_integer(finding, "irqs", intrusion.n_irqs);
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", &intrusion.cpus);
        if (r == 0)
                r = cpu_set_copy(&finding->cpus, &intrusion.cpus);
        if (r == 0)
                finding_set_time(finding, intrusion.peak.since_us, intrusion.peak.until_us);
        return r;
}

/* A list of CPUs in an event's evidence, as text. */
static int format_list(const struct event *event, const char *name, char **ret_text) {
        const struct evidence *evidence = event_find_evidence(event, name);
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};

        if (!evidence || evidence->type == EVIDENCE_INTEGER) {
                *ret_text = strdup("?");
                return *ret_text ? 0 : -ENOMEM;
        }
        if (evidence->type == EVIDENCE_STRING) {
                *ret_text = strdup(evidence->string);
                return *ret_text ? 0 : -ENOMEM;
        }

        for (size_t i = 0; i < evidence->n_integers; i++)
                if (cpu_set_add(&cpus, (int)evidence->integers[i]) == -ENOMEM)
                        return -ENOMEM;
        return finding_format_cpus(&cpus, ret_text);
}

/* "IRQ 24 virtio0-input.0 from CPUs 0-1 to CPU 1" */
static int write_change(const struct event *event, FILE *f) {
        _cleanup_(freep) char *from = NULL, *to = NULL;
        int r;

        r = format_list(event, "oldCpus", &from);
        if (r < 0)
                return r;
        r = format_list(event, "newCpus", &to);
        if (r < 0)
                return r;

        fprintf(f, "%s from %s to %s", event->culprit ?: "an interrupt", from, to);
        return 0;
}

static int set_changes_text(struct finding *finding, const struct report *report) {
        const struct affinity *affinity = report->affinity;
        size_t n = affinity->n_changes, told = MIN(n, (size_t)CHANGES_TOLD_MAX);
        uint64_t left = affinity->n_changes_total - told;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < told; i++) {
                fputs(i > 0 ? ", " : "", f);
                r = write_change(affinity->changes[n - 1 - i], f); /* newest first */
        }
        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;

        if (left > 0)
                return finding_set_text(finding, "Interrupts were moved, last %s, and %zu more times", text,
                                        left);
        return finding_set_text(finding, "Moved to other CPUs: %s", text);
}

static bool is_balanced(const struct report *report) {
        return report->irqbalance && gauges_single(report->irqbalance) > 0;
}

/* Whoever looks for a change of behaviour wants to know: no fault by itself. */
int finding_affinity_changes(struct finding_context *context) {
        const struct report *report = context->report;
        const struct affinity *affinity = report->affinity;
        const struct event *newest, *oldest;
        struct finding *finding;
        int r;

        if (affinity->n_changes == 0)
                return 0;

        oldest = affinity->changes[0];
        newest = affinity->changes[affinity->n_changes - 1];
        r = finding_add(context, SEVERITY_INFO, newest->culprit ?: "interrupts", &finding);
        if (r == 0)
                r = set_changes_text(finding, report);
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"irqctl events --kind affinity\" (free) lists all of them with their times. %s",
                        is_balanced(report)
                                ? "irqbalance runs and does this by design: IRQBALANCE_BANNED_INTERRUPTS or "
                                  "_BANNED_CPULIST keep it away from some."
                                : "Where irqbalance does not run it was tuned, ethtool, a driver, or a CPU "
                                  "that "
                                  "went offline.");
        if (r == 0)
                r = finding_add_integer(finding, "changes", affinity->n_changes_total);
        if (r == 0)
                r = finding_add_integer(finding, "firstUsec", oldest->time_us);
        if (r == 0)
                r = finding_add_integer(finding, "lastUsec", newest->time_us);
        if (r == 0)
                r = finding_add_integer(finding, "newestId", (uint64_t)newest->id);
        if (r == 0)
                finding_set_time(finding, oldest->time_us, newest->time_us);
        return r;
}
