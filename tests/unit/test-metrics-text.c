/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include <json-c/json.h>

#include "client/metrics-families.h"
#include "client/metrics-text.h"

struct output {
        char *text;
        size_t size;
        struct metrics_writer writer;
};

static void start(struct output *output, enum metrics_format format) {
        *output = (struct output){ .writer.format = format };
        output->writer.f = open_memstream(&output->text, &output->size);
        assert_non_null(output->writer.f);
}

static void check(struct output *output, const char *expected) {
        metrics_end(&output->writer);
        assert_int_equal(fclose(output->writer.f), 0);
        assert_string_equal(output->text, expected);
        free(output->text);
}

static const struct metrics_family windows = { "x_windows", NULL, "A \"b\" \\ c\nd", METRICS_COUNTER };
static const struct metrics_family build = { "x_build", NULL, "Build.", METRICS_INFO };
static const struct metrics_family age = { "x_age_seconds", "seconds", "Age.", METRICS_GAUGE };
static const struct metrics_family length = { "x_length_seconds", "seconds", "Length.", METRICS_HISTOGRAM };

static const struct metrics_label id[] = { { "id", "7" }, {} };
static const struct metrics_exemplar example = { .labels = id, .value_ns = 1500000, .time_us = 2000000 };

static void write_samples(struct metrics_writer *writer) {
        static const struct metrics_label labels[] = { { "class", "a" }, { "cpu", "0" }, {} };
        static const struct metrics_bucket buckets[] = { { "0.001", 2, NULL }, { "+Inf", 3, &example } };
        static const uint64_t sum_ns = 5000000001;

        metrics_family(writer, &windows);
        metrics_u64_example(writer, labels, UINT64_MAX, &example);
        metrics_u64(writer, NULL, 0);
        metrics_family(writer, &build);
        metrics_u64(writer, id, 1);
        metrics_family(writer, &age);
        metrics_family(writer, &age); /* a family without samples has no head */
        metrics_seconds(writer, NULL, 1200000000);
        metrics_family(writer, &length);
        metrics_histogram(writer, NULL, buckets, 2, NULL);
        metrics_histogram(writer, id, buckets, 2, &sum_ns);
}

static void test_text(void **state) {
        struct output output;

        start(&output, METRICS_TEXT);
        write_samples(&output.writer);
        assert_int_equal(output.writer.n_samples, 10);
        check(&output, "# HELP x_windows_total A \"b\" \\\\ c\\nd\n"
                       "# TYPE x_windows_total counter\n"
                       "x_windows_total{class=\"a\",cpu=\"0\"} 18446744073709551615\n"
                       "x_windows_total 0\n"
                       "# HELP x_build_info Build.\n"
                       "# TYPE x_build_info gauge\n"
                       "x_build_info{id=\"7\"} 1\n"
                       "# HELP x_age_seconds Age.\n"
                       "# TYPE x_age_seconds gauge\n"
                       "x_age_seconds 1.2\n"
                       "# HELP x_length_seconds Length.\n"
                       "# TYPE x_length_seconds histogram\n"
                       "x_length_seconds_bucket{le=\"0.001\"} 2\n"
                       "x_length_seconds_bucket{le=\"+Inf\"} 5\n"
                       "x_length_seconds_bucket{id=\"7\",le=\"0.001\"} 2\n"
                       "x_length_seconds_bucket{id=\"7\",le=\"+Inf\"} 5\n"
                       "x_length_seconds_sum{id=\"7\"} 5.000000001\n"
                       "x_length_seconds_count{id=\"7\"} 5\n");
}

static void test_openmetrics(void **state) {
        struct output output;

        start(&output, METRICS_OPENMETRICS);
        write_samples(&output.writer);
        check(&output, "# HELP x_windows A \\\"b\\\" \\\\ c\\nd\n"
                       "# TYPE x_windows counter\n"
                       "x_windows_total{class=\"a\",cpu=\"0\"} 18446744073709551615 # {id=\"7\"} 0.0015 2\n"
                       "x_windows_total 0\n"
                       "# HELP x_build Build.\n"
                       "# TYPE x_build info\n"
                       "x_build_info{id=\"7\"} 1\n"
                       "# HELP x_age_seconds Age.\n"
                       "# TYPE x_age_seconds gauge\n"
                       "# UNIT x_age_seconds seconds\n"
                       "x_age_seconds 1.2\n"
                       "# HELP x_length_seconds Length.\n"
                       "# TYPE x_length_seconds histogram\n"
                       "# UNIT x_length_seconds seconds\n"
                       "x_length_seconds_bucket{le=\"0.001\"} 2\n"
                       "x_length_seconds_bucket{le=\"+Inf\"} 5 # {id=\"7\"} 0.0015 2\n"
                       "x_length_seconds_bucket{id=\"7\",le=\"0.001\"} 2\n"
                       "x_length_seconds_bucket{id=\"7\",le=\"+Inf\"} 5 # {id=\"7\"} 0.0015 2\n"
                       "x_length_seconds_sum{id=\"7\"} 5.000000001\n"
                       "x_length_seconds_count{id=\"7\"} 5\n"
                       "# EOF\n");
}

/* What a kernel or a process may call itself stays one label of one line. */
static void test_hostile_labels(void **state) {
        static const struct {
                const char *name, *expected;
        } cases[] = {
                { "", "" },
                { "eth0-rx-0", "eth0-rx-0" },
                { "a\"} 1\nup 0", "a\\\"} 1\\nup 0" },
                { "C:\\x", "C:\\\\x" },
                { "\x1b[31m\r\t\x7f", "\\\\x1b[31m\\\\x0d\\\\x09\\\\x7f" },
                { "\xff\xc3(", "\\\\xff\\\\xc3(" },
                { "\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80" }, /* a surrogate */
                { "\xc2\x9b", "\\\\x9b" },                   /* CSI of the C1 controls */
                { "<script>caf\xc3\xa9", "<script>caf\xc3\xa9" },
        };
        static const struct metrics_family family = { "x", NULL, "X.", METRICS_GAUGE };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct metrics_label labels[] = { { "n", cases[i].name }, {} };
                char expected[256];
                struct output output;

                start(&output, METRICS_TEXT);
                metrics_family(&output.writer, &family);
                metrics_u64(&output.writer, labels, 1);
                (void)snprintf(expected, sizeof(expected), "# HELP x X.\n# TYPE x gauge\nx{n=\"%s\"} 1\n",
                               cases[i].expected); /* fits */
                check(&output, expected);
        }
}

static size_t count_characters(const struct metrics_exemplar_labels *fitted) {
        size_t n = 0;

        for (const struct metrics_label *label = fitted->labels; label->name; label++) {
                n += strlen(label->name);
                for (const char *p = label->value; *p; p++)
                        n += ((unsigned char)*p & 0xc0) != 0x80;
        }

        return n;
}

static void test_exemplar_fits(void **state) {
        struct metrics_exemplar_labels fitted;
        char culprit[600];

        memset(culprit, 'f', sizeof(culprit) - 1);
        culprit[sizeof(culprit) - 1] = '\0';
        metrics_exemplar_fit(
                (const struct metrics_label[]){
                        { "event_id", "1795369827321051" }, { "comm", "a\nb" }, { "culprit", culprit }, {} },
                &fitted);
        assert_string_equal(fitted.labels[0].value, "1795369827321051");
        assert_string_equal(fitted.labels[1].value, "a?b");
        assert_int_equal(count_characters(&fitted), METRICS_EXEMPLAR_CHARACTERS);
        assert_null(fitted.labels[3].name);

        /* Characters count, not bytes. */
        for (size_t i = 0; i + 2 < sizeof(culprit); i += 2)
                memcpy(culprit + i, "\xc3\xa9", 2);
        culprit[sizeof(culprit) - 2] = '\0';
        metrics_exemplar_fit((const struct metrics_label[]){ { "culprit", culprit }, {} }, &fitted);
        assert_int_equal(count_characters(&fitted), METRICS_EXEMPLAR_CHARACTERS);

        /* What is not known is left out. */
        metrics_exemplar_fit(
                (const struct metrics_label[]){ { "event_id", "1" }, { "comm", "" }, { "culprit", "f" }, {} },
                &fitted);
        assert_string_equal(fitted.labels[1].name, "culprit");
        assert_null(fitted.labels[2].name);
}

/* A collector that this machine cannot have is not one that is down; one that is switched off is not told of.
 */
static void test_collectors(void **state) {
        struct metrics_answers answers = {
                .items[ANSWER_STATUS] = json_tokener_parse(
                        "{\"collectors\": [{\"name\": \"a\", \"state\": \"running\", \"failedPasses\": 0},"
                        "{\"name\": \"b\", \"state\": \"degraded\", \"failedPasses\": 3},"
                        "{\"name\": \"c\", \"state\": \"unsupported\", \"failedPasses\": 0},"
                        "{\"name\": \"d\", \"state\": \"disabled\", \"failedPasses\": 0},"
                        "{\"name\": \"e\", \"state\": \"failing\", \"failedPasses\": 9}]}"),
        };
        static const char *const expected[] = {
                "\nirqwatch_collector_up{collector=\"a\"} 1\nirqwatch_collector_up{collector=\"b\"} 0\n"
                "irqwatch_collector_up{collector=\"e\"} 0\n#",
                "\nirqwatch_collector_failed_passes_total{collector=\"a\"} 0\n"
                "irqwatch_collector_failed_passes_total{collector=\"b\"} 3\n"
                "irqwatch_collector_failed_passes_total{collector=\"e\"} 9\n#",
                "gauge\nirqwatch_collector_unsupported{collector=\"c\"} 1\n#",
        };
        char *text = NULL;
        size_t size, n;

        assert_non_null(answers.items[ANSWER_STATUS]);
        assert_int_equal(metrics_render(&answers, METRICS_TEXT, &text, &size, &n), 0);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                if (!strstr(text, expected[i]))
                        fail_msg("no %s in:\n%s", expected[i], text);

        free(text);
        json_object_put(answers.items[ANSWER_STATUS]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),           cmocka_unit_test(test_openmetrics),
                cmocka_unit_test(test_hostile_labels), cmocka_unit_test(test_exemplar_fits),
                cmocka_unit_test(test_collectors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
