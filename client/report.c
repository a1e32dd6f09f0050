/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
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
        "timer lateness, softirqs and interrupts, of the last 10 minutes or of --since/--until.\n"
        "\"worst\" and \"total\" are lower bounds: at least that long interrupts were off.\n";

static const char *plural(int64_t n, const char *one, const char *many) {
        return n == 1 ? one : many;
}

/* Whether windows could be seen at all: without irq-delay there is no latency either. */
static bool windows_were_watched(struct json_object *report) {
        return array_length(field_array(report, "latency")) > 0;
}

static int64_t count_irqs_off(struct json_object *windows) {
        struct json_object *by_class = field_array(windows, "byClass");
        int64_t n = 0;

        for (size_t i = 0; i < array_length(by_class); i++)
                if (class_is_irqs_off(field_string(array_at(by_class, i), "class") ?: ""))
                        n += field_integer(array_at(by_class, i), "count", 0);

        return n;
}

/* The culprit with the longest window among those that held interrupts off. */
static struct json_object *worst_irqs_off(struct json_object *windows) {
        struct json_object *groups = field_array(windows, "byCulprit"), *worst = NULL;

        for (size_t i = 0; i < array_length(groups); i++) {
                struct json_object *group = array_at(groups, i);

                if (class_is_irqs_off(field_string(group, "class") ?: "") &&
                    (!worst || field_u64(group, "worstMinNsec") > field_u64(worst, "worstMinNsec")))
                        worst = group;
        }

        return worst;
}

/* ", worst 48.2 ms on CPU 1 in mpt_put_msg_frame" */
static int write_worst(FILE *f, struct json_object *group) {
        _cleanup_(freep) char *cpus = NULL, *culprit = NULL;
        struct json_object *cpu_list = field_array(group, "cpus");
        const char *name = field_string(group, "culprit");
        char buf[DURATION_TEXT_MAX];

        cpus = format_cpus(cpu_list);
        culprit = text_sanitize(name ?: "");
        if (!cpus || !culprit)
                return -ENOMEM;

        fprintf(f, ", worst %s", format_duration(field_u64(group, "worstMinNsec"), buf));
        if (array_length(cpu_list) == 1)
                fprintf(f, " on CPU %s", cpus);
        if (name)
                fprintf(f, " in %s", culprit);
        if (array_length(cpu_list) > 1)
                fprintf(f, " (on CPUs %s)", cpus);
        return 0;
}

/* "; besides, 2 of class steal (CPU taken by the hypervisor), up to 40.3 ms" */
static void write_other_classes(FILE *f, struct json_object *windows, const char *lead) {
        struct json_object *by_class = field_array(windows, "byClass");
        char buf[DURATION_TEXT_MAX];

        for (size_t i = 0; i < array_length(by_class); i++) {
                struct json_object *entry = array_at(by_class, i);
                const char *class = field_string(entry, "class") ?: "unknown";
                int64_t n = field_integer(entry, "count", 0);

                if (n == 0 || class_is_irqs_off(class))
                        continue;
                fprintf(f, "%s %" PRId64 " of class %s (%s), up to %s", lead, n, class, class_words(class),
                        format_duration(field_u64(entry, "worstMaxNsec"), buf));
                lead = ";";
        }
}

static int write_verdict(FILE *f, struct json_object *report) {
        struct json_object *windows = field_object(report, "windows"), *worst;
        int64_t n = count_irqs_off(windows);

        if (!windows_were_watched(report) && n == 0) {
                fputs("windows with interrupts off were NOT watched", f);
                return 0;
        }

        if (n == 0)
                fputs("no window with interrupts off", f);
        else
                fprintf(f, "%" PRId64 " %s with interrupts off", n, plural(n, "window", "windows"));

        worst = worst_irqs_off(windows);
        if (worst && write_worst(f, worst) < 0)
                return -ENOMEM;
        write_other_classes(f, windows, n == 0 ? ", but" : "; besides,");
        return 0;
}

/* The kernel of the matter in one sentence. */
static int render_headline(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(freep) char *text = NULL, *host = NULL;
        uint64_t since = field_u64(report, "sinceUsec"), until = field_u64(report, "untilUsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        size_t size = 0;
        FILE *memory;
        int r;

        host = text_sanitize(field_string(report, "hostname") ?: "(unknown)");
        memory = host ? open_memstream(&text, &size) : NULL;
        if (!memory)
                return -ENOMEM;

        fprintf(memory, "host %s, %s - %s (%s): ", host, format_moment(since, style->now_us, false, a),
                format_moment(until, same_day(since, until) ? until : style->now_us, false, b),
                format_duration((until - since) * NSEC_PER_USEC, length));
        r = write_verdict(memory, report);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        style_wrap(style, f, 0, COLOUR_BOLD, text);
        return 0;
}

/* Mean of the CPUs' watched shares. */
static double mean_coverage(struct json_object *latency) {
        double sum = 0;

        for (size_t i = 0; i < array_length(latency); i++)
                sum += field_double(array_at(latency, i), "coverage");

        return array_length(latency) > 0 ? sum / (double)array_length(latency) : 0;
}

/* Share of the span in which timers were watched: what the collector's passes covered, less its gaps. */
static double watched_share(struct json_object *report) {
        uint64_t since = field_u64(report, "sinceUsec"), until = field_u64(report, "untilUsec"), missing = 0;
        struct json_object *gaps = field_array(report, "gaps");

        for (size_t i = 0; i < array_length(gaps); i++) {
                struct json_object *gap = array_at(gaps, i);
                uint64_t from = field_u64(gap, "sinceUsec"), to = field_u64(gap, "untilUsec");

                if (strcmp(field_string(gap, "collector") ?: "", "irq-delay") == 0 && to > from)
                        missing += to - from;
        }

        if (until <= since || missing >= until - since)
                return 0;
        return mean_coverage(field_array(report, "latency")) *
               (1 - (double)missing / (double)(until - since));
}

/* A span that was not watched completely must not read like a clean bill of health. */
static void render_coverage(const struct style *style, struct json_object *report, FILE *f) {
        double watched = watched_share(report);
        char buf[FIELD_TEXT_MAX];

        if (!windows_were_watched(report))
                style_print(
                        style, f, COLOUR_YELLOW,
                        "Collector irq-delay does not run or saw nothing in that time; see: irqctl status\n");
        else if (watched < 0.99)
                style_print(style, f, COLOUR_YELLOW,
                            "Windows were watched for only %s of that time; see below.\n",
                            format_share(watched, buf));
}

static void write_clean_bill(FILE *f, struct json_object *report) {
        struct json_object *latency = field_array(report, "latency"), *worst = NULL;
        size_t n = array_length(latency), n_irqs = array_length(field_array(report, "interrupts"));
        size_t n_types = array_length(field_array(report, "softirqs"));
        char buf[FIELD_TEXT_MAX];

        if (n == 0)
                fputs("No findings, but only counters were watched", f);
        else {
                for (size_t i = 0; i < n; i++)
                        if (!worst ||
                            field_u64(array_at(latency, i), "maxNsec") > field_u64(worst, "maxNsec"))
                                worst = array_at(latency, i);
                fprintf(f, "No findings: timers of %zu %s were watched %s of the time", n,
                        plural((int64_t)n, "CPU", "CPUs"), format_share(watched_share(report), buf));
                fprintf(f, ", the worst ran %s late on CPU %" PRId64,
                        format_duration(field_u64(worst, "maxNsec"), buf), field_integer(worst, "cpu", -1));
        }

        fprintf(f, "; %zu softirq %s and %zu interrupt %s were counted.", n_types,
                plural((int64_t)n_types, "type", "types"), n_irqs, plural((int64_t)n_irqs, "line", "lines"));
}

static int render_no_findings(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        write_clean_bill(memory, report);
        if (fclose(memory) != 0)
                return -ENOMEM;

        fputs("\n", f);
        style_wrap(style, f, 0, COLOUR_NONE, text);
        return 0;
}

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

static void add_culprit(struct table *table, const struct style *style, struct json_object *group) {
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
                  format_bracket(field_u64(group, "worstMinNsec"), field_u64(group, "worstMaxNsec"), buf));
        table_add(table, COLOUR_NONE, format_duration(field_u64(group, "totalMinNsec"), buf));
        table_add(table, COLOUR_NONE, class);
        table_add(table, COLOUR_NONE, cpus);
        table_add(table, COLOUR_NONE, format_moment(field_u64(group, "lastUsec"), style->now_us, false, buf));
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
        int r;

        if (n == 0)
                return 0;

        table_add_column(&table, "CULPRIT", TABLE_KEY | TABLE_FLEX, 30);
        table_add_column(&table, "COUNT", TABLE_RIGHT, 0);
        table_add_column(&table, "WORST", TABLE_RIGHT, 0);
        table_add_column(&table, "TOTAL", TABLE_RIGHT, 0);
        table_add_column(&table, "CLASS", 0, 0);
        table_add_column(&table, "CPUS", TABLE_FLEX, 4);
        table_add_column(&table, "LAST", TABLE_RIGHT | TABLE_SPILL, 0);
        table_add_column(&table, "TASKS", TABLE_SPILL, 0);
        table_add_column(&table, "EVENT", TABLE_SPILL, 0);
        for (size_t i = 0; i < MIN(n, (size_t)REPORT_CULPRITS_MAX); i++)
                add_culprit(&table, style, array_at(groups, i));

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
                render_findings, render_windows,    render_latency,
                render_softirqs, render_interrupts, render_gaps,
        };
        int r;

        r = render_headline(style, report, f);
        if (r < 0)
                return r;
        render_coverage(style, report, f);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                r = parts[i](style, report, f);
                if (r < 0)
                        return r;
        }

        return 0;
}

int verb_report(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *report = NULL;
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

        output_open(&output, options, 0);
        if (render_report(&output.style, report, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
