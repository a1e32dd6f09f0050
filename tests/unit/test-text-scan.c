/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "daemon/collect/text-scan.h"

static struct text_slice slice(const char *text) {
        return (struct text_slice){ text, strlen(text) };
}

static void test_lines(void **state) {
        const char *text = "one\n\ntwo\nrest", *end = text + strlen(text);
        struct text_slice line;

        assert_int_equal(text_next_line(&text, end, &line), 1);
        assert_true(text_slice_equal(line, "one"));
        assert_int_equal(text_next_line(&text, end, &line), 1);
        assert_int_equal(line.size, 0);
        assert_int_equal(text_next_line(&text, end, &line), 1);
        assert_true(text_slice_equal(line, "two"));
        assert_int_equal(text_next_line(&text, end, &line), -EBADMSG);
        assert_int_equal(text_next_line(&end, end, &line), 0);
}

static void test_words(void **state) {
        struct text_slice rest = slice("  a bc  d "), word;

        assert_true(text_next_word(&rest, &word) && text_slice_equal(word, "a"));
        assert_true(text_next_word(&rest, &word) && text_slice_equal(word, "bc"));
        assert_true(text_next_word(&rest, &word) && text_slice_equal(word, "d"));
        assert_false(text_next_word(&rest, &word));
        rest = slice("");
        assert_false(text_next_word(&rest, &word));
}

static void check_u64(const char *text, int expected, uint64_t value) {
        uint64_t got = 77;

        assert_int_equal(text_slice_to_u64(slice(text), &got), expected);
        assert_true(got == (expected < 0 ? 77 : value));
}

static void test_u64(void **state) {
        check_u64("0", 0, 0);
        check_u64("9", 0, 9);
        check_u64("1234567890123456789", 0, UINT64_C(1234567890123456789));
        check_u64("18446744073709551615", 0, UINT64_MAX);
        check_u64("18446744073709551616", -EBADMSG, 0);
        check_u64("99999999999999999999", -EBADMSG, 0);
        check_u64("184467440737095516150", -EBADMSG, 0);
        check_u64("", -EBADMSG, 0);
        check_u64("01", -EBADMSG, 0);
        check_u64("00", -EBADMSG, 0);
        check_u64("-1", -EBADMSG, 0);
        check_u64("+1", -EBADMSG, 0);
        check_u64("1x", -EBADMSG, 0);
        check_u64("x", -EBADMSG, 0);
        check_u64("1 ", -EBADMSG, 0);
        check_u64("\xb1", -EBADMSG, 0);
}

static void test_next_u64(void **state) {
        struct text_slice rest = slice(" 12 x");
        uint64_t value;

        assert_int_equal(text_next_u64(&rest, &value), 0);
        assert_int_equal(value, 12);
        assert_int_equal(text_next_u64(&rest, &value), -EBADMSG);
        assert_int_equal(text_next_u64(&rest, &value), -EBADMSG);
}

static void test_cpu(void **state) {
        int cpu = -7;

        assert_int_equal(text_slice_to_cpu(slice("8191"), &cpu), 0);
        assert_int_equal(cpu, 8191);
        assert_int_equal(text_slice_to_cpu(slice("8192"), &cpu), -EBADMSG);
        assert_int_equal(text_slice_to_cpu(slice("18446744073709551615"), &cpu), -EBADMSG);
        assert_int_equal(text_slice_to_cpu(slice(""), &cpu), -EBADMSG);
        assert_int_equal(cpu, 8191);
}

static void check_hex(const char *text, int expected, uint64_t value) {
        uint64_t got = 77;

        assert_int_equal(text_slice_to_hex32(slice(text), &got), expected);
        assert_true(got == (expected < 0 ? 77 : value));
}

static void test_hex(void **state) {
        check_hex("00000000", 0, 0);
        check_hex("0000001f", 0, 31);
        check_hex("ffffffff", 0, UINT32_MAX);
        check_hex("deadbeef", 0, 0xdeadbeef);
        check_hex("DEADBEEF", -EBADMSG, 0);
        check_hex("0000000", -EBADMSG, 0);
        check_hex("000000000", -EBADMSG, 0);
        check_hex("0x000000", -EBADMSG, 0);
        check_hex("0000000g", -EBADMSG, 0);
        check_hex("0000000/", -EBADMSG, 0);
        check_hex("0000000`", -EBADMSG, 0);
}

static void test_slices(void **state) {
        static const struct text_slice literal = TEXT_SLICE("ab");

        assert_true(text_slice_same(literal, slice("ab")));
        assert_false(text_slice_same(literal, slice("abc")));
        assert_false(text_slice_same(literal, slice("ac")));
        assert_true(text_slice_starts_with(literal, "a"));
        assert_true(text_slice_starts_with(literal, ""));
        assert_false(text_slice_starts_with(literal, "abc"));
        assert_true(text_slice_equal(text_slice_skip(literal, 1), "b"));
        assert_int_equal(text_slice_skip(literal, 2).size, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),    cmocka_unit_test(test_words), cmocka_unit_test(test_u64),
                cmocka_unit_test(test_next_u64), cmocka_unit_test(test_cpu),   cmocka_unit_test(test_hex),
                cmocka_unit_test(test_slices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
