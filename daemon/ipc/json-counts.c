/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-counts.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/ipc/json-writer.h"

void counts_done(struct counts *counts) {
        for (size_t i = 0; i < counts->n_metrics; i++)
                (void)rates_free(counts->metrics[i].rates); /* returns NULL */
        counts->n_metrics = 0;
}

/* "0-3,8" */
static void write_cpus(FILE *f, const struct rates *rates, bool only_online) {
        const char *lead = "";
        int first = -1, last = -2;

        for (size_t i = 0; rates && i < rates->n_cpus; i++) {
                if (only_online && !rates->online[i])
                        continue;
                if (rates->cpus[i] != last + 1) {
                        if (last > first)
                                (void)fprintf(f, "-%d",
                                              last); /* ferror() is looked at when all is written; so below */
                        first = rates->cpus[i];
                        (void)fprintf(f, "%s%d", lead, first);
                        lead = ",";
                }
                last = rates->cpus[i];
        }
        if (last > first)
                (void)fprintf(f, "-%d", last);
}

/* As json_set_u64() has it. */
static void write_u64(FILE *f, uint64_t value) {
        (void)fprintf(f, "%" PRIu64, MIN(value, (uint64_t)INT64_MAX));
}

static int write_text(FILE *f, const char *text) {
        if (text)
                return json_write_text(f, text);

        (void)fputs("null", f);
        return 0;
}

static const char *row_text(const struct rates *rates, const struct rates_row *row) {
        return rates_row_label(rates, row, "actions") ?: "";
}

/* How many CPUs, then each one's number and what it counted. */
static void write_cells(FILE *f, const struct rates *rates, const struct rates_row *row) {
        size_t n = 0;

        for (size_t i = 0; i < rates->n_cpus; i++)
                n += row->per_cpu[i] > 0;
        (void)fprintf(f, "%zu", n);
        for (size_t i = 0; i < rates->n_cpus; i++)
                if (row->per_cpu[i] > 0) {
                        (void)fprintf(f, ",%d,", rates->cpus[i]);
                        write_u64(f, row->per_cpu[i]);
                }
}

enum column { COLUMN_NAMES, COLUMN_TEXTS, COLUMN_TOTALS, COLUMN_COUNTS, _COLUMN_MAX };

static int write_element(FILE *f, const struct rates *rates, const struct rates_row *row,
                         enum column column) {
        switch (column) {
        case COLUMN_NAMES:
                return json_write_text(f, row->name);
        case COLUMN_TEXTS:
                return json_write_text(f, row_text(rates, row));
        case COLUMN_TOTALS:
                write_u64(f, row->total);
                return 0;
        default:
                write_cells(f, rates, row);
                return 0;
        }
}

static int write_column(FILE *f, const struct rates *rates, enum column column) {
        const char *lead = "";
        int r = 0;

        (void)fputs("[", f);
        for (size_t i = 0; r == 0 && rates && i < rates->n_rows; i++) {
                if (rates->rows[i].total == 0)
                        continue;
                (void)fputs(lead, f);
                r = write_element(f, rates, &rates->rows[i], column);
                lead = ",";
        }
        (void)fputs("]", f);
        return r;
}

static int write_columns(FILE *f, const struct rates *rates, bool with_cpus) {
        static const char *const names[_COLUMN_MAX] = {
                [COLUMN_NAMES] = "names",
                [COLUMN_TEXTS] = "texts",
                [COLUMN_TOTALS] = "totals",
                [COLUMN_COUNTS] = "counts",
        };
        int r = 0;

        for (enum column column = 0; r == 0 && column < _COLUMN_MAX; column++) {
                (void)fprintf(f, ",\"%s\":", names[column]);
                if (column == COLUMN_COUNTS && !with_cpus)
                        (void)fputs("null", f);
                else
                        r = write_column(f, rates, column);
        }

        return r;
}

static int write_metric(FILE *f, const struct counts_metric *metric, bool with_cpus) {
        const struct rates *rates = metric->rates;
        int r;

        (void)fputs("{\"metric\":", f);
        r = write_text(f, metric->name);
        if (r < 0)
                return r;
        (void)fputs(",\"absent\":", f);
        r = write_text(f, metric->absent);
        if (r < 0)
                return r;

        (void)fputs(",\"elapsedNsec\":", f);
        write_u64(f, rates ? rates->elapsed_ns : 0);
        (void)fputs(",\"cpus\":\"", f);
        write_cpus(f, rates, false);
        (void)fputs("\",\"online\":\"", f);
        write_cpus(f, rates, true);
        (void)fputs("\"", f);
        r = write_columns(f, rates, with_cpus);
        (void)fputs("}", f);
        return r;
}

static int write_all(FILE *f, const struct counts *counts, bool with_cpus) {
        int r;

        (void)fputs("{\"lastEventId\":", f);
        if (counts->last_event_id >= 0)
                (void)fprintf(f, "%" PRId64, counts->last_event_id);
        else
                (void)fputs("null", f);
        (void)fputs(",\"tier\":", f);
        r = write_text(f, counts->tier);
        (void)fputs(",\"metrics\":[", f);
        for (size_t i = 0; r == 0 && i < counts->n_metrics; i++) {
                (void)fputs(i > 0 ? "," : "", f);
                r = write_metric(f, &counts->metrics[i], with_cpus);
        }
        (void)fputs("]}", f);
        return r;
}

int json_counts(const struct counts *counts, bool with_cpus, struct json_object **ret_object) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = write_all(f, counts, with_cpus);
        if (ferror(f))
                r = -ENOMEM;
        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;

        *ret_object = json_written(TAKE_PTR(text));
        return *ret_object ? 0 : -ENOMEM;
}
