/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/finding-rule.h"

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"

/* Softirqs whose place is a matter of configuration. TIMER, SCHED and RCU run where the work is: uneven on
 * every machine with one busy CPU, and no fault. */
static const char *const steerable_softirqs[] = { "NET_RX", "NET_TX", "BLOCK", "TASKLET" };

enum {
        IMBALANCE_PER_SECOND = 1000,          /* below, no CPU is near its limit */
        IMBALANCE_PER_SECOND_WARNING = 20000, /* one CPU may well be the bottleneck */
        IMBALANCE_CPUS = 4,                   /* from here on judged by IMBALANCE_RATIO, else by the share */
        IMBALANCE_RATIO = 4,                  /* busiest CPU against an even spread */
        IMBALANCE_SHARE_PERCENT = 90,
        IMBALANCE_MANY_PERCENT = 50, /* of all, beside IMBALANCE_RATIO: there may be fewer queues than CPUs */
        IMBALANCE_BUSY_PERCENT = 50, /* of the CPU, in interrupts: others could take over */
        IMBALANCE_FULL_PERCENT = 80, /* there is no room: the fuller, the more packets one softirq takes, and the fewer
                                        softirqs there are */
        COVERAGE_PERCENT = 80,
        COVERAGE_WARNING_PERCENT = 50,
        GAP_PERCENT = 1, /* of the span: fewer seconds hide little */
        GAP_WARNING_PERCENT = 10,
        NOT_RECORDED_PERCENT = 10,
};

static bool is_steerable(const char *type) {
        for (size_t i = 0; i < ELEMENTSOF(steerable_softirqs); i++)
                if (strcmp(type, steerable_softirqs[i]) == 0)
                        return true;

        return false;
}

static size_t count_online(const struct rates *rates) {
        size_t n = 0;

        for (size_t i = 0; i < rates->n_cpus; i++)
                n += rates->online[i];

        return n;
}

static size_t busiest_cpu(const struct rates *rates, const struct rates_row *row) {
        size_t busiest = 0;

        for (size_t i = 1; i < rates->n_cpus; i++)
                if (row->per_cpu[i] > row->per_cpu[busiest])
                        busiest = i;

        return busiest;
}

/* How unevenly a softirq was spread, over the span or in its worst stretch. */
struct imbalance {
        size_t cpu; /* the busiest, by position */
        double per_second, cpu_per_second;
        struct peak time; /* all-zero: the span */
};

static bool is_imbalanced(const struct imbalance *imbalance, size_t n_online) {
        double share = imbalance->per_second > 0 ? imbalance->cpu_per_second / imbalance->per_second : 0;

        if (n_online < 2 || imbalance->per_second <= IMBALANCE_PER_SECOND)
                return false;
        if (n_online >= IMBALANCE_CPUS)
                return share * (double)n_online >= IMBALANCE_RATIO && share * 100 >= IMBALANCE_MANY_PERCENT;
        return share * 100 >= IMBALANCE_SHARE_PERCENT;
}

/* In the worst stretch of the row, or else over the span. False: in neither. */
static bool find_imbalance(const struct rates *rates, const struct rates_row *row, struct imbalance *ret_imbalance) {
        struct imbalance *imbalance = ret_imbalance;
        size_t n_online = count_online(rates), busiest = busiest_cpu(rates, row);

        for (size_t i = 0; row->cells && i < rates->n_cpus; i++) {
                const struct peak *peak = &row->cells[i].peak;

                /* Rates can be compared where they are of the same stretch. */
                if (peak->since_us != row->peak.since_us || peak->until_us != row->peak.until_us)
                        continue;
                *imbalance = (struct imbalance){
                        .cpu = i,
                        .per_second = row->peak.per_second,
                        .cpu_per_second = peak->per_second,
                        .time = *peak,
                };
                if (is_imbalanced(imbalance, n_online))
                        return true;
        }

        *imbalance = (struct imbalance){ .cpu = busiest, .per_second = row->per_second };
        if (row->total > 0)
                imbalance->cpu_per_second = row->per_second * (double)row->per_cpu[busiest] / (double)row->total;
        return is_imbalanced(imbalance, n_online);
}

/* In hard and soft interrupts at their worst; negative: not known. */
static double interrupt_percent(const struct report *report, int cpu) {
        if (!report->load->metrics[LOAD_CPU_TIME])
                return -1;

        return (load_peak(report->load, LOAD_CPU_TIME, "softirq", cpu).per_second +
                load_peak(report->load, LOAD_CPU_TIME, "irq", cpu).per_second) *
               100 / (double)NSEC_PER_SEC;
}

/* One flow keeps to one CPU, and that is how it should be: it matters where that CPU has little time left. Without
 * CPU times, the rate has to tell. */
static bool imbalance_matters(const struct imbalance *imbalance, double percent) {
        if (imbalance->cpu_per_second < IMBALANCE_PER_SECOND_WARNING)
                return percent >= IMBALANCE_FULL_PERCENT;

        return percent < 0 || percent >= IMBALANCE_BUSY_PERCENT;
}

static int set_imbalance_advice(struct finding *finding, const char *type, int cpu) {
        if (strncmp(type, "NET_", 4) != 0)
                return finding_set_advice(
                        finding,
                        "\"irqctl rates interrupts --cpu %d\" (free) names the device whose "
                        "interrupts lead there. Its /proc/irq/NUMBER/smp_affinity_list moves them; "
                        "managed interrupts of NVMe and the like refuse that.",
                        cpu);

        return finding_set_advice(finding,
                                  "\"irqctl rates interrupts --cpu %d\" names the device and \"ethtool -l "
                                  "DEV\" says whether it has "
                                  "more queues (both free). More queues (\"ethtool -L\", resets the link for "
                                  "a moment on some drivers) "
                                  "or another /proc/irq/NUMBER/smp_affinity_list spread the work in "
                                  "hardware; with one queue, RPS "
                                  "(/sys/class/net/DEV/queues/rx-0/rps_cpus) does it in software for one IPI "
                                  "per batch of packets. One "
                                  "single flow stays on one CPU whatever is set.",
                                  cpu);
}

static int add_imbalance(struct finding_context *context, const struct rates *rates, const struct rates_row *row,
                         const struct imbalance *imbalance) {
        double share = 100.0 * imbalance->cpu_per_second / imbalance->per_second;
        size_t n_online = count_online(rates);
        int r, cpu = rates->cpus[imbalance->cpu];
        double percent = interrupt_percent(context->report, cpu);
        char busy[64] = "";
        struct finding *finding;

        if (percent >= 0)
                (void)snprintf(busy, sizeof(busy), "; in interrupts for up to %.0f %% of its time", percent); /* fits */
        r = finding_add(context, imbalance_matters(imbalance, percent) ? SEVERITY_WARNING : SEVERITY_INFO,
                        row->name, &finding);
        if (r < 0)
                return r;
        r = finding_set_text(finding,
                             "CPU %d did %.0f %% of all %s softirqs (%.0f of %.0f per second), with %zu "
                             "CPUs online%s",
                             cpu, share, row->name, imbalance->cpu_per_second, imbalance->per_second, n_online,
                             busy);
        if (r == 0)
                r = set_imbalance_advice(finding, row->name, cpu);
        if (r == 0)
                r = finding_add_integer(finding, "cpu", (uint64_t)cpu);
        if (r == 0)
                r = finding_add_rate(finding, "cpuPerSecond", imbalance->cpu_per_second);
        if (r == 0)
                r = finding_add_rate(finding, "perSecond", imbalance->per_second);
        if (r == 0)
                r = finding_add_integer(finding, "cpuTotal", row->per_cpu[imbalance->cpu]);
        if (r == 0)
                r = finding_add_integer(finding, "total", row->total);
        if (r == 0)
                r = finding_add_integer(finding, "onlineCpus", n_online);
        if (r == 0)
                r = finding_add_rate(finding, "sharePercent", share);
        if (r == 0 && percent >= 0)
                r = finding_add_rate(finding, "interruptPercent", percent);
        if (r == 0)
                r = cpu_set_add(&finding->cpus, cpu);
        if (r == 0)
                finding_set_time(finding, imbalance->time.since_us, imbalance->time.until_us);
        return r;
}

int finding_softirq_imbalance(struct finding_context *context) {
        const struct rates *rates = context->report->softirqs;
        int r;

        /* A selection of CPUs says nothing about how the rest shares the work. */
        if (!rates || context->report->filtered)
                return 0;

        for (size_t i = 0; i < rates->n_rows; i++) {
                struct imbalance imbalance;

                if (!is_steerable(rates->rows[i].name) || !find_imbalance(rates, &rates->rows[i], &imbalance))
                        continue;
                r = add_imbalance(context, rates, &rates->rows[i], &imbalance);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int find_uncovered(const struct latency *latency, struct cpu_set *cpus, double *ret_lowest) {
        double lowest = 1;
        int r;

        for (size_t i = 0; i < latency->n_cpus; i++) {
                const struct latency_cpu *cpu = &latency->cpus[i];

                if (cpu->coverage * 100 >= COVERAGE_PERCENT)
                        continue;
                lowest = MIN(lowest, cpu->coverage);
                r = cpu_set_add(cpus, cpu->cpu);
                if (r < 0)
                        return r;
        }

        *ret_lowest = lowest;
        return 0;
}

int finding_coverage(struct finding_context *context) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        _cleanup_(freep) char *text = NULL;
        struct finding *finding;
        double lowest;
        int r;

        if (!context->report->latency)
                return 0;
        r = find_uncovered(context->report->latency, &cpus, &lowest);
        if (r < 0 || cpu_set_count(&cpus) == 0)
                return r;
        r = finding_format_cpus(&cpus, &text);
        if (r < 0)
                return r;

        r = finding_add(context, lowest * 100 < COVERAGE_WARNING_PERCENT ? SEVERITY_WARNING : SEVERITY_INFO,
                        text, &finding);
        if (r == 0)
                r = finding_set_text(finding,
                                     "%s: as little as %.0f %% of the time was observed; a window in the "
                                     "rest would not have been seen",
                                     text, lowest * 100);
        if (r == 0)
                r = finding_set_advice(finding,
                                       "\"irqctl status\" says whether the collector does less than "
                                       "configured and why. In passive "
                                       "mode an idle CPU has no tick to watch by; \"irqctl set "
                                       "irq-delay.mode=active\" watches "
                                       "always, for one extra timer interrupt per heartbeat and CPU.");
        if (r == 0)
                r = finding_add_integer(finding, "lowestPermille", (uint64_t)(lowest * 1000));
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", &cpus);
        return r;
}

/* Windows that were found but have no record: what the report says of windows is then too little. The limit is there for
 * floods of them, which the report tells of; a full buffer should not happen. */
int finding_not_counted(struct finding_context *context) {
        const struct latency *latency = context->report->latency;
        uint64_t lost = latency ? latency->n_lost : 0, suppressed = latency ? latency->n_suppressed : 0;
        struct finding *finding;
        int r;

        if (lost + suppressed == 0)
                return 0;

        r = finding_add(context, lost > 0 ? SEVERITY_WARNING : SEVERITY_INFO, "irq-delay", &finding);
        if (r == 0)
                r = finding_set_text(
                        finding,
                        "%" PRIu64 " more %s found but not recorded (%" PRIu64
                        " above the limit of events per second, %" PRIu64
                        " because the kernel's buffer was full): all counts and totals of events are "
                        "too low by these",
                        lost + suppressed, lost + suppressed == 1 ? "window or slow run was" : "windows or slow runs were", suppressed,
                        lost);
        if (r == 0)
                r = finding_set_advice(
                        finding, "The histograms have counted them all. Higher thresholds keep the records for the "
                                 "long ones: \"irqctl set irq-delay.threshold=...\" for windows, "
                                 "irq-delay.hardirq-threshold, softirq-threshold and softirq-wait-threshold for "
                                 "runs (free, until the next restart).");
        if (r == 0)
                r = finding_add_integer(finding, "lost", lost);
        if (r == 0)
                r = finding_add_integer(finding, "suppressed", suppressed);
        return r;
}

static double percent_of_span(const struct report *report, uint64_t us) {
        return 100.0 * (double)us / (double)(report->until_us - report->since_us);
}

/* The gaps of one collector, whose first is gaps[first]. */
static int add_gaps(struct finding_context *context, size_t first) {
        const struct report *report = context->report;
        const char *collector = report->gaps[first].collector;
        uint64_t total_us = 0, n = 0;
        char text[DURATION_TEXT_MAX];
        struct finding *finding;
        double percent;
        int r;

        for (size_t i = first; i < report->n_gaps; i++) {
                if (report->gaps[i].before_start || strcmp(report->gaps[i].collector, collector) != 0)
                        continue;
                total_us += report->gaps[i].until_us - report->gaps[i].since_us;
                n++;
        }

        percent = percent_of_span(report, total_us);
        if (percent < GAP_PERCENT)
                return 0;

        r = finding_add(context, percent < GAP_WARNING_PERCENT ? SEVERITY_INFO : SEVERITY_WARNING, collector,
                        &finding);
        if (r == 0)
                r = finding_set_text(finding,
                                     "The collector %s recorded nothing for %s of the span, in %" PRIu64
                                     " %s: %s",
                                     collector, format_duration(total_us * NSEC_PER_USEC, text), n,
                                     n == 1 ? "gap" : "gaps", report->gaps[first].reason);
        if (r == 0)
                r = finding_set_advice(finding,
                                       "\"irqctl status\" shows the collector's state and how many passes "
                                       "failed; \"journalctl -u irqwatchd\" has what it said at the time.");
        if (r == 0)
                r = finding_add_integer(finding, "gaps", n);
        if (r == 0)
                r = finding_add_integer(finding, "totalNsec", total_us * NSEC_PER_USEC);
        return r;
}

/* The first gap, not counting the time before the start, of its collector. */
static bool is_first_gap(const struct report *report, size_t index) {
        if (report->gaps[index].before_start)
                return false;
        for (size_t i = 0; i < index; i++)
                if (!report->gaps[i].before_start &&
                    strcmp(report->gaps[i].collector, report->gaps[index].collector) == 0)
                        return false;

        return true;
}

int finding_gaps(struct finding_context *context) {
        int r;

        for (size_t i = 0; !context->report->captured && i < context->report->n_gaps; i++) {
                if (!is_first_gap(context->report, i))
                        continue;
                r = add_gaps(context, i);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* One finding for all collectors: they start together. */
int finding_not_recorded(struct finding_context *context) {
        const struct report *report = context->report;
        uint64_t longest_us = 0;
        char text[DURATION_TEXT_MAX];
        struct finding *finding;
        int r;

        for (size_t i = 0; i < report->n_gaps; i++)
                if (report->gaps[i].before_start)
                        longest_us = MAX(longest_us, report->gaps[i].until_us - report->gaps[i].since_us);
        if (percent_of_span(report, longest_us) < NOT_RECORDED_PERCENT)
                return 0;

        r = finding_add(context, SEVERITY_INFO, "span", &finding);
        if (r == 0)
                r = finding_set_text(finding,
                                     "The first %s of the span are not on record: irqwatchd was not yet "
                                     "watching, or its history no longer reaches back that far",
                                     format_duration(longest_us * NSEC_PER_USEC, text));
        if (r == 0)
                r = finding_set_advice(finding,
                                       "Nothing is known about that time, good or bad; ask for a later "
                                       "\"--since\" to see only what was watched.");
        if (r == 0)
                r = finding_add_integer(finding, "missingNsec", longest_us * NSEC_PER_USEC);
        return r;
}
