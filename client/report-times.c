/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report's "Time in interrupt context": what took a share of a CPU that is worth a look, or one long run.
 * Everything else is in "irqctl rates --latency".
 */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/parse.h"

enum { TIMES_MAX = 12 }; /* rows */

#define TIMES_SHARE_MIN 0.005             /* of one CPU: less is nobody's problem */
#define TIMES_LONG_NS (1 * NSEC_PER_MSEC) /* a run of this length delays others, however rare */

static int compare_totals(const void *a, const void *b) {
        struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
        uint64_t m = field_u64(x, "totalNsec"), n = field_u64(y, "totalNsec");

        if (m != n)
                return m < n ? 1 : -1;
        return strcmp(field_string(x, "name") ?: "", field_string(y, "name") ?: "");
}

static bool is_worth_a_row(struct json_object *time) {
        return field_double(time, "share") >= TIMES_SHARE_MIN || field_u64(time, "maxNsec") >= TIMES_LONG_NS;
}

static void add_row(struct table *table, struct json_object *time) {
        bool hardirq = strcmp(field_string(time, "kind") ?: "", "hardirq") == 0;
        uint64_t longest = field_u64(time, "maxNsec"), count = MAX(field_u64(time, "count"), UINT64_C(1));
        char buf[FIELD_TEXT_MAX];

        if (hardirq)
                table_addf(table, COLOUR_NONE, "irq %s %s", field_string(time, "irq") ?: "?",
                           field_string(time, "name") ?: "");
        else
                table_addf(table, COLOUR_NONE, "softirq %s", field_string(time, "name") ?: "?");
        table_add(table, COLOUR_BOLD, format_cpu_share(field_double(time, "share"), buf));
        table_add(table, COLOUR_NONE, format_count(field_double(time, "perSecond"), buf));
        table_add(table, COLOUR_NONE, format_duration(field_u64(time, "p99Nsec"), buf));
        table_add(table, longest >= TIMES_LONG_NS ? COLOUR_YELLOW : COLOUR_NONE,
                  format_duration(longest, buf));
        table_add(table, COLOUR_NONE,
                  field_has(time, "ksoftirqdCount")
                          ? format_share((double)field_u64(time, "ksoftirqdCount") / (double)count, buf)
                          : "-");
}

int render_interrupt_times(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *times = field_array(report, "interruptTimes");
        _cleanup_(freep) struct json_object **rows = NULL;
        _cleanup_(table_done) struct table table = { .indent = 2 };
        size_t n = 0;
        int r;

        rows = calloc(array_length(times) + 1, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < array_length(times); i++)
                if (is_worth_a_row(array_at(times, i)))
                        rows[n++] = array_at(times, i);
        if (n == 0)
                return 0;

        qsort(rows, n, sizeof(*rows), compare_totals);
        table_add_column(&table, _("WHAT"), TABLE_KEY | TABLE_FLEX, 20);
        table_add_column(&table, "CPU", TABLE_RIGHT, 0);
        table_add_column(&table, _("RUNS/S"), TABLE_RIGHT, 0);
        table_add_column(&table, "P99", TABLE_RIGHT, 0);
        table_add_column(&table, _("MAX"), TABLE_RIGHT, 0);
        table_add_column(&table, "KSOFTIRQD", TABLE_RIGHT, 0);
        for (size_t i = 0; i < MIN(n, (size_t)TIMES_MAX); i++)
                add_row(&table, rows[i]);

        style_heading(style, f, _("Time in interrupt context (share of one CPU)"));
        r = table_print(&table, style, f);
        if (r < 0)
                return r;
        if (n < array_length(times) || n > TIMES_MAX)
                fprintf(f, _("  ... and %zu more (irqctl rates softirqs|hardirqs --latency)\n"),
                        array_length(times) - MIN(n, (size_t)TIMES_MAX));
        return 0;
}
