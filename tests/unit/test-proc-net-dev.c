/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-net-dev.h"

#define HEADER \
        "Inter-|   Receive                                                |  Transmit\n" \
        " face |bytes    packets errs drop fifo frame compressed multicast|" \
        "bytes    packets errs drop fifo colls carrier compressed\n"
#define VALUES "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"

/* Rows as "NAME rx-packets rx-bytes ...;" */
struct rows {
        char text[1024];
        int fail;
};

static int add_row(const struct proc_net_dev_row *row, void *userdata) {
        struct rows *rows = userdata;
        size_t n = strlen(rows->text);

        n += (size_t)sprintf(rows->text + n, "%.*s", (int)row->name.size, row->name.data);
        for (size_t i = 0; i < _NETDEV_COUNTER_MAX; i++)
                n += (size_t)sprintf(rows->text + n, " %llu", (unsigned long long)row->counters[i]);
        sprintf(rows->text + n, ";");
        return rows->fail;
}

static int parse(const char *text, struct rows *rows) {
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);

        copy = malloc(size + !size); /* without a NUL, so that a sanitizer sees a read beyond its end */
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_net_dev_parse(copy, size, add_row, rows);
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
        check(HEADER "    lo: " VALUES "\n", "lo 2 1 4 3 10 9 12 11;");
        /* numbers wider than their columns, names without a blank behind */
        check(HEADER "  eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                     "br-0123456789ab:       0       0    0    0    0     0          0         0        0    "
                     "   0    0"
                     "    0    0     0       0          0\n",
              "eth0 2 18446744073709551615 4 3 10 9 12 11;br-0123456789ab 0 0 0 0 0 0 0 0;");
        check(HEADER "\xe2\x82\xac: " VALUES "\n", "\xe2\x82\xac 2 1 4 3 10 9 12 11;");
}

static void test_bad(void **state) {
        check_bad("");
        check_bad(HEADER);
        check_bad("    lo: " VALUES "\n");
        check_bad(HEADER "    lo: " VALUES); /* no newline */
        check_bad(HEADER "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n");
        check_bad(HEADER "    lo: " VALUES " 17\n");
        check_bad(HEADER "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -16\n");
        check_bad(HEADER "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551616\n");
        check_bad(HEADER "    lo " VALUES "\n");
        check_bad(HEADER "      : " VALUES "\n");
        check_bad(HEADER "  l o : " VALUES "\n");
        check_bad(HEADER "    ..: " VALUES "\n");
        check_bad(HEADER "     .: " VALUES "\n");
        check_bad(HEADER "../eth0: " VALUES "\n");
        check_bad(HEADER "sixteen-letters-: " VALUES "\n");
        check_bad(HEADER "\n    lo: " VALUES "\n");
        check_bad("Inter-|   Receive |  Transmit\n    lo: " VALUES "\n");
}

static void test_every_truncation(void **state) {
        static const char good[] = HEADER "    lo: " VALUES "\n  eth0: " VALUES "\n";
        char text[sizeof(good)];

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                struct rows rows = {};
                int r;

                memcpy(text, good, n);
                text[n] = '\0';
                r = parse(text, &rows);
                /* Interfaces come and go: that one more stood there cannot be known. */
                assert_int_equal(r, n > sizeof(HEADER) && text[n - 1] == '\n' ? 0 : -EBADMSG);
        }
}

static void test_callback_stops(void **state) {
        struct rows rows = { .fail = -ENOBUFS };

        assert_int_equal(parse(HEADER "    lo: " VALUES "\n  eth0: " VALUES "\n", &rows), -ENOBUFS);
        assert_string_equal(rows.text, "lo 2 1 4 3 10 9 12 11;");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_callback_stops),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
