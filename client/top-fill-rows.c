/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/top-table-fill.h"

enum { COLUMN_SUM, COLUMN_BUSIEST = TOP_COLUMN_BUSIEST, COLUMN_CPU, COLUMN_IMBALANCE, _COLUMN_MAX };

static bool is_wanted(const struct top_row *row, const char *name) {
        return row->total > 0 && (!*name || strcasestr(row->title, name));
}

static struct top_line *find_device(struct top_table *table, const struct top_row *row) {
        const struct top_rates *rates = &table->model->rates[TOP_INTERRUPTS];

        for (size_t i = 0; row->device && i < table->n_lines; i++) {
                struct top_line *line = &table->lines[i];
                const char *device;

                if (line->part != TOP_INTERRUPTS)
                        continue;
                device = rates->rows[line->members[0]].device;
                if (device && strcmp(device, row->device) == 0)
                        return line;
        }

        return NULL;
}

static int add_row(struct top_table *table, enum top_part part, uint32_t position, bool by_device) {
        const struct top_row *row = &table->model->rates[part].rows[position];
        struct top_line *line = by_device && part == TOP_INTERRUPTS ? find_device(table, row) : NULL;
        const char *title = by_device && row->device ? row->device : row->title;
        char *text = NULL;
        int r;

        if (line)
                return top_add_member(line, position);

        if (asprintf(&text, "%s%s", part == TOP_SOFTIRQS ? "softirq " : "", title) < 0)
                return -ENOMEM;
        r = top_add_line(table, text, position, &line);
        if (r < 0)
                return r;
        line->part = part;
        return 0;
}

/* "eth0 (16)": how many interrupts a device's line stands for. */
static int count_in_title(struct top_line *line) {
        char *title = NULL;

        if (line->n_members < 2)
                return 0;
        if (asprintf(&title, "%s (%zu)", line->title, line->n_members) < 0)
                return -ENOMEM;

        free(line->title);
        line->title = title;
        return 0;
}

static uint64_t count_of(const struct top_table *table, const struct top_line *line, int cpu) {
        const struct top_rates *rates = &table->model->rates[line->part];
        uint64_t sum = 0;

        for (size_t i = 0; i < line->n_members; i++)
                sum += top_row_count(&rates->rows[line->members[i]], cpu);
        return sum;
}

/* With all CPUs the row's own total, which has also what belongs to no CPU, or what was cut off. */
static double sum_of(const struct top_table *table, const struct top_line *line, uint64_t of_cpus) {
        const struct top_rates *rates = &table->model->rates[line->part];
        uint64_t sum = 0;

        if (table->n_cpus < table->model->n_cpus)
                return (double)of_cpus;
        for (size_t i = 0; i < line->n_members; i++)
                sum += rates->rows[line->members[i]].total;
        return (double)sum;
}

static int fill_values(const struct top_table *table, struct top_line *line, bool totals) {
        const struct top_rates *rates = &table->model->rates[line->part];
        double scale = totals ? 1 : rates->seconds > 0 ? 1 / rates->seconds : 0;
        uint64_t sum = 0, most = 0;
        size_t n_online = 0;
        int busiest = -1;

        line->values = calloc(_COLUMN_MAX, sizeof(*line->values));
        if (!line->values)
                return -ENOMEM;

        for (size_t i = 0; i < table->n_cpus; i++) {
                const struct top_cpu *cpu = &table->model->cpus[table->cpus[i]];
                uint64_t n = count_of(table, line, cpu->cpu);

                sum += n;
                n_online += cpu->online;
                if (n > most) {
                        most = n;
                        busiest = cpu->cpu;
                }
        }

        line->values[COLUMN_SUM] = sum_of(table, line, sum) * scale;
        line->values[COLUMN_BUSIEST] = (double)most * scale;
        line->values[COLUMN_CPU] = busiest;
        /* An interrupt of one queue is meant to go to one CPU. */
        line->values[COLUMN_IMBALANCE] =
                sum > 0 && (line->n_members > 1 || !rates->rows[line->members[0]].device)
                        ? (double)most * (double)n_online / (double)sum
                        : -1;
        return 0;
}

static int add_columns(struct top_table *table) {
        static const struct {
                const char *title;
                enum top_unit unit;
        } columns[_COLUMN_MAX] = {
                [COLUMN_SUM] = { "ALL", TOP_RATE },
                [COLUMN_BUSIEST] = { "BUSIEST", TOP_RATE },
                [COLUMN_CPU] = { "ON CPU", TOP_NUMBER },
                [COLUMN_IMBALANCE] = { "IMBAL", TOP_FACTOR },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < _COLUMN_MAX; i++)
                r = top_add_column(table, columns[i].title, columns[i].unit, i == COLUMN_IMBALANCE);
        return r;
}

int top_fill_rows(struct top_table *table, const struct top_view *view, const char *name) {
        bool by_device = view->group == TOP_BY_DEVICE;
        int r;

        r = add_columns(table);
        for (enum top_part part = TOP_SOFTIRQS; r == 0 && part <= TOP_INTERRUPTS; part++)
                for (uint32_t i = 0; r == 0 && i < table->model->rates[part].n_rows; i++)
                        if (is_wanted(&table->model->rates[part].rows[i], name))
                                r = add_row(table, part, i, by_device);
        for (size_t i = 0; r == 0 && i < table->n_lines; i++)
                r = by_device ? count_in_title(&table->lines[i]) : 0;
        for (size_t i = 0; r == 0 && i < table->n_lines; i++)
                r = fill_values(table, &table->lines[i], view->totals);
        return r;
}
