/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report's "Packets": what samples taken on suspicion of a flood showed. Not there when none was taken.
 */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/table.h"
#include "client/verbs.h"

enum {
        KINDS_MAX = 8,   /* rows */
        SOURCES_MAX = 5, /* named */
};

#define SOURCE_SHARE_MIN 0.01 /* less is nobody in particular */

static void add_kind(struct table *table, struct json_object *kind) {
        const char *flags = field_string(kind, "flags");
        char buf[FIELD_TEXT_MAX];

        table_addf(table, COLOUR_NONE, "%s%s%s", field_string(kind, "protocol") ?: "?", flags ? " " : "",
                   flags ?: "");
        table_add(table, COLOUR_BOLD, field_string(kind, "port") ?: "-");
        table_addf(table, COLOUR_NONE, "%" PRIu64, field_u64(kind, "count"));
        table_add(table, COLOUR_BOLD, format_share(field_double(kind, "share"), buf));
}

static int render_kinds(const struct style *style, struct json_object *packets, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };
        struct json_object *kinds = field_array(packets, "kinds");
        size_t n = array_length(kinds);
        int r;

        table_add_column(&table, _("KIND"), TABLE_KEY, 0);
        table_add_column(&table, _("TO PORT"), TABLE_RIGHT, 0);
        table_add_column(&table, _("PACKETS"), TABLE_RIGHT, 0);
        table_add_column(&table, _("SHARE"), TABLE_RIGHT, 0);
        for (size_t i = 0; i < MIN(n, (size_t)KINDS_MAX); i++)
                add_kind(&table, array_at(kinds, i));

        r = table_print(&table, style, f);
        if (r == 0 && n > KINDS_MAX)
                fprintf(f, _("  ... and %zu more kinds (--json=pretty has them)\n"), n - KINDS_MAX);
        return r;
}

/* "3 sources: 10.0.0.7 99.8 %, 10.0.0.9 0.1 %, 10.0.0.8 0.1 %" */
static int write_sources(const struct style *style, struct json_object *packets, FILE *f) {
        struct json_object *sources = field_array(packets, "sources");
        uint64_t n = field_u64(packets, "distinctSources"),
                 sampled = MAX(field_u64(packets, "sampled"), UINT64_C(1));
        double first = (double)field_u64(array_at(sources, 0), "count") / (double)sampled;
        char buf[FIELD_TEXT_MAX];

        /* The same source in two samples is counted twice. */
        if (field_u64(packets, "samples") > 1 && n > 1)
                fprintf(f, _("at most %" PRIu64 " sources"), n);
        else
                fprintf(f, n > 1 ? _("%" PRIu64 " sources") : _("%" PRIu64 " source"), n);
        if (first < SOURCE_SHARE_MIN) {
                fprintf(f, _(", none with more than %s: many senders, or forged addresses"),
                        format_share(first, buf));
                return 0;
        }

        for (size_t i = 0; i < MIN(array_length(sources), (size_t)SOURCES_MAX); i++) {
                struct json_object *source = array_at(sources, i);

                fprintf(f, "%s%s %s", i > 0 ? ", " : ": ", field_string(source, "name") ?: "?",
                        format_share((double)field_u64(source, "count") / (double)sampled, buf));
        }

        return 0;
}

/* "eth0: looked at 4893 of 29356 packets, 60 bytes on average, at 14:11:40" */
static int write_extent(const struct style *style, struct json_object *packets, FILE *f) {
        struct json_object *devices = field_array(packets, "devices");
        uint64_t sampled = field_u64(packets, "sampled"), samples = field_u64(packets, "samples");
        char last[FIELD_TEXT_MAX];

        for (size_t i = 0; i < array_length(devices); i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", field_string(array_at(devices, i), "name") ?: "?");

        fprintf(f, _(": looked at %" PRIu64 " of %" PRIu64 " packets, %" PRIu64 " bytes on average, "), sampled,
                field_u64(packets, "observed"), field_u64(packets, "bytes") / MAX(sampled, UINT64_C(1)));
        format_moment(field_u64(packets, "lastUsec"), style->now_us, false, last);
        if (samples > 1)
                fprintf(f, _("in %" PRIu64 " samples, the last at %s"), samples, last);
        else
                fprintf(f, _("at %s"), last);
        return 0;
}

/* What write() says of the packets, wrapped behind a word. */
static int render_line(const struct style *style, struct json_object *packets, const char *word,
                       int (*write)(const struct style *style, struct json_object *packets, FILE *f),
                       FILE *f) {
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        size_t size = 0;
        FILE *memory;
        int r;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        r = write(style, packets, memory);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;
        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        fprintf(f, "  %s ", word);
        style_wrap(style, f, text_width(word) + 3, COLOUR_NONE, safe);
        return 0;
}

int render_packets(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *packets = field_object(report, "packets");
        int r;

        if (!packets)
                return 0;

        style_heading(style, f, _("Packets received, sampled because it looked like a flood"));
        r = render_line(style, packets, "on", write_extent, f);
        if (r == 0)
                r = render_kinds(style, packets, f);
        if (r == 0 && field_u64(packets, "distinctSources") > 0)
                r = render_line(style, packets, _("from"), write_sources, f);
        return r;
}
