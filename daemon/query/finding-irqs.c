/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about how many interrupts there are and who takes them. */

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/query/finding-rule.h"

enum {
        STORM_PER_SECOND = 50000,          /* on one CPU; at 1 to 2 us each, 5 to 10 % of it */
        STORM_PER_SECOND_LOCAL = 20000,    /* of timers and calls, see least_storm() */
        STORM_PER_SECOND_UNKNOWN = 100000, /* where there is no history to compare with */
        STORM_RATIO = 10,                  /* against what was usual */
        STORM_MAX = 4,                     /* findings */
        STORM_HISTORY_SECONDS = 60,        /* less says little of what is usual */
        STORM_BUSY_PERCENT = 80,           /* of the CPU, in anything: it has no room for them */
        QUEUES_PER_SECOND = 2000,          /* of a device; below, it does not matter where they go */
        QUEUES_PER_SECOND_WARNING = 20000, /* on one CPU */
        QUEUES_SHARE_PERCENT = 90,
        QUEUE_ACTIVE_PERCENT = 10, /* of the device's: less is a queue at rest */
        BUSY_PERCENT = 30,         /* of a CPU in interrupts and softirqs: others could help */
        SPURIOUS_PER_SECOND = 1,
};

static bool is_device(const char *irq) {
        return irq[0] >= '0' && irq[0] <= '9';
}

/* Timers and calls cost a virtual machine more than a device's interrupts do, an exit each to arm the next or
 * to reach the other CPU: in a guest with two CPUs, one task that sleeps for a microsecond filled its CPU at
 * 29,000 timer interrupts per second. A server on hardware may do that many when it paces its packets and have
 * time left, so how busy the CPU is decides whether it is a warning, see storm_severity(). Wake-ups (RES) and devices
 * reach this on healthy machines. */
static double least_storm(const struct rates_row *row) {
        static const char *const local[] = { "LOC", "CAL", "TLB" };

        for (size_t i = 0; i < ELEMENTSOF(local); i++)
                if (strcmp(row->name, local[i]) == 0)
                        return STORM_PER_SECOND_LOCAL;

        return STORM_PER_SECOND;
}

/* Whether a series was far above what it did before the span, or in the quietest part of it: the lesser,
 * since trouble may have begun earlier. *ret_usual: that rate; negative: not known. */
static bool is_storm(const struct rates *rates, const struct rates_row *row, size_t cpu, double *ret_usual) {
        const struct rates_cell *cell = &row->cells[cpu];
        bool has_history = cell->has_history && rates->history_ns >= STORM_HISTORY_SECONDS * NSEC_PER_SEC;
        double usual = cell->has_lull ? cell->lull : -1, rate = cell->peak.per_second;

        if (rate < least_storm(row))
                return false;

        if (has_history)
                usual = usual < 0 ? cell->history : MIN(usual, cell->history);
        *ret_usual = usual;
        if (usual >= 0 && rate >= usual * STORM_RATIO)
                return true;

        /* Nobody knows whether it was like that before, but it is too much anyhow. */
        *ret_usual = -1;
        return !has_history && rate >= STORM_PER_SECOND_UNKNOWN;
}

/* The CPU of a row where the storm was worst; CPUs where there was one are added to cpus. -1: no storm. */
static int find_storm(const struct rates *rates, const struct rates_row *row, struct cpu_set *cpus,
                      int *ret_worst) {
        int r, worst = -1;

        for (size_t i = 0; row->cells && i < rates->n_cpus; i++) {
                double usual;

                if (!is_storm(rates, row, i, &usual))
                        continue;
                if (worst < 0 || row->cells[i].peak.per_second > row->cells[worst].peak.per_second)
                        worst = (int)i;
                r = cpu_set_add(cpus, rates->cpus[i]);
                if (r < 0)
                        return r;
        }

        *ret_worst = worst;
        return 0;
}

static int set_storm_advice(struct finding *finding, const char *irq, int cpu) {
        static const struct {
                const char *irq, *advice;
        } table[] = {
                { "LOC",
                  "\"irqctl rates timers --latency\" (free) names the timers' functions: hrtimer_wakeup is a "
                  "program that sleeps for microseconds, which \"perf trace -s -e clock_nanosleep,epoll_wait,"
                  "futex -a -- sleep 5\" (a few percent meanwhile) finds." },
                { "RES",
                  "\"irqctl rates calls --latency\" (free) and \"perf record -e sched:sched_wakeup -a -g -- "
                  "sleep 2\" (a few percent meanwhile) show who wakes whom across CPUs. Pinning both sides "
                  "to "
                  "one CPU or cache (\"taskset -pc\") ends it." },
                { "CAL",
                  "\"irqctl rates calls --latency\" (free) names the functions that other CPUs were made to "
                  "run; membarrier(), memory that is unmapped by threads, and perf are usual causes. \"perf "
                  "record -e 'csd:*' -a -g -- sleep 2\" (Linux 6.5 or newer) shows the callers." },
                { "TLB",
                  "Threads of one process unmap or protect memory at a high rate. \"perf trace -s -e munmap,"
                  "mprotect,madvise -a -- sleep 5\" (a few percent meanwhile) names it." },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].irq, irq) == 0)
                        return finding_set_advice(finding, "%s", table[i].advice);
        if (is_device(irq))
                return finding_set_advice(
                        finding,
                        "\"irqctl rates hardirqs --latency\" (free) has what its handler costs, "
                        "/proc/irq/%s/spurious "
                        "whether anybody wanted them. Network queues merge interrupts with \"ethtool -C DEV "
                        "adaptive-rx on\" or rx-usecs, for some latency; a device that never stops has a "
                        "fault or a "
                        "driver that does not acknowledge it.",
                        irq);
        return finding_set_advice(
                finding,
                "\"irqctl rates interrupts --cpu %d\" (free) shows it beside the others; \"perf "
                "record -C %d -g -- sleep 5\" (about a percent) shows what runs meanwhile.",
                cpu, cpu);
}

/* "timer interrupts (LOC)", "interrupts of IRQ 29 (ahci)" */
static int format_interrupts(const struct rates *rates, const struct rates_row *row, char **ret_text) {
        static const struct {
                const char *irq, *what;
        } table[] = {
                { "LOC", "timer interrupts" },
                { "RES", "wake-ups by other CPUs" },
                { "CAL", "function calls from other CPUs" },
                { "TLB", "TLB shootdowns from other CPUs" },
        };
        const char *what = "interrupts", *name = rates_row_label(rates, row, "actions");
        int r;

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].irq, row->name) == 0)
                        what = table[i].what;
        if (is_device(row->name))
                r = asprintf(ret_text, "interrupts of IRQ %s%s%s%s", row->name, name ? " (" : "", name ?: "",
                             name ? ")" : "");
        else
                r = asprintf(ret_text, "%s (%s)", what, row->name);
        return r < 0 ? -ENOMEM : 0;
}

/* Share of the CPU that was not idle while something was at its worst, percent: of each mode its worst stretch, if that was
 * then, else its average. Negative: not known. Guests are counted in user, steal is nobody's work. */
static double busy_percent(const struct report *report, int cpu, const struct peak *when) {
        static const char *const modes[] = { "user", "nice", "system", "irq", "softirq" };
        double sum = 0;

        if (!report->load->metrics[LOAD_CPU_TIME])
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                struct peak peak = load_peak(report->load, LOAD_CPU_TIME, modes[i], cpu);

                sum += (peaks_overlap(&peak, when) ? peak.per_second
                                                   : load_rate(report->load, LOAD_CPU_TIME, modes[i], cpu)) *
                       100 / (double)NSEC_PER_SEC;
        }

        return MIN(sum, 100.0);
}

/* Packets that RPS sends to a CPU come with a call each, or one for several: as somebody asked for. */
static double calls_by_rps(const struct report *report, const char *irq, int cpu) {
        if (strcmp(irq, "CAL") != 0)
                return 0;
        return load_peak(report->load, LOAD_SOFTNET, "received_rps", cpu).per_second;
}

static enum severity storm_severity(double per_second, double busy, double rps) {
        if (rps * 2 >= per_second)
                return SEVERITY_INFO;
        return per_second >= STORM_PER_SECOND || busy >= STORM_BUSY_PERCENT ? SEVERITY_WARNING
                                                                            : SEVERITY_INFO;
}

static int add_storm(struct finding_context *context, const struct rates *rates, const struct rates_row *row,
                     int worst, const struct cpu_set *cpus) {
        const struct rates_cell *cell = &row->cells[worst];
        _cleanup_(freep) char *interrupts = NULL;
        struct finding *finding;
        char usually[64] = "; what is usual is not known", meanwhile[64] = "", sent[64] = "";
        int r, cpu = rates->cpus[worst];
        double usual = -1, busy = busy_percent(context->report, cpu, &cell->peak);
        double rps = calls_by_rps(context->report, row->name, cpu);

        (void)is_storm(rates, row, (size_t)worst, &usual); /* it is */
        if (usual >= 0)
                (void)snprintf(usually, sizeof(usually), ", %.0f are usual", usual); /* fits */
        if (busy >= 0)
                (void)snprintf(meanwhile, sizeof(meanwhile), "; meanwhile it was busy for %.0f %% of the time",
                               busy); /* fits */
        if (rps >= 1)
                (void)snprintf(sent, sizeof(sent), "; RPS sent it packets %.0f times per second", rps); /* fits */
        r = format_interrupts(rates, row, &interrupts);
        if (r < 0)
                return r;
        r = finding_add(context, storm_severity(cell->peak.per_second, busy, rps), row->name, &finding);
        if (r == 0)
                r = finding_set_text(finding, "CPU %d took %.0f %s per second%s%s%s", cpu,
                                     cell->peak.per_second, interrupts, usually, meanwhile, sent);
        if (r == 0)
                r = set_storm_advice(finding, row->name, cpu);
        if (r == 0)
                r = finding_add_integer(finding, "cpu", (uint64_t)cpu);
        if (r == 0)
                r = finding_add_rate(finding, "perSecond", cell->peak.per_second);
        if (r == 0 && usual >= 0)
                r = finding_add_rate(finding, "usualPerSecond", usual);
        if (r == 0 && busy >= 0)
                r = finding_add_rate(finding, "busyPercent", busy);
        if (r == 0 && rps >= 1)
                r = finding_add_rate(finding, "rpsPerSecond", rps);
        if (r == 0)
                r = finding_add_integer(finding, "historyNsec", rates->history_ns);
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", cpus);
        if (r == 0)
                r = cpu_set_copy(&finding->cpus, cpus);
        if (r == 0)
                finding_set_time(finding, cell->peak.since_us, cell->peak.until_us);
        return r;
}

int finding_irq_storm(struct finding_context *context) {
        const struct rates *rates = context->report->interrupts;
        size_t n = 0;
        int r;

        for (size_t i = 0; rates && i < rates->n_rows && n < STORM_MAX; i++) {
                _cleanup_(cpu_set_done) struct cpu_set cpus = {};
                int worst = -1;

                if (rates->rows[i].peak.per_second < least_storm(&rates->rows[i]))
                        continue;
                r = find_storm(rates, &rates->rows[i], &cpus, &worst);
                if (r < 0)
                        return r;
                if (worst < 0)
                        continue;
                r = add_storm(context, rates, &rates->rows[i], worst, &cpus);
                if (r < 0)
                        return r;
                n++;
        }

        return 0;
}

/* The queues of a device. */
struct queues {
        char *device; /* NULL: that of the row's own name */
        uint64_t total, *per_cpu;
        double peak; /* an upper bound: queues need not be at their worst together */
        size_t n_rows, n_active;
};

struct queue_list {
        struct queues *items;
        size_t n;
        size_t *of_row; /* by row of the rates: index of its queues; SIZE_MAX: none */
};

static void queue_list_done(struct queue_list *list) {
        for (size_t i = 0; i < list->n; i++) {
                free(list->items[i].device);
                free(list->items[i].per_cpu);
        }
        free(list->items);
        free(list->of_row);
}

/* What the queues of a device have in common: the device that the kernel names, else the action's name up to
 * the number at its end, as in "eth0-TxRx-3" or "mlx5_comp3@pci:0000:00:04.0". */
static int device_of(const struct report *report, const struct rates *rates, const struct rates_row *row,
                     char **ret_device) {
        const char *actions = rates_row_label(rates, row, "actions");
        struct affinity_irq irq;
        size_t n;

        affinity_find(report->affinity, row->name, &irq);
        if (irq.device) {
                *ret_device = strdup(irq.device);
                return *ret_device ? 0 : -ENOMEM;
        }

        n = actions ? strcspn(actions, "@,") : 0;
        while (n > 0 && strchr("0123456789", actions[n - 1]))
                n--;
        while (n > 0 && strchr("-._", actions[n - 1]))
                n--;
        *ret_device = n > 0 ? strndup(actions, n) : strdup("");
        return *ret_device ? 0 : -ENOMEM;
}

static int find_queues(struct queue_list *list, const char *device, size_t n_cpus,
                       struct queues **ret_queues) {
        struct queues *items, *new;

        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i].device, device) == 0) {
                        *ret_queues = &list->items[i];
                        return 0;
                }

        items = reallocarray(list->items, list->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        list->items = items;
        new = &items[list->n];
        *new = (struct queues){ .device = strdup(device),
                                .per_cpu = calloc(n_cpus + 1, sizeof(*new->per_cpu)) };
        list->n++;
        if (!new->device || !new->per_cpu)
                return -ENOMEM;

        *ret_queues = new;
        return 0;
}

static int add_queue(struct queue_list *list, const struct report *report, size_t index) {
        const struct rates *rates = report->interrupts;
        const struct rates_row *row = &rates->rows[index];
        _cleanup_(freep) char *device = NULL;
        struct queues *queues = NULL;
        int r;

        r = device_of(report, rates, row, &device);
        if (r < 0 || !*device)
                return r;
        r = find_queues(list, device, rates->n_cpus, &queues);
        if (r < 0)
                return r;

        list->of_row[index] = (size_t)(queues - list->items);
        queues->n_rows++;
        queues->total += row->total;
        queues->peak += row->peak.per_second;
        for (size_t i = 0; i < rates->n_cpus; i++)
                queues->per_cpu[i] += row->per_cpu[i];
        return 0;
}

static int gather_queues(const struct report *report, struct queue_list *list) {
        const struct rates *rates = report->interrupts;
        int r;

        list->of_row = calloc(rates->n_rows + 1, sizeof(*list->of_row));
        if (!list->of_row)
                return -ENOMEM;
        for (size_t i = 0; i < rates->n_rows; i++) {
                list->of_row[i] = SIZE_MAX;
                if (rates->rows[i].total == 0 || !is_device(rates->rows[i].name))
                        continue;
                r = add_queue(list, report, i);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < rates->n_rows; i++)
                if (list->of_row[i] != SIZE_MAX) {
                        struct queues *queues = &list->items[list->of_row[i]];

                        queues->n_active +=
                                rates->rows[i].total * 100 >= queues->total * QUEUE_ACTIVE_PERCENT;
                }

        return 0;
}

/* Hard and soft interrupts of a CPU at their worst, percent; negative: not known. */
static double interrupt_percent(const struct report *report, int cpu) {
        if (!report->load->metrics[LOAD_CPU_TIME])
                return -1;

        return (load_peak(report->load, LOAD_CPU_TIME, "irq", cpu).per_second +
                load_peak(report->load, LOAD_CPU_TIME, "softirq", cpu).per_second) *
               100 / (double)NSEC_PER_SEC;
}

static int add_queues(struct finding_context *context, const struct queues *queues, size_t busiest) {
        const struct report *report = context->report;
        int cpu = report->interrupts->cpus[busiest], r;
        double share = (double)queues->per_cpu[busiest] / (double)queues->total;
        double percent = interrupt_percent(report, cpu);
        bool matters = queues->peak * share >= QUEUES_PER_SECOND_WARNING && percent >= BUSY_PERCENT;
        struct finding *finding;

        r = finding_add(context, matters ? SEVERITY_WARNING : SEVERITY_INFO, queues->device, &finding);
        if (r == 0)
                r = finding_set_text(
                        finding,
                        "CPU %d took %.0f %% of the interrupts of %s (up to %.0f per second), although "
                        "%zu of its queues were in use",
                        cpu, share * 100, queues->device, queues->peak, queues->n_active);
        if (r == 0)
                r = finding_set_advice(finding, "\"grep . /proc/irq/*/smp_affinity_list\" (free) shows where "
                                                "they may go: give each queue a "
                                                "CPU of its own there, which takes effect at once, or let "
                                                "irqbalance do it. Interrupts that "
                                                "refuse are managed by their driver.");
        if (r == 0)
                r = finding_add_integer(finding, "cpu", (uint64_t)cpu);
        if (r == 0)
                r = finding_add_integer(finding, "cpuTotal", queues->per_cpu[busiest]);
        if (r == 0)
                r = finding_add_integer(finding, "total", queues->total);
        if (r == 0)
                r = finding_add_rate(finding, "peakPerSecond", queues->peak);
        if (r == 0)
                r = finding_add_rate(finding, "sharePercent", share * 100);
        if (r == 0)
                r = finding_add_integer(finding, "activeQueues", queues->n_active);
        if (r == 0 && percent >= 0)
                r = finding_add_rate(finding, "interruptPercent", percent);
        if (r == 0)
                r = cpu_set_add(&finding->cpus, cpu);
        return r;
}

static size_t count_online(const struct rates *rates) {
        size_t n = 0;

        for (size_t i = 0; i < rates->n_cpus; i++)
                n += rates->online[i];

        return n;
}

int finding_irq_imbalance(struct finding_context *context) {
        const struct rates *rates = context->report->interrupts;
        _cleanup_(queue_list_done) struct queue_list list = {};
        int r;

        if (!rates || context->report->filtered || count_online(rates) < 2)
                return 0;
        r = gather_queues(context->report, &list);
        if (r < 0)
                return r;

        for (size_t i = 0; i < list.n; i++) {
                const struct queues *queues = &list.items[i];
                size_t busiest = 0;

                /* One queue in use is one flow, or one queue: it has to be somewhere. */
                if (queues->n_active < 2 || queues->peak < QUEUES_PER_SECOND)
                        continue;
                for (size_t j = 1; j < rates->n_cpus; j++)
                        if (queues->per_cpu[j] > queues->per_cpu[busiest])
                                busiest = j;
                if (queues->per_cpu[busiest] * 100 < queues->total * QUEUES_SHARE_PERCENT)
                        continue;
                r = add_queues(context, queues, busiest);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_spurious(struct finding_context *context, const struct rates_row *row, const char *what) {
        char rate[48] = "less than one per second";
        struct finding *finding;
        int r;

        if (row->peak.per_second >= 0.5)
                (void)snprintf(rate, sizeof(rate), "up to %.0f per second", row->peak.per_second); /* fits */

        r = finding_add(context,
                        row->peak.per_second >= SPURIOUS_PER_SECOND ? SEVERITY_WARNING : SEVERITY_INFO,
                        row->name, &finding);
        if (r == 0)
                r = finding_set_text(
                        finding, "%" PRIu64 " interrupts %s (%s in /proc/interrupts), %s", row->total, what,
                        row->name, rate);
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"dmesg -T | grep -iE 'irq|apic'\" (free) may name the line: hardware, firmware "
                        "or a hypervisor that raises interrupts which no handler is registered for. A "
                        "few around a reset or hotplug mean nothing.");
        if (r == 0)
                r = finding_add_integer(finding, "total", row->total);
        if (r == 0)
                r = finding_add_rate(finding, "perSecond", row->peak.per_second);
        if (r == 0)
                finding_set_time(finding, row->peak.since_us, row->peak.until_us);
        return r;
}

int finding_spurious(struct finding_context *context) {
        static const struct {
                const char *row, *what;
        } counters[] = {
                { "ERR", "went to no handler or were in error" },    /* x86: irq_err_count */
                { "Err", "went to no handler or were in error" },    /* arm, arm64 */
                { "MIS", "were lost by the I/O APIC and repeated" }, /* x86: irq_mis_count */
                { "BAD", "had no valid number" },                    /* powerpc */
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(counters); i++) {
                const struct rates_row *row = rates_find_row(context->report->interrupts, counters[i].row);

                if (!row || row->total == 0)
                        continue;
                r = add_spurious(context, row, counters[i].what);
                if (r < 0)
                        return r;
        }

        return 0;
}
