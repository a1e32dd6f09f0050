/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "irqctl report --against": asks for two reports and prints what changed.
 */

#include <inttypes.h>
#include <string.h>

#include "client/compare-figures.h"
#include "client/field.h"
#include "client/i18n.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/json-strict.h"
#include "common/parse.h"
#include "common/timespan.h"

#define INTERFACE "io.irqwatch.monitor."
#define DAY_USEC (UINT64_C(86400) * USEC_PER_SEC)

enum { CHANGES_MAX = 40 }; /* lines */

int compare_parse_against(const char *text, const struct time_base *base, uint64_t since_us,
                          uint64_t until_us, uint64_t *ret_since_us) {
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];
        uint64_t us;

        if (strcmp(text, "yesterday") == 0)
                us = since_us - MIN(since_us, DAY_USEC);
        else if (strcmp(text, "last-week") == 0)
                us = since_us - MIN(since_us, 7 * DAY_USEC);
        else if (strcmp(text, "before") == 0)
                us = since_us - MIN(since_us, until_us - since_us);
        else if (parse_timestamp(text, base, &us) < 0)
                return fail_usage(
                        _("--against: \"%s\" is no time. Examples: yesterday, last-week, before, 14:03, "
                          "\"2026-11-22 14:03\""),
                        text);

        if (us < until_us && us + (until_us - since_us) > since_us)
                return fail_usage(_("--against: the spans from %s and from %s overlap: ask for a shorter one "
                                    "with --until"),
                                  format_timestamp(us, 0, a), format_timestamp(since_us, 0, b));
        if (us + (until_us - since_us) > base->now_us)
                return fail_usage(_("--against: a span of that length from %s on is not over yet"),
                                  format_timestamp(us, 0, a));

        *ret_since_us = us;
        return 0;
}

/* What stands before and behind the subject. */
static const struct what {
        const char *kind, *measure, *before, *after;
} whats[] = {
        { "windows", "count", N_("windows of "), "" },
        { "windows", "total", N_("time in windows of "), "" },
        { "windows", "worst", N_("worst window of "), "" },
        { "softirq", "rate", N_("softirq "), "" },
        { "interrupt", "rate", N_("irq "), "" },
        { "time", "share", N_("time in "), "" },
        { "cpu", "share", N_("CPU time: "), N_(", all CPUs") },
        { "device", "rx-packets", "", N_(": packets received") },
        { "device", "rx-drops", "", N_(": packets dropped") },
};

static const char *translate(const char *text) {
        return *text ? _(text) : "";
}

static const char *what_words(struct json_object *change, char *buf, size_t size) {
        const char *kind = field_string(change, "kind") ?: "?",
                   *measure = field_string(change, "measure") ?: "?";
        const char *subject = field_string(change, "subject") ?: "?";

        for (size_t i = 0; i < ELEMENTSOF(whats); i++)
                if (strcmp(whats[i].kind, kind) == 0 && strcmp(whats[i].measure, measure) == 0) {
                        (void)snprintf(buf, size, "%s%s%s", translate(whats[i].before), subject,
                                       translate(whats[i].after));
                        return buf; /* what is cut is long enough */
                }

        if (strcmp(kind, "finding") == 0)
                (void)snprintf(buf, size, "%s %s%s%s", _("finding"), measure, *subject ? ": " : "", subject);
        else if (strcmp(kind, "latency") == 0)
                (void)snprintf(buf, size, "%s, %s", _("timer lateness of the worst CPU"), measure);
        else
                (void)snprintf(buf, size, "%s %s", kind, subject);
        return buf;
}

/* Words of change and severity, as JSON has them. */
static const char *word_of(const char *word) {
        static const char *const words[] = { N_("new"),  N_("gone"),    N_("worse"),   N_("better"),
                                             N_("info"), N_("warning"), N_("critical") };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (word && strcmp(words[i], word) == 0)
                        return _(words[i]);

        return word ?: "-";
}

static void add_value(struct table *table, struct json_object *change, const char *side) {
        const char *unit = field_string(change, "unit"), *word = field_string(change, side);
        double value = field_double(change, side);
        char buf[FIELD_TEXT_MAX];

        if (!unit)
                table_add(table, severity_colour(word ?: ""), word_of(word));
        else if (value <= 0)
                table_add(table, COLOUR_DIM, "-");
        else if (strcmp(unit, "perHour") == 0)
                table_addf(table, COLOUR_NONE, _("%s/h"), format_count(value, buf));
        else if (strcmp(unit, "nsecPerHour") == 0)
                table_addf(table, COLOUR_NONE, _("%s/h"), format_duration((uint64_t)value, buf));
        else if (strcmp(unit, "nsec") == 0)
                table_add(table, COLOUR_NONE, format_duration((uint64_t)value, buf));
        else if (strcmp(unit, "cpus") == 0)
                table_add(table, COLOUR_NONE, format_cpu_share(value, buf));
        else
                table_addf(table, COLOUR_NONE, _("%s/s"), format_count(value, buf));
}

/* "new", "gone", "50x", "1/50": digits below ten times. */
static void add_change(struct table *table, struct json_object *change) {
        const char *word = field_string(change, "change") ?: "?";
        double ratio = field_double(change, "ratio");
        bool less = strcmp(word, "less") == 0;
        enum colour colour = strcmp(word, "gone") == 0 || strcmp(word, "better") == 0 || less ? COLOUR_GREEN
                                                                                              : COLOUR_YELLOW;
        double times = ratio > 0 && ratio < 1 ? 1 / ratio : ratio;

        if (times <= 0)
                table_add(table, colour, word_of(word));
        else
                table_addf(table, colour, times < 10 ? "%s%.1f%s" : "%s%.0f%s", less ? "1/" : "", times,
                           less ? "" : "x");
}

static int print_changes(const struct style *style, struct json_object *changes, FILE *f) {
        _cleanup_(table_done) struct table table = {};
        size_t n = array_length(changes);
        int r;

        table_add_column(&table, _("WHAT"), TABLE_KEY | TABLE_FLEX, 28);
        table_add_column(&table, _("THEN"), TABLE_RIGHT, 0);
        table_add_column(&table, _("NOW"), TABLE_RIGHT, 0);
        table_add_column(&table, _("CHANGE"), TABLE_RIGHT, 0);
        for (size_t i = 0; i < MIN(n, (size_t)CHANGES_MAX); i++) {
                char buf[600];

                table_add(&table, COLOUR_NONE, what_words(array_at(changes, i), buf, sizeof(buf)));
                add_value(&table, array_at(changes, i), "then");
                add_value(&table, array_at(changes, i), "now");
                add_change(&table, array_at(changes, i));
        }

        r = table_print(&table, style, f);
        if (r >= 0 && n > CHANGES_MAX)
                fprintf(f, _("... and %zu smaller changes (--json=pretty has all)\n"), n - CHANGES_MAX);
        return r;
}

static uint64_t length_us(struct json_object *side) {
        uint64_t since_us = field_u64(side, "sinceUsec"), until_us = field_u64(side, "untilUsec");

        return until_us > since_us ? until_us - since_us : 0;
}

/* "now:  14:00:00 - 15:00:00 (1h)", and what was not watched of it. */
static void print_side(const struct style *style, struct json_object *result, const char *name, FILE *f) {
        struct json_object *side = field_object(result, name);
        uint64_t since_us = field_u64(side, "sinceUsec"), until_us = field_u64(side, "untilUsec");
        uint64_t watched_ns = field_u64(side, "watchedNsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], buf[DURATION_TEXT_MAX];

        style_print(
                style, f, COLOUR_BOLD, "%s %s - %s (%s)", strcmp(name, "now") == 0 ? _("now: ") : _("then:"),
                format_moment(since_us, style->now_us, false, a),
                format_moment(until_us, same_day(since_us, until_us) ? until_us : style->now_us, false, b),
                format_duration(length_us(side) * NSEC_PER_USEC, buf));
        fputc('\n', f);
        render_tier(style, side, f);
        if (watched_ns == 0)
                style_print(style, f, COLOUR_YELLOW,
                            _("No windows were watched in that time: they are not compared.\n"));
        else if (watched_ns / NSEC_PER_USEC < length_us(side) / 100 * 99)
                style_print(style, f, COLOUR_YELLOW, _("Windows were watched for %s of that time.\n"),
                            format_duration(watched_ns, buf));
}

int compare_render(const struct style *style, struct json_object *result, FILE *f) {
        struct json_object *changes = field_array(result, "changes");
        bool watched = field_u64(field_object(result, "then"), "watchedNsec") > 0 &&
                       field_u64(field_object(result, "now"), "watchedNsec") > 0;
        int r;

        print_side(style, result, "then", f);
        print_side(style, result, "now", f);
        fputc('\n', f);
        if (array_length(changes) == 0) {
                style_wrap(style, f, 0, COLOUR_BOLD,
                           watched ? _("Nothing changed that means something: findings, windows and lateness "
                                       "are the "
                                       "same, and no rate changed by half or more.")
                                   : _("Nothing changed that means something in what both spans have: "
                                       "findings are the "
                                       "same, and no rate changed by half or more."));
                return 0;
        }

        r = print_changes(style, changes, f);
        if (r < 0)
                return r;
        fputc('\n', f);
        style_wrap(style, f, 0, COLOUR_DIM,
                   _("Biggest first; rates that changed by less than half, or by little, are left out. "
                     "Windows are "
                     "per hour that was watched."));
        return 0;
}

/* A span's report, and the counters of softnet where there are any. */
static int fetch_side(struct varlink_client *client, const struct options *options, uint64_t since_us,
                      uint64_t until_us, struct json_object **ret_report, struct json_object **ret_softnet) {
        _cleanup_(json_putp) struct json_object *parameters = session_parameters(options, since_us, until_us);
        _cleanup_(json_putp) struct json_object *reply = NULL, *rates = NULL;
        _cleanup_(freep) char *error = NULL, *no_softnet = NULL;
        int r;

        if (!parameters)
                return fail_memory();
        r = varlink_client_call(client, INTERFACE "Report", parameters, &error, &reply);
        if (r < 0 || error)
                return session_failed(r, error);

        if (json_add(parameters, "source", json_object_new_string("softnet")) < 0)
                return fail_memory();
        r = varlink_client_call(client, INTERFACE "GetRates", parameters, &no_softnet, &rates);
        if (r < 0)
                return session_failed(r, NULL);

        *ret_report = json_object_get(field_object(reply, "report"));
        *ret_softnet = no_softnet ? NULL : json_object_get(field_object(rates, "rates"));
        return *ret_report
                       ? 0
                       : fail_with(
                                 _("irqwatchd's answer has no report: it is of another version than irqctl"));
}

static int check_recorded(struct json_object *report) {
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];

        if (compare_recorded(report, "softirqs", "softirqs") ||
            compare_recorded(report, "interrupts", "interrupts") || report_watched_share(report) > 0)
                return 0;

        return fail_with(
                _("nothing is recorded of the time from %s to %s, so that there is nothing to compare. What "
                  "there is history of: irqctl report --list-boots"),
                format_timestamp(field_u64(report, "sinceUsec"), 0, a),
                format_timestamp(field_u64(report, "untilUsec"), 0, b));
}

static int print_result(const struct options *options, struct json_object *result) {
        _cleanup_(output_closep) struct output output = {};
        int r;

        output_open(&output, options, 0);
        r = options->json != JSON_OFF ? output_json(result, options->json)
                                      : compare_render(&output.style, result, stdout);
        return r < 0 ? fail_memory() : output_close(&output);
}

int compare_show(const struct options *options, uint64_t since_us, uint64_t until_us, const char *against) {
        _cleanup_(json_putp) struct json_object *then = NULL, *now = NULL, *softnet_then = NULL,
                                                *softnet_now = NULL, *result = NULL;
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        uint64_t end_us = until_us ?: options->base.now_us, against_us = 0;
        int r;

        r = compare_parse_against(against, &options->base, since_us, end_us, &against_us);
        if (r == 0)
                r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r == 0)
                r = fetch_side(client, options, since_us, until_us, &now, &softnet_now);
        if (r == 0)
                r = fetch_side(client, options, against_us, against_us + (end_us - since_us), &then,
                               &softnet_then);
        if (r == 0)
                r = check_recorded(then);
        if (r == 0)
                r = check_recorded(now);
        if (r != 0)
                return r;

        if (compare_reports(&(struct compare_side){ then, softnet_then },
                            &(struct compare_side){ now, softnet_now }, &result) < 0)
                return fail_memory();
        return print_result(options, result);
}
