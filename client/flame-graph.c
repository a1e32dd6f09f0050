/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-graph.h"

#include <inttypes.h>
#include <string.h>

#include "client/diagnose-tools.h"
#include "common/json-strict.h"
#include "common/timespan.h"

void flame_graph_init(struct flame_graph *graph, enum flame_weight weight) {
        *graph = (struct flame_graph){
                .weight = weight,
                .input = _FLAME_FORMAT_INVALID,
                .caption.unit = weight == FLAME_WEIGHT_TIME ? FLAME_UNIT_TIME : FLAME_UNIT_WINDOWS,
                .caption.has_counts = true,
        };
}

void flame_graph_done(struct flame_graph *graph) {
        flame_tree_done(&graph->tree);
        flame_summary_done(&graph->summary);
}

int flame_graph_add_events(struct flame_graph *graph, struct json_object *events,
                           const struct flame_filter *filter) {
        return flame_events_add(&graph->tree, events, graph->weight, filter, &graph->summary);
}

static int flame_graph_add_folded(struct flame_graph *graph, char *text, bool is_time) {
        graph->caption.unit = is_time ? FLAME_UNIT_TIME : FLAME_UNIT_SAMPLES;
        graph->caption.has_counts = false;
        return flame_folded_read(text, is_time ? NSEC_PER_USEC : 1, &graph->tree, &graph->n_skipped);
}

static int flame_graph_add_diagnose_tools(struct flame_graph *graph, const char *text,
                                          const struct flame_filter *filter) {
        _cleanup_(json_putp) struct json_object *events = NULL;
        int r;

        r = diagnose_tools_read(text, &events);
        return r < 0 ? r : flame_graph_add_events(graph, events, filter);
}

int flame_graph_add_text(struct flame_graph *graph, char *text, bool folded_is_time,
                         const struct flame_filter *filter) {
        graph->input = flame_format_detect(text);
        switch (graph->input) {
        case FLAME_FORMAT_FOLDED:
                return flame_graph_add_folded(graph, text, folded_is_time);
        case FLAME_FORMAT_DIAGNOSE_TOOLS:
                return flame_graph_add_diagnose_tools(graph, text, filter);
        default:
                return -EBADMSG;
        }
}

static void flame_graph_write_span(FILE *out, uint64_t since_us, uint64_t until_us) {
        char since[TIMESTAMP_TEXT_MAX], until[TIMESTAMP_TEXT_MAX];

        if (until_us == 0)
                return;
        (void)fprintf(out, " \u00b7 %s", format_timestamp(since_us, 0, since)); /* memory: see the caller */
        if (strcmp(since, format_timestamp(until_us, 0, until)) != 0)
                (void)fprintf(out, " to %s", until);
}

static int flame_graph_write_cpus(FILE *out, const struct cpu_set *cpus) {
        _cleanup_(freep) char *text = NULL;
        size_t n = cpu_set_count(cpus);
        int r;

        if (n == 0)
                return 0;
        r = cpu_list_format(cpus, &text);
        if (r < 0)
                return r;
        (void)fprintf(out, " \u00b7 %s %s", n == 1 ? "CPU" : "CPUs", text);
        return 0;
}

static int flame_graph_write_subtitle(const struct flame_graph *graph, FILE *out, const char *origin,
                                      uint64_t since_us, uint64_t until_us) {
        const struct flame_summary *summary = &graph->summary;
        char text[FLAME_WEIGHT_TEXT_MAX];

        (void)fputs(flame_weight_text(flame_tree_weight(&graph->tree), graph->caption.unit, text), out);
        if (graph->caption.unit == FLAME_UNIT_TIME && graph->caption.has_counts)
                (void)fprintf(out, " in %s", flame_weight_text(summary->n_events, FLAME_UNIT_WINDOWS, text));
        if (summary->n_unweighted > 0)
                (void)fprintf(out, " \u00b7 %" PRIu64 " without a duration left out", summary->n_unweighted);
        if (graph->n_skipped > 0)
                (void)fprintf(out, " \u00b7 %zu %s left out", graph->n_skipped,
                              graph->n_skipped == 1 ? "line that is no stack" : "lines that are no stacks");
        if (graph->tree.n_cut > 0)
                (void)fprintf(out, " \u00b7 %zu deeper than %d frames, cut", graph->tree.n_cut,
                              FLAME_DEPTH_MAX);
        flame_graph_write_span(out, since_us > 0 ? since_us : summary->first_us,
                               until_us > 0 ? until_us : summary->last_us);
        if (origin)
                (void)fprintf(out, " \u00b7 %s", origin);
        return flame_graph_write_cpus(out, &summary->cpus);
}

char *flame_graph_subtitle(const struct flame_graph *graph, const char *origin, uint64_t since_us,
                           uint64_t until_us) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *out;
        int r;

        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        r = flame_graph_write_subtitle(graph, out, origin, since_us, until_us);
        if (ferror(out))
                r = -ENOMEM;
        if (fclose(out) != 0 || r < 0)
                return NULL;
        return TAKE_PTR(text);
}

/* What the windows of a kind have in common; kinds of several sorts share nothing. */
static const char *flame_graph_subject(const char *const *kinds) {
        static const struct {
                const char *kind, *subject;
        } subjects[] = {
                { "irq-delay", "Interrupts held off" },
                { "hardirq", "Long hardirq handlers" },
                { "softirq", "Long softirqs" },
                { "softirq-latency", "Softirqs kept waiting" },
        };

        for (size_t i = 0; kinds && kinds[0] && !kinds[1] && i < ELEMENTSOF(subjects); i++)
                if (strcmp(kinds[0], subjects[i].kind) == 0)
                        return subjects[i].subject;
        return "Windows";
}

char *flame_graph_title(const struct flame_graph *graph, const char *const *kinds) {
        static const char *const by[] = {
                [FLAME_UNIT_TIME] = "time by stack (lower bounds)",
                [FLAME_UNIT_WINDOWS] = "windows by stack",
        };
        static const char *const irq_delay[] = { "irq-delay", NULL };
        char *title = NULL;
        int r;

        if (graph->input == FLAME_FORMAT_FOLDED)
                return strdup(graph->caption.unit == FLAME_UNIT_TIME ? "Time by stack" : "Samples by stack");

        if (!kinds && graph->input == FLAME_FORMAT_DIAGNOSE_TOOLS)
                kinds = irq_delay;
        r = asprintf(&title, "%s: %s", flame_graph_subject(kinds), by[graph->caption.unit]);
        return r < 0 ? NULL : title;
}

int flame_graph_write_svg(struct flame_graph *graph, FILE *out, const char *title, const char *subtitle) {
        int r;

        graph->caption.title = title;
        graph->caption.subtitle = subtitle;
        r = flame_tree_sort(&graph->tree);
        return r < 0 ? r : flame_svg_write(out, &graph->tree, &graph->caption);
}

int flame_graph_write_folded(struct flame_graph *graph, FILE *out) {
        int r;

        r = flame_tree_sort(&graph->tree);
        if (r < 0)
                return r;
        return flame_folded_write(out, &graph->tree,
                                  graph->caption.unit == FLAME_UNIT_TIME ? NSEC_PER_USEC : 1);
}
