/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/field.h"
#include "client/metrics-internal.h"

enum { CPU_TEXT_MAX = 16 };

/* Position among the metric's labels; SIZE_MAX. */
static size_t label_index(struct json_object *metric, const char *name) {
        struct json_object *names = field_array(metric, "labelNames");

        for (size_t i = 0; i < array_length(names); i++)
                if (strcmp(json_object_get_string(array_at(names, i)) ?: "", name) == 0)
                        return i;

        return SIZE_MAX;
}

static void write_interrupt_rows(struct families *families, struct json_object *rows, size_t device_index,
                                 bool per_cpu) {
        for (size_t i = 0; i < array_length(rows); i++) {
                struct json_object *row = array_at(rows, i);
                const char *device = device_index == SIZE_MAX ? "" : metrics_row_label(row, device_index);
                const struct metrics_label labels[] = { { "irq", field_string(row, "name") ?: "" },
                                                        { "device", device },
                                                        {} };
                struct json_object *values = field_array(row, "perCpu");

                if (!per_cpu && field_u64(row, "total") > 0)
                        metrics_u64(&families->writer, labels, field_u64(row, "total"));
                for (size_t j = 0; per_cpu && j < array_length(values); j++) {
                        struct metrics_label with_cpu[] = { labels[0], labels[1], { "cpu", NULL }, {} };
                        char text[CPU_TEXT_MAX];

                        (void)snprintf(text, sizeof(text), "%d",
                                       (int)field_integer(array_at(values, j), "cpu", 0)); /* fits */
                        with_cpu[2].value = text;
                        metrics_u64(&families->writer, with_cpu, field_u64(array_at(values, j), "value"));
                }
        }
}

/* A row under its interrupt's number: rows of times are named "24 eth0-rx", one for each handler of a shared
 * one. */
struct numbered {
        const char *name;
        size_t size; /* of the number at its start */
        struct json_object *row;
};

static int compare_numbers(const void *a, const void *b) {
        const struct numbered *x = a, *y = b;
        int r = memcmp(x->name, y->name, MIN(x->size, y->size));

        return r ? r : (x->size > y->size) - (x->size < y->size);
}

/* The rows sorted by number. NULL when out of memory. */
static struct numbered *sort_rows(struct json_object *rows) {
        size_t n = array_length(rows);
        struct numbered *sorted = calloc(n + 1, sizeof(*sorted));

        for (size_t i = 0; sorted && i < n; i++) {
                const char *name = field_string(array_at(rows, i), "name") ?: "";

                sorted[i] = (struct numbered){ name, strcspn(name, " "), array_at(rows, i) };
        }
        if (sorted)
                qsort(sorted, n, sizeof(*sorted), compare_numbers);
        return sorted;
}

/* The device's name comes from the counters, which have all of it: that of a handler is cut. */
static const char *find_device(const struct numbered *number, const struct numbered *counters,
                               size_t n_counters, size_t device_index) {
        const struct numbered *counter =
                bsearch(number, counters, n_counters, sizeof(*counters), compare_numbers);

        if (counter && device_index != SIZE_MAX)
                return metrics_row_label(counter->row, device_index);
        return number->name[number->size] ? number->name + number->size + 1 : "";
}

static void write_times(struct families *families, const struct numbered *times, size_t n_times,
                        const struct numbered *counters, size_t n_counters, size_t device_index) {
        for (size_t i = 0, next; i < n_times; i = next) {
                _cleanup_(freep) char *irq = strndup(times[i].name, times[i].size);
                uint64_t ns = 0;

                for (next = i; next < n_times && compare_numbers(&times[i], &times[next]) == 0; next++)
                        ns += field_u64(times[next].row, "total");
                if (!irq) {
                        families->error = -ENOMEM;
                        return;
                }
                if (ns > 0)
                        metrics_seconds(&families->writer,
                                        (const struct metrics_label[]){
                                                { "irq", irq },
                                                { "device", find_device(&times[i], counters, n_counters,
                                                                        device_index) },
                                                {} },
                                        ns);
        }
}

static void write_interrupt_times(struct families *families, struct json_object *interrupts,
                                  size_t device_index) {
        struct json_object *rows =
                field_array(metrics_find(families->answers->items[ANSWER_DELAYS], "hardirq-total"), "rows");
        struct json_object *counter_rows = field_array(interrupts, "rows");
        _cleanup_(freep) struct numbered *times = sort_rows(rows);
        _cleanup_(freep) struct numbered *counters = sort_rows(counter_rows);

        if (!times || !counters)
                families->error = -ENOMEM;
        else
                write_times(families, times, array_length(rows), counters, array_length(counter_rows),
                            device_index);
}

void families_write_interrupts(struct families *families) {
        static const struct metrics_family totals = { "irqwatch_interrupts", NULL,
                                                      "Interrupts on all CPUs since irqwatchd started.",
                                                      METRICS_COUNTER };
        static const struct metrics_family per_cpu = { "irqwatch_cpu_interrupts", NULL,
                                                       "Interrupts by CPU, of those chosen by a pattern.",
                                                       METRICS_COUNTER };
        static const struct metrics_family times = { "irqwatch_interrupt_seconds", "seconds",
                                                     "Time in interrupt handlers since irqwatchd started.",
                                                     METRICS_COUNTER };
        struct json_object *metric = metrics_find(families->answers->items[ANSWER_INTERRUPTS], "interrupts");
        size_t device = label_index(metric, "actions");

        metrics_family(&families->writer, &totals);
        write_interrupt_rows(families, field_array(metric, "rows"), device, false);
        metrics_family(&families->writer, &per_cpu);
        write_interrupt_rows(families, families->answers->wanted, device, true);
        metrics_family(&families->writer, &times);
        write_interrupt_times(families, metric, device);
}
