/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-page.h"

#include <inttypes.h>
#include <string.h>

#include "build-config.h"
#include "client/field.h"
#include "client/html-assets.h"
#include "client/html-chart.h"
#include "client/html-findings.h"
#include "client/html-table.h"
#include "client/i18n.h"
#include "client/verbs.h"
#include "common/json-strict.h"
#include "common/parse.h"
#include "common/timespan.h"

enum {
        CULPRITS_MAX = 50,
        WINDOWS_MAX = 50,
        ROWS_MAX = 200,
        MAPS_MAX = 3,             /* of single softirqs */
        FLAME_BOXES_MAX = 1500,   /* about 500 KB */
        FLAME_HEIGHT_MARGIN = 60, /* the head needs more lines on narrow screens */
};

void html_input_done(struct html_input *input) {
        json_putp(&input->report);
        json_putp(&input->status);
        json_putp(&input->windows);
        html_matrix_done(&input->softirqs);
        html_matrix_done(&input->interrupts);
        html_matrix_done(&input->lateness);
        flame_graph_done(&input->flame);
        *input = (struct html_input){};
}

static const struct html_column culprit_columns[] = {
        { N_("Culprit"), "culprit", HTML_NAME, NULL },
        { N_("Under"), "caller", HTML_TEXT, NULL },
        { N_("Class"), "class", HTML_TEXT, NULL },
        { N_("Windows"), "count", HTML_COUNT, NULL },
        { N_("Worst"), "worstMinNsec", HTML_RANGE, "worstMaxNsec" },
        { N_("Total, at least"), "totalMinNsec", HTML_NSEC, NULL },
        { N_("CPUs"), "cpus", HTML_LIST, NULL },
        { N_("Tasks"), "comms", HTML_LIST, NULL },
        { N_("First"), "firstUsec", HTML_MOMENT, NULL },
        { N_("Last"), "lastUsec", HTML_MOMENT, NULL },
        { N_("Event"), "worstId", HTML_COUNT, NULL },
        {},
};
static const struct html_column window_columns[] = {
        { N_("End"), "timeUsec", HTML_MOMENT, NULL },
        { N_("CPU"), "cpu", HTML_COUNT, NULL },
        { N_("Length"), "durationMinNsec", HTML_RANGE, "durationMaxNsec" },
        { N_("Kind"), "kind", HTML_TEXT, NULL },
        { N_("Class"), "class", HTML_TEXT, NULL },
        { N_("Culprit"), "culprit", HTML_TEXT, NULL },
        { N_("Task"), "comm", HTML_TEXT, NULL },
        { N_("Event"), "id", HTML_COUNT, NULL },
        {},
};
static const struct html_column latency_columns[] = {
        { N_("CPU"), "cpu", HTML_COUNT, NULL },          { N_("Median"), "p50Nsec", HTML_NSEC, NULL },
        { N_("99 %"), "p99Nsec", HTML_NSEC, NULL },      { N_("99.9 %"), "p999Nsec", HTML_NSEC, NULL },
        { N_("Most"), "maxNsec", HTML_NSEC, NULL },      { N_("Timers"), "samples", HTML_COUNT, NULL },
        { N_("Watched"), "coverage", HTML_SHARE, NULL }, {},
};
static const struct html_column time_columns[] = {
        { N_("What"), "name", HTML_NAME, NULL },
        { N_("Kind"), "kind", HTML_TEXT, NULL },
        { N_("IRQ"), "irq", HTML_TEXT, NULL },
        { N_("Share of a CPU"), "share", HTML_SHARE, NULL },
        { N_("A second"), "perSecond", HTML_RATE, NULL },
        { N_("99 %"), "p99Nsec", HTML_NSEC, NULL },
        { N_("Longest"), "maxNsec", HTML_NSEC, NULL },
        { N_("Total"), "totalNsec", HTML_NSEC, NULL },
        {},
};
static const struct html_column softirq_columns[] = {
        { N_("Softirq"), "type", HTML_NAME, NULL },
        { N_("Count"), "total", HTML_COUNT, NULL },
        { N_("A second"), "perSecond", HTML_RATE, NULL },
        { N_("Busiest CPU, times the mean"), "imbalance", HTML_RATE, NULL },
        {},
};
static const struct html_column interrupt_columns[] = {
        { N_("IRQ"), "irq", HTML_NAME, NULL },
        { N_("Name"), "name", HTML_TEXT, NULL },
        { N_("Chip"), "chip", HTML_TEXT, NULL },
        { N_("Count"), "total", HTML_COUNT, NULL },
        { N_("A second"), "perSecond", HTML_RATE, NULL },
        { N_("Affinity"), "affinity", HTML_TEXT, NULL },
        {},
};
static const struct html_column gap_columns[] = {
        { N_("Collector"), "collector", HTML_NAME, NULL },
        { N_("From"), "sinceUsec", HTML_MOMENT, NULL },
        { N_("To"), "untilUsec", HTML_MOMENT, NULL },
        { N_("Why"), "reason", HTML_TEXT, NULL },
        {},
};
static const struct html_column collector_columns[] = {
        { N_("Collector"), "name", HTML_NAME, NULL },
        { N_("State"), "state", HTML_TEXT, NULL },
        { N_("Why"), "reason", HTML_TEXT, NULL },
        { N_("Interval"), "intervalNsec", HTML_NSEC, NULL },
        { N_("Passes"), "passes", HTML_COUNT, NULL },
        { N_("Failed"), "failedPasses", HTML_COUNT, NULL },
        { N_("Cost of a pass"), "passCostNsec", HTML_NSEC, NULL },
        {},
};
static const struct html_column setting_columns[] = {
        { N_("Setting"), "name", HTML_NAME, NULL },
        { N_("Value"), "value", HTML_TEXT, NULL },
        {},
};

static void html_section(FILE *f, const char *id, const char *title) {
        (void)fprintf(f, "<section id=\"%s\" aria-labelledby=\"%s-h\"><h2 id=\"%s-h\">", id, id, id);
        html_text(f, title);
        (void)fputs("</h2>\n", f);
}

static void html_section_end(FILE *f) {
        (void)fputs("</section>\n", f);
}

static void html_head(FILE *f, struct json_object *report) {
        (void)fprintf(f, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", _("en"));
        (void)fputs("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                    "'unsafe-inline'; "
                    "script-src 'unsafe-inline'; frame-src data:; img-src data:\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<meta name=\"generator\" content=\"irqctl " VERSION "\">\n<title>",
                    f);
        html_format(f, _("Interrupts and softirqs of %s"), field_string(report, "hostname") ?: "?");
        (void)fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", html_css);
}

static void html_links(FILE *f) {
        static const struct {
                const char *id, *title;
        } links[] = {
                { "findings", N_("Findings") },     { "windows", N_("Windows") },
                { "stacks", N_("Stacks") },         { "softirqs", N_("Softirqs") },
                { "interrupts", N_("Interrupts") }, { "lateness", N_("Lateness") },
                { "machine", N_("Machine") },
        };

        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                (void)fprintf(f, "%s<a href=\"#%s\">", i > 0 ? " " : "", links[i].id);
                html_text(f, _(links[i].title));
                (void)fputs("</a>", f);
        }
}

/* What html.js says; names in braces are its own. */
static void html_words(FILE *f) {
        (void)fputs(" data-late=\"", f);
        html_text(f, _("CPU {cpu}, late by {from} to {to}: {n} timers"));
        (void)fputs("\" data-rate=\"", f);
        html_text(f, _("CPU {cpu}, {from} to {to}: {n} a second"));
        (void)fputs("\" data-none=\"", f);
        html_text(f, _("CPU {cpu}, {from} to {to}: nothing recorded"));
        (void)fputs("\"", f);
}

static void html_title(FILE *f, struct json_object *report) {
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];

        (void)fputs("<a class=\"skip\" href=\"#findings\">", f);
        html_text(f, _("To the findings"));
        (void)fputs("</a>\n<header><h1>", f);
        html_format(f, _("Interrupts and softirqs of %s"), field_string(report, "hostname") ?: "?");
        (void)fputs("</h1><p>", f);
        html_format(f, _("%s to %s"), format_timestamp(field_u64(report, "sinceUsec"), 0, a),
                    format_timestamp(field_u64(report, "untilUsec"), 0, b));
        (void)fputs("</p>\n<nav aria-label=\"", f);
        html_text(f, _("Sections"));
        (void)fputs("\">", f);
        html_links(f);
        (void)fputs("</nav></header>\n<main", f);
        html_words(f);
        (void)fputs(">\n", f);
}

static void html_nothing(FILE *f, const char *text) {
        (void)fputs("<p>", f);
        html_text(f, text);
        (void)fputs("</p>\n", f);
}

static void html_windows(FILE *f, const struct html_input *input) {
        struct json_object *report = input->report;

        html_section(f, "windows", _("Windows"));
        if (array_length(input->windows) == 0)
                html_nothing(f, _("None in this span."));
        else {
                html_timeline(f, input->windows, field_u64(report, "sinceUsec"),
                              field_u64(report, "untilUsec"));
                html_table(f, _("By culprit"), field_array(field_object(report, "windows"), "byCulprit"),
                           culprit_columns, CULPRITS_MAX);
                html_table(f, _("The longest"), input->windows, window_columns, WINDOWS_MAX);
        }
        html_section_end(f);
}

static void html_base64(FILE *f, const unsigned char *data, size_t size) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < size; i += 3) {
                uint32_t n = (uint32_t)data[i] << 16 | (i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0) |
                             (i + 2 < size ? data[i + 2] : 0);
                char text[4] = { digits[n >> 18], digits[n >> 12 & 63],
                                 i + 1 < size ? digits[n >> 6 & 63] : '=',
                                 i + 2 < size ? digits[n & 63] : '=' };

                (void)fwrite(text, 1, sizeof(text), f);
        }
}

/* In a frame of its own: its script and style are made to have a document to themselves. */
static int html_flame(FILE *f, struct html_input *input) {
        _cleanup_(freep) char *svg = NULL, *subtitle = NULL;
        const char *height;
        size_t size = 0;
        FILE *memory;
        int r;

        subtitle = flame_graph_subtitle(&input->flame, NULL, field_u64(input->report, "sinceUsec"),
                                        field_u64(input->report, "untilUsec"));
        memory = subtitle ? open_memstream(&svg, &size) : NULL;
        if (!memory)
                return -ENOMEM;
        input->flame.caption.n_boxes_max = FLAME_BOXES_MAX;
        r = flame_graph_write_svg(&input->flame, memory, _("Time by stack (lower bounds)"), subtitle);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        height = strstr(svg, " height=\"");
        (void)fputs("<iframe title=\"", f);
        html_text(f, _("Flame graph of windows by stack"));
        (void)fprintf(f,
                      "\" height=\"%d\" "
                      "src=\"data:image/svg+xml;base64,",
                      (height ? atoi(height + strlen(" height=\"")) : 400) + FLAME_HEIGHT_MARGIN);
        html_base64(f, (const unsigned char *)svg, size);
        (void)fputs("\"></iframe>\n", f);
        return 0;
}

static int html_stacks(FILE *f, struct html_input *input) {
        int r = 0;

        html_section(f, "stacks", _("Stacks"));
        if (flame_tree_weight(&input->flame.tree) > 0)
                r = html_flame(f, input);
        else
                html_nothing(f, _("No window of this span has a stack."));
        html_section_end(f);
        return r;
}

static int html_compare_series(const void *a, const void *b) {
        const struct html_series *x = *(const struct html_series *const *)a,
                                 *y = *(const struct html_series *const *)b;

        return x->most != y->most ? (x->most < y->most ? 1 : -1) : strcmp(x->name, y->name);
}

/* All together, then those few of which one CPU had most at a time. */
static int html_maps(FILE *f, const char *all, const struct html_matrix *matrix) {
        _cleanup_(freep) const struct html_series **sorted = calloc(matrix->n_series + 1, sizeof(*sorted));
        size_t n = 0;

        if (!sorted)
                return -ENOMEM;
        if (matrix->n_series == 0) {
                html_nothing(f, _("Nothing was recorded in this span."));
                return 0;
        }

        html_heat_map(f, all, matrix, &matrix->series[0], HTML_AXIS_TIME);
        for (size_t i = 1; i < matrix->n_series; i++)
                if (matrix->series[i].sum > 0)
                        sorted[n++] = &matrix->series[i];
        qsort(sorted, n, sizeof(*sorted), html_compare_series);
        for (size_t i = 0; i < MIN(n, (size_t)MAPS_MAX); i++)
                html_heat_map(f, sorted[i]->name, matrix, sorted[i], HTML_AXIS_TIME);
        return 0;
}

static int html_counters(FILE *f, const struct html_input *input) {
        struct json_object *report = input->report;
        int r;

        html_section(f, "softirqs", _("Softirqs"));
        r = html_maps(f, _("Softirqs a second by CPU and time"), &input->softirqs);
        if (r < 0)
                return r;
        html_table(f, _("Softirqs"), field_array(report, "softirqs"), softirq_columns, ROWS_MAX);
        html_table(f, _("Time in interrupt context"), field_array(report, "interruptTimes"), time_columns,
                   ROWS_MAX);
        html_section_end(f);
        html_section(f, "interrupts", _("Interrupts"));
        r = html_maps(f, _("Interrupts a second by CPU and time"), &input->interrupts);
        if (r < 0)
                return r;
        html_table(f, _("Interrupts"), field_array(report, "interrupts"), interrupt_columns, ROWS_MAX);
        html_section_end(f);
        return 0;
}

static void html_lateness(FILE *f, const struct html_input *input) {
        html_section(f, "lateness", _("Lateness of timers"));
        if (input->lateness.n_series > 0)
                html_heat_map(f, _("How many timers ran how late, by CPU"), &input->lateness,
                              &input->lateness.series[0], HTML_AXIS_LATENESS);
        html_table(f, _("By CPU"), field_array(input->report, "latency"), latency_columns, ROWS_MAX);
        html_section_end(f);
}

static void html_fact(FILE *f, const char *name, const char *value) {
        (void)fputs("<dt>", f);
        html_text(f, name);
        (void)fputs("</dt><dd>", f);
        html_text(f, value ?: _("not known"));
        (void)fputs("</dd>", f);
}

static void html_machine(FILE *f, const struct html_input *input) {
        struct json_object *status = input->status;
        char made[TIMESTAMP_TEXT_MAX];

        html_section(f, "machine", _("Machine"));
        (void)fputs("<dl>", f);
        html_fact(f, _("Host"), field_string(input->report, "hostname"));
        html_fact(f, _("Kernel"), field_string(status, "kernel"));
        html_fact(f, _("Boot"), field_string(input->report, "bootId"));
        html_fact(f, "irqwatchd", field_string(status, "version"));
        html_fact(f, _("Page made"), format_timestamp(input->now_us, 0, made));
        (void)fputs("</dl>\n", f);
        html_table(f, _("Collectors"), field_array(status, "collectors"), collector_columns, ROWS_MAX);
        html_table(f, _("Settings"), field_array(status, "settings"), setting_columns, ROWS_MAX);
        if (array_length(field_array(input->report, "gaps")) > 0)
                html_table(f, _("Gaps: nothing was recorded here"), field_array(input->report, "gaps"),
                           gap_columns, ROWS_MAX);
        html_section_end(f);
}

int html_page_write(FILE *f, struct html_input *input) {
        int r;

        html_head(f, input->report);
        html_title(f, input->report);
        html_section(f, "findings", _("Findings"));
        r = html_findings(f, input->report, input->now_us);
        if (r < 0)
                return r;
        html_section_end(f);
        html_windows(f, input);
        r = html_stacks(f, input);
        if (r < 0)
                return r;
        r = html_counters(f, input);
        if (r < 0)
                return r;
        html_lateness(f, input);
        html_machine(f, input);
        (void)fprintf(f, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", html_js);
        return fflush(f) != 0 || ferror(f) ? -EIO : 0;
}
