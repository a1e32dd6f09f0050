/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The lower half of a report: per CPU how late timers ran, what softirqs and what interrupts there were. Wide
 * machines are summarised; "irqctl rates" has every cell.
 */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/cpulist.h"
#include "common/parse.h"

enum {
        REPORT_LATENCY_MAX = 16,  /* rows */
        REPORT_LATENCY_WORST = 8, /* rows when there are more than that */
        REPORT_BUSIEST_MAX = 3,   /* CPUs named in a summary */
};

/* Rows of an array, to be sorted without touching the server's object. */
struct rows {
        struct json_object **items;
        size_t n;
};

static void rows_done(struct rows *rows) {
        free(rows->items);
}

static int rows_init(struct rows *rows, struct json_object *array) {
        rows->n = 0;
        rows->items = calloc(array_length(array) + 1, sizeof(*rows->items));
        if (!rows->items)
                return -ENOMEM;

        for (size_t i = 0; i < array_length(array); i++)
                rows->items[rows->n++] = array_at(array, i);
        return 0;
}

/* Leaves out what counted nothing. */
static void rows_drop_zero(struct rows *rows, const char *field) {
        size_t n = 0;

        for (size_t i = 0; i < rows->n; i++)
                if (field_u64(rows->items[i], field) > 0)
                        rows->items[n++] = rows->items[i];
        rows->n = n;
}

/* A row by what it is sorted by: to find a field is to search a hash table, too much for each comparison. */
struct ranked {
        struct json_object *row;
        double value;
        int64_t tie;
};

static int compare_ranked(const void *a, const void *b) {
        const struct ranked *x = a, *y = b;

        if (x->value != y->value)
                return x->value < y->value ? 1 : -1;
        return (x->tie > y->tie) - (x->tie < y->tie);
}

/* The largest of a field first (NULL: all are equal), equal ones by ascending tie. 0 or -ENOMEM. */
static int rows_sort(struct rows *rows, const char *field, const char *tie) {
        _cleanup_(freep) struct ranked *ranked = calloc(rows->n + 1, sizeof(*ranked));

        if (!ranked)
                return -ENOMEM;

        for (size_t i = 0; i < rows->n; i++)
                ranked[i] = (struct ranked){
                        .row = rows->items[i],
                        .value = field ? field_double(rows->items[i], field) : 0,
                        .tie = field_integer(rows->items[i], tie, 0),
                };
        qsort(ranked, rows->n, sizeof(*ranked), compare_ranked);
        for (size_t i = 0; i < rows->n; i++)
                rows->items[i] = ranked[i].row;
        return 0;
}

static void add_latency(struct table *table, struct json_object *cpu) {
        static const char *const fields[] = { "p50Nsec", "p99Nsec", "p999Nsec", "maxNsec" };
        double coverage = field_double(cpu, "coverage");
        char buf[FIELD_TEXT_MAX];

        table_addf(table, COLOUR_NONE, "%" PRId64, field_integer(cpu, "cpu", -1));
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                table_add(table, i == 3 ? COLOUR_BOLD : COLOUR_NONE,
                          format_duration(field_u64(cpu, fields[i]), buf));
        table_add(table, COLOUR_NONE, format_count((double)field_u64(cpu, "samples"), buf));
        table_add(table, coverage < 0.99 ? COLOUR_YELLOW : COLOUR_NONE, format_share(coverage, buf));
}

static int print_unwatched(struct json_object *latency, FILE *f) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        _cleanup_(freep) char *text = NULL;

        for (size_t i = 0; i < array_length(latency); i++)
                if (field_u64(array_at(latency, i), "samples") == 0 &&
                    cpu_set_add(&set, (int)field_integer(array_at(latency, i), "cpu", -1)) == -ENOMEM)
                        return -ENOMEM;

        if (cpu_set_count(&set) == 0)
                return 0;
        if (cpu_list_format(&set, &text) < 0)
                return -ENOMEM;

        fprintf(f, _("  no timer was seen on CPU %s\n"), text);
        return 0;
}

int render_latency(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };
        _cleanup_(rows_done) struct rows rows = {};
        struct json_object *latency = field_array(report, "latency");
        char buf[DURATION_TEXT_MAX];
        size_t n;
        int r;

        if (array_length(latency) == 0)
                return 0;
        r = rows_init(&rows, latency);
        if (r < 0)
                return r;

        rows_drop_zero(&rows, "samples");
        n = rows.n > REPORT_LATENCY_MAX ? (size_t)REPORT_LATENCY_WORST : rows.n;
        r = rows_sort(&rows, n < rows.n ? "maxNsec" : NULL, "cpu");
        if (r < 0)
                return r;

        table_add_column(&table, "CPU", TABLE_RIGHT | TABLE_KEY, 0);
        table_add_column(&table, "P50", TABLE_RIGHT, 9);
        table_add_column(&table, "P99", TABLE_RIGHT, 9);
        table_add_column(&table, "P99.9", TABLE_RIGHT, 9);
        table_add_column(&table, _("MAX"), TABLE_RIGHT, 9);
        table_add_column(&table, _("TIMERS"), TABLE_RIGHT, 9);
        table_add_column(&table, _("WATCHED"), TABLE_RIGHT, 9);
        for (size_t i = 0; i < n; i++)
                add_latency(&table, rows.items[i]);

        style_heading(style, f, "%s", n < rows.n ? _("Timer lateness, worst CPUs") : _("Timer lateness"));
        r = table_print(&table, style, f);
        if (r < 0)
                return r;
        if (n < rows.n)
                fprintf(f, _("  ... and %zu more CPUs, none later than %s (--cpu LIST shows them)\n"),
                        rows.n - n, format_duration(field_u64(rows.items[n], "maxNsec"), buf));
        return print_unwatched(latency, f);
}

/* The CPUs on which any of the rows counted anything. */
static int busy_cpus(const struct rows *rows, struct cpu_set *set) {
        for (size_t i = 0; i < rows->n; i++) {
                struct json_object *cells = field_array(rows->items[i], "perCpu");

                for (size_t j = 0; j < array_length(cells); j++) {
                        struct json_object *cell = array_at(cells, j);

                        if (field_u64(cell, "total") > 0 &&
                            cpu_set_add(set, (int)field_integer(cell, "cpu", -1)) == -ENOMEM)
                                return -ENOMEM;
                }
        }

        return 0;
}

/* What is particular to softirqs and to interrupts. */
struct counters_view {
        const char *key_title, *key_field;
        const char *title, *command;
        const char *rows, *n_rows; /* of the report: an array and, NULL where it is never cut, of how many */
        bool is_interrupts;
        size_t n_max;
};

static const struct counters_view softirqs_view = {
        .key_title = N_("TYPE"),
        .key_field = "type",
        .title = N_("Softirqs per second"),
        .command = "irqctl rates softirqs",
        .rows = "softirqs",
        .n_max = SIZE_MAX,
};
static const struct counters_view interrupts_view = {
        .key_title = "IRQ",
        .key_field = "irq",
        .title = N_("Interrupts per second"),
        .command = "irqctl rates interrupts",
        .rows = "interrupts",
        .n_rows = "interruptsTotal",
        .is_interrupts = true,
        .n_max = REPORT_INTERRUPTS_MAX,
};

static void add_names(struct table *table, struct json_object *row) {
        table_add(table, COLOUR_NONE, field_string(row, "name"));
        table_add(table, COLOUR_DIM, field_string(row, "chip"));
}

static void add_name_columns(struct table *table) {
        table_add_column(table, _("NAME"), TABLE_FLEX, 12);
        table_add_column(table, _("CHIP"), TABLE_FLEX, 6);
}

static void fill_per_cpu(struct table *table, const struct rows *rows, const struct cpu_set *cpus,
                         const struct counters_view *view) {
        char buf[FIELD_TEXT_MAX];

        table_add_column(table, _(view->key_title), TABLE_KEY | (view->is_interrupts ? TABLE_RIGHT : 0), 0);
        table_add_column(table, _("TOTAL"), TABLE_RIGHT, 0);
        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1)) {
                (void)snprintf(buf, sizeof(buf), "CPU%i", cpu);
                table_add_column(table, buf, TABLE_RIGHT, 0);
        }
        if (view->is_interrupts)
                add_name_columns(table);

        for (size_t i = 0; i < MIN(rows->n, view->n_max); i++) {
                struct json_object *row = rows->items[i];
                bool uneven = field_double(row, "imbalance") >= 1.5;
                double even = field_double(row, "perSecond") / (double)cpu_set_count(cpus);

                table_add(table, COLOUR_NONE, field_string(row, view->key_field));
                table_add(table, COLOUR_BOLD, format_count(field_double(row, "perSecond"), buf));
                for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1)) {
                        struct json_object *cell = cell_of_cpu(row, cpu);
                        double rate = field_double(cell, "perSecond");

                        if (rate > 0)
                                table_add(table, uneven && rate >= even * 1.5 ? COLOUR_YELLOW : COLOUR_NONE,
                                          format_count(rate, buf));
                        else
                                table_add(table, COLOUR_DIM, "-");
                }
                if (view->is_interrupts)
                        add_names(table, row);
        }
}

/* "CPU10 1.19 %, CPU1 1.06 %": who comes after the busiest. */
static void add_next(struct table *table, const struct rows *cells, uint64_t total) {
        char text[2 * FIELD_TEXT_MAX] = "", share[FIELD_TEXT_MAX];
        size_t length = 0;

        for (size_t i = 1; i < MIN(cells->n, (size_t)REPORT_BUSIEST_MAX); i++)
                length += (size_t)snprintf(
                        text + length, sizeof(text) - length, "%sCPU%" PRId64 " %s", i > 1 ? ", " : "",
                        field_integer(cells->items[i], "cpu", -1),
                        format_share((double)field_u64(cells->items[i], "total") / (double)total, share));
        table_add(table, COLOUR_NONE, text);
}

/* The busiest CPU of a row, its share and imbalance, and the next ones. */
static void add_busiest(struct table *table, struct json_object *row, bool with_next) {
        _cleanup_(rows_done) struct rows cells = {};
        uint64_t total = MAX(field_u64(row, "total"), UINT64_C(1));
        double imbalance = field_double(row, "imbalance");
        char share[FIELD_TEXT_MAX];

        if (rows_init(&cells, field_array(row, "perCpu")) < 0 || rows_sort(&cells, "total", "cpu") < 0) {
                table->error = -ENOMEM;
                return;
        }

        rows_drop_zero(&cells, "total");
        if (cells.n > 0) {
                table_addf(table, COLOUR_NONE, "CPU%" PRId64, field_integer(cells.items[0], "cpu", -1));
                table_add(table, COLOUR_NONE,
                          format_share((double)field_u64(cells.items[0], "total") / (double)total, share));
        } else {
                table_add(table, COLOUR_DIM, "-");
                table_add(table, COLOUR_DIM, "-");
        }
        table_addf(table, COLOUR_NONE, imbalance > 0 ? "%.1fx" : "-", imbalance);
        if (with_next)
                add_next(table, &cells, total);
}

/* For machines whose CPUs do not fit: who has most of it, and how uneven that is. */
static void fill_summary(struct table *table, const struct rows *rows, const struct counters_view *view) {
        char buf[FIELD_TEXT_MAX];

        table_add_column(table, _(view->key_title), TABLE_KEY | (view->is_interrupts ? TABLE_RIGHT : 0), 0);
        table_add_column(table, _("TOTAL"), TABLE_RIGHT, 0);
        table_add_column(table, _("BUSIEST"), TABLE_RIGHT, 0);
        table_add_column(table, _("ITS SHARE"), TABLE_RIGHT, 0);
        table_add_column(table, _("IMBALANCE"), TABLE_RIGHT, 0);
        if (view->is_interrupts)
                add_name_columns(table);
        else
                table_add_column(table, _("NEXT"), TABLE_FLEX, 10);

        for (size_t i = 0; i < MIN(rows->n, view->n_max); i++) {
                struct json_object *row = rows->items[i];

                table_add(table, COLOUR_NONE, field_string(row, view->key_field));
                table_add(table, COLOUR_BOLD, format_count(field_double(row, "perSecond"), buf));
                add_busiest(table, row, !view->is_interrupts);
                if (view->is_interrupts)
                        add_names(table, row);
        }
}

static int render_counters(const struct style *style, struct json_object *report,
                           const struct counters_view *view, FILE *f) {
        _cleanup_(table_done) struct table full = { .indent = 2 }, summary = { .indent = 2 };
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        _cleanup_(rows_done) struct rows rows = {};
        size_t n, n_shown;
        bool fits;
        int r;

        r = rows_init(&rows, field_array(report, view->rows));
        if (r < 0)
                return r;
        rows_drop_zero(&rows, "total");
        if (rows.n == 0)
                return 0;

        r = rows_sort(&rows, "perSecond", "total");
        if (r < 0)
                return r;
        r = busy_cpus(&rows, &cpus);
        if (r < 0)
                return r;

        fits = cpu_set_count(&cpus) <= REPORT_CPUS_MAX;
        if (fits) {
                fill_per_cpu(&full, &rows, &cpus, view);
                /* names may be cut, numbers not be moved to a second block */
                fits = style->width == 0 || table_width_min(&full) <= style->width;
        }
        if (!fits)
                fill_summary(&summary, &rows, view);

        style_heading(style, f, "%s%s", _(view->title),
                      fits ? "" : _(" (imbalance: busiest CPU against an even spread)"));
        r = table_print(fits ? &full : &summary, style, f);
        n_shown = MIN(rows.n, view->n_max);
        n = view->n_rows ? MAX(rows.n, (size_t)field_u64(report, view->n_rows)) : rows.n;
        if (n > n_shown)
                fprintf(f, _("  ... and %zu more (%s)\n"), n - n_shown, view->command);
        else if (!fits)
                fprintf(f, _("  every CPU: %s\n"), view->command);
        return r;
}

int render_softirqs(const struct style *style, struct json_object *report, FILE *f) {
        return render_counters(style, report, &softirqs_view, f);
}

int render_interrupts(const struct style *style, struct json_object *report, FILE *f) {
        return render_counters(style, report, &interrupts_view, f);
}
