/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first lines of a report: what happened in one sentence, how much of the time was watched at all, and,
 * when there is nothing to say, what that rests on.
 */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/verbs.h"
#include "common/parse.h"

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

        fprintf(f, _(", worst %s"), format_duration(field_u64(group, "worstMinNsec"), buf));
        if (array_length(cpu_list) == 1)
                fprintf(f, _(" on CPU %s"), cpus);
        if (name)
                fprintf(f, _(" in %s"), culprit);
        if (array_length(cpu_list) > 1)
                fprintf(f, _(" (on CPUs %s)"), cpus);
        return 0;
}

/* "; besides, 2 of class steal (CPU taken by the hypervisor), up to 40.3 ms" */
static int write_other_classes(FILE *f, struct json_object *windows, const char *lead) {
        struct json_object *by_class = field_array(windows, "byClass");
        char buf[DURATION_TEXT_MAX];

        for (size_t i = 0; i < array_length(by_class); i++) {
                struct json_object *entry = array_at(by_class, i);
                const char *class = field_string(entry, "class") ?: "unknown";
                int64_t n = field_integer(entry, "count", 0);
                _cleanup_(freep) char *safe = NULL;

                if (n == 0 || class_is_irqs_off(class))
                        continue;
                safe = text_sanitize(class);
                if (!safe)
                        return -ENOMEM;
                fprintf(f, _("%s %" PRId64 " of class %s (%s), up to %s"), lead, n, safe, class_words(safe),
                        format_duration(field_u64(entry, "worstMaxNsec"), buf));
                lead = ";";
        }

        return 0;
}

static int write_verdict(FILE *f, struct json_object *report) {
        struct json_object *windows = field_object(report, "windows"), *worst;
        int64_t n = count_irqs_off(windows);

        if (!windows_were_watched(report) && n == 0) {
                fputs(_("windows with interrupts off were NOT watched"), f);
                return 0;
        }

        if (n == 0)
                fputs(_("no window with interrupts off"), f);
        else
                fprintf(f,
                        ngettext("%" PRId64 " window with interrupts off", "%" PRId64 " windows with interrupts off",
                                 (unsigned long)n),
                        n);

        worst = worst_irqs_off(windows);
        if (worst && write_worst(f, worst) < 0)
                return -ENOMEM;
        return write_other_classes(f, windows, n == 0 ? _(", but") : _("; besides,"));
}

void render_tier(const struct style *style, struct json_object *answer, FILE *f) {
        const char *tier = field_string(answer, "tier");

        if (tier && strcmp(tier, "raw") == 0)
                style_print(style, f, COLOUR_DIM, _("From disk, as it was read.\n"));
        else if (tier && strcmp(tier, "memory") != 0)
                style_print(style, f, COLOUR_DIM, _("From disk, in steps of up to %s.\n"),
                            strcmp(tier, "10s") == 0     ? "10 s"
                            : strcmp(tier, "1min") == 0  ? "1 min"
                            : strcmp(tier, "10min") == 0 ? "10 min"
                                                         : "?");
        if (field_boolean(answer, "eventsLeftOut"))
                style_print(style, f, COLOUR_YELLOW,
                            _("There are more windows in this span than one report takes: only the newest are counted. "
                            "Ask for a shorter span.\n"));
}

/* The kernel of the matter in one sentence. */
static int render_sentence(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(freep) char *text = NULL, *host = NULL;
        uint64_t since = field_u64(report, "sinceUsec"), until = field_u64(report, "untilUsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        size_t size = 0;
        FILE *memory;
        int r;

        host = text_sanitize(field_string(report, "hostname") ?: _("(unknown)"));
        memory = host ? open_memstream(&text, &size) : NULL;
        if (!memory)
                return -ENOMEM;

        fprintf(memory, _("host %s, %s - %s (%s): "), host, format_moment(since, style->now_us, false, a),
                format_moment(until, same_day(since, until) ? until : style->now_us, false, b),
                format_duration((until - since) * NSEC_PER_USEC, length));
        r = write_verdict(memory, report);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        style_wrap(style, f, 0, COLOUR_BOLD, text);
        render_tier(style, report, f);
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
double report_watched_share(struct json_object *report) {
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
        double watched = report_watched_share(report);
        char buf[FIELD_TEXT_MAX];

        if (!windows_were_watched(report))
                style_print(
                        style, f, COLOUR_YELLOW,
                        _("Collector irq-delay does not run or saw nothing in that time; see: irqctl status\n"));
        else if (watched < 0.99)
                style_print(style, f, COLOUR_YELLOW,
                            _("Windows were watched for only %s of that time; see below.\n"),
                            format_share(watched, buf));
}

int render_headline(const struct style *style, struct json_object *report, FILE *f) {
        int r;

        r = render_sentence(style, report, f);
        if (r < 0)
                return r;

        render_coverage(style, report, f);
        return 0;
}

static void write_clean_bill(FILE *f, struct json_object *report) {
        struct json_object *latency = field_array(report, "latency"), *worst = NULL;
        size_t n_irqs = MAX(array_length(field_array(report, "interrupts")),
                            (size_t)field_u64(report, "interruptsTotal"));
        size_t n = array_length(latency);
        size_t n_types = array_length(field_array(report, "softirqs"));
        char buf[FIELD_TEXT_MAX];

        if (n == 0)
                fputs(_("No findings, but only counters were watched"), f);
        else {
                for (size_t i = 0; i < n; i++)
                        if (!worst ||
                            field_u64(array_at(latency, i), "maxNsec") > field_u64(worst, "maxNsec"))
                                worst = array_at(latency, i);
                fprintf(f,
                        ngettext("No findings: timers of %zu CPU were watched %s of the time",
                                 "No findings: timers of %zu CPUs were watched %s of the time", n),
                        n, format_share(report_watched_share(report), buf));
                fprintf(f, _(", the worst ran %s late on CPU %" PRId64),
                        format_duration(field_u64(worst, "maxNsec"), buf), field_integer(worst, "cpu", -1));
        }

        fprintf(f, ngettext("; %zu softirq type", "; %zu softirq types", n_types), n_types);
        fprintf(f, ngettext(" and %zu interrupt line were counted.", " and %zu interrupt lines were counted.", n_irqs),
                n_irqs);
}

int render_no_findings(const struct style *style, struct json_object *report, FILE *f) {
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
