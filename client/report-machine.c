/* SPDX-License-Identifier: Apache-2.0 */

/* The report's tables of what the machine did besides: time that interrupts took per CPU, and network
 * devices. */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/table.h"
#include "client/verbs.h"

enum {
        CPUS_MAX = 8,    /* rows: the busiest */
        DEVICES_MAX = 8, /* likewise */
};

#define CPU_SHARE_MIN 0.01 /* at its worst; less is nobody's problem */

/* The elements of an array that are worth a row, most first. */
struct rows {
        struct json_object **items;
        size_t n;
};

static void rows_done(struct rows *rows) {
        free(rows->items);
}

static double cpu_weight(struct json_object *cpu) {
        return MAX(field_double(cpu, "irqPeak") + field_double(cpu, "softirqPeak"),
                   field_double(cpu, "stealPeak"));
}

static double device_weight(struct json_object *device) {
        return field_double(device, "rxPeakPacketsPerSecond") + field_double(device, "txPacketsPerSecond") +
               field_double(device, "rxDropsPerSecond");
}

static int compare(double a, double b) {
        return (a < b) - (a > b);
}

static int compare_cpus(const void *a, const void *b) {
        return compare(cpu_weight(*(struct json_object *const *)a),
                       cpu_weight(*(struct json_object *const *)b));
}

static int compare_devices(const void *a, const void *b) {
        return compare(device_weight(*(struct json_object *const *)a),
                       device_weight(*(struct json_object *const *)b));
}

static int rows_fill(struct json_object *array, double (*weight)(struct json_object *), double least,
                     int (*order)(const void *, const void *), struct rows *rows) {
        rows->items = calloc(array_length(array) + 1, sizeof(*rows->items));
        if (!rows->items)
                return -ENOMEM;

        for (size_t i = 0; i < array_length(array); i++)
                if (weight(array_at(array, i)) >= least)
                        rows->items[rows->n++] = array_at(array, i);
        qsort(rows->items, rows->n, sizeof(*rows->items), order);
        return 0;
}

int render_cpu_times(const struct style *style, struct json_object *report, FILE *f) {
        static const struct {
                const char *title, *average, *peak;
        } columns[] = {
                { "IRQ", "irq", "irqPeak" },
                { "SOFTIRQ", "softirq", "softirqPeak" },
                { "KSOFTIRQD", "ksoftirqd", "ksoftirqdPeak" },
                { "STEAL", "steal", "stealPeak" },
        };
        _cleanup_(table_done) struct table table = { .indent = 2 };
        _cleanup_(rows_done) struct rows rows = {};
        char buf[FIELD_TEXT_MAX];
        int r;

        r = rows_fill(field_array(report, "cpuTimes"), cpu_weight, CPU_SHARE_MIN, compare_cpus, &rows);
        if (r < 0 || rows.n == 0)
                return r;

        table_add_column(&table, "CPU", TABLE_RIGHT | TABLE_KEY, 0);
        for (size_t i = 0; i < ELEMENTSOF(columns); i++) {
                table_add_column(&table, columns[i].title, TABLE_RIGHT, 0);
                table_add_column(&table, _("WORST"), TABLE_RIGHT, 0);
        }
        for (size_t i = 0; i < MIN(rows.n, (size_t)CPUS_MAX); i++) {
                table_addf(&table, COLOUR_NONE, "%" PRId64, field_integer(rows.items[i], "cpu", -1));
                for (size_t j = 0; j < ELEMENTSOF(columns); j++) {
                        double peak = field_double(rows.items[i], columns[j].peak);

                        table_add(&table, COLOUR_NONE,
                                  format_cpu_share(field_double(rows.items[i], columns[j].average), buf));
                        table_add(&table, peak >= 0.5 ? COLOUR_YELLOW : COLOUR_NONE,
                                  format_cpu_share(peak, buf));
                }
        }

        style_heading(style, f, _("CPU time that interrupts took (WORST: in ten seconds)"));
        r = table_print(&table, style, f);
        if (r == 0 && rows.n > CPUS_MAX)
                fprintf(f, _("  ... and %zu more CPUs, none with more (--cpu LIST shows them)\n"),
                        rows.n - CPUS_MAX);
        return r;
}

static void add_device(struct table *table, struct json_object *device) {
        double rx = field_double(device, "rxPacketsPerSecond"),
               tx = field_double(device, "txPacketsPerSecond");
        double drops = field_double(device, "rxDropsPerSecond") + field_double(device, "txDropsPerSecond");
        double errors = field_double(device, "rxErrorsPerSecond") + field_double(device, "txErrorsPerSecond");
        char buf[FIELD_TEXT_MAX];

        table_add(table, COLOUR_NONE, field_string(device, "device"));
        table_add(table, COLOUR_BOLD, format_count(rx, buf));
        table_add(table, COLOUR_NONE, format_count(field_double(device, "rxPeakPacketsPerSecond"), buf));
        table_add(table, COLOUR_NONE,
                  rx > 0 ? format_count(field_double(device, "rxBytesPerSecond") / rx, buf) : "-");
        table_add(table, COLOUR_NONE, format_count(tx, buf));
        table_add(table, COLOUR_NONE,
                  tx > 0 ? format_count(field_double(device, "txBytesPerSecond") / tx, buf) : "-");
        table_add(table, drops > 0 ? COLOUR_YELLOW : COLOUR_NONE, format_count(drops, buf));
        table_add(table, errors > 0 ? COLOUR_YELLOW : COLOUR_NONE, format_count(errors, buf));
}

int render_devices(const struct style *style, struct json_object *report, FILE *f) {
        static const char *const titles[] = { "RX",        N_("WORST"), N_("BYTES"), "TX",
                                             N_("BYTES"), N_("DROPS"), N_("ERRORS") };
        _cleanup_(table_done) struct table table = { .indent = 2 };
        _cleanup_(rows_done) struct rows rows = {};
        int r;

        r = rows_fill(field_array(report, "devices"), device_weight, 0.01, compare_devices, &rows);
        if (r < 0 || rows.n == 0)
                return r;

        table_add_column(&table, _("DEVICE"), TABLE_KEY | TABLE_FLEX, 8);
        for (size_t i = 0; i < ELEMENTSOF(titles); i++)
                table_add_column(&table, _(titles[i]), TABLE_RIGHT, 0);
        for (size_t i = 0; i < MIN(rows.n, (size_t)DEVICES_MAX); i++)
                add_device(&table, rows.items[i]);

        style_heading(style, f, _("Packets per second (BYTES: of each on average)"));
        r = table_print(&table, style, f);
        if (r == 0 && rows.n > DEVICES_MAX)
                fprintf(f, _("  ... and %zu more devices (--json=pretty has all)\n"), rows.n - DEVICES_MAX);
        return r;
}
