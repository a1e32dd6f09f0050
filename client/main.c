/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl: asks irqwatchd and shows the answer. This file finds the verb; each verb has a file of its own.
 */

#include <string.h>

#include "build-config.h"
#include "client/i18n.h"
#include "client/boots.h"
#include "client/input.h"
#include "client/message.h"
#include "client/options.h"
#include "client/remote.h"
#include "client/verbs.h"

enum verb_flags {
        VERB_SPAN = 1 << 0, /* takes --since and --until */
        VERB_CPUS = 1 << 1, /* takes --cpu */
        VERB_FILES = 1 << 4, /* reads other files, too */
        VERB_LIVE = 1 << 3, /* is of no use with a file in irqwatchd's place */
        VERB_LOCAL = 1 << 2, /* works on the machine that it runs on, without the daemon */
};

static const struct verb {
        const char *name, *summary;
        int (*run)(int argc, char **argv, const struct options *options);
        unsigned flags;
} verbs[] = {
        { "report", N_("What held interrupts off, and what ate softirq time"), verb_report,
          VERB_SPAN | VERB_CPUS },
        { "events", N_("Windows and other events, one line each; -f follows"), verb_events,
          VERB_SPAN | VERB_CPUS },
        { "alerts", N_("Alerts that are raised, and those that were"), verb_alerts, VERB_SPAN },
        { "show", N_("Everything of one event, with its stacks"), verb_show, VERB_CPUS },
        { "rates", N_("Softirqs, interrupts, CPU time or packets as rates"), verb_rates, VERB_SPAN | VERB_CPUS },
        { "top", N_("Live rates per CPU, lateness and the last windows; also of the past"), verb_top, VERB_CPUS | VERB_LIVE },
        { "flame", N_("Stacks of windows as an interactive flame graph (SVG)"), verb_flame,
          VERB_SPAN | VERB_CPUS | VERB_FILES },
        { "metrics", N_("Counters and histograms in the text format of Prometheus"), verb_metrics, VERB_LIVE },
        { "status", N_("State, costs, losses and settings of the daemon"), verb_status, 0 },
        { "snapshot", N_("Write a span into a file, to be read elsewhere with --input"), verb_snapshot, VERB_SPAN | VERB_LIVE },
        { "selftest", N_("Prove on this machine that windows are found and measured right"), verb_selftest,
          VERB_CPUS | VERB_LOCAL | VERB_LIVE },
        { "set", N_("Change a setting of the running daemon"), verb_set, VERB_LIVE },
};

/* Fits a screen of 24 lines by 80 columns: what an option means, the verbs' own help and the manual tell. */
static int print_help(void) {
        puts(_("irqctl [OPTION...] VERB [OPTION...]\n"
             "What held interrupts off? For example: irqctl report --since 14:00 --until 14:06\n\nVerbs:"));
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %-10s %s\n", verbs[i].name, _(verbs[i].summary));

        puts(_("\nOptions, which \"irqctl VERB --help\" and irqctl(1) explain:\n"
             "  -S --since=TIME  -U --until=TIME  --boot[=ID|N]  --list-boots  --cpu=LIST\n"
             "  -H --host=[USER@]HOST[:PORT]  --input=PATH  --socket=PATH  --json=pretty|short\n"
             "  -j  --no-pager  --color[=WHEN]  -h --help  --version"));
        return EXIT_DONE;
}

/* Edits (insertions, deletions, replacements) that make b of a. Words longer than the table cannot be meant.
 */
static size_t edit_distance(const char *a, const char *b) {
        enum { LONGEST = 15 };
        size_t row[LONGEST + 1], n = strlen(b);

        if (strlen(a) > LONGEST || n > LONGEST)
                return SIZE_MAX;

        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
                        size_t inserted = MIN(row[j], row[j - 1]) + 1;

                        diagonal = row[j];
                        row[j] = MIN(replaced, inserted);
                }
        }

        return row[n];
}

static int unknown_verb(const char *name) {
        const struct verb *nearest = NULL;
        size_t least = 3; /* more edits than two are no typing error */

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                size_t distance = edit_distance(name, verbs[i].name);

                if (strncmp(name, verbs[i].name, strlen(name)) == 0)
                        distance = 0;
                if (distance < least) {
                        least = distance;
                        nearest = &verbs[i];
                }
        }

        if (nearest)
                return fail_usage(_("there is no verb \"%s\". Did you mean \"%s\"? All verbs: irqctl --help"),
                                  name, nearest->name);
        return fail_usage(_("there is no verb \"%s\". All verbs: irqctl --help"), name);
}

/* An option that would silently do nothing is refused. */
static int check_options(const struct verb *verb, const struct options *options) {
        if ((options->has_since || options->has_until) && !(verb->flags & VERB_SPAN))
                return fail_usage(_("%s takes neither --since nor --until. See: irqctl %s --help"), verb->name, verb->name);
        if ((options->boot || options->list_boots) && !(verb->flags & VERB_SPAN))
                return fail_usage(_("%s takes neither --boot nor --list-boots. See: irqctl %s --help"), verb->name, verb->name);
        if (options->has_cpus && !(verb->flags & VERB_CPUS))
                return fail_usage(_("%s takes no --cpu. See: irqctl %s --help"), verb->name, verb->name);

        if (options->input && (verb->flags & VERB_LIVE))
                return fail_usage(_("%s is for a running irqwatchd: it cannot be had from %s. Try report, events, rates or status"),
                                  verb->name, options->input);

        return 0;
}

/* Which no daemon need be asked for. */
static bool wants_help(int argc, char **argv) {
        for (int i = 2; i < argc; i++)
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        return true;

        return false;
}

static int run(int argc, char **argv, struct options *options) {
        const char *name = argc > 1 ? argv[1] : "--help";
        char command[32];
        int r;

        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
                (void)print_help();
                return argc > 1 ? EXIT_DONE : EXIT_USAGE;
        }
        if (strcmp(name, "--version") == 0) {
                puts("irqctl " VERSION);
                return EXIT_DONE;
        }
        if (strcmp(name, "--bridge") == 0 && argc == 2) /* for remote.c alone: in no help */
                return remote_bridge(options);
        if (strcmp(name, INPUT_SERVE_OPTION) == 0 && argc == 3) /* likewise, for input.c */
                return input_serve_path(argv[2]);
        if (name[0] == '-')
                return fail_usage(_("there is no option \"%s\". See: irqctl --help"), name);

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                if (strcmp(name, verbs[i].name) != 0)
                        continue;

                r = check_options(&verbs[i], options);
                if (r == 0 && options->input && !wants_help(argc, argv))
                        r = (verbs[i].flags & VERB_FILES) && !input_is_record(options->input) ? options_resolve(options)
                                                                                             : input_prepare(options);
                if (r == 0 && options->list_boots)
                        return boots_list(options);
                if (r == 0 && options->boot && !wants_help(argc, argv))
                        r = boots_resolve(options);
                if (r != 0)
                        return r;
                if (options->host && (verbs[i].flags & VERB_LOCAL))
                        return remote_exec(options, argv + 1);
                (void)snprintf(command, sizeof(command), "irqctl %s", name);
                argv[1] = command;
                return verbs[i].run(argc - 1, argv + 1, options);
        }

        return unknown_verb(name);
}

int main(int argc, char **argv) {
        _cleanup_(options_done) struct options options = {};
        int r;

        i18n_setup();
        r = options_init(&options);
        if (r < 0)
                return fail_with(_("cannot read the clocks: %s"), strerror(-r));
        r = options_take(&options, &argc, argv);
        if (r != 0)
                return r;

        return run(argc, argv, &options);
}
