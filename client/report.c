/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/parse.h"

enum {
        REPORT_CULPRITS_MAX = 12,
        REPORT_GAPS_MAX = 8,
        FINDING_INDENT = 10,
};

static const char help[] =
        "irqctl report [OPTION...]\n\n"
        "What held interrupts off, and what ate softirq time: findings, windows by culprit,\n"
        "timer lateness, time in interrupt context, softirqs and interrupts, and interrupts that were\n"
        "moved to other CPUs, of the last 10 minutes or of --since/--until.\n"
        "\"worst\" and \"total\" are lower bounds: at least that long interrupts were off.\n";

/* Numbers to look something up by: the advice has them as commands. */
static bool is_reference(const char *name) {
        size_t n = strlen(name);

        return n > 2 && strcmp(name + n - 2, "Id") == 0;
}

/* "evidence: steal 51.0 ms, windows 3" */
static int render_evidence(const struct style *style, struct json_object *evidence, unsigned indent,
                           FILE *f) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;
        int r = 0;

        if (!evidence || json_object_object_length(evidence) == 0)
                return 0;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        json_object_object_foreach(evidence, name, value) {
                _cleanup_(freep) char *words = NULL;

                (void)value;
                if (r >= 0 && !is_reference(name))
                        r = evidence_words(evidence, name, &words);
                if (words)
                        fprintf(memory, "%s%s", ftell(memory) > 0 ? ", " : "", words);
        }
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;
        if (!*text)
                return 0;

        fprintf(f, "%*s", (int)indent, "");
        style_print(style, f, COLOUR_DIM, "evidence: ");
        style_wrap(style, f, indent + (unsigned)strlen("evidence: "), COLOUR_DIM, text);
        return 0;
}

static int render_finding(const struct style *style, struct json_object *finding, FILE *f) {
        const char *severity = field_string(finding, "severity") ?: "info";
        const char *advice = field_string(finding, "advice"), *subject = field_string(finding, "subject");
        const char *text = field_string(finding, "text") ?: "";
        _cleanup_(freep) char *sentence = NULL, *safe = NULL, *safe_advice = NULL, *label = strdup(severity);

        if (asprintf(&sentence, "%s%s%s", subject && !strstr(text, subject) ? subject : "",
                     subject && !strstr(text, subject) ? ": " : "", text) < 0) {
                sentence = NULL;
                return -ENOMEM;
        }

        safe = text_sanitize(sentence);
        safe_advice = text_sanitize(advice ?: "");
        if (!safe || !safe_advice || !label)
                return -ENOMEM;

        for (char *p = label; *p; p++)
                *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
        style_print(style, f, severity_colour(severity), "%-*s", FINDING_INDENT, label);
        style_wrap(style, f, FINDING_INDENT, COLOUR_NONE, safe);
        if (render_evidence(style, field_object(finding, "evidence"), FINDING_INDENT, f) < 0)
                return -ENOMEM;
        if (advice) {
                fprintf(f, "%*s-> ", FINDING_INDENT, "");
                style_wrap(style, f, FINDING_INDENT + 3, COLOUR_NONE, safe_advice);
        }

        return 0;
}

static int render_findings(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *findings = field_array(report, "findings");
        int r;

        if (array_length(findings) == 0)
                return render_no_findings(style, report, f);

        for (size_t i = 0; i < array_length(findings); i++) {
                fputc('\n', f);
                r = render_finding(style, array_at(findings, i), f);
                if (r < 0)
                        return r;
        }

        return 0;
}

static void add_culprit(struct table *table, const struct style *style, struct json_object *group,
                        bool with_callers) {
        _cleanup_(freep) char *cpus = format_cpus(field_array(group, "cpus"));
        _cleanup_(freep) char *comms = format_strings(field_array(group, "comms"));
        const char *culprit = field_string(group, "culprit"), *class = field_string(group, "class");
        char buf[FIELD_TEXT_MAX];

        if (!cpus || !comms) {
                table->error = -ENOMEM;
                return;
        }

        table_add(table, culprit ? COLOUR_BOLD : COLOUR_DIM, culprit ?: "(not known)");
        table_addf(table, COLOUR_NONE, "%" PRIu64, field_u64(group, "count"));
        table_add(table, class_is_irqs_off(class ?: "") ? COLOUR_RED : COLOUR_NONE,
                  format_duration_range(field_u64(group, "worstMinNsec"), field_u64(group, "worstMaxNsec"),
                                        buf));
        table_add(table, COLOUR_NONE, format_duration(field_u64(group, "totalMinNsec"), buf));
        table_add(table, COLOUR_NONE, class);
        table_add(table, COLOUR_NONE, cpus);
        if (with_callers)
                table_add(table, COLOUR_BOLD, field_string(group, "caller"));
        table_add(table, COLOUR_NONE, format_moment(field_u64(group, "lastUsec"), style->now_us, false, buf));
        table_add(table, COLOUR_NONE,
                  field_u64(group, "count") > 1
                          ? format_moment(field_u64(group, "firstUsec"), style->now_us, false, buf)
                          : NULL);
        table_add(table, COLOUR_NONE, comms);
        table_addf(table, COLOUR_CYAN, "%" PRId64, field_integer(group, "worstId", 0));
}

static void render_classes(const struct style *style, struct json_object *windows, FILE *f) {
        struct json_object *by_class = field_array(windows, "byClass");
        char buf[DURATION_TEXT_MAX];

        fputs("  by class:", f);
        for (size_t i = 0; i < array_length(by_class); i++) {
                struct json_object *entry = array_at(by_class, i);

                fprintf(f, "%s %s %" PRIu64 " (total %s)", i > 0 ? "," : "",
                        field_string(entry, "class") ?: "?", field_u64(entry, "count"),
                        format_duration(field_u64(entry, "totalMinNsec"), buf));
        }
        fputc('\n', f);
}

static int render_windows(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };
        struct json_object *windows = field_object(report, "windows");
        struct json_object *groups = field_array(windows, "byCulprit");
        size_t n = array_length(groups);
        bool with_callers = false;
        int r;

        if (n == 0)
                return 0;
        for (size_t i = 0; i < MIN(n, (size_t)REPORT_CULPRITS_MAX); i++)
                with_callers |= field_has(array_at(groups, i), "caller");

        table_add_column(&table, "CULPRIT", TABLE_KEY | TABLE_FLEX, 30);
        table_add_column(&table, "COUNT", TABLE_RIGHT, 0);
        table_add_column(&table, "WORST", TABLE_RIGHT, 0);
        table_add_column(&table, "TOTAL", TABLE_RIGHT, 0);
        table_add_column(&table, "CLASS", 0, 0);
        table_add_column(&table, "CPUS", TABLE_FLEX, 4);
        /* Where one name stands for several stacks: what tells them apart. */
        if (with_callers)
                table_add_column(&table, "UNDER", TABLE_SPILL, 0);
        table_add_column(&table, "LAST", TABLE_RIGHT | TABLE_SPILL, 0);
        table_add_column(&table, "FIRST", TABLE_RIGHT | TABLE_SPILL, 0);
        table_add_column(&table, "TASKS", TABLE_SPILL, 0);
        table_add_column(&table, "EVENT", TABLE_SPILL, 0);
        for (size_t i = 0; i < MIN(n, (size_t)REPORT_CULPRITS_MAX); i++)
                add_culprit(&table, style, array_at(groups, i), with_callers);

        style_heading(style, f, "Windows by culprit");
        r = table_print(&table, style, f);
        if (r < 0)
                return r;
        if (n > REPORT_CULPRITS_MAX)
                fprintf(f, "  ... and %zu more culprits (irqctl events lists all windows)\n",
                        n - REPORT_CULPRITS_MAX);
        render_classes(style, windows, f);
        return 0;
}

/* "interrupts, 14:06:30 - 14:06:33 (3.50 s): why" */
static int render_gap(const struct style *style, struct json_object *gap, FILE *f) {
        uint64_t since = field_u64(gap, "sinceUsec"), until = field_u64(gap, "untilUsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        _cleanup_(freep) char *text = NULL, *safe = NULL;

        if (asprintf(&text, "%s, %s - %s (%s): %s", field_string(gap, "collector") ?: "?",
                     format_moment(since, style->now_us, false, a),
                     format_moment(until, same_day(since, until) ? until : style->now_us, false, b),
                     format_duration(until > since ? (until - since) * NSEC_PER_USEC : 0, length),
                     field_string(gap, "reason") ?: "reason not known") < 0) {
                text = NULL;
                return -ENOMEM;
        }

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        fputs("  ", f);
        style_wrap(style, f, 4, COLOUR_NONE, safe);
        return 0;
}

static int render_gaps(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *gaps = field_array(report, "gaps");
        size_t n = array_length(gaps);
        int r;

        if (n == 0)
                return 0;

        style_heading(style, f, "Gaps: nothing was recorded here");
        for (size_t i = 0; i < MIN(n, (size_t)REPORT_GAPS_MAX); i++) {
                r = render_gap(style, array_at(gaps, i), f);
                if (r < 0)
                        return r;
        }

        if (n > REPORT_GAPS_MAX)
                fprintf(f, "  ... and %zu more gaps (--json=pretty has all)\n", n - REPORT_GAPS_MAX);
        return 0;
}

int render_report(const struct style *style, struct json_object *report, FILE *f) {
        static int (*const parts[])(const struct style *, struct json_object *, FILE *) = {
                render_findings,        render_windows,  render_packets,    render_latency,
                render_interrupt_times, render_softirqs, render_interrupts, render_affinity_changes,
                render_gaps,
        };
        int r;

        r = render_headline(style, report, f);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                r = parts[i](style, report, f);
                if (r < 0)
                        return r;
        }

        return 0;
}

int verb_report(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *report = NULL, *alerts = NULL;
        _cleanup_(output_closep) struct output output = {};
        uint64_t since_us, until_us;
        int r;

        r = options_expect_nothing(argc, argv, help);
        if (r >= 0)
                return r;
        r = options_span(options, 600 * NSEC_PER_SEC, &since_us, &until_us);
        if (r != 0)
                return r;
        r = session_query(options, "Report", session_parameters(options, since_us, until_us), "report",
                          &report);
        if (r != 0 || !report)
                return r;

        /* What is raised belongs to now, not to a span that is over. */
        if (until_us == 0)
                alerts = session_try(options, "ListAlerts");
        output_open(&output, options, 0);
        if (render_alerts_active(&output.style, alerts, stdout) < 0 ||
            render_report(&output.style, report, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
