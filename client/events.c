/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "client/i18n.h"
#include "client/diagnose-tools.h"
#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

/* Lines are printed as events come, so columns have fixed widths; what is longer pushes its line. */
enum {
        TIME_WIDTH = 12,
        CPU_WIDTH = 3,
        DURATION_WIDTH = 13,
        CLASS_WIDTH = 9,
        CULPRIT_WIDTH = 24,
        CULPRIT_WIDTH_NARROW = 17,
        TASK_WIDTH = 20,
        TASK_WIDTH_NARROW = 15,
        NARROW = 120, /* columns below which the narrow widths are taken */
};

static const char help[] =
        N_("irqctl events [OPTION...]\n\n"
        "One line for each event, oldest first: all that are remembered, or those of\n"
        "--since/--until. \"irqctl show TIME\" shows one of them completely.\n\n"
        "  -f, --follow             Go on with new events as they happen; without --since or -n\n"
        "                           only those\n"
        "  -n, --lines=LIMIT        Only the newest LIMIT events\n"
        "      --after=ID           Only events after that one (\"id\" in --json): what a script saw\n"
        "                           last; asking changes nothing, so it can ask again\n"
        "      --kind=KIND[,...]    Only irq-delay, hardirq, softirq, softirq-latency, affinity,\n"
        "                           alert, collector\n"
        "      --culprit=NAME       Only windows of this culprit\n"
        "      --format=FORMAT      table (default), or diagnose-tools: the text of \"diagnose-tools\n"
        "                           irq-delay --report\", for scripts that read it (irq-delay only)\n");

static const char *const kinds_known[] = {
        "irq-delay", "hardirq", "softirq", "softirq-latency", "affinity", "alert", "collector",
};

enum events_format { FORMAT_TABLE, FORMAT_DIAGNOSE_TOOLS };

struct events_view {
        const struct options *options;
        struct output *output;
        struct json_object *kinds; /* array of strings or NULL: all */
        const char *culprit;
        uint64_t limit;
        bool follow;
        enum events_format format;
        uint64_t last_us; /* see render_events_line() */
        int64_t last_id;  /* of the history: what follows must be newer */
};

static bool is_narrow(const struct style *style) {
        return style->width > 0 && style->width < NARROW;
}

/* Columns behind each other, padded by what they take on a terminal; up to the first that is NULL. */
static int write_columns(const struct style *style, const char *const *columns, FILE *f) {
        const struct {
                int width;
                bool right;
        } layout[] = {
                { TIME_WIDTH, false },
                { CPU_WIDTH, true },
                { DURATION_WIDTH, true },
                { CLASS_WIDTH, false },
                { is_narrow(style) ? CULPRIT_WIDTH_NARROW : CULPRIT_WIDTH, false },
                { is_narrow(style) ? TASK_WIDTH_NARROW : TASK_WIDTH, false },
                { 0, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(layout) && columns[i]; i++) {
                _cleanup_(freep) char *safe = text_sanitize(columns[i]);
                int pad;

                if (!safe)
                        return -ENOMEM;
                pad = MAX(layout[i].width - (int)text_width(safe), 0);
                fprintf(f, "%s%*s%s%*s", i > 0 ? "  " : "", layout[i].right ? pad : 0, "", safe,
                        layout[i].right ? 0 : pad, "");
        }

        return 0;
}

/* One line of columns, cut at the terminal's edge. */
static int print_columns(const struct style *style, FILE *f, enum colour colour, const char *const *columns) {
        _cleanup_(freep) char *text = NULL;
        struct text_part part;
        size_t size = 0;
        FILE *memory;
        int r;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        r = write_columns(style, columns, memory);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        part = text_fit(text, style->width ?: UINT_MAX, style->utf8);
        style_print(style, f, colour, "%.*s%s", (int)part.n, text, part.ellipsis);
        fputc('\n', f);
        return 0;
}

int render_events_header(const struct style *style, FILE *f) {
        static const char *const titles[] = {
                N_("TIME"), "CPU", N_("DURATION"), N_("CLASS"), N_("CULPRIT"), N_("TASK"), "CGROUP"
        };

        const char *translated[ELEMENTSOF(titles)];

        for (size_t i = 0; i < ELEMENTSOF(titles); i++)
                translated[i] = _(titles[i]);
        return print_columns(style, f, COLOUR_BOLD, translated);
}

/* "-- 2026-11-21 --" between events of different days, and before the first that is not of today. */
static void render_day(const struct style *style, uint64_t us, FILE *f) {
        char moment[FIELD_TEXT_MAX];

        (void)format_moment(us, 0, false, moment);
        style_print(style, f, COLOUR_DIM, "-- %.10s --", moment);
        fputc('\n', f);
}

int render_events_line(const struct style *style, struct json_object *event, uint64_t *last_us, FILE *f) {
        const char *class = field_string(event, "class"), *comm = field_string(event, "comm");
        char moment[FIELD_TEXT_MAX], bracket[FIELD_TEXT_MAX] = "-", cpu[24] = "-", task[FIELD_TEXT_MAX] = "-";
        const char *kind = field_string(event, "kind") ?: "?";
        bool is_affinity = strcmp(kind, "affinity") == 0;
        _cleanup_(freep) char *change = is_affinity ? format_affinity_change(event) : NULL;
        struct json_object *evidence = field_object(event, "evidence");
        uint64_t us = field_u64(event, "timeUsec");
        /* Alerts have no culprit: their rule, its state and the sentence stand in these columns. */
        const char *const columns[] = {
                format_moment(us, us, true, moment),
                cpu,
                bracket,
                class ?: kind,
                change ?: field_string(event, "culprit") ?: field_string(evidence, "rule") ?: "-",
                is_affinity ? NULL : task, /* no task was looked at: the line ends */
                field_string(event, "cgroup") ?: field_string(evidence, "text") ?: "-",
        };

        if (is_affinity && !change)
                return -ENOMEM;

        if (field_u64(event, "durationMaxNsec") > 0) /* an alert that is raised at once lasted for nothing yet */
                (void)format_duration_range(field_u64(event, "durationMinNsec"),
                                            field_u64(event, "durationMaxNsec"), bracket);
        if (field_has(event, "cpu"))
                (void)snprintf(cpu, sizeof(cpu), "%" PRId64, field_integer(event, "cpu", -1));
        if (comm)
                (void)snprintf(task, sizeof(task), "%s[%" PRId64 "]", comm, field_integer(event, "pid", 0));
        else if (field_has(evidence, "rule"))
                (void)snprintf(task, sizeof(task), "%s", field_string(evidence, "state") ?: "-");

        if (!same_day(us, *last_us ?: style->now_us))
                render_day(style, us, f);
        *last_us = us;
        return print_columns(style, f, class && class_is_irqs_off(class) ? COLOUR_NONE : COLOUR_DIM, columns);
}

/* Prints one event in the form asked for and sends it on its way. 0, -ENOMEM, -EPIPE when nobody reads. */
static int print_event(struct events_view *view, struct json_object *event) {
        int r;

        if (view->options->json != JSON_OFF)
                r = output_json(event, view->options->json);
        else if (view->format == FORMAT_DIAGNOSE_TOOLS)
                r = diagnose_tools_write(stdout, event);
        else
                r = render_events_line(&view->output->style, event, &view->last_us, stdout);
        if (r < 0)
                return r;

        view->last_id = MAX(view->last_id, field_integer(event, "id", 0));
        if (view->follow)
                fflush(stdout);
        return ferror(stdout) ? -EPIPE : 0;
}

static int print_failed(int r) {
        return r == -ENOMEM ? fail_memory() : 0; /* what could not be written is reported on closing */
}

static struct json_object *list_parameters(const struct events_view *view, uint64_t since_us,
                                           uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *parameters =
                session_parameters(view->options, since_us, until_us);

        if (!parameters)
                return NULL;
        if (view->kinds && json_add(parameters, "kinds", json_object_get(view->kinds)) < 0)
                return NULL;
        if (view->culprit && json_add(parameters, "culprit", json_object_new_string(view->culprit)) < 0)
                return NULL;
        if (view->last_id > 0 && json_add(parameters, "afterId", json_object_new_int64(view->last_id)) < 0)
                return NULL;
        if (view->limit > 0 && json_add(parameters, "limit", json_object_new_int64((int64_t)view->limit)) < 0)
                return NULL;

        return TAKE_PTR(parameters);
}

static int print_history(struct events_view *view, uint64_t since_us, uint64_t until_us) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        bool continues = true;
        int r;

        r = session_open(view->options, SESSION_TIMEOUT_NS, &client);
        if (r != 0)
                return r;
        r = session_send_more(client, "ListEvents", list_parameters(view, since_us, until_us));
        if (r != 0)
                return r;

        while (continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                struct json_object *events;

                r = session_receive(client, &reply, &continues);
                if (r != 0)
                        return r;

                events = field_array(reply, "events");
                for (size_t i = 0; i < array_length(events); i++) {
                        r = print_event(view, array_at(events, i));
                        if (r < 0)
                                return print_failed(r);
                }
        }

        return 0;
}

/* Opens the subscription and waits until the server says that it stands: from then on nothing is lost. */
static int subscribe(const struct events_view *view, struct varlink_client **ret_client) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(json_putp) struct json_object *parameters = session_parameters(view->options, 0, 0);
        _cleanup_(json_putp) struct json_object *reply = NULL;
        bool continues = false;
        int r;

        if (!parameters || (view->kinds && json_add(parameters, "kinds", json_object_get(view->kinds)) < 0))
                return fail_memory();
        json_object_object_del(parameters, "sinceUsec");

        r = session_open(view->options, 0, &client);
        if (r != 0)
                return r;
        r = session_send_more(client, "Subscribe", TAKE_PTR(parameters));
        if (r != 0)
                return r;
        r = session_receive(client, &reply, &continues);
        if (r != 0)
                return r;
        if (!continues)
                return fail_with(_("irqwatchd ended the stream of events at once: it may be stopping. See: "
                                 "systemctl status irqwatchd"));

        *ret_client = TAKE_PTR(client);
        return 0;
}

/* Events that were printed with the history come again through the subscription, which is older: their ids
 * tell. */
static bool is_wanted(const struct events_view *view, struct json_object *event) {
        const char *culprit = field_string(event, "culprit");

        if (!event || field_integer(event, "id", 0) <= view->last_id)
                return false;

        return !view->culprit || (culprit && strcmp(culprit, view->culprit) == 0);
}

static int print_new(struct events_view *view, struct varlink_client *client) {
        bool continues = true;
        int r;

        while (continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                struct json_object *event;

                r = session_receive(client, &reply, &continues);
                if (r != 0)
                        return r;

                event = field_object(reply, "event");
                r = is_wanted(view, event) ? print_event(view, event) : 0;
                if (r < 0)
                        return print_failed(r);
        }

        return fail_with(
                _("irqwatchd ended the stream of events: it was stopped, or this client read too slowly"));
}

static int run(struct events_view *view) {
        _cleanup_(varlink_client_freep) struct varlink_client *subscription = NULL;
        bool history = !view->follow || view->options->has_since || view->limit > 0 || view->last_id > 0;
        uint64_t since_us = 0, until_us = 0;
        int r;

        if (view->options->has_since || view->options->has_until) {
                /* without --since: from the beginning */
                r = options_span(view->options, view->options->base.now_us * NSEC_PER_USEC, &since_us,
                                 &until_us);
                if (r != 0)
                        return r;
        }
        if (view->follow) {
                r = subscribe(view, &subscription);
                if (r != 0)
                        return r;
        }
        if (history) {
                r = print_history(view, since_us, until_us);
                if (r != 0 || ferror(stdout))
                        return r;
        }

        return view->follow ? print_new(view, subscription) : 0;
}

/* "irq-delay,softirq" into an array. 0; otherwise the exit status after a message. */
static int take_kinds(const char *value, struct json_object **kinds) {
        if (!*kinds)
                *kinds = json_object_new_array();

        while (*kinds && *value) {
                size_t n = strcspn(value, ","), i;

                for (i = 0; i < ELEMENTSOF(kinds_known); i++)
                        if (strlen(kinds_known[i]) == n && memcmp(kinds_known[i], value, n) == 0)
                                break;
                if (i == ELEMENTSOF(kinds_known))
                        return fail_usage(
                                _("--kind: there is no kind \"%.*s\". Kinds are irq-delay, hardirq, softirq, "
                                "softirq-latency, affinity, alert, collector"),
                                (int)n, value);

                if (json_array_append(*kinds, json_object_new_string(kinds_known[i])) < 0)
                        return fail_memory();
                value += n + (value[n] == ',');
        }

        return *kinds ? 0 : fail_memory();
}

static int take_limit(const char *value, uint64_t *ret) {
        if (parse_u64(value, ret) < 0 || *ret == 0 || *ret > INT32_MAX)
                return fail_usage(_("--lines: \"%s\" is not a number of events"), value);

        return 0;
}

/* An event's id, as events and show print it. */
static int take_after(const char *value, int64_t *ret) {
        uint64_t id;

        if (parse_u64(value, &id) < 0 || id > INT64_MAX)
                return fail_usage(_("--after: \"%s\" is not the id of an event"), value);

        *ret = (int64_t)id;
        return 0;
}

static int take_format(const char *value, enum events_format *ret) {
        if (strcmp(value, "table") == 0)
                *ret = FORMAT_TABLE;
        else if (strcmp(value, "diagnose-tools") == 0)
                *ret = FORMAT_DIAGNOSE_TOOLS;
        else
                return fail_usage(_("--format: \"%s\" is neither \"table\" nor \"diagnose-tools\""), value);

        return 0;
}

/* That text knows windows with interrupts off and nothing else. */
static int check_format(struct events_view *view) {
        if (view->format != FORMAT_DIAGNOSE_TOOLS)
                return 0;
        if (view->options->json != JSON_OFF)
                return fail_usage(_("--format=diagnose-tools and --json: events are printed in one form only"));
        if (view->kinds)
                return fail_usage(
                        _("--format=diagnose-tools has irq-delay events only: it does not go with --kind"));

        return take_kinds("irq-delay", &view->kinds);
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, struct events_view *view) {
        static const struct option longs[] = {
                { "help", no_argument, NULL, 'h' },
                { "follow", no_argument, NULL, 'f' },
                { "lines", required_argument, NULL, 'n' },
                { "kind", required_argument, NULL, 'k' },
                { "after", required_argument, NULL, 'a' },
                { "culprit", required_argument, NULL, 'c' },
                { "format", required_argument, NULL, 'F' },
                {},
        };
        int c, r = 0;

        optind = 0;
        while ((c = getopt_long(argc, argv, "hfn:", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c == 'f')
                        view->follow = true;
                else if (c == 'n')
                        r = take_limit(optarg, &view->limit);
                else if (c == 'a')
                        r = take_after(optarg, &view->last_id);
                else if (c == 'k')
                        r = take_kinds(optarg, &view->kinds);
                else if (c == 'c')
                        view->culprit = optarg;
                else if (c == 'F')
                        r = take_format(optarg, &view->format);
                else
                        return options_see_help(argv[0]);
                if (r != 0)
                        return r;
        }

        if (optind < argc)
                return fail_usage(
                        _("events takes no argument, but was given \"%s\". Did you mean irqctl show %s?"),
                        argv[optind], argv[optind]);
        if (view->follow && view->options->input)
                return fail_usage(_("--follow waits for new events, and there will be none in %s"), view->options->input);
        if (view->follow && view->options->has_until)
                return fail_usage(_("--follow goes on for ever: it does not go with --until"));

        r = check_format(view);
        return r != 0 ? r : -1;
}

int verb_events(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *kinds = NULL;
        _cleanup_(output_closep) struct output output = {};
        struct events_view view = { .options = options, .output = &output };
        int r, closed;

        r = parse_arguments(argc, argv, &view);
        kinds = view.kinds;
        if (r >= 0)
                return r;

        output_open(&output, options, view.follow ? OUTPUT_NO_PAGER : 0);
        if (output.pager > 0)
                output.style.width = 0; /* the pager scrolls sideways: nothing need be cut */
        if (options->json == JSON_OFF && view.format == FORMAT_TABLE &&
            render_events_header(&output.style, stdout) < 0)
                return fail_memory();
        if (view.follow)
                fflush(stdout);

        r = run(&view);
        closed = output_close(&output);
        return r != 0 ? r : closed;
}
