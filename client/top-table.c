/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-table.h"

#include <string.h>

#include "client/top-grid.h"
#include "client/top-table-fill.h"
#include "common/cpulist.h"

void top_table_done(struct top_table *table) {
        for (size_t i = 0; i < table->n_columns; i++)
                free(table->columns[i].title);
        for (size_t i = 0; i < table->n_lines; i++) {
                free(table->lines[i].title);
                free(table->lines[i].members);
                free(table->lines[i].values);
        }
        free(table->columns);
        free(table->lines);
        free(table->cpus);
        free(table->titles);
        *table = (struct top_table){};
}

/* A filter that is a list of CPUs. */
static bool top_filter_cpus(const char *filter, struct cpu_set *set) {
        return *filter && cpu_list_parse(filter, set) == 0;
}

bool top_window_wanted(const struct top_window *window, const char *filter) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};

        if (!*filter)
                return true;
        if (top_filter_cpus(filter, &set))
                return cpu_set_contains(&set, window->cpu);

        return strcasestr(window->culprit ?: "", filter) || strcasestr(window->comm ?: "", filter) ||
               strcasestr(window->class ?: "", filter);
}

static int top_table_cpus(struct top_table *table, const char *filter) {
        const struct top_model *model = table->model;
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        bool filtered = top_filter_cpus(filter, &set);

        table->cpus = calloc(model->n_cpus + 1, sizeof(*table->cpus));
        if (!table->cpus)
                return -ENOMEM;

        for (uint32_t i = 0; i < model->n_cpus; i++)
                if (!filtered || cpu_set_contains(&set, model->cpus[i].cpu))
                        table->cpus[table->n_cpus++] = i;
        return 0;
}

double top_table_strip(const struct top_table *table, const struct top_line *line, size_t first, size_t end) {
        const struct top_rates *rates = &table->model->rates[line->part];
        uint64_t most = 0;

        for (size_t i = first; i < end && i < table->n_cpus; i++) {
                uint64_t sum = 0;

                for (size_t j = 0; j < line->n_members; j++)
                        sum += top_row_count(&rates->rows[line->members[j]],
                                             table->model->cpus[table->cpus[i]].cpu);
                most = MAX(most, sum);
        }

        return rates->seconds > 0 ? (double)most / rates->seconds : 0;
}

unsigned top_heat(double value, enum top_unit unit) {
        /* Counts per second, shares, nanoseconds: the least of each step. A factor of 1 is an even spread. */
        static const double steps[][TOP_HEATS - 1] = {
                [TOP_RATE] = { 10, 100, 1e3, 5e3, 2e4, 5e4, 2e5 },
                [TOP_SHARE] = { 0.001, 0.01, 0.03, 0.1, 0.25, 0.5, 0.8 },
                [TOP_NSEC] = { 1e4, 1e5, 3e5, 1e6, 5e6, 1e7, 5e7 },
                [TOP_NUMBER] = { 1e300, 1e300, 1e300, 1e300, 1e300, 1e300, 1e300 },
                [TOP_FACTOR] = { 1e300, 1e300, 1e300, 1e300, 1e300, 1e300, 1e300 },
        };
        unsigned heat = 0;

        while (heat < TOP_HEATS - 1 && value >= steps[unit][heat])
                heat++;
        return heat;
}

struct top_order {
        int column; /* -1: as they come */
        bool reverse;
};

/* Where a column has no value, at the end; equal ones in the order of names, numbers by value. */
static int top_compare(const void *a, const void *b, void *userdata) {
        const struct top_order *order = userdata;
        const struct top_line *x = a, *y = b;
        int way = order->reverse ? -1 : 1;

        if (order->column >= 0) {
                double m = x->values[order->column], n = y->values[order->column];

                if (m != n)
                        return (m < n ? 1 : -1) * (m < 0 || n < 0 ? 1 : way);
                way = 1;
        }

        return strverscmp(x->title, y->title) * way;
}

static void top_table_sort(struct top_table *table, const struct top_view *view, bool busiest_first) {
        struct top_order order = { .column = -1, .reverse = view->reverse };

        for (size_t i = 0; i < table->n_columns; i++)
                if (strcmp(table->columns[i].title, view->sort) == 0)
                        order.column = (int)i;
        if (order.column < 0 && (busiest_first || table->has_strips) && table->n_columns > 0)
                order.column = table->has_strips ? TOP_COLUMN_BUSIEST : 0; /* the busiest; the sum */

        table->sorted = order.column;
        if (table->n_lines > 0)
                qsort_r(table->lines, table->n_lines, sizeof(*table->lines), top_compare, &order);
}

int top_table_make(const struct top_model *model, const struct top_view *view, bool busiest_first,
                   struct top_table *ret) {
        _cleanup_(top_table_done) struct top_table table = { .model = model };
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        const char *name = top_filter_cpus(view->filter, &set) ? "" : view->filter;
        int r;

        r = top_table_cpus(&table, view->filter);
        if (r < 0)
                return r;
        table.has_strips = view->group == TOP_BY_SOURCE || view->group == TOP_BY_DEVICE;
        r = table.has_strips ? top_fill_rows(&table, view, name) : top_fill_cpus(&table, view, name);
        if (r < 0)
                return r;

        top_table_sort(&table, view, busiest_first);
        *ret = table;
        table = (struct top_table){};
        return 0;
}
