/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From events or a text to a finished flame graph: what "irqctl flame" does between its command line and its
 * output file. Does no input and no messages.
 */

#include <stdio.h>

#include "client/flame-events.h"
#include "client/flame-input.h"
#include "client/flame-svg.h"

struct flame_graph {
        struct flame_tree tree;
        struct flame_summary summary;
        struct flame_caption caption; /* its texts are not used */
        enum flame_weight weight;
        enum flame_format input; /* _FLAME_FORMAT_INVALID: events */
        size_t n_skipped;        /* lines of a folded text that are none */
};

/* An empty graph of that weight. */
void flame_graph_init(struct flame_graph *graph, enum flame_weight weight);
void flame_graph_done(struct flame_graph *graph);

/* Adds an array of Event objects. 0 or -ENOMEM. */
int flame_graph_add_events(struct flame_graph *graph, struct json_object *events,
                           const struct flame_filter *filter);
/*
 * Adds folded stacks or diagnose-tools' text, whichever it is; text is modified. Values of folded stacks are
 * microseconds if folded_is_time, otherwise samples; the filter does not apply to them. 0; -EBADMSG: neither
 * of the two; -ENOMEM.
 */
int flame_graph_add_text(struct flame_graph *graph, char *text, bool folded_is_time,
                         const struct flame_filter *filter);

/* What to write below the title. origin: a host or a file. since_us 0: the events' own span. NULL: no memory.
 * The caller frees. */
char *flame_graph_subtitle(const struct flame_graph *graph, const char *origin, uint64_t since_us,
                           uint64_t until_us);
/* The title when none is given. kinds as in the filter. NULL: no memory. The caller frees. */
char *flame_graph_title(const struct flame_graph *graph, const char *const *kinds);

/* Write the graph. 0, -ENOMEM, -EIO. */
int flame_graph_write_svg(struct flame_graph *graph, FILE *out, const char *title, const char *subtitle);
int flame_graph_write_folded(struct flame_graph *graph, FILE *out);
