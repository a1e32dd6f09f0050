/* SPDX-License-Identifier: Apache-2.0 */

#include "client/steps-table.h"

#include <string.h>

#include "client/field.h"
#include "common/array.h"
#include "common/cleanup.h"

void steps_table_done(struct steps_table *table) {
        for (size_t i = 0; i < table->n_columns; i++) {
                free(table->columns[i].key);
                free(table->columns[i].title);
                free(table->columns[i].text);
        }
        free(table->columns);
        free(table->lines);
        free(table->values);
        free(table->source);
        free(table->metric);
        free(table->row_name);
        free(table->tier);
        *table = (struct steps_table){};
}

static int steps_table_set_text(char **text, const char *value) {
        char *copy;

        if (!value || *text)
                return 0;

        copy = strdup(value);
        if (!copy)
                return -ENOMEM;

        *text = copy;
        return 0;
}

static int steps_table_tier_rank(const char *tier) {
        static const char *const tiers[] = { "memory", "raw", "10s", "1min", "10min" };

        for (size_t i = 0; i < ELEMENTSOF(tiers); i++)
                if (tier && strcmp(tiers[i], tier) == 0)
                        return (int)i;

        return -1;
}

static int steps_table_add_head(struct steps_table *table, struct json_object *rates) {
        const char *tier = field_string(rates, "tier"), *unit = field_string(rates, "unit");
        int r;

        table->is_time = unit && strcmp(unit, "ns") == 0;
        table->step_us = field_u64(rates, "stepUsec");
        r = steps_table_set_text(&table->source, field_string(rates, "source"));
        if (r >= 0)
                r = steps_table_set_text(&table->metric, field_string(rates, "metric"));
        if (r >= 0)
                r = steps_table_set_text(&table->row_name, field_string(rates, "rowName"));
        if (r >= 0 && steps_table_tier_rank(tier) > steps_table_tier_rank(table->tier)) {
                free(table->tier);
                table->tier = NULL;
                r = steps_table_set_text(&table->tier, tier);
        }
        return r;
}

/* The same row has the same name and the same labels. The caller frees; NULL: no memory. */
static char *steps_table_join(const char *name, struct json_object *labels, bool only_labels) {
        const char *blank = only_labels ? "" : " ";
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        if (!only_labels)
                fputs(name, f);
        for (size_t i = 0; i < array_length(labels); i++) {
                const char *label = json_object_get_string(array_at(labels, i));

                if (!label || !*label)
                        continue;
                fprintf(f, "%s%s", blank, label);
                blank = " ";
        }
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }

        return text;
}

/* Rows of a step come in the order of those before: hint is where the next one probably is. Consumes key. */
static int steps_table_find(struct steps_table *table, char *key, size_t hint, size_t *ret_column) {
        _cleanup_(freep) char *owned = key;
        int r;

        if (!key)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_columns; i++) {
                size_t at = (hint + i) % table->n_columns;

                if (strcmp(table->columns[at].key, key) == 0) {
                        *ret_column = at;
                        return 0;
                }
        }

        r = ARRAY_RESERVE(table->columns, table->n_columns_allocated, table->n_columns + 1);
        if (r < 0)
                return r;
        table->columns[table->n_columns] = (struct steps_column){ .key = TAKE_PTR(owned), .cpu = -1 };
        *ret_column = table->n_columns++;
        return 1;
}

static int steps_table_add_value(struct steps_table *table, struct steps_line *line, size_t column,
                                 uint64_t total, bool reset) {
        double per_second;
        int r;

        /* Of one CPU several rows may add up; columns of a line are few then. */
        for (size_t i = line->first; table->per_cpu && i < table->n_values; i++)
                if (table->values[i].column == column) {
                        table->values[i].total += total;
                        table->columns[column].total += total;
                        return 0;
                }

        r = ARRAY_RESERVE(table->values, table->n_values_allocated, table->n_values + 1);
        if (r < 0)
                return r;
        table->values[table->n_values++] =
                (struct steps_value){ .column = (uint32_t)column, .total = total, .reset = reset };
        line->n++;
        table->columns[column].total += total;
        per_second =
                line->elapsed_ns > 0 ? (double)total * (double)NSEC_PER_SEC / (double)line->elapsed_ns : 0;
        table->columns[column].most = MAX(table->columns[column].most, per_second);
        return 0;
}

static int steps_table_add_cpus(struct steps_table *table, struct steps_line *line,
                                struct json_object *cells) {
        size_t hint = 0;

        for (size_t i = 0; i < array_length(cells); i++) {
                int cpu = (int)field_integer(array_at(cells, i), "cpu", -1), r;
                char *key = NULL;
                size_t column;

                if (asprintf(&key, "CPU%i", cpu) < 0)
                        return -ENOMEM;
                r = steps_table_find(table, key, hint, &column);
                if (r > 0) {
                        table->columns[column].cpu = cpu;
                        r = steps_table_set_text(&table->columns[column].title, table->columns[column].key);
                }
                if (r >= 0)
                        r = steps_table_add_value(table, line, column, field_u64(array_at(cells, i), "total"),
                                                  false);
                if (r < 0)
                        return r;
                hint = column + 1;
        }

        return 0;
}

static int steps_table_add_row(struct steps_table *table, struct steps_line *line, struct json_object *row,
                               size_t *hint) {
        const char *name = field_string(row, "name") ?: "";
        struct json_object *labels = field_array(row, "labels");
        uint64_t total = field_u64(row, "total");
        bool reset = field_u64(row, "resets") > 0;
        size_t column;
        int r;

        line->total += total;
        line->reset |= reset;
        if (table->per_cpu)
                return steps_table_add_cpus(table, line, field_array(row, "perCpu"));

        r = steps_table_find(table, steps_table_join(name, labels, false), *hint, &column);
        if (r > 0) {
                struct steps_column *added = &table->columns[column];

                r = steps_table_set_text(&added->title, *name ? name : table->metric);
                if (r >= 0)
                        added->text = steps_table_join(name, labels, true);
                if (r >= 0 && !added->text)
                        r = -ENOMEM;
        }
        if (r < 0)
                return r;

        *hint = column + 1;
        return steps_table_add_value(table, line, column, total, reset);
}

static int steps_table_add_step(struct steps_table *table, struct json_object *step) {
        struct json_object *rows = field_array(step, "rows");
        struct steps_line line = {
                .since_us = field_u64(step, "sinceUsec"),
                .until_us = field_u64(step, "untilUsec"),
                .elapsed_ns = field_u64(step, "elapsedNsec"),
                .gap = field_boolean(step, "gap"),
                .missing = field_boolean(step, "missing"),
                .first = table->n_values,
        };
        size_t hint = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < array_length(rows); i++)
                r = steps_table_add_row(table, &line, array_at(rows, i), &hint);
        if (r >= 0)
                r = ARRAY_RESERVE(table->lines, table->n_lines_allocated, table->n_lines + 1);
        if (r < 0)
                return r;

        table->lines[table->n_lines++] = line;
        return 0;
}

int steps_table_add(struct steps_table *table, struct json_object *rates) {
        struct json_object *steps = field_array(rates, "steps");
        int r;

        if (!rates)
                return 0;

        r = steps_table_add_head(table, rates);
        for (size_t i = 0; r >= 0 && i < array_length(steps); i++)
                r = steps_table_add_step(table, array_at(steps, i));
        return MIN(r, 0);
}
