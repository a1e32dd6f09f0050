/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
#include <inttypes.h>

#include "client/compare.h"
#include "client/i18n.h"
#include "client/field.h"
#include "client/html-fetch.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

enum {
        REPORT_CULPRITS_MAX = 12,
};

static const char help[] =
        N_("irqctl report [OPTION...]\n\n"
        "What held interrupts off, and what ate softirq time: findings, windows by culprit,\n"
        "timer lateness, time in interrupt context, softirqs, packets, interrupts, and interrupts that\n"
        "were moved to other CPUs, of the last 10 minutes or of --since/--until.\n"
        "\"worst\" and \"total\" are lower bounds: at least that long interrupts were off.\n"
        "\nOptions:\n"
        "      --against=TIME       What changed, biggest first, against the span of the same length that\n"
        "                           starts then: yesterday (24 hours before), last-week, before (the one\n"
        "                           right before), or a time as --since takes it\n"
        "      --finding=CODE       Only this finding, such as syn-flood, with all that it rests on\n"
        "                           and what to do about it\n"
        "      --html=FILE          Write it as a page for a ticket: one file with heat maps of CPUs over\n"
        "                           time, a timeline of windows and a flame graph; - is standard output\n");

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

        table_add(table, culprit ? COLOUR_BOLD : COLOUR_DIM, culprit ?: _("(not known)"));
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

static int render_classes(const struct style *style, struct json_object *windows, FILE *f) {
        struct json_object *by_class = field_array(windows, "byClass");
        char buf[DURATION_TEXT_MAX];

        fputs(_("  by class:"), f);
        for (size_t i = 0; i < array_length(by_class); i++) {
                struct json_object *entry = array_at(by_class, i);
                _cleanup_(freep) char *class = text_sanitize(field_string(entry, "class") ?: "?");

                if (!class)
                        return -ENOMEM;
                fprintf(f, "%s ", i > 0 ? "," : "");
                fprintf(f, _("%s %" PRIu64 " (total %s)"), class, field_u64(entry, "count"),
                        format_duration(field_u64(entry, "totalMinNsec"), buf));
        }
        fputc('\n', f);
        return 0;
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

        table_add_column(&table, _("CULPRIT"), TABLE_KEY | TABLE_FLEX, 30);
        table_add_column(&table, _("COUNT"), TABLE_RIGHT, 0);
        table_add_column(&table, _("WORST"), TABLE_RIGHT, 0);
        table_add_column(&table, _("TOTAL"), TABLE_RIGHT, 0);
        table_add_column(&table, _("CLASS"), 0, 0);
        table_add_column(&table, _("CPUS"), TABLE_FLEX, 4);
        /* Where one name stands for several stacks: what tells them apart. */
        if (with_callers)
                table_add_column(&table, _("UNDER"), TABLE_SPILL, 0);
        table_add_column(&table, _("LAST"), TABLE_RIGHT | TABLE_SPILL, 0);
        table_add_column(&table, _("FIRST"), TABLE_RIGHT | TABLE_SPILL, 0);
        table_add_column(&table, _("TASKS"), TABLE_SPILL, 0);
        table_add_column(&table, _("EVENT"), TABLE_SPILL, 0);
        for (size_t i = 0; i < MIN(n, (size_t)REPORT_CULPRITS_MAX); i++)
                add_culprit(&table, style, array_at(groups, i), with_callers);

        style_heading(style, f, _("Windows by culprit"));
        r = table_print(&table, style, f);
        if (r < 0)
                return r;
        if (n > REPORT_CULPRITS_MAX)
                fprintf(f, _("  ... and %zu more culprits (irqctl events lists all windows)\n"),
                        n - REPORT_CULPRITS_MAX);
        return render_classes(style, windows, f);
}

int render_report(const struct style *style, struct json_object *report, FILE *f) {
        static int (*const parts[])(const struct style *, struct json_object *, FILE *) = {
                render_findings, render_windows,   render_packets,    render_latency, render_interrupt_times,
                render_cpu_times, render_softirqs, render_devices, render_interrupts, render_affinity_changes,
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

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, const struct options *options, const char **ret_code,
                           const char **ret_html, const char **ret_against) {
        static const struct option longs[] = {
                { "help", no_argument, NULL, 'h' },
                { "finding", required_argument, NULL, 'f' },
                { "html", required_argument, NULL, 'H' },
                { "against", required_argument, NULL, 'a' },
                {},
        };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c == 'f')
                        *ret_code = optarg;
                else if (c == 'H')
                        *ret_html = optarg;
                else if (c == 'a')
                        *ret_against = optarg;
                else
                        return options_see_help(argv[0]);
        }

        if (optind < argc) {
                (void)fail_usage(_("%s takes no argument, but was given \"%s\""), argv[0], argv[optind]);
                return options_see_help(argv[0]);
        }
        if (*ret_against && (*ret_html || *ret_code))
                return fail_usage(_("--against goes with neither --finding nor --html"));
        if (*ret_html && (*ret_code || options->json != JSON_OFF))
                return fail_usage(_("--html goes with neither --finding nor --json: the page has the whole report"));
        if (*ret_code && options->json != JSON_OFF)
                return fail_usage(_("--finding and --json: JSON always has the whole report, with all of every finding"));

        return -1;
}

/* As of CPUs that the machine does not have: without them everything would look unwatched. */
static bool has_nothing(struct json_object *report) {
        static const char *const parts[] = { "latency", "softirqs", "interrupts", "cpuTimes" };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (array_length(field_array(report, parts[i])) > 0)
                        return false;

        return field_integer(field_object(report, "windows"), "count", 0) == 0;
}

/* What is not shown need not be written, sent and parsed: of a wide machine with hundreds of interrupts that
 * is more than half of the time that an answer takes. JSON is the whole report. */
static struct json_object *report_parameters(const struct options *options, uint64_t since_us,
                                             uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *parameters = session_parameters(options, since_us, until_us);

        if (!parameters)
                return NULL;
        if (options->json == JSON_OFF &&
            (json_add(parameters, "interruptsMax", json_object_new_int64(REPORT_INTERRUPTS_MAX)) < 0 ||
             json_add(parameters, "perCpuMax", json_object_new_int64(REPORT_PER_CPU_MAX)) < 0))
                return NULL;

        return TAKE_PTR(parameters);
}

int verb_report(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *report = NULL, *alerts = NULL;
        _cleanup_(output_closep) struct output output = {};
        uint64_t since_us, until_us;
        const char *code = NULL, *html = NULL, *against = NULL;
        int r;

        r = parse_arguments(argc, argv, options, &code, &html, &against);
        if (r >= 0)
                return r;
        r = options_span(options, 600 * NSEC_PER_SEC, &since_us, &until_us);
        if (r != 0)
                return r;
        if (against)
                return compare_show(options, since_us, until_us, against);
        if (html)
                return html_report(options, html, since_us, until_us);
        r = session_query(options, "Report", report_parameters(options, since_us, until_us), "report",
                          &report);
        if (r != 0 || !report)
                return r;

        if (options->has_cpus && has_nothing(report))
                return fail_with(
                        _("nothing is on record of these CPUs (--cpu) in that span. Does the machine have "
                          "them? Without --cpu the report has all CPUs"));

        /* What is raised belongs to now, not to a span that is over. */
        if (until_us == 0)
                alerts = session_try(options, "ListAlerts");
        output_open(&output, options, 0);
        if (code)
                r = render_findings_of(&output.style, report, code, stdout);
        else if ((r = render_alerts_active(&output.style, alerts, stdout)) >= 0)
                r = render_report(&output.style, report, stdout);
        if (r < 0)
                return fail_memory();
        return output_close(&output);
}
