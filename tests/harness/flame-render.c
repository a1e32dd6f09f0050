/* SPDX-License-Identifier: Apache-2.0 */

/*
 * flame-render [--folded] [--count] [--time] FILE: what "irqctl flame --input FILE" writes, without the
 * command line around it. --time: values of folded stacks are microseconds. For the tests that look at the
 * result.
 */

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "client/flame-graph.h"
#include "common/cleanup.h"
#include "common/fileio.h"

enum { TEXT_MAX = 256 * 1024 * 1024 };

static int render(struct flame_graph *graph, bool folded, const char *origin) {
        _cleanup_(freep) char *title = NULL, *subtitle = NULL;

        if (folded)
                return flame_graph_write_folded(graph, stdout);

        title = flame_graph_title(graph, NULL);
        subtitle = flame_graph_subtitle(graph, origin, 0, 0);
        if (!title || !subtitle)
                return -ENOMEM;
        return flame_graph_write_svg(graph, stdout, title, subtitle);
}

int main(int argc, char **argv) {
        _cleanup_(text_buffer_done) struct text_buffer text = {};
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        bool folded = false, count = false, is_time = false;
        const char *slash;
        int i = 1, r;

        for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
                folded |= strcmp(argv[i], "--folded") == 0;
                count |= strcmp(argv[i], "--count") == 0;
                is_time |= strcmp(argv[i], "--time") == 0;
        }
        if (i + 1 != argc)
                errx(2, "usage: flame-render [--folded] [--count] [--time] FILE");

        flame_graph_init(&graph, count ? FLAME_WEIGHT_COUNT : FLAME_WEIGHT_TIME);
        slash = strrchr(argv[i], '/');
        r = text_buffer_read(&text, AT_FDCWD, argv[i], TEXT_MAX);
        if (r >= 0)
                r = flame_graph_add_text(&graph, text.data, is_time, &(struct flame_filter){});
        if (r >= 0)
                r = render(&graph, folded, slash ? slash + 1 : argv[i]);
        if (r < 0)
                errx(1, "%s: %s", argv[i], strerror(-r));
        return 0;
}
