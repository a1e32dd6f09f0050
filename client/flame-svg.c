/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-svg.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "client/flame-assets.h"
#include "client/flame-text.h"
#include "common/cleanup.h"

/* Pixels of the still picture. flame.js has the same row height. */
enum {
        MARGIN = 10,
        HEADER_HEIGHT = 84,
        ROW_HEIGHT = 19,
        TEXT_INDENT = 4,
        TEXT_BASELINE = 13,
        TEXT_COLUMNS_MIN = 3, /* below, a label says nothing */
        LEGEND_BASELINE = 68,
};

/* Of the 12 px fixed-width font: browsers' fonts have 0.55 to 0.61 em. */
static const double column_pixels = 7.3;

/* class: of flame.css. fill: for viewers without style sheets. */
static const struct flame_svg_context {
        const char *class;
        const char *name;
        const char *fill;
} contexts[] = {
        [FLAME_TASK] = { "task", "process", "#d3d7dd" },
        [FLAME_USER] = { "user", "user", "#f3d873" },
        [FLAME_KERNEL] = { "kernel", "kernel", "#8fc1ea" },
        [FLAME_INTERRUPT] = { "irq", "interrupt", "#ea8059" },
        [FLAME_OTHER] = { "other", "not a function", "#e6e3ec" },
};
_Static_assert(ELEMENTSOF(contexts) == _FLAME_CONTEXT_MAX, "a context without a style");

static const struct {
        const char *id; /* of flame.js */
        const char *one, *many;
} units[] = {
        [FLAME_UNIT_TIME] = { "time", "ns", "ns" },
        [FLAME_UNIT_WINDOWS] = { "windows", "window", "windows" },
        [FLAME_UNIT_SAMPLES] = { "samples", "sample", "samples" },
};
_Static_assert(ELEMENTSOF(units) == _FLAME_UNIT_MAX, "a unit without a name");

enum { SHADES = 4 }; /* per context, so that neighbours can be told apart */

/* Writes value with two decimals whatever the locale says. */
static void flame_svg_pixels(FILE *out, const char *attribute, double value) {
        uint64_t hundredths = (uint64_t)(value * 100 + 0.5);

        (void)fprintf(out, " %s=\"%" PRIu64, attribute,
                      hundredths / 100); /* ferror() is checked at the end */
        if (hundredths % 100 != 0)
                (void)fprintf(out, ".%02" PRIu64, hundredths % 100);
        (void)fputc('"', out);
}

/* "12.3": tenths as text, whatever the locale says. */
static void flame_svg_tenths(char *buf, size_t size, uint64_t tenths, const char *unit) {
        (void)snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, unit); /* fits */
}

static char *flame_time_text(uint64_t ns, char *buf) {
        if (ns < NSEC_PER_MSEC)
                (void)snprintf(buf, FLAME_WEIGHT_TEXT_MAX, "%" PRIu64 " \u00b5s",
                               ns / NSEC_PER_USEC); /* fits */
        else if (ns < 100 * NSEC_PER_MSEC)
                flame_svg_tenths(buf, FLAME_WEIGHT_TEXT_MAX, ns / (NSEC_PER_MSEC / 10), "ms");
        else if (ns < 10 * NSEC_PER_SEC)
                (void)snprintf(buf, FLAME_WEIGHT_TEXT_MAX, "%" PRIu64 " ms", ns / NSEC_PER_MSEC); /* fits */
        else
                flame_svg_tenths(buf, FLAME_WEIGHT_TEXT_MAX, ns / (NSEC_PER_SEC / 10), "s");
        return buf;
}

char *flame_weight_text(uint64_t weight, enum flame_unit unit, char buf[static FLAME_WEIGHT_TEXT_MAX]) {
        if (unit == FLAME_UNIT_TIME)
                return flame_time_text(weight, buf);

        (void)snprintf(buf, FLAME_WEIGHT_TEXT_MAX, "%" PRIu64 " %s", weight, /* fits */
                       weight == 1 ? units[unit].one : units[unit].many);
        return buf;
}

static unsigned flame_svg_shade(const char *name) {
        unsigned hash = 5381;

        for (; *name; name++)
                hash = hash * 33 + (unsigned char)*name;
        return (hash ^ hash >> 7) % SHADES;
}

static double flame_svg_height(const struct flame_layout *layout) {
        return HEADER_HEIGHT + layout->n_rows * (double)ROW_HEIGHT + MARGIN;
}

static void flame_svg_merged(FILE *out, const struct flame_layout *layout) {
        uint64_t tenths = (uint64_t)(layout->min_pixels * 10 + 0.5);

        if (layout->n_merged == 0)
                return;
        (void)fprintf(out, " \u00b7 %zu %s narrower than %" PRIu64 ".%" PRIu64 " px shown as part of %s",
                      layout->n_merged, layout->n_merged == 1 ? "frame" : "frames", tenths / 10, tenths % 10,
                      layout->n_merged == 1 ? "its parent" : "their parents");
}

static void flame_svg_legend(FILE *out) {
        unsigned x = MARGIN;

        for (enum flame_context i = FLAME_TASK; i <= FLAME_INTERRUPT; i++) {
                (void)fprintf(out,
                              "<rect class=\"%s\" fill=\"%s\" x=\"%u\" y=\"%d\" width=\"12\" height=\"12\" "
                              "rx=\"2\"/>"
                              "<text x=\"%u\" y=\"%d\">%s</text>\n",
                              contexts[i].class, contexts[i].fill, x, LEGEND_BASELINE - 10, x + 18,
                              LEGEND_BASELINE, contexts[i].name);
                x += 40 + 7 * (unsigned)strlen(contexts[i].name);
        }
}

static void flame_svg_head(FILE *out, const struct flame_layout *layout,
                           const struct flame_caption *caption) {
        const size_t n_title_columns = 110, n_subtitle_columns = 180; /* of a proportional font, about */

        (void)fputs("<g class=\"head\">\n<text class=\"title\" x=\"10\" y=\"26\">", out);
        flame_text_write_xml_cut(out, caption->title, n_title_columns);
        (void)fputs("</text>\n<text class=\"subtitle\" x=\"10\" y=\"46\">", out);
        flame_text_write_xml_cut(out, caption->subtitle, n_subtitle_columns);
        flame_svg_merged(out, layout);
        (void)fputs("</text>\n", out);
        flame_svg_legend(out);
        (void)fputs("</g>\n", out);
}

static void flame_svg_open(FILE *out, const struct flame_layout *layout,
                           const struct flame_caption *caption) {
        double height = flame_svg_height(layout);

        (void)fprintf(
                out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d "
                "%.0f\" font-family=\"system-ui, sans-serif\" font-size=\"12\" data-unit=\"%s\" "
                "data-counts=\"%d\">\n<title>",
                FLAME_SVG_WIDTH, height, FLAME_SVG_WIDTH, height, units[caption->unit].id,
                caption->has_counts && caption->unit == FLAME_UNIT_TIME);
        flame_text_write_xml(out, caption->title);
        (void)fputs("</title>\n<desc>", out);
        flame_text_write_xml(out, caption->subtitle);
        flame_svg_merged(out, layout);
        (void)fprintf(out, "</desc>\n<style><![CDATA[\n%s]]></style>\n", flame_css);
        (void)fputs("<rect class=\"paper\" fill=\"#ffffff\" width=\"100%\" height=\"100%\"/>\n", out);
}

static void flame_svg_percent(FILE *out, uint64_t weight, uint64_t total) {
        uint64_t tenths = total > 0 ? (uint64_t)((double)weight * 1000 / (double)total + 0.5) : 0;

        if (tenths == 0 && weight > 0)
                (void)fputs("under 0.1 %", out);
        else
                (void)fprintf(out, "%" PRIu64 ".%" PRIu64 " %%", tenths / 10, tenths % 10);
}

/* Three lines: name; where it ran; how much. flame.js takes them apart again. */
static void flame_svg_title(FILE *out, const struct flame_node *node, uint64_t total,
                            const struct flame_caption *caption) {
        char text[FLAME_WEIGHT_TEXT_MAX];

        (void)fputs("<title>", out);
        flame_text_write_xml(out, node->name);
        (void)fprintf(out, "\n%s", node->depth == 0 ? "all" : contexts[node->context].name);
        if (node->module) {
                (void)fputs(", ", out);
                flame_text_write_xml(out, node->module);
        }
        (void)fprintf(out, "\n%s, ", flame_weight_text(node->weight, caption->unit, text));
        flame_svg_percent(out, node->weight, total);
        if (caption->unit == FLAME_UNIT_TIME && caption->has_counts)
                (void)fprintf(out, ", %s", flame_weight_text(node->count, FLAME_UNIT_WINDOWS, text));
        (void)fputs("</title>", out);
}

static void flame_svg_label(FILE *out, const struct flame_node *node, double x, double y, double width) {
        double n_columns = (width - 2 * TEXT_INDENT) / column_pixels;

        if (n_columns < TEXT_COLUMNS_MIN && (double)flame_text_columns(node->name) > n_columns)
                return;
        (void)fputs("<text", out);
        flame_svg_pixels(out, "x", x + TEXT_INDENT);
        flame_svg_pixels(out, "y", y + TEXT_BASELINE);
        (void)fputc('>', out);
        flame_text_write_xml_cut(out, node->name, (size_t)n_columns);
        (void)fputs("</text>", out);
}

static void flame_svg_box(FILE *out, const struct flame_tree *tree, const struct flame_layout *layout,
                          const struct flame_box *box, const struct flame_caption *caption) {
        const struct flame_node *node = tree->nodes + box->node;
        uint64_t total = flame_tree_weight(tree);
        double scale = (FLAME_SVG_WIDTH - 2 * MARGIN) / (total > 0 ? (double)total : 1);
        double x = MARGIN + (double)box->start * scale;
        double y = HEADER_HEIGHT + (layout->n_rows - 1 - node->depth) * (double)ROW_HEIGHT;
        double width = node->depth == 0 ? FLAME_SVG_WIDTH - 2 * MARGIN : (double)node->weight * scale;

        (void)fprintf(out, "<g class=\"%s s%u\" data-f=\"%u %" PRIu64 " %" PRIu64 " %" PRIu64 "\">",
                      contexts[node->context].class, flame_svg_shade(node->name), node->depth, box->start,
                      node->weight, node->count);
        flame_svg_title(out, node, total, caption);
        (void)fputs("<rect", out);
        flame_svg_pixels(out, "x", x);
        flame_svg_pixels(out, "y", y);
        flame_svg_pixels(out, "width", width > 1.5 ? width - 0.5 : width); /* a gap between neighbours */
        (void)fprintf(out, " height=\"%d\" rx=\"2\" fill=\"%s\"/>", ROW_HEIGHT - 1,
                      contexts[node->context].fill);
        flame_svg_label(out, node, x, y, width);
        (void)fputs("</g>\n", out);
}

int flame_svg_write(FILE *out, const struct flame_tree *tree, const struct flame_caption *caption) {
        _cleanup_(flame_layout_done) struct flame_layout layout = {};
        int r;

        assert(caption->unit < _FLAME_UNIT_MAX);

        r = flame_layout_make(tree, FLAME_SVG_WIDTH - 2 * MARGIN, FLAME_SVG_MIN_PIXELS,
                              caption->n_boxes_max ?: FLAME_SVG_BOXES_MAX,
                              &layout);
        if (r < 0)
                return r;

        flame_svg_open(out, &layout, caption);
        flame_svg_head(out, &layout, caption);
        (void)fputs("<g class=\"frames\" font-family=\"ui-monospace, monospace\">\n", out);
        for (size_t i = 0; i < layout.n_boxes; i++)
                flame_svg_box(out, tree, &layout, layout.boxes + i, caption);
        (void)fprintf(out, "</g>\n<script><![CDATA[\n%s]]></script>\n</svg>\n", flame_js);

        return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
