/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-readings.h"

#include <string.h>

#include "daemon/query/levels.h"

/* Findings are those of a report of the last minute. */
#define FINDINGS_SPAN_US (60 * USEC_PER_SEC)

void alert_reader_begin(struct alert_reader *reader, uint64_t now_us) {
        reader->now_us = now_us;
}

void alert_reader_end(struct alert_reader *reader) {
        reader->rates = rates_free(reader->rates);
        reader->report = report_free(reader->report);
}

static double to_scale(const struct alert_rule *rule, double value) {
        return rule->scale == ALERT_SHARE ? value / (double)NSEC_PER_SEC : value;
}

/* A row in words: "24 virtio0-input.0", "NET_RX". Labels in between say where it is wired, not what it is. */
static int row_text(const char *name, const char *const *labels, char **ret_text) {
        const char *label = NULL;

        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                label = labels[i] ?: label;
        if (asprintf(ret_text, "%s%s%s", name, label ? " " : "", label ?: "") < 0) {
                *ret_text = NULL; /* asprintf() leaves it undefined */
                return -ENOMEM;
        }

        return 0;
}

static bool selects(const struct alert_rule *rule, const char *name, char *const *labels) {
        return alert_rule_selects(rule, name, (const char *const *)labels, METRIC_LABELS_MAX);
}

static double per_second(const struct rates *rates, uint64_t total) {
        return (double)total * (double)NSEC_PER_SEC / (double)rates->elapsed_ns;
}

static int add_value(const struct alert_rule *rule, const char *subject, int cpu, double value,
                     struct alert_readings *readings) {
        const struct alert_reading reading = { .subject = subject && *subject ? subject : NULL, 
                                               .cpu = cpu,
                                               .value = to_scale(rule, value) };

        return alert_readings_add(readings, &reading);
}

/* Of a metric without CPUs the sum stands for all. */
static int add_rates_per_cpu(const struct alert_rule *rule, const struct rates *rates,
                             struct alert_readings *readings) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < rates->n_cpus; i++) {
                uint64_t total = 0;

                if (!rates->online[i])
                        continue;
                for (size_t j = 0; j < rates->n_rows; j++)
                        if (selects(rule, rates->rows[j].name, rates->rows[j].labels))
                                total += rates->rows[j].per_cpu[i];
                r = add_value(rule, NULL, rates->cpus[i], per_second(rates, total), readings);
        }

        return r;
}

/* Rows that went away are not there to be judged; their key may already be another's. */
static int add_rates_per_row(const struct alert_rule *rule, const struct rates *rates,
                             struct alert_readings *readings) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < rates->n_rows; i++) {
                const struct rates_row *row = &rates->rows[i];
                _cleanup_(freep) char *text = NULL;

                if (!row->live || !selects(rule, row->name, row->labels))
                        continue;
                r = row_text(row->name, (const char *const *)row->labels, &text);
                if (r == 0)
                        r = add_value(rule, text, CPU_NONE, row->per_second, readings);
        }

        return r;
}

static int add_rates_sum(const struct alert_rule *rule, const struct rates *rates,
                         struct alert_readings *readings) {
        uint64_t total = 0;

        for (size_t i = 0; i < rates->n_rows; i++)
                if (selects(rule, rates->rows[i].name, rates->rows[i].labels))
                        total += rates->rows[i].total;

        return add_value(rule, NULL, CPU_NONE, per_second(rates, total), readings);
}

/* Rules stand in the order of their names: those that share a metric rarely do so one after the other. Still
 * one answer is enough, as a machine has few rules about metrics. */
static int query_rates(struct alert_reader *reader, const struct alert_rule *rule) {
        const struct rates_request request = {
                .source = rule->source,
                .metric = rule->metric,
                .since_us = reader->now_us - MIN(rule->over_ns / NSEC_PER_USEC, reader->now_us),
                .until_us = reader->now_us,
        };

        if (reader->rates && reader->rates_over_ns == rule->over_ns &&
            strcmp(reader->rates->source, rule->source) == 0 &&
            strcmp(reader->rates->metric->name, rule->metric) == 0)
                return 0;

        reader->rates = rates_free(reader->rates);
        reader->rates_over_ns = rule->over_ns;
        return rates_query(reader->store, &request, &reader->rates);
}

/* A rate over less than half of its span, as after a start or a gap, is a peak that nobody asked for. */
static int read_rates(struct alert_reader *reader, const struct alert_rule *rule,
                      struct alert_readings *readings) {
        int r;

        r = query_rates(reader, rule);
        if (r == -ENOENT)
                return -ENODATA;
        if (r < 0)
                return r;
        if (reader->rates->elapsed_ns < rule->over_ns / 2)
                return -ENODATA;

        if (rule->per == ALERT_PER_CPU && reader->rates->n_cpus > 0)
                return add_rates_per_cpu(rule, reader->rates, readings);
        return rule->per == ALERT_PER_ROW ? add_rates_per_row(rule, reader->rates, readings)
                                          : add_rates_sum(rule, reader->rates, readings);
}

static bool level_is_selected(const struct alert_rule *rule, const struct level *level) {
        return alert_rule_selects(rule, level->row->key.name, level->row->key.labels, METRIC_LABELS_MAX);
}

/* What two values have in common when they belong to one reading. */
static bool same_level(const struct alert_rule *rule, const struct level *a, const struct level *b) {
        if (rule->per == ALERT_PER_CPU)
                return a->cpu == b->cpu;

        return rule->per == ALERT_SUM || a->row == b->row;
}

static int add_level(const struct alert_rule *rule, const struct level *level, double sum,
                     struct alert_readings *readings) {
        _cleanup_(freep) char *text = NULL;
        int r;

        if (rule->per != ALERT_PER_ROW)
                return add_value(rule, NULL, rule->per == ALERT_PER_CPU ? level->cpu : CPU_NONE, sum,
                                 readings);

        r = row_text(level->row->key.name, level->row->key.labels, &text);
        return r < 0 ? r : add_value(rule, text, CPU_NONE, sum, readings);
}

static int compare_cpu(const void *a, const void *b) {
        const struct level *x = a, *y = b;

        return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

/* Values of one reading stand together: by row as they come, by CPU once sorted. */
static int add_levels(const struct alert_rule *rule, struct levels *levels, struct alert_readings *readings) {
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < levels->n_items; i++)
                if (level_is_selected(rule, &levels->items[i]))
                        levels->items[n++] = levels->items[i];
        if (rule->per == ALERT_PER_CPU)
                qsort(levels->items, n, sizeof(*levels->items), compare_cpu);
        if (n == 0 && rule->per == ALERT_SUM)
                return add_value(rule, NULL, CPU_NONE, 0, readings);

        for (size_t i = 0, j; r == 0 && i < n; i = j) {
                double sum = 0;

                for (j = i; j < n && same_level(rule, &levels->items[i], &levels->items[j]); j++)
                        sum += (double)levels->items[j].value;
                r = add_level(rule, &levels->items[i], sum, readings);
        }

        return r;
}

static int read_levels(const struct alert_reader *reader, const struct alert_rule *rule,
                       struct alert_readings *readings) {
        _cleanup_(levels_done) struct levels levels = {};
        uint64_t span_us = MIN(rule->over_ns / NSEC_PER_USEC, reader->now_us);
        int r;

        r = levels_query(reader->store, rule->source, rule->metric, reader->now_us - span_us, reader->now_us,
                         &levels);
        if (r < 0)
                return r == -ENOENT ? -ENODATA : r;

        return add_levels(rule, &levels, readings);
}

/* Worst first: of several with one subject the first one counts. */
static bool is_repeated(const struct findings *findings, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (strcmp(findings->items[j].code, findings->items[i].code) == 0 &&
                    strcmp(findings->items[j].subject, findings->items[i].subject) == 0)
                        return true;

        return false;
}

static int read_findings(struct alert_reader *reader, const struct alert_rule *rule,
                         struct alert_readings *readings) {
        const struct report_request request = {
                .since_us = reader->now_us - MIN(FINDINGS_SPAN_US, reader->now_us),
                .until_us = reader->now_us,
        };
        const struct findings *findings;
        int r = 0;

        if (!reader->report)
                r = report_query(reader->store, &request, &reader->report);
        if (r < 0)
                return r == -ENOMEM ? r : -ENODATA;

        findings = &reader->report->findings;
        for (size_t i = 0; r == 0 && i < findings->n_items; i++) {
                const struct finding *finding = &findings->items[i];
                const struct alert_reading reading = {
                        .subject = finding->subject,
                        .cpu = CPU_NONE,
                        .value = (double)finding->severity,
                        .text = finding->text,
                };

                if (strcmp(finding->code, rule->finding) == 0 && !is_repeated(findings, i))
                        r = alert_readings_add(readings, &reading);
        }

        return r;
}

int alert_reader_read(struct alert_reader *reader, const struct alert_rule *rule,
                      struct alert_readings *readings) {
        if (rule->finding)
                return read_findings(reader, rule, readings);

        return rule->level ? read_levels(reader, rule, readings) : read_rates(reader, rule, readings);
}
