/* SPDX-License-Identifier: Apache-2.0 */

/* What replies are made of: texts, and lists of CPUs. */

#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json-strict.h"
#include "daemon/ipc/json-rates.h"

/* The same as text. */
static void check_written(const char *text, struct json_object *object) {
        _cleanup_(freep) char *written = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&written, &size);

        assert_non_null(f);
        assert_int_equal(json_write_text(f, text), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(written,
                            json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                           JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void check_escaped(const char *text, const char *expected) {
        _cleanup_(json_putp) struct json_object *object = NULL;

        object = json_text(text, strlen(text));
        assert_non_null(object);
        assert_string_equal(json_object_get_string(object), expected);
        check_written(text, object);
}

static void test_text(void **state) {
        check_escaped("", "");
        check_escaped("plain\\x41", "plain\\x41");
        check_escaped("a\"b/</script>\001\n", "a\"b/</script>\001\n");
        check_escaped("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
        check_escaped("\xff\x80z", "\\xff\\x80z");
        check_escaped("cut\xe2\x82", "cut\\xe2\\x82");    /* as TASK_COMM_LEN does */
        check_escaped("\xc0\x80", "\\xc0\\x80");          /* overlong */
        check_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
        check_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static bool is_before(const uint64_t *totals, size_t i, size_t j) {
        return totals[i] != totals[j] ? totals[i] > totals[j] : i < j;
}

/* One CPU after the other: it is in the list when fewer than max come before it. */
static void check_per_cpu(uint64_t *totals, size_t n, size_t max) {
        static int cpus[] = { 0, 2, 3, 4, 7, 8, 9, 511 };
        const struct rates rates = { .cpus = cpus, .n_cpus = n, .elapsed_ns = 2 * NSEC_PER_SEC };
        const struct rates_row row = { .per_cpu = totals };
        struct json_writer writer = json_writer_object();
        _cleanup_(json_putp) struct json_object *object = NULL;
        struct json_object *list;
        size_t n_listed = 0;

        assert_true(n <= ELEMENTSOF(cpus));
        json_set_per_cpu(&writer, &rates, &row, max);
        assert_int_equal(json_writer_finish(&writer, &object), 0);
        assert_true(json_object_object_get_ex(object, "perCpu", &list));

        for (size_t i = 0; i < n; i++) {
                struct json_object *cpu = json_object_array_get_idx(list, n_listed);
                size_t n_before = 0;

                for (size_t j = 0; j < n; j++)
                        n_before += is_before(totals, j, i);
                if (totals[i] == 0 || n_before >= max)
                        continue;
                assert_int_equal(json_object_get_int(json_object_object_get(cpu, "cpu")), cpus[i]);
                assert_int_equal(json_object_get_uint64(json_object_object_get(cpu, "total")), totals[i]);
                assert_true(json_object_get_double(json_object_object_get(cpu, "perSecond")) ==
                            (double)totals[i] / 2);
                n_listed++;
        }
        assert_int_equal(json_object_array_length(list), n_listed);
}

/* All rows of four values on up to seven CPUs: with ties, with zeros, with fewer CPUs than are asked for. */
static void test_per_cpu(void **state) {
        enum { CPUS = 7, VALUES = 4, ROWS = 1 << 2 * CPUS };

        for (unsigned number = 0; number < ROWS; number++) {
                uint64_t totals[CPUS];

                for (size_t i = 0; i < CPUS; i++)
                        totals[i] = (number >> 2 * i) % VALUES * 1000;
                for (size_t max = 0; max <= CPUS + 1; max++)
                        check_per_cpu(totals, CPUS, max);
        }
        check_per_cpu((uint64_t[]){ 1 }, 0, 1);
        check_per_cpu((uint64_t[]){ 5, 1, 5 }, 3, SIZE_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_per_cpu),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
