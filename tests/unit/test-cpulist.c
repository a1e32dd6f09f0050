/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cpulist.h"

static void check_round_trip(const char *text, const char *expected, size_t count) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        _cleanup_(freep) char *formatted = NULL;

        assert_int_equal(cpu_list_parse(text, &set), 0);
        assert_int_equal(cpu_set_count(&set), count);
        assert_int_equal(cpu_list_format(&set, &formatted), 0);
        assert_string_equal(formatted, expected);
}

static void test_lists(void **state) {
        check_round_trip("", "", 0);
        check_round_trip("\n", "", 0);
        check_round_trip("0", "0", 1);
        check_round_trip("0-3,8,10-11\n", "0-3,8,10-11", 7);
        check_round_trip("3,2,1", "1-3", 3);
        check_round_trip("0-511", "0-511", 512);
        check_round_trip("63,64,127-128", "63-64,127-128", 4);
}

static void test_bad_lists(void **state) {
        static const char *const bad[] = { ",", "1,", "1-", "-1", "3-1", "a", "1 2", "1,,2", "1\n2", "0x1", "+1" };
        _cleanup_(cpu_set_done) struct cpu_set set = {};

        assert_int_equal(cpu_set_add(&set, 5), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(cpu_list_parse(bad[i], &set), -EINVAL);

        assert_int_equal(cpu_list_parse("8192", &set), -ERANGE);
        assert_int_equal(cpu_list_parse("99999999999999999999", &set), -ERANGE);
        assert_int_equal(cpu_set_count(&set), 1);
        assert_true(cpu_set_contains(&set, 5));
}

static void test_walk(void **state) {
        static const int expected[] = { 0, 63, 64, 200 };
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                assert_int_equal(cpu_set_add(&set, expected[i]), 0);
        for (int cpu = cpu_set_next(&set, 0); cpu >= 0; cpu = cpu_set_next(&set, cpu + 1))
                assert_int_equal(cpu, expected[n++]);
        assert_int_equal(n, ELEMENTSOF(expected));
}

static void test_equal_and_copy(void **state) {
        _cleanup_(cpu_set_done) struct cpu_set a = {}, b = {};

        assert_int_equal(cpu_set_add(&a, 200), 0);
        cpu_set_remove(&a, 200);
        assert_true(cpu_set_equal(&a, &b));
        assert_int_equal(cpu_set_add(&b, 1), 0);
        assert_false(cpu_set_equal(&a, &b));
        assert_int_equal(cpu_set_copy(&a, &b), 0);
        assert_true(cpu_set_equal(&a, &b));
        assert_int_equal(cpu_set_add(&a, -1), -ERANGE);
        assert_int_equal(cpu_set_add(&a, CPU_LIMIT), -ERANGE);
}

static void test_masks(void **state) {
        static const char *const bad[] = { "", "\n", ",", "f,", ",f", "1,00f", "1,,00000001", "g", "0x1", "1 ", "1\n1" };
        static const struct {
                const char *mask, *list;
        } good[] = {
                { "0\n", "" },
                { "3", "0-1" },
                { "00000000,0000000f\n", "0-3" },
                { "80000001,00000000,0000F00f", "0-3,12-15,64,95" },
                { "1,00000000", "32" },
        };
        _cleanup_(cpu_set_done) struct cpu_set set = {};

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(freep) char *text = NULL;

                assert_int_equal(cpu_mask_parse(good[i].mask, &set), 0);
                assert_int_equal(cpu_list_format(&set, &text), 0);
                assert_string_equal(text, good[i].list);
        }

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(cpu_mask_parse(bad[i], &set), -EINVAL);
        assert_true(cpu_set_contains(&set, 32)); /* untouched */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_bad_lists),
                cmocka_unit_test(test_masks),
                cmocka_unit_test(test_walk),
                cmocka_unit_test(test_equal_and_copy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
