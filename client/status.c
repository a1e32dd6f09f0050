/* SPDX-License-Identifier: Apache-2.0 */

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

enum { STATUS_LABEL = 10 };

static const char help[] =
        N_("irqctl status [OPTION...]\n\n"
        "State of the daemon: its collectors and why one does not run, what it costs, what was\n"
        "lost, and the settings in force (\"*\": can be changed with irqctl set).\n");

/* Share of one CPU that ns of work are since the start. */
static double cpu_share(struct json_object *status, uint64_t ns) {
        uint64_t now = field_u64(status, "nowUsec"), started = field_u64(status, "startedUsec");

        return now > started ? (double)ns / NSEC_PER_USEC / (double)(now - started) : 0;
}

static int render_status_head(const struct style *style, struct json_object *status, FILE *f) {
        uint64_t now = field_u64(status, "nowUsec"), started = field_u64(status, "startedUsec");
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        char moment[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];

        if (asprintf(&text, _("irqwatchd %s on %s (kernel %s), running since %s (%s)"),
                     field_string(status, "version") ?: "?", field_string(status, "hostname") ?: "?",
                     field_string(status, "kernel") ?: "?",
                     format_moment(started, style->now_us, false, moment),
                     format_duration(now > started ? (now - started) * NSEC_PER_USEC : 0, length)) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        style_wrap(style, f, 0, COLOUR_BOLD, safe);
        return 0;
}

/* Two columns: what it is about, and what there is to say. */
static void status_label(FILE *f, const char *text) {
        fprintf(f, "%s%*s", text, MAX(STATUS_LABEL - (int)text_width(text), 1), "");
}

static void render_costs(struct json_object *status, FILE *f) {
        uint64_t cpu_ns = field_u64(status, "cpuNsec"), bpf_ns = field_u64(status, "bpfNsec");
        struct json_object *store = field_object(status, "store");
        uint64_t budget = field_u64(store, "budgetBytes");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX];

        fputc('\n', f);
        status_label(f, _("costs"));
        fprintf(f, _("%s of one CPU"), format_share(cpu_share(status, cpu_ns), a));
        if (bpf_ns > 0)
                fprintf(f, _(" + %s in BPF"), format_share(cpu_share(status, bpf_ns), a));
        fprintf(f, _(", %s resident\n"), format_bytes(field_u64(status, "rssBytes"), a));

        status_label(f, _("memory"));
        fprintf(f, budget ? _("%s of %s") : "%s%s", format_bytes(field_u64(store, "bytes"), a),
                budget ? format_bytes(budget, b) : "");
        fprintf(f, _(": passes %" PRIu64 ", series %" PRIu64 ", events %" PRIu64 ", stacks %" PRIu64 "\n"), field_u64(store, "passes"), field_u64(store, "series"),
                field_u64(store, "events"), field_u64(store, "stacks"));
        status_label(f, _("clients"));
        fprintf(f, _("connected %" PRIu64 ", following events %" PRIu64 "\n"), field_u64(status, "connections"), field_u64(status, "subscriptions"));
        status_label(f, _("journal"));
        fprintf(f, _("entries written %" PRIu64 "\n"), field_u64(status, "journalEntries"));
}

/* "history     12.3 MiB of 256 MiB since 2026-11-20 14:03:10 in /var/lib/irqwatchd/history.db, ..." */
/* What was written in the first minutes, when the file is made, says nothing of an hour. */
#define WRITTEN_KNOWN_USEC (600 * USEC_PER_SEC)

static void render_written(struct json_object *status, struct json_object *disk, FILE *f) {
        uint64_t now_us = field_u64(status, "nowUsec"), started_us = field_u64(status, "startedUsec");
        uint64_t ran_us = now_us > started_us ? now_us - started_us : 0;
        double per_hour = (double)field_u64(disk, "writtenBytesPerHour");
        char buf[FIELD_TEXT_MAX];

        if (ran_us >= WRITTEN_KNOWN_USEC)
                fprintf(f, _(", written per hour %s\n"), format_bytes((uint64_t)per_hour, buf));
        else
                fprintf(f, _(", written so far %s\n"),
                        format_bytes((uint64_t)(per_hour * (double)ran_us / (3600 * (double)USEC_PER_SEC)), buf));
}

static int render_history(const struct style *style, struct json_object *status, FILE *f) {
        struct json_object *disk = field_object(field_object(status, "store"), "disk");
        _cleanup_(freep) char *path = text_sanitize(field_string(disk, "path") ?: "?");
        _cleanup_(freep) char *reason = text_sanitize(field_string(disk, "reason") ?: "");
        _cleanup_(freep) char *aside = text_sanitize(field_string(disk, "setAside") ?: "");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], since[TIMESTAMP_TEXT_MAX];
        _cleanup_(freep) char *state = text_sanitize(field_string(disk, "state") ?: "?");

        if (!path || !reason || !aside || !state)
                return -ENOMEM;
        if (!disk)
                return 0; /* store.disk=no */

        status_label(f, _("history"));
        fprintf(f, _("%s of %s in %s"), format_bytes(field_u64(disk, "bytes"), a),
                format_bytes(field_u64(disk, "budgetBytes"), b), path);
        if (field_has(disk, "oldestUsec"))
                {
                fprintf(f, "\n%*s", STATUS_LABEL, "");
                fprintf(f, _("since %s"), format_timestamp(field_u64(disk, "oldestUsec"), 0, since));
        }
        fprintf(f, "\n%*s", STATUS_LABEL, "");
        fprintf(f, _("events %" PRIu64 ", flushes %" PRIu64 ", waiting %" PRIu64),
                field_u64(disk, "events"), field_u64(disk, "flushes"), field_u64(disk, "queuedEvents"));
        render_written(status, disk, f);
        if (strcmp(state, "writing") != 0) {
                style_print(style, f, COLOUR_RED, "%-*s%s: ", STATUS_LABEL, "", state);
                style_wrap(style, f, STATUS_LABEL + (unsigned)strlen(state) + 2, COLOUR_RED, reason);
        }
        if (*aside)
                {
                fprintf(f, "%s%*s", style_on(style, COLOUR_YELLOW), STATUS_LABEL, "");
                fprintf(f, _("the file was damaged: it is now %s\n"), aside);
                fputs(style_off(style, COLOUR_YELLOW), f);
        }
        return 0;
}

static enum colour state_colour(const char *state) {
        return strcmp(state, "running") == 0                                         ? COLOUR_GREEN
               : strcmp(state, "failing") == 0                                       ? COLOUR_RED
               : strcmp(state, "degraded") == 0 || strcmp(state, "unsupported") == 0 ? COLOUR_YELLOW
                                                                                     : COLOUR_DIM;
}

static void add_collector(struct table *table, struct json_object *status, struct json_object *collector) {
        const char *state = field_string(collector, "state") ?: "?";
        uint64_t interval = field_u64(collector, "intervalNsec");
        uint64_t configured = field_u64(collector, "configuredIntervalNsec");
        uint64_t now = field_u64(status, "nowUsec"), last = field_u64(collector, "lastPassUsec");
        char buf[FIELD_TEXT_MAX], again[FIELD_TEXT_MAX];

        table_add(table, COLOUR_BOLD, field_string(collector, "name"));
        table_add(table, state_colour(state), state);
        if (interval != configured && configured > 0)
                table_addf(table, COLOUR_YELLOW, _("%s (set: %s)"), format_duration_exact(interval, buf),
                           format_duration_exact(configured, again));
        else
                table_add(table, COLOUR_NONE, format_duration_exact(interval, buf));
        table_addf(table, COLOUR_NONE, "%" PRIu64, field_u64(collector, "passes"));
        table_add(table, COLOUR_NONE, format_duration(field_u64(collector, "passCostNsec"), buf));
        if (last > 0 && now >= last)
                table_addf(table, COLOUR_NONE, _("%s ago"), format_duration((now - last) * NSEC_PER_USEC, buf));
        else
                table_add(table, COLOUR_DIM, _("never"));
}

/* Why collectors do not run, or do less: prose, so not in the table. */
static int render_reasons(const struct style *style, struct json_object *collectors, FILE *f) {
        for (size_t i = 0; i < array_length(collectors); i++) {
                struct json_object *collector = array_at(collectors, i);
                const char *reason = field_string(collector, "reason");
                _cleanup_(freep) char *safe = NULL, *name = NULL;

                if (!reason)
                        continue;

                safe = text_sanitize(reason);
                name = text_sanitize(field_string(collector, "name") ?: "?");
                if (!safe || !name)
                        return -ENOMEM;

                fputs("  ", f);
                style_print(style, f, state_colour(field_string(collector, "state") ?: "?"), "%s", name);
                fputs(": ", f);
                style_wrap(style, f, 2 + text_width(name) + 2, COLOUR_NONE, safe);
        }

        return 0;
}

static int render_collectors(const struct style *style, struct json_object *status, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };
        struct json_object *collectors = field_array(status, "collectors");
        int r;

        table_add_column(&table, _("COLLECTOR"), TABLE_KEY, 0);
        table_add_column(&table, _("STATE"), 0, 0);
        table_add_column(&table, _("EVERY"), TABLE_RIGHT, 0);
        table_add_column(&table, _("PASSES"), TABLE_RIGHT, 0);
        table_add_column(&table, _("ONE COSTS"), TABLE_RIGHT, 0);
        table_add_column(&table, _("LAST"), TABLE_RIGHT, 0);
        for (size_t i = 0; i < array_length(collectors); i++)
                add_collector(&table, status, array_at(collectors, i));

        style_heading(style, f, _("Collectors"));
        r = table_print(&table, style, f);
        return r < 0 ? r : render_reasons(style, collectors, f);
}

/* Some counters only tell what was done; these tell what was not. */
static bool is_loss(const char *what) {
        static const char *const words[] = { "lost",    "dropped", "missed", "suppressed", "failed",
                                             "refused", "late",    "error",  "overflow",   "damaged" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(what, words[i]))
                        return true;

        return false;
}

/* One line of a list that only has what is not zero; *any: something was printed before. */
static void render_counter(const struct style *style, FILE *f, bool *any, const char *where, const char *what,
                           uint64_t n) {
        enum colour colour = is_loss(what) ? COLOUR_YELLOW : COLOUR_NONE;

        if (n == 0)
                return;
        if (!*any)
                style_heading(style, f, _("Counters that are not zero"));

        *any = true;
        fprintf(f, "  %s: %s", where, style_on(style, colour));
        write_fact(what, (int64_t)MIN(n, (uint64_t)INT64_MAX), f);
        fprintf(f, "%s\n", style_off(style, colour));
}

static int render_collector_counters(const struct style *style, struct json_object *collector, bool *any,
                                     FILE *f) {
        _cleanup_(freep) char *name = text_sanitize(field_string(collector, "name") ?: "?");
        struct json_object *counters = field_array(collector, "counters");

        if (!name)
                return -ENOMEM;

        render_counter(style, f, any, name, "failed passes", field_u64(collector, "failedPasses"));
        render_counter(style, f, any, name, "late passes", field_u64(collector, "latePasses"));
        for (size_t i = 0; i < array_length(counters); i++)
                render_counter(style, f, any, name, field_string(array_at(counters, i), "name") ?: "?",
                               field_u64(array_at(counters, i), "value"));

        return 0;
}

static int render_counters(const struct style *style, struct json_object *status, FILE *f) {
        static const struct {
                const char *object, *field, *where, *what;
        } losses[] = {
                { "store", "passesDropped", N_("memory"), "passes dropped before their time" },
                { "store", "eventsDropped", N_("memory"), "events dropped before their time" },
                { "store", "seriesRefused", N_("memory"), "series refused" },
                { "disk", "failures", N_("history"), "failed writes" },
                { "disk", "lateEvents", N_("history"), "events told before they were on disk" },
                { "disk", "lostEvents", N_("history"), "events lost" },
                { "disk", "unreadableRecords", N_("history"), "damaged records left out of answers" },
                { NULL, "droppedMessages", N_("clients"), "messages dropped" },
                { NULL, "refusedConnections", N_("clients"), "connections refused" },
                { NULL, "journalSuppressed", "journal", "entries suppressed" },
                { NULL, "journalDropped", "journal", "entries dropped" },
        };
        struct json_object *collectors = field_array(status, "collectors");
        bool any = false;
        int r;

        for (size_t i = 0; i < array_length(collectors); i++) {
                r = render_collector_counters(style, array_at(collectors, i), &any, f);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(losses); i++) {
                struct json_object *object =
                        losses[i].object ? field_object(status, losses[i].object) : status;

                if (losses[i].object && strcmp(losses[i].object, "disk") == 0)
                        object = field_object(field_object(status, "store"), "disk");

                render_counter(style, f, &any, _(losses[i].where), losses[i].what,
                               field_u64(object, losses[i].field));
        }

        if (!any)
                fputs(_("\nNothing was lost: no failed pass, no dropped record.\n"), f);
        return 0;
}

/* "irq-delay.threshold" -> its section's length. */
static size_t section_length(const char *name) {
        const char *dot = strrchr(name, '.');

        return dot ? (size_t)(dot - name) : 0;
}

/* Settings from index i that share a section, on one line: "irq-delay  threshold=10ms* ...". Returns their
 * number. */
static int render_section(const struct style *style, struct json_object *settings, size_t i, FILE *f) {
        const char *first = field_string(array_at(settings, i), "name") ?: "?";
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        size_t length = section_length(first), size = 0, n = 0;
        FILE *memory;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        for (; i + n < array_length(settings); n++) {
                struct json_object *setting = array_at(settings, i + n);
                const char *name = field_string(setting, "name") ?: "?";

                if (section_length(name) != length || memcmp(name, first, length) != 0)
                        break;
                fprintf(memory, "%s%s%s=%s", n > 0 ? " " : "", name + length + (length > 0),
                        field_boolean(setting, "runtime") ? "*" : "", field_string(setting, "value") ?: "");
        }
        if (fclose(memory) != 0)
                return -ENOMEM;
        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        style_print(style, f, COLOUR_BOLD, "  %-12.*s", (int)length, first);
        style_wrap(style, f, 14, COLOUR_NONE, safe);
        return (int)n;
}

static int render_settings(const struct style *style, struct json_object *status, FILE *f) {
        struct json_object *settings = field_array(status, "settings");
        int n;

        if (array_length(settings) == 0)
                return 0;

        style_heading(style, f, _("Settings (*: irqctl set SECTION.KEY=VALUE)"));
        for (size_t i = 0; i < array_length(settings); i += (size_t)n) {
                const char *name = field_string(array_at(settings, i), "name") ?: "";

                /* Rules: "irqctl alerts --rules" has them in fewer words. */
                n = 1;
                if (strncmp(name, "alert ", strlen("alert ")) == 0)
                        continue;
                n = render_section(style, settings, i, f);
                if (n < 0)
                        return n;
        }

        return 0;
}

int render_status(const struct style *style, struct json_object *status, FILE *f) {
        int r;

        r = render_status_head(style, status, f);
        if (r < 0)
                return r;
        r = render_collectors(style, status, f);
        if (r < 0)
                return r;
        render_costs(status, f);
        if (render_history(style, status, f) < 0)
                return -ENOMEM;
        r = render_counters(style, status, f);
        if (r < 0)
                return r;
        return render_settings(style, status, f);
}

int verb_status(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *status = NULL, *alerts = NULL;
        _cleanup_(output_closep) struct output output = {};
        int r;

        r = options_expect_nothing(argc, argv, help);
        if (r >= 0)
                return r;
        r = session_query(options, "GetStatus", json_object_new_object(), "status", &status);
        if (r != 0 || !status)
                return r;

        alerts = session_try(options, "ListAlerts");
        output_open(&output, options, 0);
        if (render_alerts_active(&output.style, alerts, stdout) < 0 ||
            render_status(&output.style, status, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
