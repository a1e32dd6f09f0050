/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/top-table-fill.h"

int top_add_column(struct top_table *table, const char *title, enum top_unit unit, bool extra) {
        struct top_column *columns = reallocarray(table->columns, table->n_columns + 1, sizeof(*columns));

        if (!columns)
                return -ENOMEM;

        table->columns = columns;
        columns[table->n_columns] =
                (struct top_column){ .title = strdup(title), .unit = unit, .extra = extra };
        if (!columns[table->n_columns].title)
                return -ENOMEM;

        table->n_columns++;
        return 0;
}

int top_add_line(struct top_table *table, char *title, uint32_t member, struct top_line **ret_line) {
        _cleanup_(freep) char *owned = title;
        struct top_line *lines, *line;
        int r;

        lines = title ? reallocarray(table->lines, table->n_lines + 1, sizeof(*lines)) : NULL;
        if (!lines)
                return -ENOMEM;

        table->lines = lines;
        line = &lines[table->n_lines];
        *line = (struct top_line){ .title = TAKE_PTR(owned), .node = -1 };
        table->n_lines++; /* from here on it is freed with the table */
        r = top_add_member(line, member);
        if (r < 0)
                return r;

        *ret_line = line;
        return 0;
}

int top_add_member(struct top_line *line, uint32_t member) {
        uint32_t *members = reallocarray(line->members, line->n_members + 1, sizeof(*members));

        if (!members)
                return -ENOMEM;

        line->members = members;
        members[line->n_members++] = member;
        return 0;
}

enum { SOURCES_MAX = 48 }; /* wider than any screen; a filter brings up the others */

/* The columns that are the same for every machine come first, then one per softirq, then one per device. */
enum fixed {
        FIXED_SOFTIRQS,
        FIXED_INTERRUPTS,
        FIXED_SOFTIRQ_SHARE,
        FIXED_IRQ_SHARE,
        FIXED_KSOFTIRQD,
        FIXED_P99,
        FIXED_MAX,
        _FIXED_MAX,
};

static const struct {
        const char *title;
        enum top_unit unit;
        enum top_part part; /* without which the column says nothing */
} fixed_columns[_FIXED_MAX] = {
        [FIXED_SOFTIRQS] = { "SOFTIRQ", TOP_RATE, TOP_SOFTIRQS },
        [FIXED_INTERRUPTS] = { "IRQ", TOP_RATE, TOP_INTERRUPTS },
        [FIXED_SOFTIRQ_SHARE] = { "SI%", TOP_SHARE, TOP_CPU_TIME },
        [FIXED_IRQ_SHARE] = { "HI%", TOP_SHARE, TOP_CPU_TIME },
        [FIXED_KSOFTIRQD] = { "KSD%", TOP_SHARE, TOP_KSOFTIRQD },
        [FIXED_P99] = { "P99", TOP_NSEC, TOP_LATENCY },
        [FIXED_MAX] = { "MAX", TOP_NSEC, TOP_LATENCY },
};

/* Which columns a table has, and where each takes its values. */
struct columns {
        enum fixed fixed[_FIXED_MAX];
        size_t n_fixed;
        struct source {
                enum top_part part;
                uint32_t row;
        } * sources; /* one per further column */
        size_t n_sources;
};

static void columns_done(struct columns *columns) {
        free(columns->sources);
}

static int columns_fixed(struct columns *columns, struct top_table *table) {
        int r;

        for (enum fixed i = 0; i < _FIXED_MAX; i++) {
                if (table->model->absent[fixed_columns[i].part])
                        continue;
                r = top_add_column(table, fixed_columns[i].title, fixed_columns[i].unit, false);
                if (r < 0)
                        return r;
                columns->fixed[columns->n_fixed++] = i;
        }

        return 0;
}

/* Most first, so that what has no room is what matters least; the order of rows decides between equals. */
static int compare_sources(const void *a, const void *b, void *userdata) {
        const struct top_rates *rates = userdata;
        const struct source *x = a, *y = b;
        uint64_t m = rates[x->part].rows[x->row].total, n = rates[y->part].rows[y->row].total;

        if (x->part != y->part)
                return x->part < y->part ? -1 : 1;
        return m != n ? (m < n ? 1 : -1) : (x->row > y->row) - (x->row < y->row);
}

static bool is_wanted(const struct top_row *row, const char *name) {
        return row->n_counts > 0 && (!*name || strcasestr(row->title, name));
}

static int columns_sources(struct columns *columns, struct top_table *table, const char *name) {
        const struct top_rates *rates = table->model->rates;
        int r;

        columns->sources = calloc(rates[TOP_SOFTIRQS].n_rows + rates[TOP_INTERRUPTS].n_rows + 1,
                                  sizeof(*columns->sources));
        if (!columns->sources)
                return -ENOMEM;

        for (enum top_part part = TOP_SOFTIRQS; part <= TOP_INTERRUPTS; part++)
                for (uint32_t i = 0; i < rates[part].n_rows; i++)
                        if (is_wanted(&rates[part].rows[i], name))
                                columns->sources[columns->n_sources++] = (struct source){ part, i };
        qsort_r(columns->sources, columns->n_sources, sizeof(*columns->sources), compare_sources,
                (void *)rates);
        columns->n_sources = MIN(columns->n_sources, (size_t)SOURCES_MAX);

        for (size_t i = 0; i < columns->n_sources; i++) {
                const struct source *source = &columns->sources[i];
                const struct top_row *row = &rates[source->part].rows[source->row];

                r = top_add_column(table, row->device ? row->title : row->name, TOP_RATE, true);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The worse of the two; a value that is not known is no value. */
static double worse(double a, double b) {
        return a > b ? a : b;
}

static double fixed_value(const struct top_model *model, const struct top_line *line, enum fixed column) {
        double sum = 0, worst = -1;

        for (size_t i = 0; i < line->n_members; i++) {
                const struct top_cpu *cpu = &model->cpus[line->members[i]];

                switch (column) {
                case FIXED_SOFTIRQS:
                        sum += (double)cpu->softirqs;
                        break;
                case FIXED_INTERRUPTS:
                        sum += (double)cpu->interrupts;
                        break;
                case FIXED_SOFTIRQ_SHARE:
                        worst = worse(worst, cpu->softirq_share);
                        break;
                case FIXED_IRQ_SHARE:
                        worst = worse(worst, cpu->irq_share);
                        break;
                case FIXED_KSOFTIRQD:
                        worst = worse(worst, cpu->ksoftirqd_share);
                        break;
                case FIXED_P99:
                        worst = worse(worst, cpu->max_ns > 0 ? (double)cpu->p99_ns : -1);
                        break;
                default:
                        worst = worse(worst, cpu->max_ns > 0 ? (double)cpu->max_ns : -1);
                }
        }

        return column == FIXED_SOFTIRQS || column == FIXED_INTERRUPTS ? sum : worst;
}

static double per_second(const struct top_rates *rates, double count, bool totals) {
        return totals ? count : rates->seconds > 0 ? count / rates->seconds : 0;
}

static double source_value(const struct top_model *model, const struct top_line *line,
                           const struct source *source) {
        const struct top_row *row = &model->rates[source->part].rows[source->row];
        uint64_t sum = 0;

        for (size_t i = 0; i < line->n_members; i++)
                sum += top_row_count(row, model->cpus[line->members[i]].cpu);
        return (double)sum;
}

static int fill_values(const struct top_table *table, struct top_line *line, const struct columns *columns,
                       bool totals) {
        const struct top_model *model = table->model;

        line->values = calloc(table->n_columns + 1, sizeof(*line->values));
        if (!line->values)
                return -ENOMEM;

        for (size_t i = 0; i < columns->n_fixed; i++) {
                enum fixed column = columns->fixed[i];
                double value = fixed_value(model, line, column);

                if (fixed_columns[column].unit == TOP_RATE)
                        value = per_second(&model->rates[fixed_columns[column].part], value, totals);
                line->values[i] = value;
        }
        for (size_t i = 0; i < columns->n_sources; i++)
                line->values[columns->n_fixed + i] =
                        per_second(&model->rates[columns->sources[i].part],
                                   source_value(model, line, &columns->sources[i]), totals);
        return 0;
}

static char *cpu_title(const struct top_cpu *cpu, bool node) {
        char *title = NULL;
        int r;

        if (!node)
                r = asprintf(&title, "CPU%d%s", cpu->cpu, cpu->online ? "" : "*");
        else if (cpu->node >= 0)
                r = asprintf(&title, "node%d", cpu->node);
        else
                r = asprintf(&title, "all");
        return r < 0 ? NULL : title;
}

static struct top_line *find_node(struct top_table *table, int node) {
        for (size_t i = 0; i < table->n_lines; i++)
                if (table->lines[i].node == node)
                        return &table->lines[i];

        return NULL;
}

static int add_cpu(struct top_table *table, uint32_t position, bool by_node) {
        const struct top_cpu *cpu = &table->model->cpus[position];
        struct top_line *line = by_node ? find_node(table, cpu->node) : NULL;
        int r;

        if (line)
                return top_add_member(line, position);

        r = top_add_line(table, cpu_title(cpu, by_node), position, &line);
        if (r < 0)
                return r;
        line->node = cpu->node;
        line->dim = !by_node && !cpu->online;
        return 0;
}

int top_fill_cpus(struct top_table *table, const struct top_view *view, const char *name) {
        _cleanup_(columns_done) struct columns columns = {};
        int r;

        r = columns_fixed(&columns, table);
        if (r == 0)
                r = columns_sources(&columns, table, name);
        for (size_t i = 0; r == 0 && i < table->n_cpus; i++)
                r = add_cpu(table, table->cpus[i], view->group == TOP_BY_NODE);
        for (size_t i = 0; r == 0 && i < table->n_lines; i++)
                r = fill_values(table, &table->lines[i], &columns, view->totals);
        return r;
}
