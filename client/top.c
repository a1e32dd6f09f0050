/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl top: the command line, and the batch mode.
 */

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/i18n.h"
#include "client/message.h"
#include "client/numa.h"
#include "client/output.h"
#include "client/top-json.h"
#include "client/top-layout.h"
#include "client/top-live.h"
#include "client/verbs.h"
#include "common/json-strict.h"
#include "common/parse.h"

enum { BATCH_WIDTH = 200 }; /* of a file, which has none */

#define DELAY_NS (2 * NSEC_PER_SEC)
#define DELAY_MIN_NS (100 * NSEC_PER_MSEC)

static const char help[] =
        N_("irqctl top [OPTION...]\n\n"
        "Live rates of softirqs and interrupts per CPU as a heat table, with softirq time, lateness of\n"
        "timers, the last windows and active alerts. Goes back in time, too. Key h: all keys.\n\n"
        "  -d, --delay=TIME         Time between updates, and the span they show (default: 2s)\n"
        "      --at=TIME            What was shown at TIME: 14:03, 10m (ago), ...\n"
        "      --span=TIME          Show a longer span than the delay: 10s, 1m, 1h\n"
        "      --group=WHAT         A line per cpu (default), node, source or device\n"
        "      --sort=COLUMN        Sort by that column, such as NET_RX or MAX\n"
        "      --filter=TEXT        CPUs such as 0-3,8, or part of a name\n"
        "      --total              Counts within the span instead of rates\n"
        "  -b, --batch              Print instead of taking the terminal; with --json an object per update\n"
        "  -n, --iterations=N       End after N updates\n");

struct arguments {
        struct top_view view;
        bool batch;
        uint64_t n; /* 0: for ever */
};

static int take_group(const char *value, enum top_group *ret) {
        static const char *const words[_TOP_GROUP_MAX] = {
                [TOP_BY_CPU] = "cpu",
                [TOP_BY_NODE] = "node",
                [TOP_BY_SOURCE] = "source",
                [TOP_BY_DEVICE] = "device",
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(value, words[i]) == 0) {
                        *ret = (enum top_group)i;
                        return 0;
                }

        return fail_usage(_("--group: \"%s\" is none of cpu, node, source, device"), value);
}

/* A bare number is seconds here, as top and watch have it. */
static int take_time(const char *name, const char *value, uint64_t *ret_ns) {
        uint64_t seconds;

        if (parse_u64(value, &seconds) == 0 && seconds <= 3600)
                *ret_ns = seconds * NSEC_PER_SEC;
        else if (parse_duration(value, ret_ns) < 0)
                return fail_usage(_("--%s: \"%s\" is no duration: write it like 2s or 500ms"), name, value);
        if (*ret_ns < DELAY_MIN_NS || *ret_ns > 3600 * NSEC_PER_SEC)
                return fail_usage(_("--%s: accepted are 100ms to 1h"), name);

        return 0;
}

static int take_text(const char *name, const char *value, char text[TOP_TEXT_MAX]) {
        if (strlen(value) >= TOP_TEXT_MAX)
                return fail_usage(_("--%s: at most %d characters"), name, TOP_TEXT_MAX - 1);

        strcpy(text, value);
        return 0;
}

static int take_at(const struct options *options, const char *value, uint64_t *ret_us) {
        if (parse_timestamp(value, &options->base, ret_us) < 0)
                return fail_usage(
                        _("--at: cannot understand \"%s\" as a point in time. Examples: 14:03, 14:03:10, 10m"),
                        value);
        if (*ret_us > options->base.now_us)
                return fail_usage(_("--at: \"%s\" lies in the future"), value);

        return 0;
}

static int take_iterations(const char *value, uint64_t *ret) {
        if (parse_u64(value, ret) < 0 || *ret == 0)
                return fail_usage(_("--iterations: \"%s\" is not a number of updates"), value);

        return 0;
}

enum { OPT_AT = 256, OPT_SPAN, OPT_GROUP, OPT_SORT, OPT_FILTER, OPT_TOTAL };

static int take_option(int c, const char *value, const struct options *options, struct arguments *a) {
        switch (c) {
        case 'b':
                a->batch = true;
                return 0;
        case 'n':
                return take_iterations(value, &a->n);
        case 'd':
                return take_time("delay", value, &a->view.delay_ns);
        case OPT_AT:
                return take_at(options, value, &a->view.at_us);
        case OPT_SPAN:
                return take_time("span", value, &a->view.span_ns);
        case OPT_GROUP:
                return take_group(value, &a->view.group);
        case OPT_SORT:
                return take_text("sort", value, a->view.sort);
        case OPT_FILTER:
                return take_text("filter", value, a->view.filter);
        default:
                a->view.totals = true;
                return 0;
        }
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, const struct options *options, struct arguments *a) {
        static const struct option longs[] = {
                { "help", no_argument, NULL, 'h' },
                { "batch", no_argument, NULL, 'b' },
                { "iterations", required_argument, NULL, 'n' },
                { "delay", required_argument, NULL, 'd' },
                { "at", required_argument, NULL, OPT_AT },
                { "span", required_argument, NULL, OPT_SPAN },
                { "group", required_argument, NULL, OPT_GROUP },
                { "sort", required_argument, NULL, OPT_SORT },
                { "filter", required_argument, NULL, OPT_FILTER },
                { "total", no_argument, NULL, OPT_TOTAL },
                {},
        };
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "hbn:d:", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c == '?')
                        return options_see_help(argv[0]);
                r = take_option(c, optarg, options, a);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                (void)fail_usage(_("top takes no argument, but was given \"%s\""), argv[optind]);
                return options_see_help(argv[0]);
        }

        a->batch |= options->json != JSON_OFF;
        if (a->n > 0 && !a->batch)
                return fail_usage(_("--iterations goes with --batch or --json only"));
        if (a->view.at_us > 0 && a->n == 0)
                a->n = 1; /* the past does not change */
        if (a->view.span_ns == 0)
                a->view.span_ns = a->view.delay_ns;
        return -1;
}

static uint64_t now_us(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

/* One whole answer. 0; otherwise the exit status after a message. */
static int fetch_whole(struct top_fetch *fetch, const struct top_view *view) {
        int r;

        r = top_fetch_start(fetch, now_us(), view->at_us, view->span_ns);
        while (r == 0 && fetch->busy)
                r = top_fetch_continue(fetch);
        if (r < 0)
                return fail_memory();
        return fetch->trouble ? fail_with("%s", fetch->trouble) : 0;
}

static int print_json(const struct top_model *model, enum json_mode mode) {
        _cleanup_(json_putp) struct json_object *object = NULL;

        return top_json(model, &object) < 0 || output_json(object, mode) < 0 ? -ENOMEM : 0;
}

static int print_text(const struct top_model *model, const struct top_view *view, const struct style *style) {
        const struct top_page page = {
                .width = style->width ?: BATCH_WIDTH,
                .utf8 = style->utf8,
                .now_us = now_us(),
        };
        _cleanup_(top_table_done) struct top_table table = {};
        _cleanup_(top_grid_done) struct top_grid grid = {};
        struct top_shown shown;
        int r;

        r = top_layout(model, view, &page, &grid, &table, &shown);
        if (r < 0)
                return r;
        top_grid_write(&grid, !style->utf8, stdout);
        return 0;
}

static void wait_ns(uint64_t ns) {
        struct timespec ts = { .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };

        (void)nanosleep(&ts, NULL); /* shorter after a signal that did not end us */
}

static int batch(struct top_fetch *fetch, const struct arguments *a, const struct options *options) {
        _cleanup_(output_closep) struct output output = {};
        int r;

        output_open(&output, options, OUTPUT_NO_PAGER);
        for (uint64_t i = 0; !ferror(stdout); i++) {
                if (i > 0) {
                        wait_ns(top_view_period(&a->view));
                        r = fetch_whole(fetch, &a->view);
                        if (r != 0)
                                return r;
                        if (options->json == JSON_OFF)
                                putchar('\n');
                }

                r = options->json != JSON_OFF ? print_json(fetch->model, options->json)
                                              : print_text(fetch->model, &a->view, &output.style);
                if (r < 0)
                        return fail_memory();
                fflush(stdout);
                if (i + 1 == a->n)
                        break;
        }

        return output_close(&output);
}

int verb_top(int argc, char **argv, const struct options *options) {
        _cleanup_(top_model_done) struct top_model model = {};
        _cleanup_(top_fetch_done) struct top_fetch fetch = { .options = options,
                                                             .model = &model,
                                                             .n_windows = TOP_WINDOWS_MAX / 4 };
        _cleanup_(output_closep) struct output output = {};
        _cleanup_(freep) int *nodes = NULL;
        struct arguments a = {};
        int r;

        top_view_init(&a.view, DELAY_NS);
        a.view.span_ns = 0;
        r = parse_arguments(argc, argv, options, &a);
        if (r >= 0)
                return r;

        /* The socket is a local one, so this machine's nodes are those of the daemon's CPUs. */
        r = options->host ? 0 : numa_read(AT_FDCWD, "/sys/devices/system/node", &nodes, &fetch.n_nodes);
        if (r == -ENOMEM)
                return fail_memory();
        fetch.node_of = nodes;
        r = fetch_whole(&fetch, &a.view);
        if (r != 0)
                return r;
        if (a.batch)
                return batch(&fetch, &a, options);

        output_open(&output, options, OUTPUT_NO_PAGER); /* what the terminal can do */
        return top_live(&fetch, &a.view, output.style.colour, output.style.utf8);
}
