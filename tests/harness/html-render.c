/* SPDX-License-Identifier: Apache-2.0 */

/*
 * html-render FIXTURES CPUS WINDOWS: a page of a report that is made up, for the tests that look at it.
 */

#include <err.h>

#include "tests/harness/html-input.h"

int main(int argc, char **argv) {
        _cleanup_(html_input_done) struct html_input input = {};
        int r;

        if (argc != 4)
                errx(2, "usage: html-render FIXTURES CPUS WINDOWS");

        r = html_make_input(argv[1], atoi(argv[2]), atoi(argv[3]), &input);
        if (r >= 0)
                r = html_page_write(stdout, &input);
        if (r < 0)
                errx(1, "%s", strerror(-r));
        return 0;
}
