/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "client/i18n.h"
#include "client/flame-graph.h"
#include "client/input.h"
#include "client/message.h"
#include "client/session.h"
#include "client/verbs.h"
#include "common/fileio.h"
#include "common/json-build.h"

#define DEFAULT_SPAN_NS (600 * NSEC_PER_SEC)

enum {
        INPUT_MAX = 1024 * 1024 * 1024, /* bytes: a year of logs */
        KINDS_MAX = 8,
};

static const char flame_help[] =
        N_("irqctl flame [OPTIONS] -o FILE.svg\n\n"
        "Draw the stacks of windows as a flame graph: one self-contained, interactive SVG.\n\n"
        "  -o, --output=FILE     Write there instead of to standard output\n"
        "      --folded          Folded stacks for flamegraph.pl and speedscope instead of SVG;\n"
        "                        with --weight=time the values are microseconds\n"
        "      --weight=WHAT     time (default): lower bounds of the durations; count: windows\n"
        "      --kind=LIST       irq-delay (default), hardirq, softirq, softirq-latency; several,\n"
        "                        separated by commas, count what they share more than once\n"
        "      --culprit=NAME    Only windows of this culprit\n"
        "  -i, --input=FILE      Read FILE (- for standard input) instead of asking irqwatchd: folded\n"
        "                        stacks, or what diagnose-tools irq-delay --report printed\n"
        "      --title=TEXT      Title of the graph\n");

struct flame_arguments {
        const char *output, *input, *culprit, *title;
        char *kinds_text;                 /* owned: what kinds points into */
        const char *kinds[KINDS_MAX + 1]; /* kinds[0] NULL: none given */
        enum flame_weight weight;
        bool weight_given, folded;
};

static void flame_arguments_done(struct flame_arguments *arguments) {
        free(arguments->kinds_text);
}

static int flame_set_weight(struct flame_arguments *arguments, const char *value) {
        if (strcmp(value, "time") == 0)
                arguments->weight = FLAME_WEIGHT_TIME;
        else if (strcmp(value, "count") == 0)
                arguments->weight = FLAME_WEIGHT_COUNT;
        else
                return fail_usage(_("--weight: \"%s\" is neither \"time\" nor \"count\""), value);

        arguments->weight_given = true;
        return 0;
}

static bool flame_is_kind(const char *kind) {
        static const char *const kinds[] = { "irq-delay", "hardirq", "softirq", "softirq-latency" };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(kinds[i], kind) == 0)
                        return true;
        return false;
}

static int flame_set_kinds(struct flame_arguments *arguments, const char *value) {
        size_t n = 0;

        free(arguments->kinds_text);
        arguments->kinds_text = strdup(value);
        if (!arguments->kinds_text)
                return fail_memory();

        for (char *rest = arguments->kinds_text, *kind; (kind = strsep(&rest, ","));) {
                if (!flame_is_kind(kind))
                        return fail_usage(
                                _("--kind: \"%s\" is none of irq-delay, hardirq, softirq, softirq-latency"),
                                kind);
                if (n == KINDS_MAX)
                        return fail_usage(_("--kind: more than %d kinds"), KINDS_MAX);
                arguments->kinds[n++] = kind;
        }
        arguments->kinds[n] = NULL;
        return 0;
}

enum flame_option { OPTION_FOLDED = 256, OPTION_WEIGHT, OPTION_KIND, OPTION_CULPRIT, OPTION_TITLE };

/* 0; -1: --help was asked for; otherwise the exit status after a message. */
static int flame_set(struct flame_arguments *arguments, int option, const char *command) {
        switch (option) {
        case 'o':
                arguments->output = optarg;
                return 0;
        case 'i':
                arguments->input = optarg;
                return 0;
        case OPTION_FOLDED:
                arguments->folded = true;
                return 0;
        case OPTION_WEIGHT:
                return flame_set_weight(arguments, optarg);
        case OPTION_KIND:
                return flame_set_kinds(arguments, optarg);
        case OPTION_CULPRIT:
                arguments->culprit = optarg;
                return 0;
        case OPTION_TITLE:
                arguments->title = optarg;
                return 0;
        case 'h':
                return -1;
        default:
                return options_see_help(command);
        }
}

static int flame_parse(int argc, char **argv, struct flame_arguments *arguments) {
        static const struct option longs[] = {
                { "output", required_argument, NULL, 'o' },
                { "input", required_argument, NULL, 'i' },
                { "folded", no_argument, NULL, OPTION_FOLDED },
                { "weight", required_argument, NULL, OPTION_WEIGHT },
                { "kind", required_argument, NULL, OPTION_KIND },
                { "culprit", required_argument, NULL, OPTION_CULPRIT },
                { "title", required_argument, NULL, OPTION_TITLE },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "o:i:h", longs, NULL)) >= 0) {
                r = flame_set(arguments, c, argv[0]);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                (void)fail_usage(_("%s takes no argument, but was given \"%s\". A file to read: --input FILE"),
                                 argv[0], argv[optind]);
                return options_see_help(argv[0]);
        }
        return 0;
}

/* What the command line asks for and no flame graph can do. */
static int flame_check(const struct flame_arguments *arguments, const struct options *options) {
        if (options->json != JSON_OFF)
                return fail_usage(
                        _("a flame graph has no JSON form. The events as JSON: irqctl events --json=short"));
        if (!arguments->folded && !arguments->output && isatty(STDOUT_FILENO))
                return fail_usage(_("an SVG is of no use on a terminal. Name a file: irqctl flame -o irq.svg"));
        return 0;
}

static int flame_grow(struct text_buffer *buffer) {
        size_t allocated = buffer->allocated ? buffer->allocated * 2 : 65536;
        char *data;

        data = realloc(buffer->data, allocated);
        if (!data)
                return -ENOMEM;
        buffer->data = data;
        buffer->allocated = allocated;
        return 0;
}

/* text_buffer_read() wants a file that can be read again from its start; this takes pipes. */
static int flame_read_stream(FILE *in, struct text_buffer *buffer) {
        int r;

        while (!feof(in)) {
                if (buffer->size + 1 >= buffer->allocated) {
                        r = flame_grow(buffer);
                        if (r < 0)
                                return r;
                }
                errno = 0;
                buffer->size +=
                        fread(buffer->data + buffer->size, 1, buffer->allocated - buffer->size - 1, in);
                if (ferror(in))
                        return errno > 0 ? -errno : -EIO;
                if (buffer->size > INPUT_MAX)
                        return -EFBIG;
        }
        if (buffer->size == 0)
                return -ENODATA;

        buffer->data[buffer->size] = '\0';
        return 0;
}

static int flame_read_file(const char *path, struct text_buffer *buffer) {
        _cleanup_(fclosep) FILE *in = NULL;

        if (strcmp(path, "-") == 0)
                return flame_read_stream(stdin, buffer);
        in = fopen(path, "re");
        if (!in)
                return -errno;
        return flame_read_stream(in, buffer);
}

/* The filter borrows from arguments and options. */
static struct flame_filter flame_filter_of(const struct flame_arguments *arguments,
                                           const struct options *options) {
        return (struct flame_filter){
                .kinds = arguments->kinds[0] ? arguments->kinds : NULL,
                .cpus = options->has_cpus ? &options->cpus : NULL,
                .since_us = options->has_since ? options->since_us : 0,
                .until_us = options->has_until ? options->until_us : 0,
                .culprit = arguments->culprit,
        };
}

static bool flame_filter_is_empty(const struct flame_filter *filter) {
        return !filter->kinds && !filter->cpus && !filter->culprit && filter->since_us == 0 &&
               filter->until_us == 0;
}

static int flame_from_file(const struct flame_arguments *arguments, const struct options *options,
                           struct flame_graph *graph) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        struct flame_filter filter = flame_filter_of(arguments, options);
        int r;

        r = flame_read_file(arguments->input, &buffer);
        if (r == -ENODATA)
                return fail_with(_("%s is empty: --input wants folded stacks, or what diagnose-tools irq-delay --report printed"),
                                 arguments->input);
        if (r < 0)
                return fail_with(_("cannot read %s: %s"), arguments->input, strerror(-r));
        if (strlen(buffer.data) != buffer.size)
                return fail_with(_("%s is not text: it has NUL bytes"), arguments->input);

        r = flame_graph_add_text(graph, buffer.data,
                                 arguments->weight_given && graph->weight == FLAME_WEIGHT_TIME, &filter);
        if (r == -EBADMSG)
                return fail_with(_("%s has neither folded stacks (\"comm;frame;frame 1234\") nor records of "
                                 "diagnose-tools "
                                 "(\"##CGROUP:\", \"#@\")"),
                                 arguments->input);
        if (r < 0)
                return fail_memory();
        if (graph->input == FLAME_FORMAT_FOLDED && !flame_filter_is_empty(&filter))
                return fail_usage(
                        _("%s has folded stacks, which have no kind, CPU, culprit or time to select by"),
                        arguments->input);
        return 0;
}

static int flame_add_strings(struct json_object *parameters, const char *name, const char *const *strings) {
        struct json_object *array;
        int r;

        r = json_add(parameters, name, json_object_new_array());
        if (r < 0)
                return r;
        array = json_object_object_get(parameters, name);
        for (; r >= 0 && *strings; strings++)
                r = json_array_append(array, json_object_new_string(*strings));
        return r;
}

static struct json_object *flame_parameters(const struct options *options,
                                            const struct flame_filter *filter) {
        _cleanup_(json_putp) struct json_object *parameters =
                session_parameters(options, filter->since_us, filter->until_us);

        if (!parameters || flame_add_strings(parameters, "kinds", filter->kinds) < 0)
                return NULL;
        if (filter->culprit && json_add(parameters, "culprit", json_object_new_string(filter->culprit)) < 0)
                return NULL;
        return TAKE_PTR(parameters);
}

/* Adds replies as they come: a day of events need not be in memory at once. */
static int flame_from_daemon(const struct options *options, const struct flame_filter *filter,
                             struct flame_graph *graph) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        bool continues = true;
        int r;

        r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r == 0)
                r = session_send_more(client, "ListEvents", flame_parameters(options, filter));
        while (r == 0 && continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;

                r = session_receive(client, &reply, &continues);
                if (r == 0 &&
                    flame_graph_add_events(graph, json_object_object_get(reply, "events"), filter) < 0)
                        r = fail_memory();
        }
        return r;
}

static int flame_explain_empty(const struct flame_graph *graph, const struct flame_arguments *arguments) {
        if (graph->summary.n_unweighted > 0)
                return fail_with(_("none of the %llu windows has a duration. Try --weight=count"),
                                 (unsigned long long)graph->summary.n_unweighted);
        if (arguments->input)
                return fail_with(_("nothing in %s is selected by the options given"), arguments->input);
        return fail_with(
                _("there are no such windows in this span. Try a longer one (--since 1h), another --kind, "
                "or see: "
                "irqctl events"));
}

static int flame_write(struct flame_graph *graph, FILE *out, const struct flame_arguments *arguments,
                       const char *origin, const struct flame_filter *filter) {
        _cleanup_(freep) char *title = NULL, *subtitle = NULL;

        if (arguments->folded)
                return flame_graph_write_folded(graph, out);

        title = arguments->title ? strdup(arguments->title) : flame_graph_title(graph, filter->kinds);
        subtitle = flame_graph_subtitle(graph, origin, filter->since_us, filter->until_us);
        if (!title || !subtitle)
                return -ENOMEM;
        return flame_graph_write_svg(graph, out, title, subtitle);
}

/* Opens the output only now, so that a failure before leaves an older file alone. */
static int flame_output(struct flame_graph *graph, const struct flame_arguments *arguments,
                        const char *origin, const struct flame_filter *filter) {
        bool to_file = arguments->output && strcmp(arguments->output, "-") != 0;
        const char *name = to_file ? arguments->output : "standard output";
        FILE *out = stdout;
        int r;

        if (flame_tree_weight(&graph->tree) == 0)
                return flame_explain_empty(graph, arguments);
        if (to_file)
                out = fopen(arguments->output, "we");
        if (!out)
                return fail_with(_("cannot write %s: %s"), name, strerror(errno));

        r = flame_write(graph, out, arguments, origin, filter);
        if (to_file && fclose(out) != 0 && r == 0)
                r = -EIO;
        if (r == -ENOMEM)
                return fail_memory();
        return r < 0 ? fail_with(_("cannot write %s: it is not complete. Is the disk full?"), name) : EXIT_DONE;
}

static int flame_live(const struct flame_arguments *arguments, const struct options *options,
                      struct flame_graph *graph) {
        static const char *const default_kinds[] = { "irq-delay", NULL };
        struct flame_filter filter = flame_filter_of(arguments, options);
        char host[256] = "";
        int r;

        r = options_span(options, DEFAULT_SPAN_NS, &filter.since_us, &filter.until_us);
        if (r != 0)
                return r;
        if (!filter.kinds)
                filter.kinds = default_kinds;
        r = flame_from_daemon(options, &filter, graph);
        if (r != 0)
                return r;

        if (filter.until_us == 0)
                filter.until_us = options->base.now_us;
        if (options->input)
                (void)snprintf(host, sizeof(host), "%s", options->input); /* likewise */
        else if (options->host)
                (void)snprintf(host, sizeof(host), "%s", options->host); /* for the title: cut is good enough */
        else
                (void)gethostname(host, sizeof(host) - 1); /* without a name the origin is left out */
        return flame_output(graph, arguments, *host ? host : NULL, &filter);
}

static int flame_file(const struct flame_arguments *arguments, const struct options *options,
                      struct flame_graph *graph) {
        struct flame_filter filter = flame_filter_of(arguments, options);
        const char *slash = strrchr(arguments->input, '/');
        int r;

        r = flame_from_file(arguments, options, graph);
        if (r != 0)
                return r;
        return flame_output(graph, arguments, slash ? slash + 1 : arguments->input, &filter);
}

int verb_flame(int argc, char **argv, const struct options *options) {
        _cleanup_(flame_arguments_done) struct flame_arguments arguments = { .weight = FLAME_WEIGHT_TIME };
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        int r;

        r = flame_parse(argc, argv, &arguments);
        if (r < 0)
                return options_print_help(flame_help);
        if (r == 0)
                r = flame_check(&arguments, options);
        if (r != 0)
                return r;

        if (!arguments.input && options->input && !input_is_record(options->input))
                arguments.input = options->input; /* stacks, which are read here */
        flame_graph_init(&graph, arguments.weight);
        return arguments.input ? flame_file(&arguments, options, &graph)
                               : flame_live(&arguments, options, &graph);
}
