/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/findings.h"

#include <stdarg.h>
#include <string.h>

#include "daemon/query/finding-rule.h"

/* How far apart in time a cause and its consequence may be at their worst. */
#define EXPLANATION_SLACK_US (30 * USEC_PER_SEC)

/* The rules, in the order in which equally severe findings are shown: what names a cause comes before what only
 * describes an effect. */
static const struct {
        const char *code;
        finding_fn fn;
} rules[] = {
        { "irq-off-culprit", finding_culprits },
        { "syn-flood", finding_syn_flood },
        { "udp-flood", finding_udp_flood },
        { "small-packet-flood", finding_small_packets },
        { "irq-storm", finding_irq_storm },
        { "softnet-drops", finding_softnet_drops },
        { "unexplained-window", finding_unexplained },
        { "steal", finding_steal },
        { "platform-stall", finding_platform },
        { "slow-hardirq", finding_slow_hardirqs },
        { "slow-softirq", finding_slow_softirqs },
        { "softirq-starved", finding_starved_softirqs },
        { "ksoftirqd-saturated", finding_ksoftirqd },
        { "time-squeeze", finding_time_squeeze },
        { "irq-on-isolated-cpu", finding_isolated },
        { "irq-imbalance", finding_irq_imbalance },
        { "softirq-imbalance", finding_softirq_imbalance },
        { "windows-not-recorded", finding_not_counted },
        { "spurious-interrupts", finding_spurious },
        { "collector-degraded", finding_collectors },
        { "coverage-low", finding_coverage },
        { "collector-gap", finding_gaps },
        { "affinity-changed", finding_affinity_changes },
        { "idle-exit", finding_idle_exit },
        { "not-recorded", finding_not_recorded },
};

static const char *const severity_names[] = {
        [SEVERITY_INFO] = "info",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
};
_Static_assert(ELEMENTSOF(severity_names) == _SEVERITY_MAX, "a word for every severity");

const char *severity_to_string(enum severity severity) {
        if ((unsigned)severity >= _SEVERITY_MAX)
                return NULL;

        return severity_names[severity];
}

const char *finding_code(size_t i) {
        return i < ELEMENTSOF(rules) ? rules[i].code : NULL;
}

int finding_add(struct finding_context *context, enum severity severity, const char *subject,
                struct finding **ret_finding) {
        struct findings *findings = context->findings;
        struct finding *items, *finding;

        items = reallocarray(findings->items, findings->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        findings->items = items;
        finding = &items[findings->n_items];
        *finding =
                (struct finding){ .code = context->code, .severity = severity, .subject = strdup(subject) };
        if (!finding->subject)
                return -ENOMEM;

        findings->n_items++;
        *ret_finding = finding;
        return 0;
}

static int _printf_(2, 0) set_text(char **text, const char *format, va_list ap) {
        char *p;

        if (vasprintf(&p, format, ap) < 0)
                return -ENOMEM;

        free(*text);
        *text = p;
        return 0;
}

int finding_set_text(struct finding *finding, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = set_text(&finding->text, format, ap);
        va_end(ap);
        return r;
}

int finding_set_advice(struct finding *finding, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = set_text(&finding->advice, format, ap);
        va_end(ap);
        return r;
}

int finding_add_integer(struct finding *finding, const char *name, uint64_t value) {
        if (finding->n_evidence == FINDING_EVIDENCE_MAX)
                return -ENOBUFS;

        finding->evidence[finding->n_evidence++] = (struct evidence){
                .name = name,
                .type = EVIDENCE_INTEGER,
                .integer = (int64_t)MIN(value, (uint64_t)INT64_MAX),
        };
        return 0;
}

int finding_add_text(struct finding *finding, const char *name, const char *value) {
        char *string;

        if (finding->n_evidence == FINDING_EVIDENCE_MAX)
                return -ENOBUFS;

        string = strdup(value);
        if (!string)
                return -ENOMEM;
        finding->evidence[finding->n_evidence++] = (struct evidence){
                .name = name,
                .type = EVIDENCE_STRING,
                .string = string,
        };
        return 0;
}

int finding_add_rate(struct finding *finding, const char *name, double value) {
        return finding_add_integer(finding, name, value > 0 ? (uint64_t)(value + 0.5) : 0);
}

void finding_set_time(struct finding *finding, uint64_t since_us, uint64_t until_us) {
        finding->since_us = since_us;
        finding->until_us = until_us;
}

int finding_add_cpus(struct finding *finding, const char *name, const struct cpu_set *cpus) {
        size_t n = cpu_set_count(cpus), i = 0;
        int64_t *integers;

        if (finding->n_evidence == FINDING_EVIDENCE_MAX)
                return -ENOBUFS;

        integers = calloc(MAX(n, (size_t)1), sizeof(*integers));
        if (!integers)
                return -ENOMEM;

        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1))
                integers[i++] = cpu;
        finding->evidence[finding->n_evidence++] = (struct evidence){
                .name = name,
                .type = EVIDENCE_INTEGERS,
                .integers = integers,
                .n_integers = n,
        };
        return 0;
}

enum severity finding_window_severity(const struct report *report, uint64_t worst_min_ns,
                                      uint64_t total_min_ns) {
        uint64_t span_ns = (report->until_us - report->since_us) * NSEC_PER_USEC;

        if (worst_min_ns >= 50 * NSEC_PER_MSEC || total_min_ns >= span_ns / 100)
                return SEVERITY_CRITICAL;
        return SEVERITY_WARNING;
}

int finding_format_cpus(const struct cpu_set *cpus, char **ret_text) {
        _cleanup_(freep) char *list = NULL;
        size_t n = cpu_set_count(cpus);
        int r;

        if (n == 0) {
                *ret_text = strdup("an unknown CPU");
                return *ret_text ? 0 : -ENOMEM;
        }

        r = cpu_list_format(cpus, &list);
        if (r < 0)
                return r;
        if (asprintf(ret_text, "%s %s", n == 1 ? "CPU" : "CPUs", list) < 0)
                return -ENOMEM;
        return 0;
}

/* What is explained by another finding stays in the list, for those who look for its code, but cries no more. */
static const struct {
        const char *cause, *consequence;
        bool any_cpu; /* the consequence may show on other CPUs than the cause */
} explanations[] = {
        { "syn-flood", "small-packet-flood", true },
        { "syn-flood", "softirq-imbalance", false },
        { "syn-flood", "ksoftirqd-saturated", false },
        { "syn-flood", "time-squeeze", false },
        { "syn-flood", "softnet-drops", false },
        { "udp-flood", "small-packet-flood", true },
        { "udp-flood", "softirq-imbalance", false },
        { "udp-flood", "ksoftirqd-saturated", false },
        { "udp-flood", "time-squeeze", false },
        { "udp-flood", "softnet-drops", false },
        { "small-packet-flood", "softirq-imbalance", false },
        { "small-packet-flood", "ksoftirqd-saturated", false },
        { "small-packet-flood", "time-squeeze", false },
        { "irq-imbalance", "softirq-imbalance", false },
        { "slow-softirq", "softirq-starved", false },
};

static bool is_about_same_time(const struct finding *a, const struct finding *b) {
        if (a->until_us == 0 || b->until_us == 0)
                return true;
        /* Two series need not be at their worst in the same seconds. */
        return a->since_us < b->until_us + EXPLANATION_SLACK_US && b->since_us < a->until_us + EXPLANATION_SLACK_US;
}

static bool is_about_same_cpus(const struct finding *a, const struct finding *b) {
        if (cpu_set_count(&a->cpus) == 0 || cpu_set_count(&b->cpus) == 0)
                return true;
        for (int cpu = cpu_set_next(&a->cpus, 0); cpu >= 0; cpu = cpu_set_next(&a->cpus, cpu + 1))
                if (cpu_set_contains(&b->cpus, cpu))
                        return true;

        return false;
}

static bool explains(const struct finding *cause, const struct finding *finding) {
        if (cause->severity == SEVERITY_INFO)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(explanations); i++)
                if (strcmp(explanations[i].cause, cause->code) == 0 &&
                    strcmp(explanations[i].consequence, finding->code) == 0)
                        return is_about_same_time(cause, finding) &&
                               (explanations[i].any_cpu || is_about_same_cpus(cause, finding));

        return false;
}

/* Causes are looked at as the rules left them, so that what explains a finding may itself be explained. */
static void explain(struct findings *findings) {
        for (size_t i = 0; i < findings->n_items; i++)
                for (size_t j = 0; j < findings->n_items && !findings->items[i].explained_by; j++)
                        if (explains(&findings->items[j], &findings->items[i]))
                                findings->items[i].explained_by = findings->items[j].code;

        for (size_t i = 0; i < findings->n_items; i++)
                if (findings->items[i].explained_by)
                        findings->items[i].severity = SEVERITY_INFO;
}

static bool comes_before(const struct finding *a, const struct finding *b) {
        if (a->severity != b->severity)
                return a->severity > b->severity;
        return !a->explained_by && b->explained_by;
}

/* Stable for equal severities, which qsort() alone is not. */
static void sort_by_severity(struct findings *findings) {
        for (size_t i = 1; i < findings->n_items; i++) {
                struct finding finding = findings->items[i];
                size_t j = i;

                for (; j > 0 && comes_before(&finding, &findings->items[j - 1]); j--)
                        findings->items[j] = findings->items[j - 1];
                findings->items[j] = finding;
        }
}

int findings_evaluate(const struct report *report, const struct status *status, struct findings *ret_findings) {
        _cleanup_(findings_done) struct findings findings = {};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                struct finding_context context = {
                        .report = report,
                        .status = status,
                        .code = rules[i].code,
                        .findings = &findings,
                };

                r = rules[i].fn(&context);
                if (r < 0)
                        return r;
        }

        explain(&findings);
        sort_by_severity(&findings);
        *ret_findings = findings;
        findings = (struct findings){};
        return 0;
}

void findings_done(struct findings *findings) {
        for (size_t i = 0; i < findings->n_items; i++) {
                struct finding *finding = &findings->items[i];

                free(finding->subject);
                free(finding->text);
                free(finding->advice);
                cpu_set_done(&finding->cpus);
                for (size_t j = 0; j < finding->n_evidence; j++) {
                        free(finding->evidence[j].string);
                        free(finding->evidence[j].integers);
                }
        }

        free(findings->items);
        *findings = (struct findings){};
}
