/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules about the receive path of a CPU: packets that found its backlog full, polls that were cut short, and
 * ksoftirqd, which takes over when softirqs do not end.
 */

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/query/finding-rule.h"

enum {
        DROPS_PER_SECOND = 10, /* a hundred in a stretch: more than the accident of one burst */
        DROPS_PER_SECOND_CRITICAL = 1000,
        DROPS_PERCENT_CRITICAL = 1, /* of what was received: TCP slows to a crawl from about here */
        SQUEEZES_PER_SECOND = 10,
        SQUEEZES_PER_SECOND_WARNING =
                200,          /* the time limit (2 jiffies or 2 ms and more) alone cannot make as many */
        SQUEEZE_PACKETS = 64, /* packets between two of them; the budget's default is 300 */
        KSOFTIRQD_PERCENT = 50,
        KSOFTIRQD_PERCENT_WARNING = 80, /* of its CPU over a stretch: no room is left there */
        KSOFTIRQD_PERCENT_CRITICAL = 99,
};

/* The CPUs on which a counter's worst stretch reached a rate. */
struct softnet_cpus {
        struct cpu_set cpus;
        struct peak worst;
        int worst_cpu;
};

static void softnet_cpus_done(struct softnet_cpus *found) {
        cpu_set_done(&found->cpus);
}

static int find_cpus(const struct rates *rates, const char *counter, double per_second,
                     struct softnet_cpus *found) {
        const struct rates_row *row = rates_find_row(rates, counter);
        int r;

        found->worst_cpu = CPU_NONE;
        for (size_t i = 0; row && row->cells && i < rates->n_cpus; i++) {
                if (row->cells[i].peak.per_second < per_second || row->cells[i].peak.per_second <= 0)
                        continue;
                if (row->cells[i].peak.per_second > found->worst.per_second) {
                        found->worst = row->cells[i].peak;
                        found->worst_cpu = rates->cpus[i];
                }
                r = cpu_set_add(&found->cpus, rates->cpus[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* A finding about these CPUs at the time of the worst one. */
static int add_for_cpus(struct finding_context *context, enum severity severity,
                        const struct softnet_cpus *found, struct finding **ret_finding) {
        _cleanup_(freep) char *subject = NULL;
        int r;

        r = finding_format_cpus(&found->cpus, &subject);
        if (r < 0)
                return r;
        r = finding_add(context, severity, subject, ret_finding);
        if (r < 0)
                return r;
        finding_set_time(*ret_finding, found->worst.since_us, found->worst.until_us);
        return cpu_set_copy(&(*ret_finding)->cpus, &found->cpus);
}

static int add_cpus_evidence(struct finding *finding, const struct softnet_cpus *found) {
        int r;

        r = finding_add_integer(finding, "worstCpu", (uint64_t)found->worst_cpu);
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", &found->cpus);
        return r;
}

static enum severity drops_severity(double per_second, double processed) {
        if (per_second >= DROPS_PER_SECOND_CRITICAL && per_second * 100 >= processed * DROPS_PERCENT_CRITICAL)
                return SEVERITY_CRITICAL;
        return per_second >= DROPS_PER_SECOND ? SEVERITY_WARNING : SEVERITY_INFO;
}

int finding_softnet_drops(struct finding_context *context) {
        _cleanup_(softnet_cpus_done) struct softnet_cpus found = {};
        const struct load *load = context->report->load;
        const struct rates_row *row = rates_find_row(load->metrics[LOAD_SOFTNET], "dropped");
        struct finding *finding;
        struct peak processed;
        int r;

        r = find_cpus(load->metrics[LOAD_SOFTNET], "dropped", 0, &found);
        if (r < 0 || found.worst_cpu == CPU_NONE)
                return r;

        processed = load_peak(load, LOAD_SOFTNET, "processed", found.worst_cpu);
        r = add_for_cpus(context, drops_severity(found.worst.per_second, processed.per_second), &found,
                         &finding);
        if (r == 0)
                r = finding_set_text(finding,
                                     "%s dropped %" PRIu64
                                     " received packets because the backlog was full, up to "
                                     "%.0f per second on CPU %d, which processed %.0f per second",
                                     finding->subject, row->total, found.worst.per_second, found.worst_cpu,
                                     processed.per_second);
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"sysctl net.core.netdev_max_backlog\" (free) is the queue's length in packets: if "
                        "it is "
                        "below 1000, raise it, which costs memory and, while it is full, latency. If the CPU "
                        "is busy "
                        "all the time, a longer queue only delays the loss: spread the work with RPS "
                        "(/sys/class/net/DEV/queues/rx-0/rps_cpus, one IPI per batch) or find out who "
                        "sends.");
        if (r == 0)
                r = finding_add_integer(finding, "dropped", row->total);
        if (r == 0)
                r = finding_add_rate(finding, "droppedPerSecond", found.worst.per_second);
        if (r == 0)
                r = finding_add_rate(finding, "processedPerSecond", processed.per_second);
        if (r == 0)
                r = add_cpus_evidence(finding, &found);
        return r;
}

/* Squeezes by themselves only say that there was more to do: softirqs are raised again at once. They tell of
 * trouble when the budget is far too small. */
int finding_time_squeeze(struct finding_context *context) {
        _cleanup_(softnet_cpus_done) struct softnet_cpus found = {};
        const struct load *load = context->report->load;
        enum severity severity = SEVERITY_INFO;
        struct finding *finding;
        struct peak processed;
        double packets;
        int r;

        r = find_cpus(load->metrics[LOAD_SOFTNET], "time_squeeze", SQUEEZES_PER_SECOND, &found);
        if (r < 0 || found.worst_cpu == CPU_NONE)
                return r;

        processed = load_peak(load, LOAD_SOFTNET, "processed", found.worst_cpu);
        packets = processed.per_second / found.worst.per_second;
        if (found.worst.per_second >= SQUEEZES_PER_SECOND_WARNING && packets < SQUEEZE_PACKETS)
                severity = SEVERITY_WARNING;

        r = add_for_cpus(context, severity, &found, &finding);
        if (r == 0)
                r = finding_set_text(
                        finding,
                        "CPU %d stopped receiving %.0f times per second with packets still waiting, after "
                        "%.0f packets on average",
                        found.worst_cpu, found.worst.per_second, packets);
        if (r == 0)
                r = finding_set_advice(
                        finding, severity == SEVERITY_INFO
                                         ? "Common on a machine that receives at full speed, and harmless as "
                                           "long as nothing "
                                           "is dropped. \"sysctl net.core.netdev_budget "
                                           "net.core.netdev_budget_usecs\" (free) "
                                           "are the limits."
                                         : "\"sysctl net.core.netdev_budget net.core.netdev_budget_usecs\" "
                                           "(free) are the "
                                           "limits: the defaults are 300 packets and 2 jiffies. Larger ones "
                                           "let a poll run "
                                           "longer, at the price of other softirqs and tasks on that CPU.");
        if (r == 0)
                r = finding_add_rate(finding, "squeezesPerSecond", found.worst.per_second);
        if (r == 0)
                r = finding_add_rate(finding, "packetsBetween", packets);
        if (r == 0)
                r = finding_add_rate(finding, "processedPerSecond", processed.per_second);
        if (r == 0)
                r = add_cpus_evidence(finding, &found);
        return r;
}

/* The softirq that a CPU ran most often at its worst, but for those that run everywhere and always. */
static const struct rates_row *busiest_softirq(const struct load *load, int cpu, double *ret_per_second) {
        const struct rates *rates = load->metrics[LOAD_SOFTIRQS];
        const struct rates_row *busiest = NULL;
        int i = rates ? rates_cpu_index(rates, cpu) : -1;

        *ret_per_second = 0;
        for (size_t j = 0; i >= 0 && j < rates->n_rows; j++) {
                const struct rates_row *row = &rates->rows[j];

                if (!row->cells || row->cells[i].peak.per_second <= *ret_per_second)
                        continue;
                *ret_per_second = row->cells[i].peak.per_second;
                busiest = row;
        }

        return busiest;
}

static int set_ksoftirqd_text(struct finding *finding, const struct load *load,
                              const struct softnet_cpus *found) {
        struct peak delay = load_peak(load, LOAD_KSOFTIRQD_DELAY, "", found->worst_cpu);
        double share = found->worst.per_second / (double)NSEC_PER_SEC, per_second;
        const struct rates_row *busiest = busiest_softirq(load, found->worst_cpu, &per_second);
        int r;

        r = finding_set_text(finding, "ksoftirqd/%d used %.0f %% of CPU %d, waited for it for %.0f %%%s%s",
                             found->worst_cpu, share * 100, found->worst_cpu,
                             delay.per_second / (double)NSEC_PER_SEC * 100,
                             busiest ? "; most frequent there: " : "", busiest ? busiest->name : "");
        if (r == 0)
                r = finding_add_rate(finding, "percent", share * 100);
        if (r == 0)
                r = finding_add_rate(finding, "waitPercent", delay.per_second / (double)NSEC_PER_SEC * 100);
        if (r == 0 && busiest)
                r = finding_add_text(finding, "softirq", busiest->name);
        if (r == 0 && busiest)
                r = finding_add_rate(finding, "softirqsPerSecond", per_second);
        return r;
}

int finding_ksoftirqd(struct finding_context *context) {
        static const double percent = (double)NSEC_PER_SEC / 100;
        _cleanup_(softnet_cpus_done) struct softnet_cpus found = {};
        const struct load *load = context->report->load;
        enum severity severity = SEVERITY_INFO;
        struct finding *finding;
        int r;

        r = find_cpus(load->metrics[LOAD_KSOFTIRQD_TIME], "", KSOFTIRQD_PERCENT * percent, &found);
        if (r < 0 || found.worst_cpu == CPU_NONE)
                return r;
        if (found.worst.per_second >= KSOFTIRQD_PERCENT_CRITICAL * percent)
                severity = SEVERITY_CRITICAL;
        else if (found.worst.per_second >= KSOFTIRQD_PERCENT_WARNING * percent)
                severity = SEVERITY_WARNING;

        r = add_for_cpus(context, severity, &found, &finding);
        if (r == 0)
                r = set_ksoftirqd_text(finding, load, &found);
        if (r == 0)
                r = finding_set_advice(finding,
                                       "\"irqctl rates softirqs --cpu %d\" and \"irqctl rates interrupts "
                                       "--cpu %d\" (both free) say "
                                       "which work and which device lead there. Packets are spread over CPUs "
                                       "with more queues "
                                       "(\"ethtool -L\"), interrupts with smp_affinity_list, or RPS; tasks "
                                       "that share that CPU are "
                                       "better off elsewhere meanwhile (\"taskset -pc\").",
                                       found.worst_cpu, found.worst_cpu);
        if (r == 0)
                r = add_cpus_evidence(finding, &found);
        return r;
}
