/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page of "irqctl report --html": what is in it against a golden file (IRQWATCH_UPDATE_GOLDEN=1 writes it
 * anew), that no name is ever more than text, how large it gets, and the values per slice that it draws.
 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <locale.h>
#include <time.h>

#include "client/html-assets.h"
#include "client/html-chart.h"
#include "common/fileio.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/html-input.h"

enum { PAGE_MAX = 2000000 };

static char *make_page(int n_cpus, int n_windows) {
        _cleanup_(html_input_done) struct html_input input = {};
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        assert_int_equal(html_make_input(getenv("IRQWATCH_FIXTURES"), n_cpus, n_windows, &input), 0);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(html_page_write(f, &input), 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(strlen(text), size);
        return text;
}

/* What changes with every edit of style, script and flame graph is not the page's matter. */
static void cut_between(char *text, const char *start, const char *end) {
        char *from = strstr(text, start), *to;

        assert_non_null(from);
        from += strlen(start);
        to = strstr(from, end);
        assert_non_null(to);
        memmove(from, to, strlen(to) + 1);
}

static void test_golden(void **state) {
        _cleanup_(text_buffer_done) struct text_buffer golden = {};
        _cleanup_(freep) char *text = make_page(2, 6);
        char path[4096];

        cut_between(text, "<style>", "</style>");
        cut_between(text, "<script>", "</script>");
        cut_between(text, "base64,", "\"");
        (void)snprintf(path, sizeof(path), "%s/client/golden/report-db1.html", getenv("IRQWATCH_FIXTURES"));
        if (getenv("IRQWATCH_UPDATE_GOLDEN")) {
                FILE *f = fopen(path, "we");

                assert_non_null(f);
                fputs(text, f);
                assert_int_equal(fclose(f), 0);
                return;
        }

        assert_int_equal(text_buffer_read(&golden, AT_FDCWD, path, 1 << 22), 0);
        assert_string_equal(text, golden.data);
}

static size_t count(const char *text, const char *what) {
        size_t n = 0;

        for (; (text = strstr(text, what)); text += strlen(what))
                n++;
        return n;
}

/* One script, which is ours; no element or control character from a name. */
static void test_hostile(void **state) {
        _cleanup_(freep) char *text = make_page(4, 40);

        assert_int_equal(count(text, "<script"), 1);
        assert_int_equal(count(text, "</script"), 1);
        assert_int_equal(count(text, "<img"), 0);
        assert_int_equal(count(text, "<style"), 1);
        assert_true(count(text, "&lt;script&gt;alert(1)") > 10);
        for (const char *p = text; *p; p++)
                assert_false((unsigned char)*p < 0x20 && *p != '\n');
        assert_null(strstr(html_js, "</"));
        assert_null(strstr(html_css, "</"));
        assert_null(strstr(html_js, "<!--"));
        /* Nothing is loaded from anywhere. */
        assert_null(strstr(text, "src=\"http"));
        assert_null(strstr(text, "url("));
        assert_null(strstr(text, "<link"));
}

static void test_size(void **state) {
        _cleanup_(freep) char *text = make_page(64, 10000);

        assert_true(strlen(text) < PAGE_MAX);
        assert_non_null(strstr(text, "the longest 1000 of 10000"));
}

static void test_slices(void **state) {
        assert_int_equal(html_n_slices(0, 3600 * USEC_PER_SEC, 64), 120);
        assert_int_equal(html_n_slices(0, 3600 * USEC_PER_SEC, 2), 120);
        assert_int_equal(html_n_slices(0, 10 * USEC_PER_SEC, 2), 10);
        assert_int_equal(html_n_slices(0, 1, 2), 1);
        assert_int_equal(html_n_slices(0, 3600 * USEC_PER_SEC, 128), 64);
        assert_int_equal(html_n_slices(0, 3600 * USEC_PER_SEC, 8192), 24);
}

static int add(struct html_matrix *matrix, size_t slice, const char *text) {
        struct json_object *object = json_tokener_parse(text);
        int r;

        assert_non_null(object);
        r = html_matrix_add(matrix, slice, object, true);
        json_object_put(object);
        return r;
}

static const char first[] = "{\"elapsedNsec\":2000000000,\"cpus\":[0,2],\"online\":[0,2],\"rows\":["
                            "{\"name\":\"A\",\"perCpu\":[{\"cpu\":2,\"total\":10},{\"cpu\":7,\"total\":99}]},"
                            "{\"name\":\"B\",\"perCpu\":[{\"cpu\":2,\"total\":4}]}]}";
static const char second[] = "{\"elapsedNsec\":1000000000,\"cpus\":[2,5,-1,99999],\"online\":[5],\"rows\":["
                             "{\"name\":\"A\",\"perCpu\":[{\"cpu\":5,\"total\":3}]}]}";

static void test_matrix(void **state) {
        _cleanup_(html_matrix_done) struct html_matrix matrix = {};

        html_matrix_init(&matrix, 0, 4 * USEC_PER_SEC, 4);
        assert_int_equal(add(&matrix, 0, first), 0);
        assert_int_equal(add(&matrix, 2, second), 0);
        assert_int_equal(matrix.n_series, 3);
        assert_string_equal(matrix.series[1].name, "A");
        assert_true(html_value(&matrix, &matrix.series[0], 2, 0) == 7);
        assert_true(html_value(&matrix, &matrix.series[1], 2, 0) == 5);
        assert_true(html_value(&matrix, &matrix.series[1], 0, 0) == 0);
        assert_true(html_value(&matrix, &matrix.series[1], 0, 1) < 0);
        assert_true(html_value(&matrix, &matrix.series[0], 5, 2) == 3);
        assert_true(html_value(&matrix, &matrix.series[0], 5, 0) < 0);
        assert_true(html_value(&matrix, &matrix.series[0], 2, 2) < 0); /* offline */
        assert_true(html_value(&matrix, &matrix.series[0], 7, 0) < 0); /* not listed */
        assert_true(html_value(&matrix, &matrix.series[0], 99, 9) < 0);
        assert_int_equal(cpu_set_count(&matrix.cpus), 3);
        assert_int_equal(html_slice_start(&matrix, 3), 3 * USEC_PER_SEC);
        assert_true(matrix.series[0].most == 7);
}

static void add_step(struct html_matrix *matrix, unsigned since, unsigned until, const char *rest) {
        struct json_object *object;
        char text[512];

        (void)snprintf(text, sizeof(text), "{\"sinceUsec\": %u, \"untilUsec\": %u, \"elapsedNsec\": %u000, %s}",
                       since * 100000, until * 100000, (until - since) * 100000, rest); /* fits */
        object = json_tokener_parse(text);
        assert_non_null(object);
        assert_int_equal(html_matrix_add_step(matrix, object, true), 0);
        json_object_put(object);
}

/* Ten slices of a second. Steps begin and end a little off; one is of three seconds, one second is missing. */
static void test_matrix_steps(void **state) {
        static const char one[] = "\"missing\": false, \"online\": [0, 1], \"rows\": [{\"name\": \"A\", "
                                  "\"perCpu\": [{\"cpu\": 1, \"total\": 60}]}]";
        static const double expected[] = { -1, 60, 60, 20, 20, 20, -1, -1, 66, -1 };
        _cleanup_(html_matrix_done) struct html_matrix matrix = {};

        html_matrix_init(&matrix, 0, 10 * USEC_PER_SEC, 10);
        add_step(&matrix, 9, 19, one);
        add_step(&matrix, 19, 29, one);
        add_step(&matrix, 29, 59, one);
        add_step(&matrix, 59, 82, "\"missing\": true, \"online\": [], \"rows\": []");
        add_step(&matrix, 82, 91, one);
        for (size_t i = 0; i < 10; i++) {
                double value = html_value(&matrix, &matrix.series[0], 1, i);

                assert_true(expected[i] < 0 ? value < 0 : value > expected[i] - 1 && value < expected[i] + 1);
                assert_true(html_value(&matrix, &matrix.series[1], 0, i) == (expected[i] < 0 ? -1 : 0));
        }
}

static void test_no_memory(void **state) {
        struct json_object *object = json_tokener_parse(first);
        bool failed = true;

        for (unsigned n = 1; failed; n++) {
                _cleanup_(html_matrix_done) struct html_matrix matrix = {};
                int r;

                html_matrix_init(&matrix, 0, 4 * USEC_PER_SEC, 4);
                alloc_fail_at(n);
                r = html_matrix_add(&matrix, 1, object, true);
                failed = alloc_fail_end();
                assert_true(r == 0 || r == -ENOMEM);
                assert_true(failed || r == 0);
                assert_true(n < 100);
        }
        json_object_put(object);
}

/* No events, no rates, no status: a page that says so. */
static void test_nothing(void **state) {
        _cleanup_(html_input_done) struct html_input input = { .now_us = HTML_UNTIL_US };
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        flame_graph_init(&input.flame, FLAME_WEIGHT_TIME);
        input.report = html_load(getenv("IRQWATCH_FIXTURES"), "report-quiet");
        assert_non_null(input.report);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(html_page_write(f, &input), 0);
        assert_int_equal(fclose(f), 0);
        assert_non_null(strstr(text, "None in this span."));
        assert_non_null(strstr(text, "Nothing was recorded in this span."));
        assert_non_null(strstr(text, "</html>"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),  cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_size),    cmocka_unit_test(test_slices),
                cmocka_unit_test(test_matrix),
                cmocka_unit_test(test_matrix_steps),  cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_nothing),
        };

        (void)setenv("TZ", "UTC", 1);
        tzset();
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
