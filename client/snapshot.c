/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/input.h"
#include "client/message.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/verbs.h"
#include "common/parse.h"
#include "offline/serve.h"
#include "offline/snapshot-file.h"

#define DEFAULT_SPAN_NS (3600 * NSEC_PER_SEC)

static const char help[] =
        N_("irqctl snapshot -o FILE [OPTION...]\n\n"
           "Writes what irqwatchd has of a span (default: the last hour) into a file: events with their\n"
           "stacks, counters as they were read, status with all settings, and alerts. It is read\n"
           "anywhere, on any architecture, without irqwatchd and without being root, by\n"
           "    irqctl --input=FILE report      (or events, show, rates, flame, alerts, status)\n"
           "There are names of commands, cgroups, containers and devices in it, as in a report: give it\n"
           "only to those who may know them. Only its owner can read it at first.\n\n"
           "  -o, --output=FILE        Where to write it; one that is there is replaced at the end\n");

/* Only so that what is half done is cleared away: see caught. */
static volatile sig_atomic_t caught;

static void on_signal(int sig) {
        caught = sig;
}

static void catch_signals(void) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        const struct sigaction action = { .sa_handler = on_signal }; /* waiting ends with EINTR */

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaction(signals[i], &action, NULL); /* fails for no valid signal */
}

static int write_failed(int r, const char *path) {
        switch (r) {
        case -ENOMEM:
                return fail_memory();
        case -EPROTONOSUPPORT:
        case -EBADMSG:
                return fail_with(_("irqwatchd's history is of another version than irqctl: install the same "
                                   "version of both"));
        default:
                return fail_with(_("cannot write %s: %s"), path, strerror(-r));
        }
}

/* As it came, so that what shows it later sees what it would have seen now. */
static int keep_reply(struct snapshot_writer *writer, const char *name, struct json_object *reply,
                      const char *path) {
        const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN |
                                                                         JSON_C_TO_STRING_NOSLASHESCAPE);
        int r = text ? snapshot_writer_set(writer, name, text) : -ENOMEM;

        return r < 0 ? write_failed(r, path) : 0;
}

static int keep_time(struct snapshot_writer *writer, const char *name, uint64_t us, const char *path) {
        char text[24];
        int r;

        (void)snprintf(text, sizeof(text), "%" PRIu64, us); /* fits */
        r = snapshot_writer_set(writer, name, text);
        return r < 0 ? write_failed(r, path) : 0;
}

static int copy_history(const struct options *options, struct snapshot_writer *writer, uint64_t since_us,
                        uint64_t until_us, const char *path) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        struct progress progress;
        bool continues = true;
        int r;

        r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r == 0)
                r = session_send_more(client, "Export", session_parameters(options, since_us, until_us));
        progress_begin(&progress, _("copying history"));
        while (r == 0 && continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;

                r = session_receive(client, &reply, &continues);
                if (r != 0)
                        break;
                r = snapshot_writer_add(writer, reply);
                r = r < 0    ? write_failed(r, path)
                    : caught ? fail_with(_("interrupted: nothing was written"))
                             : 0;
                progress_show(&progress, 0, 0);
        }
        progress_end(&progress);
        return r;
}

static int print_result(struct json_object *status, const struct snapshot_writer *writer, const char *path,
                        uint64_t since_us, uint64_t until_us) {
        char since[TIMESTAMP_TEXT_MAX], until[TIMESTAMP_TEXT_MAX];
        _cleanup_(freep) char *host =
                text_sanitize(field_string(field_object(status, "status"), "hostname") ?: "?");
        struct snapshot_stats stats;

        snapshot_writer_get_stats(writer, &stats);
        printf(_("%s: %s from %s to %s, events: %" PRIu64 ", %" PRIu64
                 " KiB. Read it with: irqctl --input=%s report\n"),
               path, host ?: "?", format_timestamp(since_us, 0, since), format_timestamp(until_us, 0, until),
               stats.n_events, stats.bytes / 1024, path);
        return stats.n_samples > 0
                       ? EXIT_DONE
                       : fail_with(_("there are no counters on record in that span, and so none in %s"),
                                   path);
}

/* All there is; until_us of now is that of the first answer. */
static int write_snapshot(const struct options *options, const char *path, uint64_t since_us,
                          uint64_t until_us) {
        _cleanup_(snapshot_writer_freep) struct snapshot_writer *writer = NULL;
        _cleanup_(json_putp) struct json_object *status = NULL, *alerts = NULL;
        int r;

        r = session_call(options, "GetStatus", json_object_new_object(), &status);
        if (r != 0)
                return r;
        until_us = until_us ?: field_u64(field_object(status, "status"), "nowUsec");
        alerts = session_try(options, "ListAlerts");

        r = snapshot_writer_new(path, &writer);
        if (r < 0)
                return write_failed(r, path);
        if ((r = keep_reply(writer, "status", status, path)) != 0 ||
            (r = alerts ? keep_reply(writer, "alerts", alerts, path) : 0) != 0 ||
            (r = keep_time(writer, "sinceUsec", since_us, path)) != 0 ||
            (r = keep_time(writer, "untilUsec", until_us, path)) != 0 ||
            (r = copy_history(options, writer, since_us, until_us, path)) != 0)
                return r;

        r = snapshot_writer_finish(writer);
        return r < 0 ? write_failed(r, path) : print_result(status, writer, path, since_us, until_us);
}

static int parse_arguments(int argc, char **argv, const char **ret_path) {
        static const struct option longs[] = {
                { "output", required_argument, NULL, 'o' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c != 'o')
                        return options_see_help(argv[0]);
                *ret_path = optarg;
        }
        if (optind < argc)
                return fail_usage(_("%s takes no argument, but was given \"%s\"; the file is given with -o"),
                                  argv[0], argv[optind]);
        if (!*ret_path || !**ret_path)
                return fail_usage(_("which file? For example: %s -o /tmp/irqs.snapshot --since 14:00"),
                                  argv[0]);
        if (strcmp(*ret_path, "-") == 0)
                return fail_usage(_("a snapshot cannot be written to a pipe, only to a file. From another "
                                    "machine: irqctl "
                                    "--host=HOST snapshot -o FILE"));
        return -1;
}

int verb_snapshot(int argc, char **argv, const struct options *options) {
        uint64_t since_us, until_us;
        const char *path = NULL;
        struct stat st;
        int r;

        r = parse_arguments(argc, argv, &path);
        if (r >= 0)
                return r;
        assert(path);
        if (options->json != JSON_OFF)
                return fail_usage(_("%s prints no JSON"), argv[0]);
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return fail_with(_("cannot write %s: it is there, and is no file"), path);
        r = options_span(options, DEFAULT_SPAN_NS, &since_us, &until_us);
        if (r != 0)
                return r;

        catch_signals();
        return write_snapshot(options, path, since_us, until_us);
}

/* Out of standard input and output, which then are nobody's: only so is the socket closed when it is closed.
 */
static int take_socket(void) {
        _cleanup_(closep) int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        _cleanup_(closep) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int input_serve_path(const char *path) {
        _cleanup_(input_freep) struct input *input = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        r = input_open(path, &input, &text);
        if (r < 0)
                return text ? fail_with("%s", text) : fail_memory();

        r = take_socket();
        if (r >= 0)
                r = input_serve(input, r);
        return r < 0 ? fail_with(_("cannot answer from %s: %s"), path, strerror(-r)) : EXIT_DONE;
}
