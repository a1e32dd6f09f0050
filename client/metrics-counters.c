/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/field.h"
#include "client/metrics-internal.h"

enum { CPU_TEXT_MAX = 16, LABELS_MAX = 3 };

enum per_cpu_flags {
        PER_CPU_SECONDS = 1 << 0, /* values are nanoseconds */
        PER_CPU_ZEROS =
                1 << 1, /* CPUs without a value count from zero: alerts need the series before it moves */
};

/* One sample for each CPU of the latest pass. label NULL: only the CPU tells them apart. */
static void write_per_cpu(struct families *families, struct json_object *answer, struct json_object *row,
                          const struct metrics_label *label, unsigned flags) {
        struct json_object *cpus = field_array(answer, "cpus"), *values = field_array(row, "perCpu");
        size_t at = 0;

        for (size_t i = 0; i < array_length(cpus); i++) {
                int64_t cpu = json_object_get_int64(array_at(cpus, i));
                struct metrics_label labels[LABELS_MAX] = {};
                char text[CPU_TEXT_MAX];
                uint64_t value;

                while (field_integer(array_at(values, at), "cpu", INT64_MAX) < cpu)
                        at++;
                value = field_integer(array_at(values, at), "cpu", -1) == cpu
                                ? field_u64(array_at(values, at), "value")
                                : 0;
                if (value == 0 && !(flags & PER_CPU_ZEROS))
                        continue;

                (void)snprintf(text, sizeof(text), "%d", (int)cpu); /* fits */
                labels[0] = (struct metrics_label){ "cpu", text };
                if (label)
                        labels[1] = *label;
                if (flags & PER_CPU_SECONDS)
                        metrics_seconds(&families->writer, labels, value);
                else
                        metrics_u64(&families->writer, labels, value);
        }
}

static void write_cpu_family(struct families *families, enum metrics_answer which, const char *metric,
                             const char *row_name, const struct metrics_family *family, unsigned flags) {
        struct json_object *answer = families->answers->items[which];
        struct json_object *row = metrics_find_row(metrics_find(answer, metric), row_name);

        metrics_family(&families->writer, family);
        if (row)
                write_per_cpu(families, answer, row, NULL, flags);
}

/* Rows become a label. */
static void write_cpu_rows(struct families *families, enum metrics_answer which, const char *metric,
                           const char *label, const struct metrics_family *family, unsigned flags) {
        struct json_object *answer = families->answers->items[which];
        struct json_object *rows = field_array(metrics_find(answer, metric), "rows");

        metrics_family(&families->writer, family);
        for (size_t i = 0; i < array_length(rows); i++) {
                struct metrics_label name = { label, field_string(array_at(rows, i), "name") ?: "" };

                write_per_cpu(families, answer, array_at(rows, i), &name, flags);
        }
}

void families_write_cpus(struct families *families) {
        static const struct metrics_family softirqs = { "irqwatch_softirqs", NULL, "Softirqs run.",
                                                        METRICS_COUNTER };
        static const struct metrics_family cpu_time = {
                "irqwatch_cpu_time_seconds", "seconds",
                "CPU time in hardirqs, in softirqs, and taken by the hypervisor.", METRICS_COUNTER
        };
        static const struct metrics_family ksoftirqd = { "irqwatch_ksoftirqd_cpu_seconds", "seconds",
                                                         "CPU time of ksoftirqd.", METRICS_COUNTER };
        static const struct metrics_family run_delay = {
                "irqwatch_ksoftirqd_run_delay_seconds", "seconds",
                "Time that ksoftirqd was runnable and waited for its CPU.", METRICS_COUNTER
        };
        static const struct metrics_family observed = {
                "irqwatch_observed_seconds", "seconds",
                "Time during which a window with interrupts off would have been found.", METRICS_COUNTER
        };
        static const struct metrics_family watched = {
                "irqwatch_watched_seconds", "seconds",
                "Time for which the CPU was online and to be observed.", METRICS_COUNTER
        };

        write_cpu_rows(families, ANSWER_SOFTIRQS, "softirqs", "type", &softirqs, 0);
        write_cpu_rows(families, ANSWER_CPU, "cpu-time", "mode", &cpu_time, PER_CPU_SECONDS | PER_CPU_ZEROS);
        write_cpu_family(families, ANSWER_KSOFTIRQD, "cpu-time", "", &ksoftirqd,
                         PER_CPU_SECONDS | PER_CPU_ZEROS);
        write_cpu_family(families, ANSWER_KSOFTIRQD, "run-delay", "", &run_delay,
                         PER_CPU_SECONDS | PER_CPU_ZEROS);
        write_cpu_family(families, ANSWER_COVERAGE, "observed", "", &observed, PER_CPU_SECONDS);
        write_cpu_family(families, ANSWER_COVERAGE, "watched", "", &watched, PER_CPU_SECONDS);
}

void families_write_softnet(struct families *families) {
        static const struct {
                const char *row;
                struct metrics_family family;
                unsigned flags;
        } rows[] = {
                { "processed",
                  { "irqwatch_softnet_processed", NULL, "Packets that left the backlog or a NAPI poll.",
                    METRICS_COUNTER },
                  PER_CPU_ZEROS },
                { "dropped",
                  { "irqwatch_softnet_dropped", NULL, "Packets dropped because the backlog was full.",
                    METRICS_COUNTER },
                  PER_CPU_ZEROS },
                { "time_squeeze",
                  { "irqwatch_softnet_squeezed", NULL,
                    "Runs of NET_RX that ended with work left, for want of time or budget.",
                    METRICS_COUNTER },
                  PER_CPU_ZEROS },
                { "received_rps",
                  { "irqwatch_softnet_rps_wakeups", NULL, "Times this CPU was woken to take packets by RPS.",
                    METRICS_COUNTER },
                  0 },
                { "flow_limit_count",
                  { "irqwatch_softnet_flow_limited", NULL, "Packets dropped by the flow limit.",
                    METRICS_COUNTER },
                  0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                write_cpu_family(families, ANSWER_SOFTNET, "softnet", rows[i].row, &rows[i].family,
                                 rows[i].flags);
}
