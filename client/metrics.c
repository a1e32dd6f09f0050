/* SPDX-License-Identifier: Apache-2.0 */

/* irqctl metrics: what irqwatch-exporter serves, once, to stdout or into a file for node_exporter. */

#include <getopt.h>
#include <string.h>

#include "client/i18n.h"
#include "client/message.h"
#include "client/metrics-ask.h"
#include "client/metrics-families.h"
#include "client/new-file.h"
#include "client/output.h"
#include "client/session.h"
#include "client/verbs.h"

static const char help[] =
        N_("irqctl metrics [-o FILE] [--format=text|openmetrics] [--interrupts-per-cpu=PATTERN]\n\n"
        "Counters and histograms in the text format of Prometheus, once: for node_exporter's textfile\n"
        "directory where irqwatch-exporter(8) is not wanted.\n\n"
        "  -o, --output=FILE             Write there, whole or not at all (by renaming)\n"
        "      --format=FORMAT           text (0.0.4, default) or openmetrics (1.0, with exemplars)\n"
        "      --interrupts-per-cpu=PATTERN\n"
        "                                Also per CPU: interrupts of these numbers or names (\"eth0-*\")\n");

struct metrics_options {
        const char *output;
        enum metrics_format format;
        struct metrics_request request;
};

/* -1: go on; otherwise the exit status. */
static int parse(int argc, char **argv, struct metrics_options *ret) {
        enum { OPT_FORMAT = 256, OPT_PER_CPU };
        static const struct option longs[] = {
                { "output", required_argument, NULL, 'o' },
                { "format", required_argument, NULL, OPT_FORMAT },
                { "interrupts-per-cpu", required_argument, NULL, OPT_PER_CPU },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) >= 0) {
                switch (c) {
                case 'o':
                        ret->output = optarg;
                        break;
                case OPT_FORMAT:
                        if (strcmp(optarg, "text") != 0 && strcmp(optarg, "openmetrics") != 0)
                                return fail_usage(_("--format: \"%s\" is neither \"text\" nor \"openmetrics\""),
                                                  optarg);
                        ret->format = *optarg == 't' ? METRICS_TEXT : METRICS_OPENMETRICS;
                        break;
                case OPT_PER_CPU:
                        ret->request.interrupts_per_cpu = optarg;
                        break;
                case 'h':
                        return options_print_help(help);
                default:
                        return options_see_help(argv[0]);
                }
        }

        if (optind < argc)
                return fail_usage(_("unexpected argument \"%s\". See: %s --help"), argv[optind], argv[0]);
        return -1;
}

static int ask(const struct options *options, const struct metrics_request *request,
               struct metrics_answers *ret_answers) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(freep) char *error = NULL;
        int r;

        r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r != 0)
                return r;
        r = metrics_ask(client, request, ret_answers, &error);
        return r < 0 ? session_failed(r, error) : 0;
}

static int write_all(int fd, const char *text, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        text += n;
                        size -= (size_t)n;
                }
        }

        return 0;
}

static int replace_file(const char *path, const char *text, size_t size) {
        _cleanup_(new_file_done) struct new_file file = {};
        int r;

        r = new_file_open(&file, path);
        if (r >= 0 && fwrite(text, 1, size, file.stream) != size)
                r = -(errno ?: EIO);
        if (r >= 0)
                r = new_file_commit(&file);
        return r == -ENOMEM ? fail_memory()
               : r < 0      ? fail_with(_("cannot write %s: %s"), path, strerror(-r))
                            : 0;
}

int verb_metrics(int argc, char **argv, const struct options *options) {
        _cleanup_(metrics_answers_done) struct metrics_answers answers = {};
        _cleanup_(freep) char *text = NULL;
        struct metrics_options metrics = {};
        size_t size, n_samples;
        int r;

        r = parse(argc, argv, &metrics);
        if (r >= 0)
                return r;
        if (options->json != JSON_OFF)
                return fail_usage(_("--json does not go with metrics, which has formats of its own: --format=text|openmetrics"));

        r = ask(options, &metrics.request, &answers);
        if (r != 0)
                return r;
        if (metrics_render(&answers, metrics.format, &text, &size, &n_samples) < 0)
                return fail_memory();
        if (metrics.output)
                return replace_file(metrics.output, text, size);

        r = write_all(STDOUT_FILENO, text, size);
        return r < 0 && r != -EPIPE ? fail_with(_("cannot write: %s"), strerror(-r)) : EXIT_DONE;
}
