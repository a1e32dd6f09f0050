/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-page.h"

#include <inttypes.h>
#include <string.h>

#include "build-config.h"
#include "client/field.h"
#include "client/html-assets.h"
#include "client/html-chart.h"
#include "client/html-table.h"
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
        { "Culprit", "culprit", HTML_NAME, NULL },
        { "Under", "caller", HTML_TEXT, NULL },
        { "Class", "class", HTML_TEXT, NULL },
        { "Windows", "count", HTML_COUNT, NULL },
        { "Worst", "worstMinNsec", HTML_RANGE, "worstMaxNsec" },
        { "Total, at least", "totalMinNsec", HTML_NSEC, NULL },
        { "CPUs", "cpus", HTML_LIST, NULL },
        { "Tasks", "comms", HTML_LIST, NULL },
        { "First", "firstUsec", HTML_MOMENT, NULL },
        { "Last", "lastUsec", HTML_MOMENT, NULL },
        { "Event", "worstId", HTML_COUNT, NULL },
        {},
};
static const struct html_column window_columns[] = {
        { "End", "timeUsec", HTML_MOMENT, NULL },
        { "CPU", "cpu", HTML_COUNT, NULL },
        { "Length", "durationMinNsec", HTML_RANGE, "durationMaxNsec" },
        { "Kind", "kind", HTML_TEXT, NULL },
        { "Class", "class", HTML_TEXT, NULL },
        { "Culprit", "culprit", HTML_TEXT, NULL },
        { "Task", "comm", HTML_TEXT, NULL },
        { "Event", "id", HTML_COUNT, NULL },
        {},
};
static const struct html_column latency_columns[] = {
        { "CPU", "cpu", HTML_COUNT, NULL },          { "Median", "p50Nsec", HTML_NSEC, NULL },
        { "99 %", "p99Nsec", HTML_NSEC, NULL },      { "99.9 %", "p999Nsec", HTML_NSEC, NULL },
        { "Most", "maxNsec", HTML_NSEC, NULL },      { "Timers", "samples", HTML_COUNT, NULL },
        { "Watched", "coverage", HTML_SHARE, NULL }, {},
};
static const struct html_column time_columns[] = {
        { "What", "name", HTML_NAME, NULL },
        { "Kind", "kind", HTML_TEXT, NULL },
        { "IRQ", "irq", HTML_TEXT, NULL },
        { "Share of a CPU", "share", HTML_SHARE, NULL },
        { "A second", "perSecond", HTML_RATE, NULL },
        { "99 %", "p99Nsec", HTML_NSEC, NULL },
        { "Longest", "maxNsec", HTML_NSEC, NULL },
        { "Total", "totalNsec", HTML_NSEC, NULL },
        {},
};
static const struct html_column softirq_columns[] = {
        { "Softirq", "type", HTML_NAME, NULL },
        { "Count", "total", HTML_COUNT, NULL },
        { "A second", "perSecond", HTML_RATE, NULL },
        { "Busiest CPU, times the mean", "imbalance", HTML_RATE, NULL },
        {},
};
static const struct html_column interrupt_columns[] = {
        { "IRQ", "irq", HTML_NAME, NULL },
        { "Name", "name", HTML_TEXT, NULL },
        { "Chip", "chip", HTML_TEXT, NULL },
        { "Count", "total", HTML_COUNT, NULL },
        { "A second", "perSecond", HTML_RATE, NULL },
        { "Affinity", "affinity", HTML_TEXT, NULL },
        {},
};
static const struct html_column gap_columns[] = {
        { "Collector", "collector", HTML_NAME, NULL },
        { "From", "sinceUsec", HTML_MOMENT, NULL },
        { "To", "untilUsec", HTML_MOMENT, NULL },
        { "Why", "reason", HTML_TEXT, NULL },
        {},
};
static const struct html_column collector_columns[] = {
        { "Collector", "name", HTML_NAME, NULL },
        { "State", "state", HTML_TEXT, NULL },
        { "Why", "reason", HTML_TEXT, NULL },
        { "Interval", "intervalNsec", HTML_NSEC, NULL },
        { "Passes", "passes", HTML_COUNT, NULL },
        { "Failed", "failedPasses", HTML_COUNT, NULL },
        { "Cost of a pass", "passCostNsec", HTML_NSEC, NULL },
        {},
};
static const struct html_column setting_columns[] = {
        { "Setting", "name", HTML_NAME, NULL },
        { "Value", "value", HTML_TEXT, NULL },
        {},
};

static void html_section(FILE *f, const char *id, const char *title) {
        (void)fprintf(f, "<section id=\"%s\" aria-labelledby=\"%s-h\"><h2 id=\"%s-h\">%s</h2>\n", id, id, id,
                      title);
}

static void html_section_end(FILE *f) {
        (void)fputs("</section>\n", f);
}

/* Text that was broken into lines for a terminal: an empty line ends a paragraph, other line ends are blanks.
 */
static void html_paragraphs(FILE *f, char *text) {
        for (char *line; (line = strsep(&text, "\n"));) {
                (void)fputs(*line ? "" : "</p>\n<p class=\"lead\">", f);
                html_text(f, line + strspn(line, " "));
                (void)fputc('\n', f);
        }
}

/* The text report's first lines are the page's, too. */
static int html_lead(FILE *f, struct json_object *report, uint64_t now_us) {
        const struct style style = { .utf8 = true, .now_us = now_us };
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;
        int r;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        r = render_headline(&style, report, memory);
        if (r == 0 && array_length(field_array(report, "findings")) == 0)
                r = render_no_findings(&style, report, memory);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        (void)fputs("<p class=\"lead\">", f);
        html_paragraphs(f, text);
        (void)fputs("</p>\n", f);
        return 0;
}

static void html_head(FILE *f, struct json_object *report) {
        (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                    "'unsafe-inline'; "
                    "script-src 'unsafe-inline'; frame-src data:; img-src data:\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<meta name=\"generator\" content=\"irqctl " VERSION
                    "\">\n<title>Interrupts and softirqs of ",
                    f);
        html_text(f, field_string(report, "hostname"));
        (void)fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", html_css);
}

static void html_title(FILE *f, struct json_object *report) {
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];

        (void)fputs("<a class=\"skip\" href=\"#findings\">To the findings</a>\n<header><h1>Interrupts and "
                    "softirqs of ",
                    f);
        html_text(f, field_string(report, "hostname"));
        (void)fprintf(f, "</h1><p>%s to %s</p>\n", format_timestamp(field_u64(report, "sinceUsec"), 0, a),
                      format_timestamp(field_u64(report, "untilUsec"), 0, b));
        (void)fputs("<nav aria-label=\"Sections\"><a href=\"#findings\">Findings</a> <a "
                    "href=\"#windows\">Windows</a> "
                    "<a href=\"#stacks\">Stacks</a> <a href=\"#softirqs\">Softirqs</a> <a "
                    "href=\"#interrupts\">Interrupts</a> "
                    "<a href=\"#lateness\">Lateness</a> <a "
                    "href=\"#machine\">Machine</a></nav></header>\n<main>\n",
                    f);
}

/* "evidence: steal 51.0 ms, windows 3", as the text report has it. */
static int html_evidence(FILE *f, struct json_object *evidence) {
        bool any = false;

        if (!evidence)
                return 0;
        json_object_object_foreach(evidence, name, value) {
                _cleanup_(freep) char *words = NULL;

                (void)value;
                if (evidence_words(evidence, name, &words) < 0)
                        return -ENOMEM;
                if (!words)
                        continue;
                (void)fputs(any ? ", " : "<p class=\"evidence\">Evidence: ", f);
                html_text(f, words);
                any = true;
        }
        if (any)
                (void)fputs("</p>", f);
        return 0;
}

static int html_finding(FILE *f, struct json_object *finding) {
        const char *severity = field_string(finding, "severity") ?: "info";
        const char *class = strcmp(severity, "critical") == 0  ? "critical"
                            : strcmp(severity, "warning") == 0 ? "warning"
                                                               : "info";

        (void)fprintf(f, "<li class=\"%s\"><p><strong>%s</strong> ", class, class);
        html_text(f, field_string(finding, "text"));
        (void)fputs("</p>", f);
        if (html_evidence(f, field_object(finding, "evidence")) < 0)
                return -ENOMEM;
        if (field_has(finding, "advice")) {
                (void)fputs("<p class=\"advice\">", f);
                html_text(f, field_string(finding, "advice"));
                (void)fputs("</p>", f);
        }
        (void)fputs("</li>\n", f);
        return 0;
}

static int html_findings(FILE *f, const struct html_input *input) {
        struct json_object *findings = field_array(input->report, "findings");

        html_section(f, "findings", "Findings");
        if (html_lead(f, input->report, input->now_us) < 0)
                return -ENOMEM;
        (void)fputs("<ol class=\"findings\">\n", f);
        for (size_t i = 0; i < array_length(findings); i++)
                if (html_finding(f, array_at(findings, i)) < 0)
                        return -ENOMEM;
        (void)fputs("</ol>\n", f);
        html_section_end(f);
        return 0;
}

static void html_windows(FILE *f, const struct html_input *input) {
        struct json_object *report = input->report;

        html_section(f, "windows", "Windows");
        if (array_length(input->windows) == 0)
                (void)fputs("<p>None in this span.</p>\n", f);
        else {
                html_timeline(f, input->windows, field_u64(report, "sinceUsec"),
                              field_u64(report, "untilUsec"));
                html_table(f, "By culprit", field_array(field_object(report, "windows"), "byCulprit"),
                           culprit_columns, CULPRITS_MAX);
                html_table(f, "The longest", input->windows, window_columns, WINDOWS_MAX);
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
        r = flame_graph_write_svg(&input->flame, memory, "Time by stack (lower bounds)", subtitle);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        height = strstr(svg, " height=\"");
        (void)fprintf(f,
                      "<iframe title=\"Flame graph of windows by stack\" height=\"%d\" "
                      "src=\"data:image/svg+xml;base64,",
                      (height ? atoi(height + strlen(" height=\"")) : 400) + FLAME_HEIGHT_MARGIN);
        html_base64(f, (const unsigned char *)svg, size);
        (void)fputs("\"></iframe>\n", f);
        return 0;
}

static int html_stacks(FILE *f, struct html_input *input) {
        int r = 0;

        html_section(f, "stacks", "Stacks");
        if (flame_tree_weight(&input->flame.tree) > 0)
                r = html_flame(f, input);
        else
                (void)fputs("<p>No window of this span has a stack.</p>\n", f);
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
                (void)fputs("<p>Nothing was recorded in this span.</p>\n", f);
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

        html_section(f, "softirqs", "Softirqs");
        r = html_maps(f, "Softirqs a second by CPU and time", &input->softirqs);
        if (r < 0)
                return r;
        html_table(f, "Softirqs", field_array(report, "softirqs"), softirq_columns, ROWS_MAX);
        html_table(f, "Time in interrupt context", field_array(report, "interruptTimes"), time_columns,
                   ROWS_MAX);
        html_section_end(f);
        html_section(f, "interrupts", "Interrupts");
        r = html_maps(f, "Interrupts a second by CPU and time", &input->interrupts);
        if (r < 0)
                return r;
        html_table(f, "Interrupts", field_array(report, "interrupts"), interrupt_columns, ROWS_MAX);
        html_section_end(f);
        return 0;
}

static void html_lateness(FILE *f, const struct html_input *input) {
        html_section(f, "lateness", "Lateness of timers");
        if (input->lateness.n_series > 0)
                html_heat_map(f, "How many timers ran how late, by CPU", &input->lateness,
                              &input->lateness.series[0], HTML_AXIS_LATENESS);
        html_table(f, "By CPU", field_array(input->report, "latency"), latency_columns, ROWS_MAX);
        html_section_end(f);
}

static void html_fact(FILE *f, const char *name, const char *value) {
        (void)fprintf(f, "<dt>%s</dt><dd>", name);
        html_text(f, value ?: "not known");
        (void)fputs("</dd>", f);
}

static void html_machine(FILE *f, const struct html_input *input) {
        struct json_object *status = input->status;
        char made[TIMESTAMP_TEXT_MAX];

        html_section(f, "machine", "Machine");
        (void)fputs("<dl>", f);
        html_fact(f, "Host", field_string(input->report, "hostname"));
        html_fact(f, "Kernel", field_string(status, "kernel"));
        html_fact(f, "Boot", field_string(input->report, "bootId"));
        html_fact(f, "irqwatchd", field_string(status, "version"));
        html_fact(f, "Page made", format_timestamp(input->now_us, 0, made));
        (void)fputs("</dl>\n", f);
        html_table(f, "Collectors", field_array(status, "collectors"), collector_columns, ROWS_MAX);
        html_table(f, "Settings", field_array(status, "settings"), setting_columns, ROWS_MAX);
        if (array_length(field_array(input->report, "gaps")) > 0)
                html_table(f, "Gaps: nothing was recorded here", field_array(input->report, "gaps"),
                           gap_columns, ROWS_MAX);
        html_section_end(f);
}

int html_page_write(FILE *f, struct html_input *input) {
        int r;

        html_head(f, input->report);
        html_title(f, input->report);
        r = html_findings(f, input);
        if (r < 0)
                return r;
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
