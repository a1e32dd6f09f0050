/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-chart.h"

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/html-table.h"
#include "client/i18n.h"
#include "client/top-grid.h"
#include "client/top-table.h"
#include "common/parse.h"

enum {
        PICTURE_HEIGHT = 480, /* pixels that many CPUs share */
        ROW_MIN = 2,
        ROW_MAX = 18,
        TIMELINE_WIDTH = 10000, /* units: a window of an hour's three thousandth is still as wide as drawn */
        WINDOW_WIDTH_MIN = 25,
        LABELS = 5, /* of time */
};

static unsigned html_row_height(size_t n_cpus) {
        size_t height = PICTURE_HEIGHT / MAX(n_cpus, (size_t)1);

        height = MAX(height, (size_t)ROW_MIN);
        return (unsigned)MIN(height, (size_t)ROW_MAX);
}

/* 0..7. Of counts each step is ten times the one before. */
static unsigned html_heat(double value, enum html_axis axis) {
        unsigned heat = 0;

        if (axis == HTML_AXIS_TIME)
                return top_heat(value, TOP_RATE);
        while (value >= 1 && heat + 1 < TOP_HEATS) {
                value /= 10;
                heat++;
        }
        return heat;
}

/* Every CPU where there is room for its number, else about ten of them. */
static void html_cpu_labels(FILE *f, const struct cpu_set *cpus, unsigned row_height) {
        size_t n = cpu_set_count(cpus), step = row_height >= 14 ? 1 : MAX(n / 10, (size_t)1), i = 0;

        (void)fputs("<div class=\"y\" aria-hidden=\"true\">",
                    f); /* ferror() is looked at at the end; so below */
        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1), i++)
                if (i % step == 0)
                        (void)fprintf(f, "<span style=\"top:%zupx\">CPU&#160;%d</span>",
                                      i * row_height + row_height / 2, cpu);
        (void)fputs("</div>\n", f);
}

static void html_time_labels(FILE *f, uint64_t since_us, uint64_t until_us) {
        char moment[FIELD_TEXT_MAX];

        (void)fputs("<div class=\"x\" aria-hidden=\"true\">", f);
        for (unsigned i = 0; i < LABELS; i++) {
                uint64_t us = since_us + (until_us - since_us) * i / (LABELS - 1);

                (void)fprintf(f, "<span>%s</span>", format_moment(us, since_us, false, moment));
        }
        (void)fputs("</div>\n", f);
}

static void html_power_labels(FILE *f, size_t n_slices) {
        char text[DURATION_TEXT_MAX];

        (void)fputs("<div class=\"x\" aria-hidden=\"true\">", f);
        for (unsigned i = 0; i < LABELS; i++)
                (void)fprintf(f, "<span>%s</span>",
                              format_duration(UINT64_C(1) << (n_slices * i / (LABELS - 1)), text));
        (void)fputs("</div>\n", f);
}

/* One path per step of heat; neighbours of one step are one rectangle. */
static void html_heat_path(FILE *f, const struct html_matrix *matrix, const struct html_series *series,
                           enum html_axis axis, unsigned heat) {
        bool any = false;
        size_t y = 0;

        for (int cpu = cpu_set_next(&matrix->cpus, 0); cpu >= 0;
             cpu = cpu_set_next(&matrix->cpus, cpu + 1), y++)
                for (size_t x = 0, n; x < matrix->n_slices; x += n) {
                        for (n = 0; x + n < matrix->n_slices; n++) {
                                double value = html_value(matrix, series, cpu, x + n);

                                if (value < 0 || html_heat(value, axis) != heat)
                                        break;
                        }
                        if (n > 0)
                                (void)fprintf(f, "%sM%zu %zuh%zuv1h-%zuz", any ? "" : "<path d=\"", x, y, n,
                                              n);
                        any |= n > 0;
                        n += n == 0;
                }
        if (any)
                (void)fprintf(f, "\" class=\"h%u\"/>\n", heat);
}

/* What html.js reads out: values by CPU, then by slice. */
static void html_heat_data(FILE *f, const struct html_matrix *matrix, const struct html_series *series,
                           enum html_axis axis) {
        const char *lead = "";
        char text[FIELD_TEXT_MAX];

        (void)fprintf(f,
                      " data-axis=\"%s\" data-since=\"%" PRIu64 "\" data-until=\"%" PRIu64
                      "\" data-n=\"%zu\" data-cpus=\"",
                      axis == HTML_AXIS_TIME ? "time" : "lateness", matrix->since_us, matrix->until_us,
                      matrix->n_slices);
        for (int cpu = cpu_set_next(&matrix->cpus, 0); cpu >= 0;
             cpu = cpu_set_next(&matrix->cpus, cpu + 1), lead = ",")
                (void)fprintf(f, "%s%d", lead, cpu);
        (void)fputs("\" data-values=\"", f);
        for (int cpu = cpu_set_next(&matrix->cpus, 0); cpu >= 0; cpu = cpu_set_next(&matrix->cpus, cpu + 1)) {
                for (size_t i = 0; i < matrix->n_slices; i++) {
                        double value = html_value(matrix, series, cpu, i);

                        if (value >= 0)
                                (void)fputs(format_count(value, text)[0] == '<' ? "0.01" : text, f);
                        (void)fputs(i + 1 < matrix->n_slices ? "," : ";", f);
                }
        }
        (void)fputs("\"", f);
}

static void html_legend_entry(FILE *f, const char *class, const char *text) {
        (void)fprintf(f, "<span><i class=\"%s\"></i>", class);
        html_text(f, text);
        (void)fputs("</span>", f);
}

static void html_legend(FILE *f, enum html_axis axis) {
        static const char *const rates[] = { N_("under 10"), "10",  "100", "1k",
                                             "5k",           "20k", "50k", N_("200k a second") };
        static const char *const counts[] = { "0", "1", "10", "100", "1k", "10k", "100k", "1M" };

        (void)fputs("<p class=\"legend\">", f);
        for (unsigned i = 0; i < TOP_HEATS; i++) {
                char class[] = { 'h', (char)('0' + i), '\0' };

                html_legend_entry(f, class, axis == HTML_AXIS_TIME ? _(rates[i]) : counts[i]);
        }
        html_legend_entry(f, "none", _("nothing recorded"));
        (void)fputs("</p>\n", f);
}

struct peak {
        double sum, most;
        size_t n, at;
};

static struct peak html_peak(const struct html_matrix *matrix, const struct html_series *series, int cpu) {
        struct peak peak = {};

        for (size_t i = 0; i < matrix->n_slices; i++) {
                double value = html_value(matrix, series, cpu, i);

                if (value < 0)
                        continue;
                peak.sum += value;
                peak.n++;
                if (value > peak.most) {
                        peak.most = value;
                        peak.at = i;
                }
        }
        return peak;
}

/* The picture in numbers, for who cannot see it, or wants to copy it. */
static void html_heat_table(FILE *f, const struct html_matrix *matrix, const struct html_series *series,
                            enum html_axis axis) {
        bool times = axis == HTML_AXIS_TIME;
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], c[FIELD_TEXT_MAX];

        /* Translations of these need no escapes. */
        (void)fprintf(f,
                      "<details><summary>%s</summary><table><thead><tr><th scope=\"col\">CPU</th>"
                      "<th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">%s</th>"
                      "<th scope=\"col\" class=\"n\">%s</th></tr></thead><tbody>\n",
                      _("As a table"), times ? _("Mean a second") : _("Timers"), _("Most"),
                      times ? _("From") : _("Late by"));
        for (int cpu = cpu_set_next(&matrix->cpus, 0); cpu >= 0; cpu = cpu_set_next(&matrix->cpus, cpu + 1)) {
                struct peak peak = html_peak(matrix, series, cpu);
                uint64_t at_us = html_slice_start(matrix, peak.at);

                (void)fprintf(f,
                              "<tr><th scope=\"row\">%d</th><td class=\"n\">%s</td><td "
                              "class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                              cpu,
                              format_count(times ? peak.sum / (double)MAX(peak.n, (size_t)1) : peak.sum, a),
                              format_count(peak.most, b),
                              times ? format_moment(at_us, matrix->since_us, false, c)
                                    : format_duration(UINT64_C(1) << peak.at, c));
        }
        (void)fputs("</tbody></table></details>\n", f);
}

static void html_heat_label(FILE *f, const char *title, const struct html_matrix *matrix,
                            const struct html_series *series) {
        int worst = -1;
        double most = 0;
        char text[FIELD_TEXT_MAX];

        for (int cpu = cpu_set_next(&matrix->cpus, 0); cpu >= 0; cpu = cpu_set_next(&matrix->cpus, cpu + 1)) {
                struct peak peak = html_peak(matrix, series, cpu);

                if (peak.most > most) {
                        most = peak.most;
                        worst = cpu;
                }
        }
        if (worst >= 0)
                html_format(f, _("%s. %zu CPUs, most on CPU %d: %s. Arrow keys read out single values."),
                            title, cpu_set_count(&matrix->cpus), worst, format_count(most, text));
        else
                html_format(f, _("%s. %zu CPUs. Arrow keys read out single values."), title,
                            cpu_set_count(&matrix->cpus));
}

void html_heat_map(FILE *f, const char *title, const struct html_matrix *matrix,
                   const struct html_series *series, enum html_axis axis) {
        size_t n_cpus = cpu_set_count(&matrix->cpus);
        unsigned row_height = html_row_height(n_cpus);

        (void)fputs("<figure class=\"map\"><figcaption>", f);
        html_text(f, title);
        (void)fputs("</figcaption>\n<div class=\"grid\">", f);
        html_cpu_labels(f, &matrix->cpus, row_height);
        (void)fprintf(f,
                      "<svg viewBox=\"0 0 %zu %zu\" preserveAspectRatio=\"none\" style=\"height:%zupx\" "
                      "role=\"img\" "
                      "tabindex=\"0\" aria-label=\"",
                      matrix->n_slices, n_cpus, n_cpus * row_height);
        html_heat_label(f, title, matrix, series);
        (void)fputs("\"", f);
        html_heat_data(f, matrix, series, axis);
        (void)fputs(">\n", f);
        for (unsigned heat = 0; heat < TOP_HEATS; heat++)
                html_heat_path(f, matrix, series, axis, heat);
        (void)fputs("</svg>\n", f);
        if (axis == HTML_AXIS_TIME)
                html_time_labels(f, matrix->since_us, matrix->until_us);
        else
                html_power_labels(f, matrix->n_slices);
        (void)fputs("</div>\n<output aria-live=\"polite\"></output>\n", f);
        html_legend(f, axis);
        html_heat_table(f, matrix, series, axis);
        (void)fputs("</figure>\n", f);
}

/* Position of a CPU among its like. */
static size_t html_cpu_row(const struct cpu_set *cpus, int cpu) {
        size_t row = 0;

        for (int c = cpu_set_next(cpus, 0); c >= 0 && c < cpu; c = cpu_set_next(cpus, c + 1))
                row++;
        return row;
}

static void html_window_title(FILE *f, struct json_object *window) {
        static const struct html_column range = { "", "durationMinNsec", HTML_RANGE, "durationMaxNsec" };
        char moment[FIELD_TEXT_MAX];
        uint64_t us = field_u64(window, "timeUsec");

        (void)fprintf(f, "<title>%s, CPU %" PRId64 ", ", format_moment(us, us, true, moment),
                      field_integer(window, "cpu", -1));
        html_value_cell(f, window, &range);
        (void)fputs(", ", f);
        html_text(f, field_string(window, "class") ?: field_string(window, "kind"));
        if (field_has(window, "culprit")) {
                (void)fputs(", ", f);
                html_text(f, field_string(window, "culprit"));
        }
        (void)fputs("</title>", f);
}

static void html_window(FILE *f, struct json_object *window, const struct cpu_set *cpus, uint64_t since_us,
                        uint64_t until_us) {
        uint64_t end_us = field_u64(window, "timeUsec"),
                 length_us = field_u64(window, "durationMaxNsec") / NSEC_PER_USEC;
        double scale = (double)TIMELINE_WIDTH / (double)(until_us - since_us);
        double start = (double)(end_us - MIN(length_us, end_us)) - (double)since_us;
        double width = MAX((double)length_us * scale, (double)WINDOW_WIDTH_MIN);
        bool ours = class_is_irqs_off(field_string(window, "class") ?: field_string(window, "kind") ?: "");

        (void)fprintf(f, "<rect class=\"%s\" x=\"%.0f\" y=\"%zu.1\" width=\"%.0f\" height=\".8\">",
                      ours ? "off" : "other", MAX(start * scale, 0.0),
                      html_cpu_row(cpus, (int)field_integer(window, "cpu", -1)), width);
        html_window_title(f, window);
        (void)fputs("</rect>\n", f);
}

void html_timeline(FILE *f, struct json_object *windows, uint64_t since_us, uint64_t until_us) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        size_t n = MIN(array_length(windows), (size_t)HTML_WINDOWS_MAX), n_cpus;

        for (size_t i = 0; i < n; i++)
                (void)cpu_set_add(&cpus, (int)field_integer(array_at(windows, i), "cpu",
                                                            -1)); /* one without has no line */
        n_cpus = cpu_set_count(&cpus);

        (void)fputs("<figure class=\"map\"><figcaption>", f);
        if (n < array_length(windows))
                html_format(f, _("Windows by CPU and time: the longest %zu of %zu"), n,
                            array_length(windows));
        else
                html_text(f, _("Windows by CPU and time"));
        (void)fputs("</figcaption>\n<div class=\"grid\">", f);
        html_cpu_labels(f, &cpus, ROW_MAX);
        (void)fprintf(f,
                      "<svg class=\"timeline\" viewBox=\"0 0 %d %zu\" preserveAspectRatio=\"none\" "
                      "style=\"height:%zupx\" "
                      "role=\"img\" aria-label=\"",
                      TIMELINE_WIDTH, MAX(n_cpus, (size_t)1), n_cpus * ROW_MAX);
        html_format(f, _("%zu windows on %zu CPUs; the table below has the longest."), n, n_cpus);
        (void)fputs("\">\n", f);
        for (size_t i = n; i-- > 0;) /* the longest last: on top */
                if (field_integer(array_at(windows, i), "cpu", -1) >= 0)
                        html_window(f, array_at(windows, i), &cpus, since_us, until_us);
        (void)fputs("</svg>\n", f);
        html_time_labels(f, since_us, until_us);
        (void)fputs("</div>\n<p class=\"legend\">", f);
        html_legend_entry(f, "off", _("this kernel held interrupts or softirqs up"));
        html_legend_entry(f, "other", _("from outside: hypervisor, firmware, wake-up; or not known"));
        (void)fputs("</p></figure>\n", f);
}
