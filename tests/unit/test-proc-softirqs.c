/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/collect/proc-softirqs.h"
#include "tests/harness/alloc-fail.h"

#define HEADER "                    CPU0       CPU3       \n"

/* Rows as "NAME 0=1 3=2;" */
struct rows {
        char text[1024];
        int fail;
};

static int add_row(const struct proc_softirqs_row *row, const struct proc_table *table, void *userdata) {
        struct rows *rows = userdata;
        size_t n = strlen(rows->text);

        n += (size_t)sprintf(rows->text + n, "%.*s", (int)row->name.size, row->name.data);
        for (size_t i = 0; i < table->n_cpus; i++)
                n += (size_t)sprintf(rows->text + n, " %i=%llu", table->cpus[i],
                                     (unsigned long long)row->counts[i]);
        sprintf(rows->text + n, ";");
        return rows->fail;
}

/* The text is copied to the heap without a NUL, so that a sanitizer sees a read beyond its end. */
static int parse(const char *text, struct rows *rows) {
        _cleanup_(proc_table_done) struct proc_table table = {};
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);

        copy = malloc(size + !size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_softirqs_parse(copy, size, &table, add_row, rows);
}

static void check(const char *text, const char *expected) {
        struct rows rows = {};

        assert_int_equal(parse(text, &rows), 0);
        assert_string_equal(rows.text, expected);
}

static void check_bad(const char *text) {
        struct rows rows = {};

        assert_int_equal(parse(text, &rows), -EBADMSG);
}

static void test_rows(void **state) {
        check(HEADER "          HI:          0          1\n"
                     "      NET_RX: 4294967295         12\n",
              "HI 0=0 3=1;NET_RX 0=4294967295 3=12;");
        /* trailing blanks, as before 2.6.38 */
        check(HEADER "BLOCK_IOPOLL:          7          0 \n", "BLOCK_IOPOLL 0=7 3=0;");
        /* wider than the column */
        check(HEADER "       TIMER: 12345678901          0\n", "TIMER 0=12345678901 3=0;");
        check(HEADER "       TIMER:          0 18446744073709551615\n", "TIMER 0=0 3=18446744073709551615;");
}

static void test_bad_header(void **state) {
        check_bad("");
        check_bad("\n");
        check_bad(HEADER);
        check_bad("          HI:          0          1\n");
        check_bad("     CPU0  CPU3"); /* no newline */
        check_bad("     CPU0  CPU\n          HI:          0          1\n");
        check_bad("     CPU0  CPUx\n          HI:          0          1\n");
        check_bad("     CPU0  CPU1x\n          HI:          0          1\n");
        check_bad("     CPU0  cpu1\n          HI:          0          1\n");
        check_bad("     CPU3  CPU0\n          HI:          0          1\n"); /* descending */
        check_bad("     CPU0  CPU0\n          HI:          0          1\n");
        check_bad("     CPU0  CPU8192\n          HI:          0          1\n");
        check_bad("     CPU0  CPU99999999999999999999\n          HI:          0          1\n");
        check_bad("     CPU0  CPU-1\n          HI:          0          1\n");
}

static void test_bad_rows(void **state) {
        check_bad(HEADER "          HI:          0          1"); /* no newline */
        check_bad(HEADER "          HI:          0          1\n      NET");
        check_bad(HEADER "          HI:          0\n");
        check_bad(HEADER "          HI:\n");
        check_bad(HEADER "          HI\n");
        check_bad(HEADER "            :          0          1\n");
        check_bad(HEADER "         H I:          0          1\n");
        check_bad(HEADER "          HI:          0          1          2\n");
        check_bad(HEADER "          HI:          0          1 text\n");
        check_bad(HEADER "          HI:          0          1text\n");
        check_bad(HEADER "          HI:          0         -1\n");
        check_bad(HEADER "          HI:          0         1.\n");
        check_bad(HEADER "          HI:          0       0x10\n");
        check_bad(HEADER "          HI:          0 0000000001\n");
        check_bad(HEADER "          HI:          01          1\n");
        check_bad(HEADER "          HI: 0 1\n"); /* too narrow for counts */
        check_bad(HEADER "          HI:          0 18446744073709551616\n");
        check_bad(HEADER "          HI:          0 99999999999999999999\n");
        check_bad(HEADER "          HI:          0 184467440737095516150\n");
        check_bad(HEADER "\n          HI:          0          1\n");
}

/* Every proper prefix of a good file that does not end with a line is refused. */
static void test_every_truncation(void **state) {
        static const char good[] = HEADER "          HI:          0          1\n"
                                          "       TIMER: 4294967295         12\n";
        char text[sizeof(good)];

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                struct rows rows = {};
                int r;

                memcpy(text, good, n);
                text[n] = '\0';
                r = parse(text, &rows);
                if (n > sizeof(HEADER) && text[n - 1] == '\n')
                        assert_int_equal(r, 0);
                else
                        assert_int_equal(r, -EBADMSG);
        }
}

static void test_callback_stops(void **state) {
        struct rows rows = { .fail = -ENOBUFS };

        assert_int_equal(parse(HEADER "          HI:          0          1\n"
                                      "       TIMER:          2          3\n",
                               &rows),
                         -ENOBUFS);
        assert_string_equal(rows.text, "HI 0=0 3=1;");
}

static void test_no_memory(void **state) {
        _cleanup_(proc_table_done) struct proc_table table = {};
        static const char text[] = HEADER "          HI:          0          1\n";

        for (unsigned nth = 1; nth <= 2; nth++) {
                struct rows rows = {};

                alloc_fail_at(nth);
                assert_int_equal(proc_softirqs_parse(text, sizeof(text) - 1, &table, add_row, &rows),
                                 -ENOMEM);
                assert_true(alloc_fail_end());
                proc_table_done(&table);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),           cmocka_unit_test(test_bad_header),
                cmocka_unit_test(test_bad_rows),       cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_callback_stops), cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
