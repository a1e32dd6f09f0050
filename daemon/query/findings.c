/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/findings.h"

#include <stdarg.h>
#include <string.h>

#include "daemon/query/finding-rule.h"

/* The rules, in the order in which equally severe findings are shown. */
static const struct {
        const char *code;
        finding_fn fn;
} rules[] = {
        { "irq-off-culprit", finding_culprits },
        { "unexplained-window", finding_unexplained },
        { "steal", finding_steal },
        { "platform-stall", finding_platform },
        { "slow-hardirq", finding_slow_hardirqs },
        { "slow-softirq", finding_slow_softirqs },
        { "softirq-starved", finding_starved_softirqs },
        { "windows-not-recorded", finding_not_counted },
        { "softirq-imbalance", finding_softirq_imbalance },
        { "coverage-low", finding_coverage },
        { "collector-gap", finding_gaps },
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
        if (finding->n_evidence == EVENT_EVIDENCE_MAX)
                return -ENOBUFS;

        finding->evidence[finding->n_evidence++] = (struct evidence){
                .name = name,
                .type = EVIDENCE_INTEGER,
                .integer = (int64_t)MIN(value, (uint64_t)INT64_MAX),
        };
        return 0;
}

int finding_add_cpus(struct finding *finding, const char *name, const struct cpu_set *cpus) {
        size_t n = cpu_set_count(cpus), i = 0;
        int64_t *integers;

        if (finding->n_evidence == EVENT_EVIDENCE_MAX)
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

/* Stable for equal severities, which qsort() alone is not. */
static void sort_by_severity(struct findings *findings) {
        for (size_t i = 1; i < findings->n_items; i++) {
                struct finding finding = findings->items[i];
                size_t j = i;

                for (; j > 0 && findings->items[j - 1].severity < finding.severity; j--)
                        findings->items[j] = findings->items[j - 1];
                findings->items[j] = finding;
        }
}

int findings_evaluate(const struct report *report, struct findings *ret_findings) {
        _cleanup_(findings_done) struct findings findings = {};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                struct finding_context context = {
                        .report = report,
                        .code = rules[i].code,
                        .findings = &findings,
                };

                r = rules[i].fn(&context);
                if (r < 0)
                        return r;
        }

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
                for (size_t j = 0; j < finding->n_evidence; j++) {
                        free(finding->evidence[j].string);
                        free(finding->evidence[j].integers);
                }
        }

        free(findings->items);
        *findings = (struct findings){};
}
