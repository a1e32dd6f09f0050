/* SPDX-License-Identifier: Apache-2.0 */

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/parse.h"

enum { ALERT_INDENT = 10 };

static const char help[] =
        N_("irqctl alerts [OPTION...]\n\n"
        "Alerts that are raised, then those that were raised and cleared since irqwatchd started (the\n"
        "newest 256), or in --since/--until. \"irqctl events --kind alert\" has each edge as an event,\n"
        "\"irqctl status\" and \"irqctl report\" show what is raised, too.\n\n"
        "      --rules              The rules instead: what is watched, and whether it is switched on\n");

static bool is_active(struct json_object *alert) {
        return !field_has(alert, "clearedUsec");
}

static size_t count_active(struct json_object *alerts) {
        size_t n = 0;

        for (size_t i = 0; i < array_length(alerts); i++)
                n += is_active(array_at(alerts, i));

        return n;
}

/* By the words of syslog.h. */
static enum colour priority_colour(const char *priority) {
        static const char *const red[] = { "emerg", "alert", "crit", "err" };

        for (size_t i = 0; i < ELEMENTSOF(red); i++)
                if (strcmp(priority, red[i]) == 0)
                        return COLOUR_RED;

        return strcmp(priority, "warning") == 0 ? COLOUR_YELLOW : COLOUR_NONE;
}

static uint64_t lasted_ns(struct json_object *alert, uint64_t until_us) {
        uint64_t raised_us = field_u64(alert, "raisedUsec");

        return until_us > raised_us ? (until_us - raised_us) * NSEC_PER_USEC : 0;
}

/* What is worth a word about how it stands. */
static const char *remark(struct json_object *alert) {
        if (field_boolean(alert, "noData"))
                return _("; no values are known now");
        if (strcmp(field_string(alert, "state") ?: "", "clearing") == 0)
                return _("; well again, but not for long enough");
        return field_boolean(alert, "told") ? "" : _("; flapping, not told in the journal");
}

/* "WARNING   syn-flood, raised 14:03:10, 5min ago: ..." */
static int render_active(const struct style *style, struct json_object *alert, FILE *f) {
        const char *priority = field_string(alert, "priority") ?: "warning",
                   *text = field_string(alert, "text");
        _cleanup_(freep) char *label = text_sanitize(priority), *line = NULL, *safe = NULL;
        char moment[FIELD_TEXT_MAX], lasted[DURATION_TEXT_MAX];

        if (!label || asprintf(&line, _("%s, raised %s (%s ago%s)%s%s"), field_string(alert, "rule") ?: "?",
                               format_moment(field_u64(alert, "raisedUsec"), style->now_us, false, moment),
                               format_duration(lasted_ns(alert, style->now_us), lasted), remark(alert),
                               text && *text ? ": " : "", text ?: "") < 0) {
                line = NULL;
                return -ENOMEM;
        }

        safe = text_sanitize(line);
        if (!safe)
                return -ENOMEM;

        for (char *p = label; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        style_label(style, f, priority_colour(priority), ALERT_INDENT, label);
        style_wrap(style, f, ALERT_INDENT, COLOUR_NONE, safe);
        return 0;
}

int render_alerts_active(const struct style *style, struct json_object *reply, FILE *f) {
        struct json_object *alerts = field_array(reply, "alerts");
        size_t n = count_active(alerts);

        if (n == 0)
                return 0;

        style_print(style, f, COLOUR_BOLD, ngettext("%zu alert is raised", "%zu alerts are raised", n), n);
        fputc('\n', f);
        for (size_t i = 0; i < array_length(alerts); i++)
                if (is_active(array_at(alerts, i)) && render_active(style, array_at(alerts, i), f) < 0)
                        return -ENOMEM;

        fputc('\n', f);
        return 0;
}

static void add_past(struct table *table, const struct style *style, struct json_object *alert) {
        uint64_t raised_us = field_u64(alert, "raisedUsec"), cleared_us = field_u64(alert, "clearedUsec");
        char buf[FIELD_TEXT_MAX];

        table_add(table, COLOUR_BOLD, field_string(alert, "rule"));
        table_add(table, COLOUR_NONE, format_moment(raised_us, style->now_us, false, buf));
        table_add(table, COLOUR_NONE, format_moment(cleared_us, style->now_us, false, buf));
        table_add(table, COLOUR_NONE, format_duration(lasted_ns(alert, cleared_us), buf));
        table_add(table, COLOUR_NONE, field_string(alert, "worst"));
        table_add(table, COLOUR_DIM, field_string(alert, "threshold"));
        if (field_has(alert, "cpu"))
                table_addf(table, COLOUR_NONE, "CPU %" PRId64, field_integer(alert, "cpu", 0));
        else
                table_add(table, COLOUR_NONE, field_string(alert, "subject"));
        table_addf(table, COLOUR_CYAN, "%" PRId64, field_integer(alert, "eventId", 0));
}

static int render_past(const struct style *style, struct json_object *alerts, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };

        table_add_column(&table, _("RULE"), TABLE_KEY | TABLE_FLEX, 16);
        table_add_column(&table, _("RAISED"), TABLE_RIGHT, 0);
        table_add_column(&table, _("CLEARED"), TABLE_RIGHT, 0);
        table_add_column(&table, _("AFTER"), TABLE_RIGHT, 0);
        table_add_column(&table, _("WORST"), TABLE_RIGHT, 0);
        table_add_column(&table, _("LIMIT"), TABLE_RIGHT, 0);
        table_add_column(&table, _("ON"), TABLE_FLEX, 12);
        table_add_column(&table, _("EVENT"), TABLE_SPILL, 0);
        for (size_t i = 0; i < array_length(alerts); i++)
                if (!is_active(array_at(alerts, i)))
                        add_past(&table, style, array_at(alerts, i));
        if (table_n_rows(&table) == 0)
                return 0;

        style_heading(style, f, _("Cleared"));
        return table_print(&table, style, f);
}

int render_alerts(const struct style *style, struct json_object *reply, FILE *f) {
        struct json_object *alerts = field_array(reply, "alerts"), *rules = field_array(reply, "rules");
        size_t n_enabled = 0;

        for (size_t i = 0; i < array_length(rules); i++)
                n_enabled += field_boolean(array_at(rules, i), "enabled");

        if (count_active(alerts) == 0)
                fprintf(f, _("No alert is raised; %zu of %zu rules are switched on (irqctl alerts --rules).\n"),
                        n_enabled, array_length(rules));
        else if (render_alerts_active(style, reply, f) < 0)
                return -ENOMEM;

        return render_past(style, alerts, f);
}

int render_alert_rules(const struct style *style, struct json_object *reply, FILE *f) {
        _cleanup_(table_done) struct table table = {};
        struct json_object *rules = field_array(reply, "rules");
        char buf[DURATION_TEXT_MAX];

        table_add_column(&table, _("RULE"), TABLE_KEY, 0);
        table_add_column(&table, _("ON"), 0, 0);
        table_add_column(&table, _("PRIORITY"), 0, 0);
        table_add_column(&table, _("RAISED BY"), TABLE_FLEX, 24);
        table_add_column(&table, _("HOLD"), TABLE_RIGHT, 0);
        table_add_column(&table, _("STARTS"), TABLE_SPILL, 0);
        for (size_t i = 0; i < array_length(rules); i++) {
                struct json_object *rule = array_at(rules, i);
                bool enabled = field_boolean(rule, "enabled");

                table_add(&table, enabled ? COLOUR_BOLD : COLOUR_DIM, field_string(rule, "name"));
                table_add(&table, enabled ? COLOUR_GREEN : COLOUR_DIM, enabled ? _("yes") : _("no"));
                table_add(&table, COLOUR_NONE, field_string(rule, "priority"));
                table_add(&table, enabled ? COLOUR_NONE : COLOUR_DIM, field_string(rule, "condition"));
                table_add(&table, COLOUR_NONE, format_duration(field_u64(rule, "holdNsec"), buf));
                table_add(&table, COLOUR_NONE, field_string(rule, "unit"));
        }

        if (table_n_rows(&table) == 0)
                fputs(_("There are no rules.\n"), f);
        return table_print(&table, style, f);
}

/* Leaves out cleared ones that lie outside the span; the rest of the reply stays as it is. */
static int keep_span(const struct options *options, struct json_object *reply) {
        struct json_object *alerts = field_array(reply, "alerts"), *kept = json_object_new_array();

        for (size_t i = 0; kept && i < array_length(alerts); i++) {
                struct json_object *alert = array_at(alerts, i);
                uint64_t cleared_us =
                        field_has(alert, "clearedUsec") ? field_u64(alert, "clearedUsec") : UINT64_MAX;

                if ((options->has_since && cleared_us < options->since_us) ||
                    (options->has_until && field_u64(alert, "raisedUsec") > options->until_us))
                        continue;
                if (json_object_array_add(kept, json_object_get(alert)) < 0)
                        return -ENOMEM;
        }

        return kept && json_object_object_add(reply, "alerts", kept) == 0 ? 0 : -ENOMEM;
}

static int show(const struct options *options, bool rules, struct json_object *reply) {
        _cleanup_(output_closep) struct output output = {};
        int r;

        output_open(&output, options, 0);
        if (options->json != JSON_OFF)
                r = output_json(reply, options->json);
        else
                r = (rules ? render_alert_rules : render_alerts)(&output.style, reply, stdout);
        if (r < 0)
                return fail_memory();

        return output_close(&output);
}

int verb_alerts(int argc, char **argv, const struct options *options) {
        static const struct option longs[] = {
                { "help", no_argument, NULL, 'h' },
                { "rules", no_argument, NULL, 'r' },
                {},
        };
        _cleanup_(json_putp) struct json_object *reply = NULL;
        bool rules = false;
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0)
                if (c == 'r')
                        rules = true;
                else
                        return c == 'h' ? options_print_help(help) : options_see_help(argv[0]);
        if (optind < argc)
                return fail_usage(_("alerts takes no argument, but was given \"%s\". See: irqctl alerts --help"), argv[optind]);

        r = session_call(options, "ListAlerts", json_object_new_object(), &reply);
        if (r != 0)
                return r;
        if (keep_span(options, reply) < 0)
                return fail_memory();

        return show(options, rules, reply);
}
