/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/options.h"

#include <getopt.h>
#include <string.h>

#include "client/message.h"

#define DEFAULT_SOCKET "/run/irqwatchd/io.irqwatch.monitor"

const char options_help[] =
        N_("\nCommon options:\n"
        "  -H, --host=[USER@]HOST[:PORT]\n"
        "                           Ask irqwatchd on another machine, over ssh\n"
        "      --input=PATH         Read a file of \"irqctl snapshot\", or a directory with two\n"
        "                           captures of proc files, in place of irqwatchd\n"
        "  -S, --since=TIME         Begin of the span: 10m, 1h30m (ago), 14:03, today,\n"
        "                           boot, \"2026-11-22 14:03:10\"\n"
        "  -U, --until=TIME         End of the span (default: now)\n"
        "      --boot[=ID|N]        Only that boot: 0 or none is this one, -1 the one before\n"
        "      --list-boots         The boots that there is history of\n"
        "      --cpu=LIST           Only these CPUs, such as 0-3,8\n"
        "      --json=pretty|short  The daemon's answer as JSON, unchanged\n"
        "  -j                       Same as --json=short\n"
        "      --no-pager           Do not pipe output into a pager ($PAGER)\n"
        "      --color[=WHEN]       always, never, auto (default; NO_COLOR: never)\n"
        "      --socket=PATH        Socket of irqwatchd (default:\n"
        "                           /run/irqwatchd/io.irqwatch.monitor)\n"
        "  -h, --help               This text\n");

int options_init(struct options *options) {
        *options = (struct options){ .socket = DEFAULT_SOCKET };
        return time_base_now(&options->base);
}

void options_done(struct options *options) {
        cpu_set_done(&options->cpus);
        free(options->arguments);
        options->arguments = NULL;
}

static int parse_moment(struct options *options, const char *name, const char *value, uint64_t *ret_us) {
        options->since_boot = options->since_boot || strcmp(value, "boot") == 0;
        if (parse_timestamp(value, &options->base, ret_us) < 0)
                return fail_usage(
                        _("%s: cannot understand \"%s\" as a point in time. Examples: 10m, 1h30m, 14:03, "
                        "\"2026-11-22 14:03:10\", today, boot"),
                        name, value);

        return 0;
}

static int set_since(struct options *options, const char *value) {
        options->has_since = true;
        options->since_text = value;
        return 0;
}

static int set_until(struct options *options, const char *value) {
        options->has_until = true;
        options->until_text = value;
        return 0;
}

static int set_cpus(struct options *options, const char *value) {
        if (cpu_list_parse(value, &options->cpus) < 0 || cpu_set_count(&options->cpus) == 0)
                return fail_usage(_("--cpu: \"%s\" is not a list of CPUs. Example: --cpu=0-3,8"), value);

        options->has_cpus = true;
        return 0;
}

static int set_json(struct options *options, const char *value) {
        if (strcmp(value, "pretty") == 0)
                options->json = JSON_PRETTY;
        else if (strcmp(value, "short") == 0)
                options->json = JSON_SHORT;
        else
                return fail_usage(_("--json: \"%s\" is neither \"pretty\" nor \"short\""), value);

        return 0;
}

static int set_color(struct options *options, const char *value) {
        static const char *const words[] = {
                [COLOR_AUTO] = "auto",
                [COLOR_ALWAYS] = "always",
                [COLOR_NEVER] = "never",
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(value, words[i]) == 0) {
                        options->color = (enum color_mode)i;
                        return 0;
                }

        return fail_usage(_("--color: \"%s\" is none of always, never, auto"), value);
}

static int set_socket(struct options *options, const char *value) {
        options->socket = strncmp(value, "unix:", 5) == 0 ? value + 5 : value;
        options->socket_given = true;
        if (!*options->socket)
                return fail_usage(_("--socket: the path is empty. Without the option it is %s"), DEFAULT_SOCKET);

        return 0;
}

static int set_input(struct options *options, const char *value) {
        options->input = value;
        return *value ? 0 : fail_usage(_("--input: the path is empty"));
}

static int set_host(struct options *options, const char *value) {
        options->host = value;
        return 0;
}

static int set_boot(struct options *options, const char *value) {
        options->boot = *value ? value : "0";
        return 0;
}

static int set_list_boots(struct options *options, const char *value _unused_) {
        options->list_boots = true;
        return 0;
}

static int set_no_pager(struct options *options, const char *value _unused_) {
        options->no_pager = true;
        return 0;
}

enum argument { ARGUMENT_NONE, ARGUMENT_OPTIONAL, ARGUMENT_REQUIRED };

static const struct common_option {
        const char *name;
        char letter; /* or 0 */
        enum argument argument;
        int (*set)(struct options *options, const char *value);
        const char *implied; /* value when none is given */
} common_options[] = {
        { "host", 'H', ARGUMENT_REQUIRED, set_host, NULL },
        { "input", 0, ARGUMENT_REQUIRED, set_input, NULL },
        { "since", 'S', ARGUMENT_REQUIRED, set_since, NULL },
        { "until", 'U', ARGUMENT_REQUIRED, set_until, NULL },
        { "boot", 0, ARGUMENT_OPTIONAL, set_boot, "0" },
        { "list-boots", 0, ARGUMENT_NONE, set_list_boots, NULL },
        { "cpu", 0, ARGUMENT_REQUIRED, set_cpus, NULL },
        { "json", 0, ARGUMENT_REQUIRED, set_json, NULL },
        { "no-pager", 0, ARGUMENT_NONE, set_no_pager, NULL },
        { "color", 0, ARGUMENT_OPTIONAL, set_color, "always" },
        { "colour", 0, ARGUMENT_OPTIONAL, set_color, "always" },
        { "socket", 0, ARGUMENT_REQUIRED, set_socket, NULL },
        { NULL, 'j', ARGUMENT_NONE, set_json, "short" },
};

/* The option that argument is, with what follows its name ("=value", "value", "" or NULL). */
static const struct common_option *find_option(const char *argument, const char **ret_rest) {
        for (size_t i = 0; i < ELEMENTSOF(common_options); i++) {
                const struct common_option *option = &common_options[i];

                if (argument[1] != '-' && option->letter && argument[1] == option->letter) {
                        *ret_rest = argument[2] ? argument + 2 : NULL;
                        return option;
                }
                if (argument[1] == '-' && option->name) {
                        size_t n = strlen(option->name);

                        if (strncmp(argument + 2, option->name, n) == 0 &&
                            (argument[2 + n] == '\0' || argument[2 + n] == '=')) {
                                *ret_rest = argument[2 + n] ? argument + 3 + n : NULL;
                                return option;
                        }
                }
        }

        return NULL;
}

/* Applies the option at argv[i]. *ret_n: how many words it took; 0: it was "-j" with other letters, which
 * now stand in its place. */
static int take_option(struct options *options, const struct common_option *option, const char *rest,
                       char **argv, int *ret_n) {
        *ret_n = 1;
        if (option->argument == ARGUMENT_NONE) {
                if (rest && option->name)
                        return fail_usage(_("--%s takes no value"), option->name);
                if (rest) {
                        argv[0]++;
                        argv[0][0] = '-';
                        *ret_n = 0;
                }
                return option->set(options, option->implied);
        }

        if (!rest && option->argument == ARGUMENT_REQUIRED) {
                rest = argv[1];
                *ret_n = 2;
        }
        if (!rest && !option->implied)
                return fail_usage(_("--%s needs a value. See: irqctl --help"), option->name);

        return option->set(options, rest ?: option->implied);
}

/* Words move while options are taken out of them. */
static int keep_arguments(struct options *options, int argc, char **argv) {
        char **copy = calloc((size_t)argc + 1, sizeof(*copy));

        if (!copy)
                return fail_memory();

        memcpy(copy, argv, (size_t)argc * sizeof(*copy));
        free(options->arguments);
        options->arguments = copy;
        return 0;
}

int options_take(struct options *options, int *argc, char **argv) {
        int kept = 1, n, r;

        r = keep_arguments(options, *argc, argv);
        if (r != 0)
                return r;

        for (int i = 1; i < *argc; i += n) {
                const struct common_option *option = NULL;
                const char *rest = NULL;

                n = 1;
                if (strcmp(argv[i], "--") == 0) {
                        while (i < *argc)
                                argv[kept++] = argv[i++];
                        break;
                }
                if (argv[i][0] == '-' && argv[i][1])
                        option = find_option(argv[i], &rest);
                if (!option) {
                        argv[kept++] = argv[i];
                        continue;
                }

                r = take_option(options, option, rest, argv + i, &n);
                if (r > 0)
                        return r;
        }

        *argc = kept;
        argv[kept] = NULL;
        return options->input ? 0 : options_resolve(options);
}

int options_resolve(struct options *options) {
        int r = 0;

        if (options->since_text)
                r = parse_moment(options, "--since", options->since_text, &options->since_us);
        if (r == 0 && options->until_text)
                r = parse_moment(options, "--until", options->until_text, &options->until_us);
        if (r == 0 && options->host && options->since_boot)
                return fail_usage(_("\"boot\" would be this machine's, not that of %s: give a time"),
                                  options->host);
        if (r == 0 && options->input && options->since_boot)
                return fail_usage(_("\"boot\" would be this machine's, not that of %s: give a time, or --boot"),
                                  options->input);
        return r;
}

int options_span(const struct options *options, uint64_t default_ago_ns, uint64_t *ret_since_us,
                 uint64_t *ret_until_us) {
        uint64_t now_us = options->base.now_us, until_us = now_us, since_us;
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];

        if (options->has_until)
                until_us = MIN(options->until_us, now_us);
        since_us = options->has_since ? options->since_us : until_us - default_ago_ns / NSEC_PER_USEC;
        if (options->input && !options->has_since)
                since_us = MIN(options->record_since_us, until_us - 1); /* all that there is */

        if (since_us > now_us)
                return fail_usage(_("--since: %s lies in the future (it is %s now)"),
                                  format_timestamp(since_us, 0, a), format_timestamp(now_us, 0, b));
        if (options->has_until && since_us >= until_us)
                return fail_usage(_("--since (%s) is not before --until (%s)"), format_timestamp(since_us, 0, a),
                                  format_timestamp(until_us, 0, b));
        if (since_us == now_us)
                return fail_usage(_("--since: the span from now to now is empty. Example: --since 10m"));

        *ret_since_us = since_us;
        *ret_until_us = until_us < now_us ? until_us : 0;
        return 0;
}

int options_see_help(const char *command) {
        fprintf(stderr, _("See: %s --help\n"), command);
        return EXIT_USAGE;
}

int options_print_help(const char *text) {
        printf("%s%s", _(text), _(options_help));
        return EXIT_DONE;
}

int options_expect_nothing(int argc, char **argv, const char *help) {
        static const struct option longs[] = { { "help", no_argument, NULL, 'h' }, {} };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0)
                return c == 'h' ? options_print_help(help) : options_see_help(argv[0]);
        if (optind < argc) {
                (void)fail_usage(_("%s takes no argument, but was given \"%s\""), argv[0], argv[optind]);
                return options_see_help(argv[0]);
        }

        return -1;
}
