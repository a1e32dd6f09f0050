/* SPDX-License-Identifier: Apache-2.0 */

/* The pure parts of irqwatch-exporter: what scrapers ask for, and where to listen. */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cleanup.h"
#include "exporter/listen.h"
#include "exporter/negotiate.h"

static void test_format(void **state) {
        static const struct {
                const char *accept;
                enum metrics_format expected;
        } cases[] = {
                { NULL, METRICS_TEXT },
                { "", METRICS_TEXT },
                { "*/*", METRICS_TEXT },
                { "text/html,application/xhtml+xml,*/*;q=0.8", METRICS_TEXT }, /* a browser */
                { "text/plain;version=0.0.4", METRICS_TEXT },
                { "application/openmetrics-text", METRICS_OPENMETRICS },
                /* Prometheus 2.42 */
                { "application/openmetrics-text;version=1.0.0,application/"
                  "openmetrics-text;version=0.0.1;q=0.75,"
                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                  METRICS_OPENMETRICS },
                /* Prometheus 3 */
                { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                  "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
                  METRICS_OPENMETRICS },
                { "application/openmetrics-text;version=0.0.1,text/plain;q=0.5",
                  METRICS_TEXT }, /* not that version */
                { "application/openmetrics-text;q=0.3, text/plain;q=0.9", METRICS_TEXT },
                { "application/openmetrics-text ; version=1.0.0 ; q=0", METRICS_TEXT },
                { "APPLICATION/OpenMetrics-Text; Version=1.0.0", METRICS_OPENMETRICS },
                { "application/openmetrics-text;q=x", METRICS_TEXT },
                { ";;,,=;q=,application/openmetrics-text", METRICS_OPENMETRICS },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (negotiate_format(cases[i].accept) != cases[i].expected)
                        fail_msg("format for %s", cases[i].accept ?: "(none)");
}

static void test_gzip(void **state) {
        assert_false(negotiate_gzip(NULL));
        assert_false(negotiate_gzip(""));
        assert_false(negotiate_gzip("identity"));
        assert_false(negotiate_gzip("gzip;q=0"));
        assert_false(negotiate_gzip("gzip;q=0, *"));
        assert_false(negotiate_gzip("br, zstd"));
        assert_true(negotiate_gzip("gzip"));
        assert_true(negotiate_gzip("deflate, gzip;q=0.5"));
        assert_true(negotiate_gzip("*"));
}

static void test_timeout(void **state) {
        assert_int_equal(negotiate_timeout_ns(NULL), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns(""), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("-1"), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("0"), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("nan"), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("2s"), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("1e300"), 54 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("10.000000"), 9 * NSEC_PER_SEC);
        assert_int_equal(negotiate_timeout_ns("0.5"), 450 * NSEC_PER_MSEC);
}

static void check_address(const char *text, const char *host, const char *port) {
        _cleanup_(freep) char *got_host = NULL, *got_port = NULL;
        int r = listen_parse(text, &got_host, &got_port);

        if (!host) {
                assert_int_equal(r, -EINVAL);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(got_host, host);
        assert_string_equal(got_port, port);
}

static void test_addresses(void **state) {
        check_address("[::1]:19955", "::1", "19955");
        check_address("127.0.0.1:0", "127.0.0.1", "0");
        check_address("localhost:80", "localhost", "80");
        check_address(":19955", "", "19955");
        check_address("[fe80::1%eth0]:1", "fe80::1%eth0", "1");
        check_address("::1:19955", NULL, NULL);
        check_address("19955", NULL, NULL);
        check_address("localhost", NULL, NULL);
        check_address("localhost:", NULL, NULL);
        check_address("localhost:65536", NULL, NULL);
        check_address("localhost:http", NULL, NULL);
        check_address("[::1]", NULL, NULL);
}

static void test_listen(void **state) {
        _cleanup_(closep) int fd = -EBADF;

        assert_int_equal(listen_on("127.0.0.1:0", &fd), 0);
        assert_true(fd >= 0);
        assert_int_equal(listen_on("192.0.2.1:0", &fd), -EADDRNOTAVAIL); /* RFC 5737: nobody's */
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format),  cmocka_unit_test(test_gzip),
                cmocka_unit_test(test_timeout), cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_listen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
