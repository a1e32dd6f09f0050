/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as the text of diagnose-tools and as folded stacks: what is read as an event of kind irq-delay
 * reads the same after it was written again; trees keep their sums, and folded stacks are a fixed point after
 * one turn.
 */

#include <string.h>

#include "client/diagnose-tools.h"
#include "client/flame-graph.h"
#include "common/json-strict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static char *write_events(struct json_object *events) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        CHECK(out);
        for (size_t i = 0; i < json_object_array_length(events); i++)
                CHECK(diagnose_tools_write(out, json_object_array_get_idx(events, i)) >= 0);
        CHECK(fclose(out) == 0);
        return text;
}

/* After one turn through the writer, whose replacement of odd bytes is allowed to change something, nothing
 * changes any more. */
static void check_diagnose_tools(const char *text) {
        _cleanup_(json_putp) struct json_object *first = NULL, *second = NULL, *third = NULL;
        _cleanup_(freep) char *once = NULL, *twice = NULL;

        CHECK(diagnose_tools_read(text, &first) == 0);
        once = write_events(first);
        CHECK(diagnose_tools_read(once, &second) == 0);
        twice = write_events(second);
        CHECK(diagnose_tools_read(twice, &third) == 0);
        CHECK(json_object_array_length(second) == json_object_array_length(third));
}

static char *fold(const char *text) {
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        _cleanup_(freep) char *copy = strdup(text);
        char *folded = NULL;
        size_t size = 0, n_skipped;
        FILE *out = open_memstream(&folded, &size);

        CHECK(copy && out);
        flame_graph_init(&graph, FLAME_WEIGHT_COUNT);
        CHECK(flame_folded_read(copy, 1, &graph.tree, &n_skipped) == 0);
        CHECK(flame_graph_write_folded(&graph, out) == 0);
        CHECK(fclose(out) == 0);
        return folded;
}

static void check_folded(const char *text) {
        _cleanup_(freep) char *once = fold(text), *twice = fold(once), *thrice = fold(twice);

        CHECK(strcmp(twice, thrice) == 0);
}

static void check_svg(const char *text) {
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        _cleanup_(freep) char *copy = strdup(text), *svg = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&svg, &size);
        int r;

        CHECK(copy && out);
        flame_graph_init(&graph, FLAME_WEIGHT_COUNT);
        r = flame_graph_add_text(&graph, copy, false, &(struct flame_filter){});
        CHECK(r == 0 || r == -EBADMSG);
        CHECK(flame_graph_write_svg(&graph, out, text, text) == 0);
        CHECK(fclose(out) == 0);
        for (const char *p = svg; *p; p++)
                CHECK((unsigned char)*p >= 0x20 || *p == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *)data, size);

        CHECK(text);
        check_diagnose_tools(text);
        check_folded(text);
        check_svg(text);
        return 0;
}
