/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/collect/label.h"
#include "tests/harness/alloc-fail.h"

static void check(const char *text, bool squeeze, const char *expected) {
        _cleanup_(label_buffer_done) struct label_buffer buffer = {};
        struct text_slice slice = { text, strlen(text) };

        assert_int_equal(label_buffer_reset(&buffer, 1, slice.size), 0);
        assert_string_equal(label_add(&buffer, slice, squeeze), expected);
}

static void test_plain(void **state) {
        check("eth0-rx-0, eth0-tx-0", false, "eth0-rx-0, eth0-tx-0");
        check("ahci[0000:00:1f.2]", false, "ahci[0000:00:1f.2]");
        check("vfio-msix[0](0000:5e:00.1) \"a\\b\" %s <&>", false,
              "vfio-msix[0](0000:5e:00.1) \"a\\b\" %s <&>");
        check("a  b", false, "a  b");
}

static void test_squeeze(void **state) {
        check("30 Level", true, "30 Level");
        check("38 Edge    -davinci_gpio", true, "38 Edge -davinci_gpio");
}

static void test_utf8(void **state) {
        check("\u00b5-port", false, "\u00b5-port");
        check("\u20ac", false, "\u20ac");
        check("\U0001f980", false, "\U0001f980");
        check("\xff\xfe", false, "\\xff\\xfe");
        check("\xc2", false, "\\xc2");          /* cut off */
        check("\xe2\x82", false, "\\xe2\\x82"); /* cut off */
        check("\xc0\xaf", false, "\\xc0\\xaf"); /* overlong */
        check("\xe0\x80\xaf", false, "\\xe0\\x80\\xaf");
        check("\xed\xa0\x80", false, "\\xed\\xa0\\x80"); /* a surrogate */
        check("\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80");
        check("\xf0\x80\x80\x80", false, "\\xf0\\x80\\x80\\x80");
}

static void test_controls(void **state) {
        check("a\tb\x1b[31m\x7f", false, "a\\x09b\\x1b[31m\\x7f");
        check("\xc2\x9b"
              "31m",
              false, "\\xc2\\x9b31m"); /* C1: CSI in one character */
}

static void test_several(void **state) {
        _cleanup_(label_buffer_done) struct label_buffer buffer = {};
        const char *a, *b;

        assert_int_equal(label_buffer_reset(&buffer, 3, 4), 0);
        a = label_add(&buffer, (struct text_slice){ "\xff\xff", 2 }, false);
        assert_null(label_add(&buffer, (struct text_slice){}, false));
        b = label_add(&buffer, (struct text_slice){ "xyz", 2 }, false);
        assert_string_equal(a, "\\xff\\xff");
        assert_string_equal(b, "xy");
}

static void test_no_memory(void **state) {
        _cleanup_(label_buffer_done) struct label_buffer buffer = {};

        alloc_fail_at(1);
        assert_int_equal(label_buffer_reset(&buffer, 1, 10), -ENOMEM);
        assert_true(alloc_fail_end());
        assert_int_equal(label_buffer_reset(&buffer, 1, 10), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),   cmocka_unit_test(test_squeeze),
                cmocka_unit_test(test_utf8),    cmocka_unit_test(test_controls),
                cmocka_unit_test(test_several), cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
