/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

enum { SHOW_LABEL = 12, SHOW_INDENT = 2 };

static const char help[] =
        N_("irqctl show ID|TIME|last\n\n"
        "Everything that is known of one event. ID is from \"irqctl report\" or \"irqctl events\";\n"
        "TIME is a time as events shows it, such as 14:12:58.123; last is the newest window.\n");

static void label(const struct style *style, FILE *f, const char *name) {
        fprintf(f, "%*s", SHOW_INDENT, "");
        style_label(style, f, COLOUR_DIM, SHOW_LABEL, name);
}

/* A line "label  text", left out when there is no text. */
static int show_text(const struct style *style, FILE *f, const char *name, const char *text,
                     enum colour colour) {
        _cleanup_(freep) char *safe = NULL;

        if (!text)
                return 0;

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        label(style, f, name);
        style_print(style, f, colour, "%s", safe);
        fputc('\n', f);
        return 0;
}

static void show_when(const struct style *style, struct json_object *event, FILE *f) {
        uint64_t us = field_u64(event, "timeUsec");
        char moment[TIMESTAMP_TEXT_MAX], ago[DURATION_TEXT_MAX];

        label(style, f, _("when"));
        fputs(format_timestamp(us, 1, moment), f);
        if (us <= style->now_us)
                fprintf(f, _(" (%s ago)"), format_duration((style->now_us - us) * NSEC_PER_USEC, ago));
        fputc('\n', f);
}

static void show_duration(const struct style *style, struct json_object *event, FILE *f) {
        uint64_t min = field_u64(event, "durationMinNsec"), max = field_u64(event, "durationMaxNsec");
        char bracket[FIELD_TEXT_MAX], a[DURATION_TEXT_MAX], b[DURATION_TEXT_MAX];

        if (max == 0) /* none, or an alert that was raised at once */
                return;

        label(style, f, _("how long"));
        style_print(style, f, COLOUR_BOLD, "%s", format_duration_range(min, max, bracket));
        fprintf(f, _(" (certainly %s, at most %s)\n"), format_duration(min, a), format_duration(max, b));
}

static int show_task(const struct style *style, struct json_object *event, FILE *f) {
        _cleanup_(freep) char *comm = NULL;
        int64_t pid = field_integer(event, "pid", -1), tgid = field_integer(event, "tgid", -1);

        if (pid < 0)
                return 0;

        comm = text_sanitize(field_string(event, "comm") ?: "?");
        if (!comm)
                return -ENOMEM;

        label(style, f, _("task"));
        if (pid == 0)
                fprintf(f, _("%s (the idle task)\n"), comm);
        else if (tgid >= 0 && tgid != pid)
                fprintf(f, _("%s, thread %" PRId64 " of process %" PRId64 "\n"), comm, pid, tgid);
        else
                fprintf(f, _("%s, process %" PRId64 "\n"), comm, pid);
        return 0;
}

/* "node[24890] <- bash[1200] <- systemd[1]" */
static int show_parents(const struct style *style, struct json_object *event, FILE *f) {
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        struct json_object *parents = field_array(event, "parents");
        size_t size = 0;
        FILE *memory;

        if (array_length(parents) == 0)
                return 0;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        for (size_t i = 0; i < array_length(parents); i++)
                fprintf(memory, "%s%s[%" PRId64 "]", i > 0 ? " <- " : "",
                        field_string(array_at(parents, i), "comm") ?: "?",
                        field_integer(array_at(parents, i), "pid", 0));
        if (fclose(memory) != 0)
                return -ENOMEM;

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        label(style, f, _("started by"));
        style_wrap(style, f, SHOW_INDENT + SHOW_LABEL, COLOUR_NONE, safe);
        return 0;
}

static int show_facts(const struct style *style, struct json_object *event, FILE *f) {
        int r;

        show_when(style, event, f);
        if (field_has(event, "cpu")) {
                label(style, f, _("where"));
                fprintf(f, "CPU %" PRId64 "\n", field_integer(event, "cpu", -1));
        }
        show_duration(style, event, f);
        r = show_text(style, f, _("culprit"), field_string(event, "culprit"), COLOUR_BOLD);
        if (r < 0)
                return r;
        r = show_task(style, event, f);
        if (r < 0)
                return r;
        r = show_parents(style, event, f);
        if (r < 0)
                return r;
        r = show_text(style, f, _("cgroup"), field_string(event, "cgroup"), COLOUR_NONE);
        if (r < 0)
                return r;
        return show_text(style, f, _("container"), field_string(event, "container"), COLOUR_NONE);
}

static int show_evidence(const struct style *style, struct json_object *event, FILE *f) {
        struct json_object *evidence = field_object(event, "evidence");

        if (!evidence || json_object_object_length(evidence) == 0)
                return 0;

        style_heading(style, f, _("Evidence"));
        json_object_object_foreach(evidence, name, value) {
                _cleanup_(freep) char *words = NULL;
                int r;

                (void)value;
                r = evidence_words(evidence, name, &words);
                if (r < 0)
                        return r;
                if (r > 0)
                        fprintf(f, "%*s%s\n", SHOW_INDENT, "", words);
        }

        return 0;
}

/* The frame's place: "mpt_put_msg_frame+0x63", or "+0x1c30" where no symbol fits. */
static int show_frame(const struct style *style, size_t n, struct json_object *frame, bool is_culprit,
                      FILE *f) {
        const char *symbol = field_string(frame, "symbol"), *build_id = field_string(frame, "buildId");
        const char *place = field_string(frame, "module") ?: field_string(frame, "file");
        const char *note = field_string(frame, "note");
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        size_t size = 0;
        FILE *memory;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        fprintf(memory, "%s", symbol ?: _("(no symbol)"));
        if (field_u64(frame, "offset") > 0 || !symbol)
                fprintf(memory, "+0x%" PRIx64, field_u64(frame, "offset"));
        if (place)
                fprintf(memory, " [%s]", place);
        if (!symbol && build_id)
                fprintf(memory, _(" build-id %s"), build_id);
        if (note)
                fprintf(memory, " (%s)", note);
        if (fclose(memory) != 0)
                return -ENOMEM;

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        fprintf(f, "%*s", SHOW_INDENT, "");
        style_print(style, f, COLOUR_DIM, "%2zu  ", n);
        style_print(style, f, is_culprit ? COLOUR_RED : COLOUR_NONE, "%s", safe);
        fputs(is_culprit ? _("   <- culprit\n") : "\n", f);
        return 0;
}

static int show_stack(const struct style *style, struct json_object *stack, const char *title,
                      const char *culprit, FILE *f) {
        bool marked = false;
        int r;

        if (!stack)
                return 0;

        style_heading(style, f, _("%s, innermost frame first"), title);
        if (array_length(stack) == 0)
                fprintf(f, "%*s%s\n", SHOW_INDENT, "", _("(empty)"));
        for (size_t i = 0; i < array_length(stack); i++) {
                const char *symbol = field_string(array_at(stack, i), "symbol");
                bool is_culprit = !marked && culprit && symbol && strcmp(symbol, culprit) == 0;

                r = show_frame(style, i, array_at(stack, i), is_culprit, f);
                if (r < 0)
                        return r;
                marked |= is_culprit;
        }

        return 0;
}

/* "Event 7: irq-delay, irq-off (a stretch of code ...), confidence high" */
static int show_title(const struct style *style, struct json_object *event, FILE *f) {
        const char *confidence = field_string(event, "confidence"), *name = field_string(event, "class");
        _cleanup_(freep) char *kind = text_sanitize(field_string(event, "kind") ?: "?");
        _cleanup_(freep) char *class = text_sanitize(name ?: ""), *sure = text_sanitize(confidence ?: "");

        if (!kind || !class || !sure)
                return -ENOMEM;

        fprintf(f, "%s", style_on(style, COLOUR_BOLD));
        fprintf(f, _("Event %" PRId64 ": %s"), field_integer(event, "id", 0), kind);
        if (name)
                fprintf(f, ", %s (%s)", class, class_words(class));
        if (confidence)
                fprintf(f, _(", confidence %s"), sure);
        fprintf(f, "%s\n", style_off(style, COLOUR_BOLD));
        return 0;
}

int render_event(const struct style *style, struct json_object *event, FILE *f) {
        int r;

        r = show_title(style, event, f);
        if (r < 0)
                return r;
        r = show_facts(style, event, f);
        if (r < 0)
                return r;
        r = show_evidence(style, event, f);
        if (r < 0)
                return r;
        r = show_stack(style, field_array(event, "kernelStack"), _("Kernel stack"), field_string(event, "culprit"), f);
        if (r < 0)
                return r;
        return show_stack(style, field_array(event, "userStack"), _("User stack"), NULL, f);
}

/* How far a time reaches that is written to the second, the millisecond ...: "14:12:58.123" is all of it. */
static uint64_t written_precision_us(const char *text) {
        const char *dot = strrchr(text, '.');
        uint64_t precision = USEC_PER_SEC;

        if (!dot)
                return strchr(text, ':') && strchr(text, ':') == strrchr(text, ':') ? 60 * USEC_PER_SEC
                                                                                    : precision;
        for (size_t n = strspn(dot + 1, "0123456789"); n > 0 && precision > 1; n--)
                precision /= 10;
        return precision;
}

/* ["irq-delay"]. NULL: no memory. */
static struct json_object *window_kinds(void) {
        _cleanup_(json_putp) struct json_object *kinds = json_object_new_array();

        if (!kinds || json_array_append(kinds, json_object_new_string("irq-delay")) < 0)
                return NULL;

        return TAKE_PTR(kinds);
}

/* The newest event of a span, or the newest window; as GetEvent would return it. */
static int find_event(const struct options *options, const char *text, struct json_object **ret_event) {
        _cleanup_(json_putp) struct json_object *parameters = NULL, *reply = NULL;
        struct json_object *events;
        uint64_t since = 0, until = 0;
        int r;

        if (strcmp(text, "last") != 0) {
                if (parse_timestamp(text, &options->base, &since) < 0)
                        return fail_usage(
                                _("\"%s\" is neither an event's number nor a time. See: irqctl events"), text);
                until = since + written_precision_us(text);
        }

        parameters = session_parameters(options, since, until);
        if (!parameters || json_add(parameters, "limit", json_object_new_int(1)) < 0 ||
            (until == 0 && json_add(parameters, "kinds", window_kinds()) < 0))
                return fail_memory();
        r = session_call(options, "ListEvents", TAKE_PTR(parameters), &reply);
        if (r != 0)
                return r;

        events = field_array(reply, "events");
        if (array_length(events) == 0)
                return fail_with(_("there is no event %s. List events with: irqctl events"),
                                 until > 0 ? _("at that time") : _("yet"));

        *ret_event = json_object_get(array_at(events, array_length(events) - 1));
        return 0;
}

static int get_event(const struct options *options, const char *text, struct json_object **ret_event) {
        _cleanup_(json_putp) struct json_object *parameters = NULL, *reply = NULL;
        uint64_t id;
        int r;

        if (parse_u64(text, &id) < 0 || id > INT64_MAX)
                return find_event(options, text, ret_event);

        parameters = json_object_new_object();
        if (!parameters || json_add(parameters, "id", json_object_new_int64((int64_t)id)) < 0)
                return fail_memory();
        r = session_call(options, "GetEvent", TAKE_PTR(parameters), &reply);
        if (r != 0)
                return r;
        if (!field_object(reply, "event"))
                return fail_with(_("irqwatchd's answer has no \"event\": it is of another version than irqctl"));

        *ret_event = json_object_get(field_object(reply, "event"));
        return 0;
}

int verb_show(int argc, char **argv, const struct options *options) {
        static const struct option longs[] = { { "help", no_argument, NULL, 'h' }, {} };
        _cleanup_(json_putp) struct json_object *event = NULL;
        _cleanup_(output_closep) struct output output = {};
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0)
                return c == 'h' ? options_print_help(help) : options_see_help(argv[0]);
        if (argc - optind != 1) {
                (void)fail_usage(_("show needs one event's number, a time, or \"last\""));
                return options_see_help(argv[0]);
        }

        r = get_event(options, argv[optind], &event);
        if (r != 0)
                return r;

        output_open(&output, options, 0);
        r = options->json != JSON_OFF ? output_json(event, options->json)
                                      : render_event(&output.style, event, stdout);
        return r < 0 ? fail_memory() : output_close(&output);
}
