/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client's text against golden files: fixtures/client/NAME.json -> fixtures/client/golden/NAME.CASE.txt.
 * With IRQWATCH_UPDATE_GOLDEN=1 in the environment the files are written anew instead; read the difference
 * before you commit it.
 */

#include "tests/unit/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/compare.h"
#include "client/field.h"
#include "client/message.h"
#include "client/numa.h"
#include "client/steps-table.h"
#include "client/verbs.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/varlink-frame.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

#include <fcntl.h>

#define NOW_US (UINT64_C(1795356790) * USEC_PER_SEC) /* 2026-11-22 14:13:10 UTC */

enum { FIXTURE_MAX = 1024 * 1024 };

static const int two_nodes[] = { 0, 1, 0, 1, 0, 1, 0, 1 };

static int render_events(const struct style *style, struct json_object *reply, FILE *f) {
        struct json_object *events = field_array(reply, "events");
        uint64_t last_us = 0;
        int r;

        r = render_events_header(style, f);
        for (size_t i = 0; i < array_length(events) && r == 0; i++)
                r = render_events_line(style, array_at(events, i), &last_us, f);
        return r;
}

static int rates_default(const struct style *style, struct json_object *rates, FILE *f) {
        const struct rates_view view = {};

        return render_rates(style, rates, &view, f);
}

static int rates_all(const struct style *style, struct json_object *rates, FILE *f) {
        const struct rates_view view = {
                .totals = true, .all = true, .sort = RATES_BY_NAME, .header_every = 5
        };

        return render_rates(style, rates, &view, f);
}

static int rates_numa(const struct style *style, struct json_object *rates, FILE *f) {
        const struct rates_view view = { .node_of = two_nodes, .n_nodes = ELEMENTSOF(two_nodes) };

        return render_rates(style, rates, &view, f);
}

/* What was asked for, and the replies. */
static int render_steps(const struct style *style, struct json_object *answer, const struct steps_view *options,
                        bool per_cpu, FILE *f) {
        _cleanup_(steps_table_done) struct steps_table table = { .per_cpu = per_cpu };
        struct json_object *replies = field_array(answer, "replies");
        struct steps_view view = *options;
        int r = 0;

        view.since_us = field_u64(answer, "sinceUsec");
        view.until_us = field_u64(answer, "untilUsec");
        for (size_t i = 0; i < array_length(replies) && r == 0; i++)
                r = steps_table_add(&table, field_object(array_at(replies, i), "rates"));
        return r < 0 ? r : steps_table_print(&table, style, &view, f);
}

static int steps_default(const struct style *style, struct json_object *answer, FILE *f) {
        return render_steps(style, answer, &(struct steps_view){}, false, f);
}

static int steps_all(const struct style *style, struct json_object *answer, FILE *f) {
        return render_steps(style, answer, &(struct steps_view){ .all = true, .totals = true, .by_name = true }, false,
                            f);
}

static int steps_cpus(const struct style *style, struct json_object *answer, FILE *f) {
        return render_steps(style, answer, &(struct steps_view){}, true, f);
}

/* Both reports; with their comparison as JSON, if the answer is not wanted as text. */
static int compare_both(struct json_object *answer, struct json_object **ret_result) {
        struct json_object *then = field_object(answer, "then"), *now = field_object(answer, "now");

        return compare_reports(
                &(struct compare_side){ field_object(then, "report"), field_object(then, "softnet") },
                &(struct compare_side){ field_object(now, "report"), field_object(now, "softnet") }, ret_result);
}

static int compare_text(const struct style *style, struct json_object *answer, FILE *f) {
        _cleanup_(json_putp) struct json_object *result = NULL;
        int r;

        r = compare_both(answer, &result);
        return r < 0 ? r : compare_render(style, result, f);
}

static int compare_json(const struct style *style, struct json_object *answer, FILE *f) {
        _cleanup_(json_putp) struct json_object *result = NULL;
        int r;

        r = compare_both(answer, &result);
        if (r < 0)
                return r;
        fprintf(f, "%s\n", json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY));
        return 0;
}

static int histograms_default(const struct style *style, struct json_object *histograms, FILE *f) {
        return render_histograms(style, histograms, RATES_BY_RATE, f);
}

static int histograms_by_name(const struct style *style, struct json_object *histograms, FILE *f) {
        return render_histograms(style, histograms, RATES_BY_NAME, f);
}

static int histograms_ascii(const struct style *style, struct json_object *histograms, FILE *f) {
        struct style ascii = *style;

        ascii.utf8 = false;
        return render_histograms(&ascii, histograms, RATES_BY_RATE, f);
}

static int render_syn_flood(const struct style *style, struct json_object *report, FILE *f) {
        return render_findings_of(style, report, "syn-flood", f);
}

static int render_no_such(const struct style *style, struct json_object *report, FILE *f) {
        return render_findings_of(style, report, "no-such-finding", f);
}

static const struct golden {
        const char *fixture, *suffix;
        int (*render)(const struct style *style, struct json_object *object, FILE *f);
        unsigned width;
        bool colour;
} goldens[] = {
        { "report-db1", "80", render_report, 80, false },
        { "report-db1", "80.color", render_report, 80, true },
        { "report-db1", "200", render_report, 200, false },
        { "report-db1", "40", render_report, 40, false },
        { "report-db1", "file", render_report, 0, false },
        { "report-spans", "80", render_report, 80, false },
        { "report-spans", "200", render_report, 200, false },
        { "report-syn-flood", "80", render_report, 80, false },
        { "report-syn-flood", "100", render_report, 100, false },
        { "report-syn-flood", "finding", render_syn_flood, 80, false },
        { "report-syn-flood", "no-finding", render_no_such, 80, false },
        { "report-affinity", "80", render_report, 80, false },
        { "report-affinity", "200", render_report, 200, false },
        { "report-quiet", "80", render_report, 80, false },
        { "report-quiet", "80.color", render_report, 80, true },
        { "report-counters-only", "80", render_report, 80, false },
        { "report-steal", "80", render_report, 80, false },
        { "report-flood", "80", render_report, 80, false },
        { "report-flood-forged", "80", render_report, 80, false },
        { "report-64cpus", "80", render_report, 80, false },
        { "report-64cpus", "200", render_report, 200, false },
        { "rates-softirqs", "80", rates_default, 80, false },
        { "rates-softirqs", "200.color", rates_default, 200, true },
        { "rates-softirqs", "80.all", rates_all, 80, false },
        { "rates-softirqs", "80.numa", rates_numa, 80, false },
        { "rates-interrupts", "80", rates_default, 80, false },
        { "rates-interrupts", "200", rates_default, 200, false },
        { "rates-interrupts", "80.all", rates_all, 80, false },
        { "rates-cpu", "80", rates_default, 80, false },
        { "rates-cpu", "80.all", rates_all, 80, false },
        { "rates-ksoftirqd", "80", rates_default, 80, false },
        { "rates-64cpus", "80", rates_default, 80, false },
        { "rates-64cpus", "200", rates_default, 200, false },
        { "compare-db1", "80", compare_text, 80, false },
        { "compare-db1", "120.color", compare_text, 120, true },
        { "compare-db1", "json", compare_json, 0, false },
        { "compare-counters", "80", compare_text, 80, false },
        { "compare-quiet", "80", compare_text, 80, false },
        { "steps-softirqs", "80", steps_default, 80, false },
        { "steps-softirqs", "80.color", steps_default, 80, true },
        { "steps-softirqs", "80.all", steps_all, 80, false },
        { "steps-softirqs", "80.cpus", steps_cpus, 80, false },
        { "steps-interrupts", "80", steps_default, 80, false },
        { "steps-interrupts", "80.all", steps_all, 80, false },
        { "histograms-softirqs", "80", histograms_default, 80, false },
        { "histograms-softirqs", "200.color", histograms_default, 200, true },
        { "histograms-softirqs", "80.ascii", histograms_ascii, 80, false },
        { "histograms-softirqs", "40", histograms_default, 40, false },
        { "histograms-hardirqs", "80", histograms_default, 80, false },
        { "histograms-hardirqs", "80.name", histograms_by_name, 80, false },
        { "histograms-calls", "80", histograms_default, 80, false },
        { "histograms-wait", "80", histograms_default, 80, false },
        { "histograms-none", "80", histograms_default, 80, false },
        { "histograms-large", "80", histograms_default, 80, false },
        { "events", "80", render_events, 80, false },
        { "events", "200", render_events, 200, false },
        { "events", "file.color", render_events, 0, true },
        { "event-irq-off", "80", render_event, 80, false },
        { "event-irq-off", "200.color", render_event, 200, true },
        { "event-steal", "80", render_event, 80, false },
        { "event-affinity", "80", render_event, 80, false },
        { "event-collector", "80", render_event, 80, false },
        { "status", "80", render_status, 80, false },
        { "status", "200.color", render_status, 200, true },
        { "status-plain", "80", render_status, 80, false },
};

static struct style style_of(const struct golden *golden) {
        return (struct style){
                .width = golden->width, .colour = golden->colour, .utf8 = true, .now_us = NOW_US
        };
}

static void fixture_path(const char *name, char *path, size_t size) {
        const char *root = getenv("IRQWATCH_FIXTURES");

        assert_non_null(root);
        assert_true((size_t)snprintf(path, size, "%s/client/%s", root, name) < size);
}

static struct json_object *load(const char *fixture) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        struct json_object *object = NULL;
        char name[64], path[4096];

        (void)snprintf(name, sizeof(name), "%s.json", fixture);
        fixture_path(name, path, sizeof(path));
        assert_int_equal(text_buffer_read(&buffer, AT_FDCWD, path, FIXTURE_MAX), 0);
        /* as strictly as what comes over the socket, less its line end */
        assert_int_equal(varlink_parse(buffer.data, buffer.size - 1, &object), 0);
        return object;
}

static char *render(const struct golden *golden, struct json_object *object) {
        const struct style style = style_of(golden);
        char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        r = golden->render(&style, object, f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(r, 0);
        return text;
}

static void check_golden(const struct golden *golden, const char *text) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        char name[64], path[4096];

        (void)snprintf(name, sizeof(name), "golden/%s.%s.txt", golden->fixture, golden->suffix);
        fixture_path(name, path, sizeof(path));
        if (getenv("IRQWATCH_UPDATE_GOLDEN")) {
                FILE *f = fopen(path, "we");

                assert_non_null(f);
                fputs(text, f);
                assert_int_equal(fclose(f), 0);
        }

        assert_int_equal(text_buffer_read(&buffer, AT_FDCWD, path, FIXTURE_MAX), 0);
        if (strcmp(text, buffer.data) != 0)
                fail_msg("%s differs; this is what came out:\n%s", path, text);
}

/* Prose may contain a word that is longer than the line; what is in columns may not. */
static void check_width(const struct golden *golden, const char *text) {
        _cleanup_(freep) char *copy = strdup(text);

        if (golden->width < 80 || golden->colour)
                return;
        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
                if (text_width(line) > golden->width && strchr(line, ' ') && golden->render != render_event)
                        fail_msg("%s.%s: a line of %u columns: %s", golden->fixture, golden->suffix,
                                 text_width(line), line);
}

static void test_goldens(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(goldens); i++) {
                _cleanup_(json_putp) struct json_object *object = load(goldens[i].fixture);
                _cleanup_(freep) char *text = render(&goldens[i], object);

                check_golden(&goldens[i], text);
                check_width(&goldens[i], text);
        }
}

/* Whatever a task or a cgroup calls itself: no control character reaches the terminal. */
static void test_no_control_characters(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(goldens); i++) {
                _cleanup_(json_putp) struct json_object *object = load(goldens[i].fixture);
                struct golden plain = goldens[i];
                _cleanup_(freep) char *text = NULL;

                plain.colour = false;
                text = render(&plain, object);
                for (const char *p = text; *p; p++)
                        assert_false((*p > 0 && *p < ' ' && *p != '\n') || *p == 0x7f);
                assert_null(strstr(text, "\u202e"));
        }
}

/* Colour adds escape sequences and changes nothing else. */
static void test_colour_is_only_colour(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(goldens); i++) {
                _cleanup_(json_putp) struct json_object *object = load(goldens[i].fixture);
                struct golden golden = goldens[i];
                _cleanup_(freep) char *plain = NULL, *coloured = NULL;
                char *out;

                golden.colour = false;
                plain = render(&golden, object);
                golden.colour = true;
                coloured = out = render(&golden, object);
                for (const char *p = coloured; *p; p++)
                        if (*p == '\033')
                                p = strchr(p, 'm');
                        else
                                *out++ = *p;
                *out = '\0';
                assert_string_equal(plain, coloured);
        }
}

/* The server may be older or newer: nothing is relied on to be there, or to have the right type. */
static void test_missing_fields(void **state) {
        static const char *const broken[] = {
                "{}", "[]", "null", "3",
                "{\"windows\":7,\"latency\":[null,3,{}],\"findings\":[{},null],"
                "\"softirqs\":[{\"total\":5}],\"interrupts\":[{\"total\":5,\"perCpu\":"
                "[{\"cpu\":-4,\"total\":9}]}],\"gaps\":[{}],\"rows\":[{\"total\":3}],"
                "\"cpus\":[1,\"x\",-3],\"labelNames\":[\"a\"],\"collectors\":[{}],"
                "\"settings\":[{}],\"evidence\":{\"a\":null,\"b\":[]},\"kernelStack\":"
                "[{}],\"parents\":[{}],\"sinceUsec\":-1,\"untilUsec\":1e300}"
        };

        for (size_t i = 0; i < ELEMENTSOF(broken); i++)
                for (size_t j = 0; j < ELEMENTSOF(goldens); j++) {
                        _cleanup_(json_putp) struct json_object *object = json_tokener_parse(broken[i]);
                        _cleanup_(freep) char *text = render(&goldens[j], object);

                        assert_non_null(text);
                }
}

/* Each allocation in turn fails: an error or a complete text, never half of one taken for all. */
static void test_no_memory(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(goldens); i++) {
                _cleanup_(json_putp) struct json_object *object = load(goldens[i].fixture);
                _cleanup_(freep) char *complete = render(&goldens[i], object);
                const struct style style = style_of(&goldens[i]);
                bool reached = true;

                if (strstr(goldens[i].fixture, "64cpus"))
                        continue; /* the same code, thousands of times */

                for (unsigned n = 1; reached; n++) {
                        _cleanup_(freep) char *text = NULL;
                        size_t size = 0;
                        FILE *f = open_memstream(&text, &size);
                        int r;

                        assert_non_null(f);
                        alloc_fail_at(n);
                        r = goldens[i].render(&style, object, f);
                        reached = alloc_fail_end();
                        assert_int_equal(fclose(f), 0);
                        if (r != 0)
                                assert_int_equal(r, -ENOMEM);
                        else if (strcmp(text, complete) != 0)
                                fail_msg("%s, allocation %u: half an answer taken for all:\n%s",
                                         goldens[i].fixture, n, text);
                        assert_true(reached || r == 0);
                }
        }
}

static void test_numbers(void **state) {
        char buf[FIELD_TEXT_MAX];

        assert_string_equal(format_count(0, buf), "0");
        assert_string_equal(format_count(-1, buf), "0");
        assert_string_equal(format_count(0.004, buf), "<0.01");
        assert_string_equal(format_count(4.2, buf), "4.20");
        assert_string_equal(format_count(9.996, buf), "10.0");
        assert_string_equal(format_count(99.96, buf), "100");
        assert_string_equal(format_count(871.2, buf), "871");
        assert_string_equal(format_count(999.6, buf), "1.00k");
        assert_string_equal(format_count(12345, buf), "12.3k");
        assert_string_equal(format_count(1.2e6, buf), "1.20M");
        assert_string_equal(format_count(1e30, buf), "1000000000000E");
        assert_string_equal(format_bytes(0, buf), "0 B");
        assert_string_equal(format_bytes(1023, buf), "1023 B");
        assert_string_equal(format_bytes(9849593, buf), "9.39 MiB");
        assert_string_equal(format_bytes(UINT64_MAX, buf), "16.0 EiB");
        assert_string_equal(format_share(0, buf), "0 %");
        assert_string_equal(format_share(1, buf), "100 %");
        assert_string_equal(format_share(0.99999, buf), ">99.9 %");
        assert_string_equal(format_share(0.9993, buf), "99.9 %");
        assert_string_equal(format_share(0.00001, buf), "<0.01 %");
        assert_string_equal(format_share(0.0011, buf), "0.11 %");
}

static void test_numa(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree = {};
        _cleanup_(freep) int *nodes = NULL, *one = NULL, *none = NULL;
        size_t n = 0;

        temp_tree_init(&tree);
        assert_int_equal(numa_read(tree.fd, "node", &none, &n), 0);
        assert_null(none);

        temp_tree_write(&tree, "node/node0/cpulist", "0,2,4\n");
        temp_tree_write(&tree, "node/node0/meminfo", "x");
        temp_tree_write(&tree, "node/node2/cpulist", "\n"); /* memory only */
        temp_tree_write(&tree, "node/nodes/cpulist", "7\n");
        temp_tree_write(&tree, "node/possible", "0-3\n");
        assert_int_equal(numa_read(tree.fd, "node", &one, &n), 1);
        assert_null(one);

        temp_tree_write(&tree, "node/node10/cpulist", "1,3,64-65\n");
        temp_tree_write(&tree, "node/node3/cpulist", "garbage\n");
        assert_int_equal(numa_read(tree.fd, "node", &nodes, &n), 2);
        assert_non_null(nodes);
        assert_true(n > 65);
        assert_int_equal(nodes[0], 0);
        assert_int_equal(nodes[4], 0);
        assert_int_equal(nodes[65], 10);
        assert_int_equal(nodes[5], -1);
        assert_int_equal(nodes[7], -1);
}

static void check_reply(const char *error, const char *parameters, const char *expected) {
        _cleanup_(json_putp) struct json_object *object = json_tokener_parse(parameters);
        _cleanup_(freep) char *text = reply_error_text(error, object);

        assert_non_null(text);
        if (!strstr(text, expected))
                fail_msg("%s: \"%s\" lacks \"%s\"", error, text, expected);
}

static void test_error_texts(void **state) {
        static const struct {
                int r;
                const char *expected;
        } connects[] = {
                { -ENOENT, "systemctl start irqwatchd" }, { -ECONNREFUSED, "systemctl start irqwatchd" },
                { -EACCES, "join the group irqwatch" },   { -ENOTSOCK, "Check --socket" },
                { -EMFILE, "Too many open files" },
        };

        for (size_t i = 0; i < ELEMENTSOF(connects); i++) {
                _cleanup_(freep) char *text = connect_error_text("/run/x", connects[i].r);

                assert_non_null(strstr(text, "/run/x"));
                assert_non_null(strstr(text, connects[i].expected));
        }

        check_reply("io.irqwatch.monitor.NoSuchEvent", "{\"id\":17}", "no event 17");
        check_reply("io.irqwatch.monitor.NoData", "{\"source\":\"foo\",\"reason\":\"bar\"}",
                    "no data on foo: bar");
        check_reply("io.irqwatch.monitor.InvalidSetting", "{\"name\":\"a.b\",\"reason\":\"no\"}",
                    "cannot set a.b: no");
        check_reply("io.irqwatch.monitor.TooManyStreams", "{}", "try again later");
        check_reply("org.varlink.service.PermissionDenied", "{}", "sudo");
        check_reply("org.varlink.service.InvalidParameter", "{\"parameter\":\"kinds\"}", "\"kinds\"");
        check_reply("org.varlink.service.MethodNotFound", "{\"method\":\"x\"}", "another version");
        check_reply("com.example.Odd", "{\"reason\":\"because\"}", "com.example.Odd: because");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_goldens),
                cmocka_unit_test(test_no_control_characters),
                cmocka_unit_test(test_colour_is_only_colour),
                cmocka_unit_test(test_missing_fields),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_numa),
                cmocka_unit_test(test_error_texts),
        };

        (void)setenv("TZ", "UTC", 1);
        tzset();
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
