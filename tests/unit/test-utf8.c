/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"

static void test_valid(void **state) {
        static const char *const good[] = { "",
                                            "abc\t\n",
                                            "\xC2\x80",
                                            "\xDF\xBF",
                                            "\xE0\xA0\x80",
                                            "\xED\x9F\xBF",
                                            "\xEF\xBF\xBF",
                                            "\xF0\x90\x80\x80",
                                            "\xF4\x8F\xBF\xBF" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(utf8_valid_prefix(good[i], strlen(good[i])), strlen(good[i]));
}

static void test_invalid(void **state) {
        static const char *const bad[] = {
                "\x80",
                "\xC0\x80",
                "\xC1\xBF",
                "\xC2",
                "\xE0\x9F\xBF",
                "\xED\xA0\x80",
                "\xEF\xBF",
                "\xF0\x8F\xBF\xBF",
                "\xF4\x90\x80\x80",
                "\xF5\x80\x80\x80",
                "\xFF",
                "\xE2\x28\xA1",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char text[16] = "ab";

                strcat(text, bad[i]);
                assert_int_equal(utf8_valid_prefix(text, strlen(text)), 2);
        }
        assert_int_equal(utf8_valid_prefix("a\0\xFF", 3), 2);
}

static void check_printable(const char *text, size_t size, const char *expected) {
        char buf[64];

        memset(buf, 'X', sizeof(buf));
        assert_string_equal(utf8_printable(text, buf, size), expected);
        assert_int_equal(buf[size], 'X');
}

static void test_printable(void **state) {
        check_printable("", 4, "");
        check_printable("insmod", 32, "insmod");
        check_printable("a\nb\x1b[0m\x7f", 32, "a?b?[0m?");
        check_printable("caf\xC3\xA9 \xE9 \xC2\x9B", 32, "caf\xC3\xA9 ? ?");
        check_printable("abcdefg", 8, "abcdefg");
        check_printable("abcdefgh", 8, "abcd...");
        check_printable("abcd", 4, "...");
        check_printable("abc\xC3\xA9\xC3\xA9", 8, "abc\xC3\xA9\xC3\xA9");
        check_printable("abc\xC3\xA9\xC3\xA9z", 8, "abc...");
        check_printable("\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 8, "\xF0\x9F\x98\x80...");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_valid),
                cmocka_unit_test(test_invalid),
                cmocka_unit_test(test_printable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
