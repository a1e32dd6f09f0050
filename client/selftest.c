/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl selftest: proves on this machine that windows are found and measured right, without the daemon's help.
 * The one verb that looks into the kernel itself, and so the one that includes from daemon/collect/.
 */

#include "daemon/collect/selftest.h"

#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "client/i18n.h"
#include "client/message.h"
#include "client/output.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

enum { LENGTHS_MAX = 16 };

struct selftest_arguments {
        struct selftest_options options;
        uint64_t lengths[LENGTHS_MAX];
        uint64_t inject_ns; /* 0: the whole test */
        unsigned n_inject;
};

static const char help[] =
        N_("irqctl selftest [OPTION...]\n\n"
        "Holds interrupts off for known times on one CPU and compares what a private collector finds with\n"
        "what really happened. Needs root, not the daemon; a daemon that runs sees the windows too. Takes about\n"
        "25 seconds, in which that CPU stands still for up to 100 ms at a time.\n\n"
        "      --lengths LIST       window lengths (default: 2ms,5ms,10ms,20ms,50ms,100ms)\n"
        "      --runs N             windows of each length (default: 50)\n"
        "      --heartbeat TIME     default: 1ms\n"
        "      --threshold TIME     default: twice the heartbeat\n"
        "      --context WHERE      ipi (default): in an interrupt from another CPU; process: in a system call\n"
        "      --idle               leave the CPU idle instead of keeping it busy\n"
        "      --cpu N              the CPU to hold up (default: the last one online)\n"
        "      --inject TIME        only hold interrupts off for that long, for a daemon to find\n"
        "      --count N            that many times, 100 ms apart (default: 1)\n");

static volatile bool interrupted;

static void on_interrupt(int signal) {
        interrupted = true;
}

static int parse_lengths(const char *text, struct selftest_arguments *a) {
        _cleanup_(freep) char *copy = strdup(text);
        char *next = copy, *item;

        if (!copy)
                return fail_memory();

        a->options.n_lengths = 0;
        while ((item = strsep(&next, ","))) {
                uint64_t *length = &a->lengths[a->options.n_lengths];

                if (a->options.n_lengths == LENGTHS_MAX)
                        return fail_usage(_("--lengths: at most %i; run selftest again for the others"), LENGTHS_MAX);
                if (parse_duration(item, length) < 0 || *length == 0 ||
                    *length > INJECTOR_DURATION_MAX_MS * NSEC_PER_MSEC)
                        return fail_usage(_("\"%s\" is no length: give durations up to 1s, such as 5ms,20ms"), item);
                a->options.n_lengths++;
        }

        return 0;
}

static int parse_time(const char *name, const char *text, uint64_t *ret) {
        if (parse_duration(text, ret) < 0 || *ret == 0)
                return fail_usage(_("--%s=%s is no duration: write it like 1ms or 500us"), name, text);

        return 0;
}

static int parse_number(const char *name, const char *text, unsigned *ret) {
        uint64_t n;

        if (parse_u64(text, &n) < 0 || n == 0 || n > 10000)
                return fail_usage(_("--%s=%s: accepted are 1 to 10000"), name, text);

        *ret = (unsigned)n;
        return 0;
}

static int parse_context(const char *text, enum injector_context *ret) {
        if (strcmp(text, "ipi") == 0)
                *ret = INJECTOR_IPI;
        else if (strcmp(text, "process") == 0)
                *ret = INJECTOR_PROCESS;
        else
                return fail_usage(_("--context=%s: accepted are ipi and process"), text);

        return 0;
}

enum { OPT_LENGTHS = 256, OPT_RUNS, OPT_HEARTBEAT, OPT_THRESHOLD, OPT_CONTEXT, OPT_IDLE, OPT_INJECT, OPT_COUNT };

static int take_option(int c, const char *value, struct selftest_arguments *a) {
        switch (c) {
        case OPT_LENGTHS:
                return parse_lengths(value, a);
        case OPT_RUNS:
                return parse_number("runs", value, &a->options.n_runs);
        case OPT_HEARTBEAT:
                return parse_time("heartbeat", value, &a->options.heartbeat_ns);
        case OPT_THRESHOLD:
                return parse_time("threshold", value, &a->options.threshold_ns);
        case OPT_CONTEXT:
                return parse_context(value, &a->options.context);
        case OPT_IDLE:
                a->options.busy = false;
                return 0;
        case OPT_INJECT:
                return parse_time("inject", value, &a->inject_ns);
        case OPT_COUNT:
                return parse_number("count", value, &a->n_inject);
        default:
                return EXIT_USAGE;
        }
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, const struct options *options, struct selftest_arguments *a) {
        static const struct option longs[] = {
                { "lengths", required_argument, NULL, OPT_LENGTHS },
                { "runs", required_argument, NULL, OPT_RUNS },
                { "heartbeat", required_argument, NULL, OPT_HEARTBEAT },
                { "threshold", required_argument, NULL, OPT_THRESHOLD },
                { "context", required_argument, NULL, OPT_CONTEXT },
                { "idle", no_argument, NULL, OPT_IDLE },
                { "inject", required_argument, NULL, OPT_INJECT },
                { "count", required_argument, NULL, OPT_COUNT },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c == '?')
                        return options_see_help(argv[0]);
                r = take_option(c, optarg, a);
                if (r != 0)
                        return r;
        }
        if (optind < argc)
                return fail_usage(_("selftest takes no argument \"%s\""), argv[optind]);

        if (options->has_cpus)
                a->options.cpu = cpu_set_next(&options->cpus, 0);
        if (a->options.threshold_ns == 0)
                a->options.threshold_ns = 2 * a->options.heartbeat_ns;
        if (a->options.threshold_ns < 2 * a->options.heartbeat_ns)
                return fail_usage(_("--threshold must be at least twice --heartbeat: a shorter window could pass between two of them"));
        return -1;
}

static int fail_selftest(int error, const char *reason) {
        if (geteuid() != 0)
                return fail_with(_("selftest needs root: it loads programs into the kernel. Try: sudo irqctl selftest"));
        if (error == -EINTR)
                return fail_with(_("interrupted"));

        return fail_with(_("selftest cannot run: %s"), reason ? reason : strerror(-error));
}

static int add_classes(struct json_object *object, const struct selftest_length *length) {
        _cleanup_(json_putp) struct json_object *classes = json_object_new_object();

        for (int class = CLASS_NONE + 1; classes && class < _EVENT_CLASS_MAX; class++)
                if (length->n_by_class[class] > 0 &&
                    json_add(classes, event_class_to_string(class),
                             json_object_new_int64(length->n_by_class[class])) < 0)
                        return -ENOMEM;

        return json_add(object, "byClass", TAKE_PTR(classes));
}

static int length_to_json(const struct selftest_length *length, struct json_object *array) {
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o || json_add(o, "lengthNsec", json_object_new_int64((int64_t)length->length_ns)) < 0 ||
            json_add(o, "injected", json_object_new_int64(length->n_injected)) < 0 ||
            json_add(o, "disturbed", json_object_new_int64(length->n_disturbed)) < 0 ||
            json_add(o, "unobserved", json_object_new_int64(length->n_unobserved)) < 0 ||
            json_add(o, "found", json_object_new_int64(length->n_found)) < 0 ||
            json_add(o, "inside", json_object_new_int64(length->n_inside)) < 0 ||
            json_add(o, "medianWidthNsec", json_object_new_int64((int64_t)length->median_width_ns)) < 0 ||
            json_add(o, "worstMissNsec", json_object_new_int64((int64_t)length->worst_miss_ns)) < 0 ||
            add_classes(o, length) < 0)
                return -ENOMEM;

        if (json_object_array_add(array, o) < 0)
                return -ENOMEM;
        (void)TAKE_PTR(o); /* the array's */
        return 0;
}

/* Times are CLOCK_MONOTONIC, to be laid beside a trace. */
static int miss_to_json(const struct selftest_miss *miss, struct json_object *array) {
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o || json_add(o, "startNsec", json_object_new_int64((int64_t)miss->injection.start_ns)) < 0 ||
            json_add(o, "endNsec", json_object_new_int64((int64_t)miss->injection.end_ns)) < 0 ||
            json_add(o, "found", json_object_new_boolean(miss->found)) < 0 ||
            json_add(o, "recordEndNsec", json_object_new_int64((int64_t)miss->end_ns)) < 0 ||
            json_add(o, "recordMinNsec", json_object_new_int64((int64_t)miss->min_ns)) < 0 ||
            json_add(o, "recordMaxNsec", json_object_new_int64((int64_t)miss->max_ns)) < 0)
                return -ENOMEM;

        return json_array_append(array, TAKE_PTR(o));
}

static int print_json(const struct selftest_arguments *a, const struct selftest_result *result,
                      const struct options *options) {
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *lengths = json_object_new_array();
        _cleanup_(json_putp) struct json_object *misses = json_object_new_array();

        if (!o || !lengths || !misses)
                return fail_memory();

        for (size_t i = 0; i < result->n_lengths; i++)
                if (length_to_json(&result->lengths[i], lengths) < 0)
                        return fail_memory();

        for (size_t i = 0; i < result->n_misses; i++)
                if (miss_to_json(&result->misses[i], misses) < 0)
                        return fail_memory();

        if (json_add(o, "passed", json_object_new_boolean(result->passed)) < 0 ||
            json_add(o, "cpu", json_object_new_int64(result->cpu)) < 0 ||
            json_add(o, "heartbeatNsec", json_object_new_int64((int64_t)a->options.heartbeat_ns)) < 0 ||
            json_add(o, "thresholdNsec", json_object_new_int64((int64_t)a->options.threshold_ns)) < 0 ||
            json_add(o, "slackNsec", json_object_new_int64((int64_t)a->options.slack_ns)) < 0 ||
            json_add(o, "spurious", json_object_new_int64(result->n_spurious)) < 0 ||
            json_add(o, "lengths", TAKE_PTR(lengths)) < 0 ||
            json_add(o, "misses", TAKE_PTR(misses)) < 0 || output_json(o, options->json) < 0)
                return fail_memory();

        return result->passed ? EXIT_DONE : EXIT_FAILED;
}

static void add_class_names(struct table *table, const struct selftest_length *length) {
        char text[128] = "";
        size_t used = 0;

        for (int class = CLASS_NONE + 1; class < _EVENT_CLASS_MAX; class++)
                if (length->n_by_class[class] > 0 && used < sizeof(text))
                        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %u", used ? ", " : "",
                                                 event_class_to_string(class), length->n_by_class[class]);

        table_add(table, COLOUR_NONE, text);
}

static void fill_table(const struct selftest_arguments *a, const struct selftest_result *result, struct table *table) {
        char text[DURATION_TEXT_MAX];

        table_add_column(table, _("LENGTH"), TABLE_RIGHT | TABLE_KEY, 0);
        table_add_column(table, _("INJECTED"), TABLE_RIGHT, 0);
        table_add_column(table, _("REPEATED"), TABLE_RIGHT, 0);
        table_add_column(table, _("FOUND"), TABLE_RIGHT, 0);
        table_add_column(table, _("INSIDE"), TABLE_RIGHT, 0);
        table_add_column(table, _("BRACKET"), TABLE_RIGHT, 0);
        table_add_column(table, _("WORST MISS"), TABLE_RIGHT, 0);
        table_add_column(table, _("CLASSES"), TABLE_FLEX, 8);

        for (size_t i = 0; i < result->n_lengths; i++) {
                const struct selftest_length *l = &result->lengths[i];
                enum colour good = l->n_inside == a->options.n_runs ? COLOUR_GREEN : COLOUR_RED;

                table_add(table, COLOUR_BOLD, format_duration(l->length_ns, text));
                table_addf(table, COLOUR_NONE, "%u", l->n_injected);
                table_addf(table, COLOUR_DIM, "%u", l->n_disturbed + l->n_unobserved);
                table_addf(table, good, "%u", l->n_found);
                table_addf(table, good, "%u", l->n_inside);
                table_add(table, COLOUR_NONE, format_duration(l->median_width_ns, text));
                table_add(table, COLOUR_NONE, l->worst_miss_ns ? format_duration(l->worst_miss_ns, text) : "0");
                add_class_names(table, l);
        }
}

static int print_text(const struct selftest_arguments *a, const struct selftest_result *result,
                      const struct options *options) {
        _cleanup_(output_closep) struct output output = {};
        _cleanup_(table_done) struct table table = {};
        char heartbeat[DURATION_TEXT_MAX], slack[DURATION_TEXT_MAX];
        int r;

        output_open(&output, options, OUTPUT_NO_PAGER);
        if (result->passed)
                style_print(&output.style, stdout, COLOUR_GREEN, _("passed"));
        else
                style_print(&output.style, stdout, COLOUR_RED, _("FAILED"));
        printf(_(": windows with interrupts off on CPU %i, found with a heartbeat of %s\n\n"), result->cpu,
               format_duration_exact(a->options.heartbeat_ns, heartbeat));

        fill_table(a, result, &table);
        r = table_print(&table, &output.style, stdout);
        if (r < 0)
                return fail_memory();

        printf(_("\nINSIDE: the true length lies between the record's bounds, give or take %s. BRACKET: how far these\n"
               "are apart, median. REPEATED: windows whose true length nobody knows, because the hypervisor took\n"
               "the CPU at an edge, and windows in a hole of the coverage. CLASSES: what the records took for the cause.\n"),
               format_duration_exact(a->options.slack_ns, slack));
        if (result->n_spurious > 0)
                printf(_("%u more windows on this CPU were nobody's: see \"irqctl events\" of a running daemon.\n"),
                       result->n_spurious);

        r = output_close(&output);
        return r != 0 ? r : result->passed ? EXIT_DONE : EXIT_FAILED;
}

static void show_progress(void *userdata, size_t done, size_t total) {
        progress_show(userdata, done, total);
}

static int run_test(const struct selftest_arguments *a, const struct options *options) {
        _cleanup_(selftest_result_done) struct selftest_result result = {};
        const char *reason = NULL;
        struct progress progress;
        int r;

        progress_begin(&progress, _("windows"));
        r = selftest_run(&a->options, &interrupted, show_progress, &progress, &result, &reason);
        progress_end(&progress);
        if (r < 0)
                return fail_selftest(r, reason);

        return options->json != JSON_OFF ? print_json(a, &result, options) : print_text(a, &result, options);
}

static int run_inject(const struct selftest_arguments *a) {
        _cleanup_(injector_freep) struct injector *injector = NULL;
        const char *reason = NULL;
        int cpu = CPU_NONE, r;

        r = injector_new(a->options.context, &injector, &reason);
        if (r >= 0)
                r = selftest_choose_cpu(a->options.context, a->options.cpu, &cpu, &reason);
        for (unsigned i = 0; r >= 0 && i < a->n_inject && !interrupted; i++) {
                struct injection injection;
                char text[DURATION_TEXT_MAX];

                if (i > 0)
                        (void)usleep(100 * 1000); /* shorter when a signal comes */
                r = injector_run(injector, (unsigned)cpu, a->inject_ns, &injection);
                if (r >= 0)
                        printf(_("interrupts were off on CPU %u for %s\n"), injection.cpu,
                               format_duration(injection.end_ns - injection.start_ns, text));
        }

        /* The daemon looks up names right after the window: the program that made it must still be loaded. */
        if (r >= 0)
                (void)usleep(300 * 1000);
        return r < 0 ? fail_selftest(r, reason) : EXIT_DONE;
}

int verb_selftest(int argc, char **argv, const struct options *options) {
        struct selftest_arguments a = {
                .options = { .context = INJECTOR_IPI, .n_lengths = 6, .n_runs = 50, .heartbeat_ns = NSEC_PER_MSEC,
                             .slack_ns = 100 * NSEC_PER_USEC, .cpu = CPU_NONE, .busy = true },
                .lengths = { 2 * NSEC_PER_MSEC, 5 * NSEC_PER_MSEC, 10 * NSEC_PER_MSEC, 20 * NSEC_PER_MSEC,
                             50 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC },
                .n_inject = 1,
        };
        int r;

        a.options.lengths_ns = a.lengths;
        r = parse_arguments(argc, argv, options, &a);
        if (r >= 0)
                return r;

        (void)signal(SIGINT, on_interrupt); /* fails for no valid signal */
        return a.inject_ns > 0 ? run_inject(&a) : run_test(&a, options);
}
