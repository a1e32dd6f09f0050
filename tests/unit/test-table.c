/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table.h"
#include "common/cleanup.h"

static char *print(struct table *table, unsigned width, bool colour, bool utf8) {
        const struct style style = { .width = width, .colour = colour, .utf8 = utf8 };
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(table_print(table, &style, f), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void check(struct table *table, unsigned width, const char *expected) {
        _cleanup_(freep) char *text = print(table, width, false, true);

        assert_string_equal(text, expected);
}

static void add_row(struct table *table, const char *const *cells) {
        for (size_t i = 0; i < table->n_columns; i++)
                table_add(table, COLOUR_NONE, cells[i]);
}

static void test_alignment(void **state) {
        _cleanup_(table_done) struct table table = {};

        check(&table, 80, "");
        table_add_column(&table, "NAME", TABLE_KEY, 0);
        table_add_column(&table, "N", TABLE_RIGHT, 0);
        table_add_column(&table, "TEXT", 0, 0);
        check(&table, 80, "");
        add_row(&table, (const char *const[]){ "a", "1", "x" });
        add_row(&table, (const char *const[]){ "longer", "1234", NULL });
        add_row(&table, (const char *const[]){ "b", NULL, "last" });
        check(&table, 0,
              "NAME       N  TEXT\n"
              "a          1  x\n"
              "longer  1234\n" /* no blanks at the end */
              "b             last\n");
        check(&table, 18, "NAME       N  TEXT\na          1  x\nlonger  1234\nb             last\n");
        assert_int_equal(table_width(&table), 18);
        assert_int_equal(table_n_rows(&table), 3);
}

/* What a terminal shows counts, not bytes: combining marks are narrow, CJK is wide. */
static void test_utf8_width(void **state) {
        _cleanup_(table_done) struct table table = { .indent = 1 };

        table_add_column(&table, "N", TABLE_RIGHT, 0);
        table_add_column(&table, "X", 0, 0);
        add_row(&table, (const char *const[]){ "größe", "|" });
        add_row(&table, (const char *const[]){ "漢字", "|" });
        add_row(&table, (const char *const[]){ "e\u0301", "|" });
        add_row(&table, (const char *const[]){ "\xff\xfe", "|" });
        check(&table, 0,
              "     N  X\n"
              " größe  |\n"
              "  漢字  |\n"
              "     e\u0301  |\n"
              "    ??  |\n");
}

static void test_cutting(void **state) {
        _cleanup_(table_done) struct table table = {};
        _cleanup_(freep) char *ascii = NULL;

        table_add_column(&table, "A", TABLE_KEY, 0);
        table_add_column(&table, "B", TABLE_FLEX, 4);
        table_add_column(&table, "C", TABLE_FLEX, 4);
        add_row(&table, (const char *const[]){ "a", "0123456789", "abcdef" });
        add_row(&table, (const char *const[]){ "b", "漢字漢字漢", "x" });
        check(&table, 21, "A  B           C\na  0123456789  abcdef\nb  漢字漢字漢  x\n");
        /* the widest gives first */
        check(&table, 18, "A  B        C\na  012345…  abcdef\nb  漢字漢…  x\n");
        check(&table, 13, "A  B     C\na  012…  abc…\nb  漢…   x\n");
        assert_int_equal(table_width_min(&table), 13);

        ascii = print(&table, 13, false, false);
        assert_string_equal(ascii, "A  B     C\na  01..  ab..\nb  漢..  x\n");
}

static void test_spilling(void **state) {
        _cleanup_(table_done) struct table table = {};

        table_add_column(&table, "NAME", TABLE_KEY, 0);
        table_add_column(&table, "LAST", TABLE_SPILL, 0);
        table_add_column(&table, "TASKS", TABLE_SPILL, 0);
        add_row(&table, (const char *const[]){ "first", "14:03", "bash, node" });
        add_row(&table, (const char *const[]){ "second", "14:04", NULL });
        check(&table, 25, "NAME    LAST   TASKS\nfirst   14:03  bash, node\nsecond  14:04\n");
        /* as few as needed, from the right */
        check(&table, 24, "NAME    LAST\nfirst   14:03\n    tasks: bash, node\nsecond  14:04\n");
        check(&table, 12,
              "NAME\n"
              "first\n"
              "    last: 1…\n"
              "    tasks: …\n"
              "second\n"
              "    last: 1…\n");
}

static void fill_cpus(struct table *table, int n) {
        char text[16];

        table_add_column(table, "TYPE", TABLE_KEY, 0);
        for (int i = 0; i < n; i++) {
                (void)snprintf(text, sizeof(text), "CPU%i", i);
                table_add_column(table, text, TABLE_RIGHT, 0);
        }
        table_add_column(table, "CHIP", TABLE_FLEX, 2);
        for (int row = 0; row < 2; row++) {
                table_add(table, COLOUR_NONE, row == 0 ? "RX" : "TIMER");
                for (int i = 0; i < n; i++)
                        table_addf(table, COLOUR_NONE, "%i", i * (row + 1));
                table_add(table, COLOUR_NONE, row == 0 ? "PCI-MSI" : NULL);
        }
}

static void test_blocks(void **state) {
        _cleanup_(table_done) struct table table = {};

        fill_cpus(&table, 5);
        check(&table, 20,
              "TYPE   CPU0  CPU1\n"
              "RX        0     1\n"
              "TIMER     0     2\n"
              "\n"
              "TYPE   CPU2  CPU3\n"
              "RX        2     3\n"
              "TIMER     4     6\n"
              "\n"
              "TYPE   CPU4  CHIP\n"
              "RX        4  PCI-MSI\n"
              "TIMER     8\n");
        check(&table, 13,
              "TYPE   CPU0\n"
              "RX        0\n"
              "TIMER     0\n"
              "\n"
              "TYPE   CPU1\n"
              "RX        1\n"
              "TIMER     2\n"
              "\n"
              "TYPE   CPU2\n"
              "RX        2\n"
              "TIMER     4\n"
              "\n"
              "TYPE   CPU3\n"
              "RX        3\n"
              "TIMER     6\n"
              "\n"
              "TYPE   CPU4\n"
              "RX        4\n"
              "TIMER     8\n"
              "\n"
              "TYPE   CHIP\n" /* cut: it does not fit even alone */
              "RX     PCI-M…\n"
              "TIMER\n");
}

/* Whatever the width: no line is longer, and every CPU is there exactly once. */
static void test_every_width(void **state) {
        enum { N = 40 };
        _cleanup_(table_done) struct table table = {};

        fill_cpus(&table, N);
        for (unsigned width = 12; width < 300; width++) {
                _cleanup_(freep) char *text = print(&table, width, false, true);
                int seen = 0;

                for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                        assert_true(text_width(line) <= width);
                        for (char *p = strstr(line, "CPU"); p; p = strstr(p + 1, "CPU"))
                                assert_int_equal(atoi(p + 3), seen++);
                }
                assert_int_equal(seen, N);
        }
}

static void test_groups(void **state) {
        _cleanup_(table_done) struct table table = {};

        table_add_column(&table, "TYPE", TABLE_KEY, 0);
        for (int i = 0; i < 4; i++) {
                table_add_column(&table, (const char *const[]){ "CPU0", "CPU2", "CPU1", "CPU3" }[i],
                                 TABLE_RIGHT, 0);
                table_set_group(&table, i < 2 ? "node 0" : "node 1");
        }
        add_row(&table, (const char *const[]){ "RX", "1", "2", "3", "4" });
        check(&table, 0,
              "      |node 0     |node 1\n"
              "TYPE  CPU0  CPU2  CPU1  CPU3\n"
              "RX       1     2     3     4\n");
        /* named again in the block where it goes on */
        check(&table, 24,
              "      |node 0     |node 1\n"
              "TYPE  CPU0  CPU2  CPU1\n"
              "RX       1     2     3\n"
              "\n"
              "      |node 1\n"
              "TYPE  CPU3\n"
              "RX       4\n");
}

static void test_header_every(void **state) {
        _cleanup_(table_done) struct table table = { .header_every = 2 };

        table_add_column(&table, "N", 0, 0);
        for (int i = 0; i < 5; i++)
                table_addf(&table, COLOUR_NONE, "%i", i);
        check(&table, 0, "N\n0\n1\nN\n2\n3\nN\n4\n");
}

static void test_colour(void **state) {
        _cleanup_(table_done) struct table table = {};
        _cleanup_(freep) char *text = NULL;

        table_add_column(&table, "A", TABLE_RIGHT, 0);
        table_add_column(&table, "B", 0, 0);
        table_add(&table, COLOUR_RED, "1");
        table_add(&table, COLOUR_NONE, "x\033[2Jy\n");
        text = print(&table, 0, true, true);
        /* the padding is not coloured; what was in the cell cannot colour anything */
        assert_string_equal(text, "\033[1mA\033[0m  \033[1mB\033[0m\n\033[1;31m1\033[0m  x?[2Jy?\n");
}

static void test_wrap(void **state) {
        static const struct {
                unsigned width, column;
                const char *text, *expected;
        } cases[] = {
                { 20, 0, "", "\n" },
                { 20, 0, "one two three four five", "one two three four\nfive\n" },
                { 20, 4, "one two three four five", "one two three\n    four five\n" },
                { 20, 0, "at the least 48.2 ms, it is", "at the least\n48.2 ms, it is\n" },
                { 20, 0, "look: \"perf record -a\" shows", "look:\n\"perf record -a\"\nshows\n" },
                { 10, 0, "a \"perf record -a -g\" b", "a \"perf\nrecord -a\n-g\" b\n" },
                { 20, 2, "one\ntwo", "one\n  two\n" },
                { 10, 0, "averyveryverylongword x", "averyveryverylongword\nx\n" },
                { 0, 0, "as it is", "as it is\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct style style = { .width = cases[i].width };
                _cleanup_(freep) char *text = NULL;
                size_t size = 0;
                FILE *f = open_memstream(&text, &size);

                assert_non_null(f);
                style_wrap(&style, f, cases[i].column, COLOUR_NONE, cases[i].text);
                assert_int_equal(fclose(f), 0);
                assert_string_equal(text, cases[i].expected);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alignment), cmocka_unit_test(test_utf8_width),
                cmocka_unit_test(test_cutting),   cmocka_unit_test(test_spilling),
                cmocka_unit_test(test_blocks),    cmocka_unit_test(test_every_width),
                cmocka_unit_test(test_groups),    cmocka_unit_test(test_header_every),
                cmocka_unit_test(test_colour),    cmocka_unit_test(test_wrap),
        };

        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
