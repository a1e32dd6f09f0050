/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-net-snmp.h"

/* Values as "Group.Name=-1;" */
struct values {
        char text[1024];
        int fail;
};

static int add_value(const struct proc_net_snmp_value *value, void *userdata) {
        struct values *values = userdata;

        sprintf(values->text + strlen(values->text), "%.*s.%.*s=%s%llu;", (int)value->group.size,
                value->group.data, (int)value->name.size, value->name.data, value->negative ? "-" : "",
                (unsigned long long)value->value);
        return values->fail;
}

static int parse(const char *text, struct values *values) {
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);

        copy = malloc(size + !size); /* without a NUL, so that a sanitizer sees a read beyond its end */
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_net_snmp_parse(copy, size, add_value, values);
}

static void check(const char *text, const char *expected) {
        struct values values = {};

        assert_int_equal(parse(text, &values), 0);
        assert_string_equal(values.text, expected);
}

static void check_bad(const char *text) {
        struct values values = {};

        assert_int_equal(parse(text, &values), -EBADMSG);
}

static void test_values(void **state) {
        check("Tcp: RtoMin MaxConn\nTcp: 200 -1\n", "Tcp.RtoMin=200;Tcp.MaxConn=-1;");
        check("TcpExt: A\nTcpExt: 18446744073709551615\nIpExt: A B\nIpExt: 0 7\n",
              "TcpExt.A=18446744073709551615;IpExt.A=0;IpExt.B=7;");
        check("IcmpMsg:\nIcmpMsg:\n", ""); /* nothing was counted yet */
        check("Udp: A \nUdp: 1 \n", "Udp.A=1;");
}

static void test_bad(void **state) {
        check_bad("");
        check_bad("\n");
        check_bad("Tcp: A\n");
        check_bad("Tcp: A\nTcp: 1");
        check_bad("Tcp: A\nUdp: 1\n");
        check_bad("Tcp: A\nTcpExt: 1\n");
        check_bad("Tcp: A B\nTcp: 1\n");
        check_bad("Tcp: A\nTcp: 1 2\n");
        check_bad("Tcp: A\nTcp: x\n");
        check_bad("Tcp: A\nTcp: --1\n");
        check_bad("Tcp: A\nTcp: -\n");
        check_bad("Tcp: A\nTcp: 18446744073709551616\n");
        check_bad("Tcp A\nTcp 1\n");
        check_bad(": A\n: 1\n");
        check_bad("A\n1\n");
        check_bad("Tcp: \x7f\nTcp: 1\n");
        check_bad("Tcp: \xff\nTcp: 1\n");
        check_bad("T\x01: A\nT\x01: 1\n");
        check_bad("Tcp: A\nTcp: 1\nUdp: B\n"); /* names without values */
}

static void test_every_truncation(void **state) {
        static const char good[] = "Tcp: A B\nTcp: 12 -3\nUdp: C\nUdp: 4\n";
        char text[sizeof(good)];

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                struct values values = {};

                memcpy(text, good, n);
                text[n] = '\0';
                assert_int_equal(parse(text, &values),
                                 n == sizeof("Tcp: A B\nTcp: 12 -3\n") - 1 ? 0 : -EBADMSG);
        }
}

static void test_callback_stops(void **state) {
        struct values values = { .fail = -ENOBUFS };

        assert_int_equal(parse("Tcp: A B\nTcp: 1 2\n", &values), -ENOBUFS);
        assert_string_equal(values.text, "Tcp.A=1;");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_callback_stops),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
