/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/flame-text.h"
#include "common/cleanup.h"

#define FFFD "\xef\xbf\xbd"

static void check(void (*write)(FILE *out, const char *s), const char *s, const char *expected) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        write(out, s);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
}

static void test_xml(void **state) {
        check(flame_text_write_xml, "", "");
        check(flame_text_write_xml, "a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c'");
        check(flame_text_write_xml, "]]>", "]]&gt;");
        check(flame_text_write_xml, "中断\xf0\x9f\x94\xa5", "中断\xf0\x9f\x94\xa5");
}

static void test_unfit(void **state) {
        check(flame_text_write_xml, "a\001b\n\t\x7f", "a" FFFD "b" FFFD FFFD FFFD);
        check(flame_text_write_xml, "\xff\xfe", FFFD FFFD);
        check(flame_text_write_xml, "\xc0\xaf", FFFD FFFD);                 /* overlong */
        check(flame_text_write_xml, "x\xe4\xb8", "x" FFFD FFFD);            /* cut off */
        check(flame_text_write_xml, "\xed\xa0\x80", FFFD FFFD FFFD);        /* a surrogate */
        check(flame_text_write_xml, "\xef\xbf\xbe\xef\xbf\xbf", FFFD FFFD); /* U+FFFE, U+FFFF */
        check(flame_text_write_xml,
              "\xe2\x80\xae"
              "evil",
              FFFD "evil");                                                   /* right to left from here */
        check(flame_text_write_xml, "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD); /* above U+10FFFF */
        check(flame_text_write_xml, "\xc2\x85", FFFD);                        /* a C1 control character */
}

static void test_folded_and_line(void **state) {
        check(flame_text_write_folded, "a;b c\n", "a:b c" FFFD);
        check(flame_text_write_line, "a;b\r\n<", "a;b" FFFD FFFD "<");
}

static void check_cut(const char *s, size_t n_columns, const char *expected) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        flame_text_write_xml_cut(out, s, n_columns);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
        assert_true(flame_text_columns(s) <= n_columns || n_columns == 0 || strstr(text, "…"));
}

static void test_cut(void **state) {
        check_cut("abcdef", 6, "abcdef");
        check_cut("abcdef", 5, "abcd…");
        check_cut("abcdef", 1, "…");
        check_cut("abcdef", 0, "");
        check_cut("<<<<", 3, "&lt;&lt;…"); /* cut between characters, not within what they are written as */
        check_cut("中断延迟", 8, "中断延迟");
        check_cut("中断延迟", 7, "中断延…");
        check_cut("中断延迟", 6, "中断…");
        assert_int_equal(flame_text_columns("a中\xff"), 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_xml),
                cmocka_unit_test(test_unfit),
                cmocka_unit_test(test_folded_and_line),
                cmocka_unit_test(test_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
