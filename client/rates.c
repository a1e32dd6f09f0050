/* SPDX-License-Identifier: Apache-2.0 */

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/message.h"
#include "client/numa.h"
#include "client/output.h"
#include "client/rates-steps.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

static const char help[] =
        N_("irqctl rates SOURCE [METRIC] [OPTION...]\n"
        "irqctl rates WHAT --latency [OPTION...]\n\n"
        "What a source of counters did on each CPU in the last minute or in --since/--until: softirqs,\n"
        "interrupts, cpu (time per mode), ksoftirqd (time; run-delay), softnet, netdev (rx-packets;\n"
        "rx-bytes, rx-drops, rx-errors, and tx-), tcp or pressure. METRIC is another one than its first.\n"
        "Times are shown as shares of one CPU. Rows and CPUs that are zero are left out.\n"
        "With --latency how long each run took, as histograms, of WHAT: hardirqs, softirqs, softirq-wait\n"
        "(from raise to start), calls (from other CPUs), tasklets or timers.\n\n"
        "      --rate               Per second (default)\n"
        "      --total              Exact counts; times\n"
        "      --sort=rate|name     Largest first (default), or by name\n"
        "      --all                With the rows and CPUs that are zero\n"
        "      --metric=NAME        The same as METRIC\n"
        "      --latency            Histograms of durations (only --sort goes with it)\n"
        "      --step=TIME          What it did over time: a line per step of that length, such as 1m,\n"
        "                           a column per row; of the last 30 steps, or of --since/--until\n"
        "      --row=LIST           With --step: only these rows, such as NET_RX,TIMER or 24\n"
        "      --per-cpu            With --step: a column per CPU, the rows added up\n");

/* What is printed: CPUs in the order of columns, rows in theirs. */
struct rates_layout {
        int *cpus;
        size_t n_cpus;
        struct json_object **rows;
        size_t n_rows;
};

static void rates_layout_done(struct rates_layout *layout) {
        free(layout->cpus);
        free(layout->rows);
}

static int node_of(const struct rates_view *view, int cpu) {
        return view->node_of && cpu >= 0 && (size_t)cpu < view->n_nodes ? view->node_of[cpu] : -1;
}

static bool cpu_is_busy(struct json_object *rows, int cpu) {
        for (size_t i = 0; i < array_length(rows); i++)
                if (field_u64(cell_of_cpu(array_at(rows, i), cpu), "total") > 0)
                        return true;

        return false;
}

/* Numbers before words, numbers by value: as /proc/interrupts has them. */
static int compare_names(const void *a, const void *b) {
        const char *x = field_string(*(struct json_object *const *)a, "name") ?: "";
        const char *y = field_string(*(struct json_object *const *)b, "name") ?: "";

        return strverscmp(x, y);
}

static int compare_rates(const void *a, const void *b) {
        uint64_t x = field_u64(*(struct json_object *const *)a, "total");
        uint64_t y = field_u64(*(struct json_object *const *)b, "total");

        return x != y ? (x < y ? 1 : -1) : compare_names(a, b);
}

static int compare_nodes(const void *a, const void *b, void *view) {
        int x = *(const int *)a, y = *(const int *)b, m = node_of(view, x), n = node_of(view, y);

        return m != n ? (m > n) - (m < n) : (x > y) - (x < y);
}

static int rates_layout_init(struct rates_layout *layout, struct json_object *rates,
                             const struct rates_view *view) {
        struct json_object *cpus = field_array(rates, "cpus"), *rows = field_array(rates, "rows");

        layout->cpus = calloc(array_length(cpus) + 1, sizeof(*layout->cpus));
        layout->rows = calloc(array_length(rows) + 1, sizeof(*layout->rows));
        if (!layout->cpus || !layout->rows)
                return -ENOMEM;

        for (size_t i = 0; i < array_length(cpus); i++) {
                int cpu = json_object_get_int(array_at(cpus, i));

                if (view->all || cpu_is_busy(rows, cpu))
                        layout->cpus[layout->n_cpus++] = cpu;
        }
        for (size_t i = 0; i < array_length(rows); i++)
                if (view->all || field_u64(array_at(rows, i), "total") > 0)
                        layout->rows[layout->n_rows++] = array_at(rows, i);

        qsort_r(layout->cpus, layout->n_cpus, sizeof(*layout->cpus), compare_nodes, (void *)view);
        qsort(layout->rows, layout->n_rows, sizeof(*layout->rows),
              view->sort == RATES_BY_NAME ? compare_names : compare_rates);
        return 0;
}

static bool is_in(struct json_object *array, int cpu) {
        for (size_t i = 0; i < array_length(array); i++)
                if (json_object_get_int(array_at(array, i)) == cpu)
                        return true;

        return false;
}

static void add_upper_column(struct table *table, const char *title, unsigned flags, unsigned min_width) {
        char upper[FIELD_TEXT_MAX];
        size_t i;

        for (i = 0; title[i] && i + 1 < sizeof(upper); i++)
                upper[i] = (char)toupper((unsigned char)title[i]);
        upper[i] = '\0';
        table_add_column(table, upper, flags, min_width);
}

/* NULL where the row has none. */
static const char *label_at(struct json_object *row, size_t label) {
        const char *text = json_object_get_string(array_at(field_array(row, "labels"), label));

        return text && *text ? text : NULL;
}

/* True when some row has a value for this label. */
static bool label_is_used(const struct rates_layout *layout, size_t label) {
        for (size_t i = 0; i < layout->n_rows; i++)
                if (label_at(layout->rows[i], label))
                        return true;

        return false;
}

static void add_columns(struct table *table, struct json_object *rates, const struct rates_layout *layout,
                        const struct rates_view *view) {
        struct json_object *labels = field_array(rates, "labelNames"), *online = field_array(rates, "online");
        const char *row_name = field_string(rates, "rowName") ?: "metric";
        char text[FIELD_TEXT_MAX];

        /* Numbers of interrupts are read from the right, words from the left. */
        add_upper_column(table, row_name, TABLE_KEY | (strcmp(row_name, "irq") == 0 ? TABLE_RIGHT : 0), 0);
        add_upper_column(table, "total", TABLE_RIGHT, 0);
        for (size_t i = 0; i < layout->n_cpus; i++) {
                int cpu = layout->cpus[i], node = node_of(view, cpu);

                (void)snprintf(text, sizeof(text), "CPU%i%s", cpu, is_in(online, cpu) ? "" : "*");
                table_add_column(table, text, TABLE_RIGHT, 0);
                if (node >= 0) {
                        (void)snprintf(text, sizeof(text), "node %i", node);
                        table_set_group(table, text);
                }
        }
        for (size_t i = 0; i < array_length(labels); i++)
                if (label_is_used(layout, i))
                        add_upper_column(table, json_object_get_string(array_at(labels, i)), TABLE_FLEX, 8);
}

/* Counts, or time where time is what is counted: per second that is a share of a CPU. */
static void add_value(struct table *table, enum colour colour, struct json_object *object, bool is_time,
                      bool totals) {
        double per_second = field_double(object, "perSecond");
        uint64_t total = field_u64(object, "total");
        char buf[FIELD_TEXT_MAX];

        if (total == 0)
                table_add(table, COLOUR_DIM, "-");
        else if (totals && is_time)
                table_add(table, colour, format_duration(total, buf));
        else if (totals)
                table_addf(table, colour, "%" PRIu64, total);
        else if (is_time)
                table_add(table, colour, format_cpu_share(per_second / (double)NSEC_PER_SEC, buf));
        else
                table_add(table, colour, format_count(per_second, buf));
}

/* Cells far above an even spread stand out. */
static enum colour cell_colour(struct json_object *row, struct json_object *cell, size_t n_cpus) {
        double even = (double)field_u64(row, "total") / (double)MAX(n_cpus, (size_t)1);

        return n_cpus > 1 && (double)field_u64(cell, "total") >= even * 1.5 ? COLOUR_YELLOW : COLOUR_NONE;
}

static bool counts_time(struct json_object *rates) {
        const char *unit = field_string(rates, "unit");

        return unit && strcmp(unit, "ns") == 0;
}

/* The only row of a metric has no name of its own. */
static const char *row_title(struct json_object *row, struct json_object *rates) {
        const char *name = field_string(row, "name");

        return name && *name ? name : field_string(rates, "metric") ?: "?";
}

static void add_row(struct table *table, struct json_object *row, struct json_object *rates,
                    const struct rates_layout *layout, const struct rates_view *view) {
        bool live = !field_has(row, "live") || field_boolean(row, "live"), is_time = counts_time(rates);

        table_addf(table, live ? COLOUR_NONE : COLOUR_DIM, "%s%s%s", row_title(row, rates), live ? "" : "-",
                   field_u64(row, "resets") > 0 ? "!" : "");
        add_value(table, COLOUR_BOLD, row, is_time, view->totals);
        for (size_t i = 0; i < layout->n_cpus; i++) {
                struct json_object *cell = cell_of_cpu(row, layout->cpus[i]);

                add_value(table, cell_colour(row, cell, layout->n_cpus), cell, is_time, view->totals);
        }
        for (size_t i = 0; i < array_length(field_array(rates, "labelNames")); i++)
                if (label_is_used(layout, i))
                        table_add(table, COLOUR_NONE, label_at(row, i));
}

int render_rates_head(const struct style *style, struct json_object *rates, const char *title, FILE *f) {
        _cleanup_(freep) char *safe = text_sanitize(title);
        uint64_t since = field_u64(rates, "sinceUsec"), until = field_u64(rates, "untilUsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        uint64_t gaps = field_u64(rates, "gaps");

        if (!safe)
                return -ENOMEM;

        style_print(style, f, COLOUR_BOLD, "%s, %s - %s (%s)", safe,
                    format_moment(since, style->now_us, false, a),
                    format_moment(until, same_day(since, until) ? until : style->now_us, false, b),
                    format_duration(field_u64(rates, "elapsedNsec"), length));
        fputc('\n', f);
        render_tier(style, rates, f);
        if (gaps > 0)
                style_print(style, f, COLOUR_YELLOW,
                            ngettext("%" PRIu64 " gap in this span: irqctl report shows when and why\n",
                                     "%" PRIu64 " gaps in this span: irqctl report shows when and why\n", gaps),
                            gaps);
        fputc('\n', f);
        return 0;
}

/* CPUs that are off line, by number; NULL: no memory. */
static char *offline_text(struct json_object *rates) {
        struct json_object *cpus = field_array(rates, "cpus"), *online = field_array(rates, "online");
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        char *text = NULL;

        for (size_t i = 0; i < array_length(cpus); i++) {
                int cpu = json_object_get_int(array_at(cpus, i));

                if (!is_in(online, cpu) && cpu_set_add(&set, cpu) == -ENOMEM)
                        return NULL;
        }

        return cpu_list_format(&set, &text) < 0 ? NULL : text;
}

static int render_rates_notes(const struct rates_layout *layout, struct json_object *rates, FILE *f) {
        _cleanup_(freep) char *offline = offline_text(rates);
        bool gone = false, reset = false;

        if (!offline)
                return -ENOMEM;
        for (size_t i = 0; i < layout->n_rows; i++) {
                gone |= field_has(layout->rows[i], "live") && !field_boolean(layout->rows[i], "live");
                reset |= field_u64(layout->rows[i], "resets") > 0;
        }

        if (*offline || gone || reset)
                fputc('\n', f);
        if (*offline)
                fprintf(f, _("* offline at the end of the span: CPU %s\n"), offline);
        if (gone)
                fputs(_("- no longer there\n"), f);
        if (reset)
                fputs(_("! the kernel's counter started anew within the span; counted from zero there\n"), f);
        return 0;
}

/* "softirqs per second", "netdev rx-bytes, counts", "cpu cpu-time, share of one CPU" */
static void rates_title(struct json_object *rates, const struct rates_view *view,
                        char buf[static FIELD_TEXT_MAX]) {
        const char *source = field_string(rates, "source") ?: "?",
                   *metric = field_string(rates, "metric") ?: source;
        bool same = strcmp(source, metric) == 0, is_time = counts_time(rates);

        (void)snprintf(buf, FIELD_TEXT_MAX, "%s%s%s%s", source, same ? "" : " ", same ? "" : metric,
                       is_time        ? view->totals ? _(", time") : _(", share of one CPU")
                       : view->totals ? _(", counts")
                                      : _(" per second"));
}

int render_rates(const struct style *style, struct json_object *rates, const struct rates_view *view,
                 FILE *f) {
        _cleanup_(rates_layout_done) struct rates_layout layout = {};
        _cleanup_(table_done) struct table table = { .header_every = view->header_every };
        char title[FIELD_TEXT_MAX];
        int r;

        r = rates_layout_init(&layout, rates, view);
        if (r < 0)
                return r;
        rates_title(rates, view, title);
        r = render_rates_head(style, rates, title, f);
        if (r < 0)
                return r;

        if (layout.n_rows == 0) {
                fputs(_("Nothing was counted in this span.\n"), f);
                return 0;
        }

        add_columns(&table, rates, &layout, view);
        for (size_t i = 0; i < layout.n_rows; i++)
                add_row(&table, layout.rows[i], rates, &layout, view);
        r = table_print(&table, style, f);
        return r < 0 ? r : render_rates_notes(&layout, rates, f);
}

struct rates_arguments {
        const char *source, *metric;
        bool latency;
        struct rates_view view;
        struct rates_steps steps;
};

static int take_sort(const char *value, enum rates_sort *ret) {
        if (strcmp(value, "rate") == 0)
                *ret = RATES_BY_RATE;
        else if (strcmp(value, "name") == 0)
                *ret = RATES_BY_NAME;
        else
                return fail_usage(_("--sort: \"%s\" is neither \"rate\" nor \"name\""), value);

        return 0;
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, struct rates_arguments *ret) {
        static const struct option longs[] = {
                { "help", no_argument, NULL, 'h' },    { "rate", no_argument, NULL, 'r' },
                { "total", no_argument, NULL, 't' },   { "sort", required_argument, NULL, 's' },
                { "all", no_argument, NULL, 'a' },     { "metric", required_argument, NULL, 'm' },
                { "latency", no_argument, NULL, 'l' }, { "step", required_argument, NULL, 'S' },
                { "row", required_argument, NULL, 'R' }, { "per-cpu", no_argument, NULL, 'p' },
                {},
        };
        int c, r = 0;

        optind = 0;
        while ((c = getopt_long(argc, argv, "ha", longs, NULL)) >= 0) {
                if (c == 'h')
                        return options_print_help(help);
                if (c == 'r' || c == 't')
                        ret->view.totals = c == 't';
                else if (c == 's')
                        r = take_sort(optarg, &ret->view.sort);
                else if (c == 'a')
                        ret->view.all = true;
                else if (c == 'm')
                        ret->metric = optarg;
                else if (c == 'l')
                        ret->latency = true;
                else if (c == 'S')
                        r = rates_steps_parse(optarg, &ret->steps.step_us);
                else if (c == 'R')
                        ret->steps.rows = optarg;
                else if (c == 'p')
                        ret->steps.per_cpu = true;
                else
                        return options_see_help(argv[0]);
                if (r != 0)
                        return r;
        }

        if (argc - optind < 1 || argc - optind > 2 || (argc - optind == 2 && ret->metric)) {
                (void)fail_usage(_("rates needs one source, such as softirqs or netdev, and at most one metric of it; "
                                   "or, with --latency, one of %s"),
                                 HISTOGRAM_TOPICS);
                return options_see_help(argv[0]);
        }

        ret->source = argv[optind];
        if (argc - optind == 2)
                ret->metric = argv[optind + 1];
        ret->latency |= histograms_only(ret->source);
        if (ret->latency && (ret->metric || ret->view.totals || ret->view.all)) {
                (void)fail_usage(_("a metric, --total and --all do not go with --latency"));
                return options_see_help(argv[0]);
        }
        if (ret->latency && ret->steps.step_us > 0)
                return fail_usage(_("--latency and --step: histograms are of a whole span"));
        if ((ret->steps.rows || ret->steps.per_cpu) && ret->steps.step_us == 0)
                return fail_usage(_("--row and --per-cpu go with --step"));
        if (ret->steps.rows && ret->steps.rows[strspn(ret->steps.rows, ",")] == '\0')
                return fail_usage(_("--row: names of rows are missing. Example: --row NET_RX,TIMER"));

        return -1;
}

static int show_steps(const struct rates_arguments *arguments, const struct options *options) {
        struct rates_steps steps = arguments->steps;

        steps.source = arguments->source;
        steps.metric = arguments->metric;
        steps.totals = arguments->view.totals;
        steps.by_name = arguments->view.sort == RATES_BY_NAME;
        steps.all = arguments->view.all;
        return rates_steps_show(&steps, options);
}

int verb_rates(int argc, char **argv, const struct options *options) {
        _cleanup_(json_putp) struct json_object *rates = NULL, *parameters = NULL;
        _cleanup_(output_closep) struct output output = {};
        _cleanup_(freep) int *nodes = NULL;
        struct rates_arguments arguments = {};
        uint64_t since_us, until_us;
        int r;

        r = parse_arguments(argc, argv, &arguments);
        if (r >= 0)
                return r;
        if (arguments.latency)
                return histograms_show(arguments.source, arguments.view.sort, options);
        if (arguments.steps.step_us > 0)
                return show_steps(&arguments, options);
        r = options_span(options, 60 * NSEC_PER_SEC, &since_us, &until_us);
        if (r != 0)
                return r;

        parameters = session_parameters(options, since_us, until_us);
        if (!parameters || json_add(parameters, "source", json_object_new_string(arguments.source)) < 0 ||
            (arguments.metric &&
             json_add(parameters, "metric", json_object_new_string(arguments.metric)) < 0))
                return fail_memory();
        r = session_query(options, "GetRates", TAKE_PTR(parameters), "rates", &rates);
        if (r != 0 || !rates)
                return r;

        /* With a local socket this machine's nodes are those of the daemon's CPUs; another machine's are not known. */
        r = options->host || options->input ? 0 : numa_read(AT_FDCWD, "/sys/devices/system/node", &nodes, &arguments.view.n_nodes);
        if (r == -ENOMEM)
                return fail_memory();
        arguments.view.node_of = r > 0 ? nodes : NULL;

        output_open(&output, options, 0);
        arguments.view.header_every = output.n_lines > 8 ? output.n_lines - 2 : 0;
        if (render_rates(&output.style, rates, &arguments.view, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
