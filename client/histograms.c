/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "irqctl rates WHAT --latency": how long each run took, one line per key with quantiles and a bar per power
 * of two.
 */

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"
#include "common/json-build.h"
#include "common/parse.h"

enum {
        BUCKETS_MAX = 64,
        BAR_TEXT_MAX = BUCKETS_MAX * 3 + 1, /* block characters have three bytes */
        EDGE_TEXT_MAX = 16,
};

static const struct topic {
        const char *name, *metric, *title;
        bool waiting; /* nothing runs meanwhile: the sum is no share of a CPU */
} topics[] = {
        { "hardirqs", "hardirq-time", "Interrupt handlers: time per run", false },
        { "interrupts", "hardirq-time", "Interrupt handlers: time per run",
          false }, /* as the counters call them */
        { "softirqs", "softirq-time", "Softirqs: time per run", false },
        { "softirq-wait", "softirq-wait", "Softirqs: time from raise to start", true },
        { "calls", "call-time", "Functions called from other CPUs: time per run", false },
        { "tasklets", "tasklet-time", "Tasklets: time per run", false },
        { "timers", "timer-time", "Timer callbacks: time per run", false },
};

static const struct topic *find_topic(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(topics); i++)
                if (strcmp(topics[i].name, name) == 0)
                        return &topics[i];

        return NULL;
}

bool histograms_only(const char *what) {
        return find_topic(what) && strcmp(what, "softirqs") != 0 && strcmp(what, "interrupts") != 0;
}

static const struct topic *topic_of_metric(const char *metric) {
        for (size_t i = 0; i < ELEMENTSOF(topics); i++)
                if (strcmp(topics[i].metric, metric) == 0)
                        return &topics[i];

        return NULL;
}

/* The buckets that any of the rows has values in. */
struct axis {
        unsigned first, last;
        bool any;
};

static unsigned bucket_exponent(struct json_object *bucket) {
        return (unsigned)MIN(field_u64(bucket, "exponent"), (uint64_t)BUCKETS_MAX - 1);
}

static struct axis find_axis(struct json_object *items) {
        struct axis axis = { .first = BUCKETS_MAX };

        for (size_t i = 0; i < array_length(items); i++) {
                struct json_object *buckets = field_array(array_at(items, i), "buckets");

                for (size_t j = 0; j < array_length(buckets); j++) {
                        unsigned exponent = bucket_exponent(array_at(buckets, j));

                        axis.first = MIN(axis.first, exponent);
                        axis.last = MAX(axis.last, exponent);
                        axis.any = true;
                }
        }

        return axis;
}

/* Height of a bar: 0 for none, 1..8; what is there at all is seen. */
static unsigned bar_height(uint64_t count, uint64_t most) {
        return count == 0 ? 0 : (unsigned)MIN(1 + count * 7 / MAX(most, UINT64_C(1)), UINT64_C(8));
}

static void format_bars(const struct style *style, struct json_object *item, const struct axis *axis,
                        char text[BAR_TEXT_MAX]) {
        static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        static const char *const letters[] = { " ", ".", ":", "-", "=", "+", "*", "%", "#" };
        struct json_object *buckets = field_array(item, "buckets");
        uint64_t counts[BUCKETS_MAX] = {}, most = 0;
        unsigned last = axis->last;
        size_t length = 0;

        for (size_t i = 0; i < array_length(buckets); i++) {
                uint64_t count = field_u64(array_at(buckets, i), "count");

                counts[bucket_exponent(array_at(buckets, i))] = count;
                most = MAX(most, count);
        }

        while (axis->any && last > axis->first && counts[last] == 0)
                last--; /* no blanks at the end of the line */
        text[0] = '\0';
        for (unsigned i = axis->first; axis->any && i <= last; i++)
                length += (size_t)snprintf(text + length, BAR_TEXT_MAX - length, "%s",
                                           (style->utf8 ? blocks : letters)[bar_height(counts[i], most)]);
}

/* "1.05ms", in three digits at most. */
static void format_edge(unsigned exponent, char text[EDGE_TEXT_MAX]) {
        char buf[DURATION_TEXT_MAX];
        size_t length = 0;

        (void)format_duration(exponent >= 63 ? UINT64_MAX : UINT64_C(1) << exponent, buf); /* returns buf */
        for (const char *p = buf; *p && length + 1 < EDGE_TEXT_MAX; p++)
                if (*p != ' ')
                        text[length++] = *p;
        text[length] = '\0';
}

/* The title of the bars is their scale: "256ns-----1.05ms". One that is too narrow is made wider than its
 * bars. */
static void format_scale(const struct axis *axis, char text[BAR_TEXT_MAX]) {
        static const char rule[] = "----------------------------------------------------------------";
        char first[EDGE_TEXT_MAX], last[EDGE_TEXT_MAX];
        size_t width = axis->last - axis->first + 1, n;
        unsigned end = axis->last + 1;

        format_edge(axis->first, first);
        format_edge(end, last);
        for (n = strlen(first) + strlen(last); n >= width; n = strlen(first) + strlen(last), width++)
                format_edge(++end, last);

        (void)snprintf(text, BAR_TEXT_MAX, "%s%.*s%s", first, (int)(width - strlen(first) - strlen(last)), rule, last);
}

/* Which columns there are. */
struct histograms_layout {
        struct axis axis;
        bool share, ksoftirqd;
};

static void add_columns(struct table *table, struct json_object *names,
                        const struct histograms_layout *layout) {
        char scale[BAR_TEXT_MAX];

        for (size_t i = 0; i < array_length(names); i++) {
                const char *name = json_object_get_string(array_at(names, i));
                bool number = strcmp(name, "irq") == 0;
                char upper[FIELD_TEXT_MAX];
                size_t n = 0;

                for (; name[n] && n + 1 < sizeof(upper); n++)
                        upper[n] = (char)toupper((unsigned char)name[n]);
                upper[n] = '\0';
                table_add_column(table, upper, TABLE_KEY | (number ? TABLE_RIGHT : TABLE_FLEX),
                                 number ? 0 : 12);
        }

        table_add_column(table, _("PER SEC"), TABLE_RIGHT, 0);
        if (layout->share)
                table_add_column(table, "CPU", TABLE_RIGHT, 0);
        if (layout->ksoftirqd)
                table_add_column(table, "KSOFTIRQD", TABLE_RIGHT, 0);
        table_add_column(table, "P50", TABLE_RIGHT, 0);
        table_add_column(table, "P99", TABLE_RIGHT, 0);
        table_add_column(table, _("MAX"), TABLE_RIGHT, 0);
        if (layout->axis.any) {
                format_scale(&layout->axis, scale);
                table_add_column(table, scale, 0, 0);
        }
}

static void add_row(struct table *table, const struct style *style, struct json_object *histograms,
                    struct json_object *item, const struct histograms_layout *layout) {
        static const char *const quantiles[] = { "p50Nsec", "p99Nsec", "maxNsec" };
        double elapsed = (double)field_u64(histograms, "elapsedNsec"),
               count = (double)field_u64(item, "count");
        char bars[BAR_TEXT_MAX], buf[FIELD_TEXT_MAX];

        for (size_t i = 0; i < array_length(field_array(histograms, "labelNames")); i++)
                table_add(table, COLOUR_NONE,
                          json_object_get_string(array_at(field_array(item, "labels"), i)));
        table_add(table, COLOUR_NONE, format_count(field_double(item, "perSecond"), buf));
        if (layout->share)
                table_add(table, COLOUR_BOLD,
                          elapsed > 0 ? format_cpu_share((double)field_u64(item, "totalNsec") / elapsed, buf)
                                      : "-");
        if (layout->ksoftirqd)
                table_add(table, COLOUR_NONE,
                          count > 0 ? format_share((double)field_u64(item, "ksoftirqdCount") / count, buf)
                                    : "-");
        for (size_t i = 0; i < ELEMENTSOF(quantiles); i++)
                table_add(table, i == 2 ? COLOUR_BOLD : COLOUR_NONE,
                          format_duration(field_u64(item, quantiles[i]), buf));
        if (layout->axis.any) {
                format_bars(style, item, &layout->axis, bars);
                table_add(table, COLOUR_CYAN, bars);
        }
}

static int compare_labels(const void *a, const void *b) {
        struct json_object *x = field_array(*(struct json_object *const *)a, "labels");
        struct json_object *y = field_array(*(struct json_object *const *)b, "labels");
        int r = 0;

        for (size_t i = 0; r == 0 && i < MAX(array_length(x), array_length(y)); i++)
                r = strverscmp(json_object_get_string(array_at(x, i)) ?: "",
                               json_object_get_string(array_at(y, i)) ?: "");
        return r;
}

static void render_notes(const struct style *style, const struct histograms_layout *layout, FILE *f) {
        char text[768], first[EDGE_TEXT_MAX], last[EDGE_TEXT_MAX];
        size_t length = 0;

        text[0] = '\0';
        if (layout->share)
                length += (size_t)snprintf(text + length, sizeof(text) - length,
                                           "%s", _("CPU: share of one CPU's time. "));
        if (layout->ksoftirqd)
                length += (size_t)snprintf(text + length, sizeof(text) - length,
                                           "%s",
                                           _("KSOFTIRQD: share of runs in ksoftirqd, the rest ran inline. "));
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "%s",
                                   _("P50 and P99 are upper bounds, to the next power of two."));
        if (layout->axis.any) {
                format_edge(layout->axis.first, first);
                format_edge(layout->axis.last + 1, last);
                (void)snprintf(text + length, sizeof(text) - length,
                               _(" A bar for each power of two from %s to %s; the lowest is at least one run."),
                               first, last); /* fits */
        }

        fputc('\n', f);
        style_wrap(style, f, 0, COLOUR_DIM, text);
}

int render_histograms(const struct style *style, struct json_object *histograms, enum rates_sort sort,
                      FILE *f) {
        const char *metric = field_string(histograms, "metric") ?: "?";
        const struct topic *topic = topic_of_metric(metric);
        struct json_object *items = field_array(histograms, "histograms");
        _cleanup_(freep) struct json_object **rows = NULL;
        _cleanup_(table_done) struct table table = {};
        struct histograms_layout layout = { .axis = find_axis(items) };
        size_t n = array_length(items);
        int r;

        r = render_rates_head(style, histograms, topic ? topic->title : metric, f);
        if (r < 0)
                return r;
        if (n == 0) {
                fputs(_("Nothing was measured in this span.\n"), f);
                return 0;
        }

        rows = calloc(n, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                rows[i] = array_at(items, i);
        if (sort == RATES_BY_NAME)
                qsort(rows, n, sizeof(*rows), compare_labels);

        layout.share = field_has(rows[0], "totalNsec") && !(topic && topic->waiting);
        layout.ksoftirqd = field_has(rows[0], "ksoftirqdCount");
        add_columns(&table, field_array(histograms, "labelNames"), &layout);
        for (size_t i = 0; i < n; i++)
                add_row(&table, style, histograms, rows[i], &layout);
        r = table_print(&table, style, f);
        if (r < 0)
                return r;

        render_notes(style, &layout, f);
        return 0;
}

int histograms_show(const char *what, enum rates_sort sort, const struct options *options) {
        _cleanup_(json_putp) struct json_object *histograms = NULL, *parameters = NULL;
        const struct topic *topic = find_topic(what);
        _cleanup_(output_closep) struct output output = {};
        uint64_t since_us, until_us;
        int r;

        if (!topic)
                return fail_usage(_("rates --latency: \"%s\" is none of %s"), what, HISTOGRAM_TOPICS);
        r = options_span(options, 60 * NSEC_PER_SEC, &since_us, &until_us);
        if (r != 0)
                return r;

        parameters = session_parameters(options, since_us, until_us);
        if (!parameters || json_add(parameters, "source", json_object_new_string("irq-delay")) < 0 ||
            json_add(parameters, "metric", json_object_new_string(topic->metric)) < 0)
                return fail_memory();
        r = session_query(options, "GetHistograms", TAKE_PTR(parameters), "histograms", &histograms);
        if (r != 0 || !histograms)
                return r;

        output_open(&output, options, 0);
        if (render_histograms(&output.style, histograms, sort, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
