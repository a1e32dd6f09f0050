/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/base64.h"
#include "common/cleanup.h"

/* RFC 4648, section 10, and what needs the last two digits. */
static const struct {
        const char *bytes, *text;
        size_t size;
} pairs[] = {
        { "", "", 0 },
        { "f", "Zg==", 1 },
        { "fo", "Zm8=", 2 },
        { "foo", "Zm9v", 3 },
        { "foob", "Zm9vYg==", 4 },
        { "fooba", "Zm9vYmE=", 5 },
        { "foobar", "Zm9vYmFy", 6 },
        { "\xfb\xff\x00", "+/8A", 3 },
};

static void test_vectors(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                char text[16], bytes[16];
                size_t size;

                base64_encode(pairs[i].bytes, pairs[i].size, text);
                assert_string_equal(text, pairs[i].text);
                assert_int_equal(strlen(text), base64_length(pairs[i].size));
                assert_int_equal(base64_decode(text, strlen(text), bytes, &size), 0);
                assert_int_equal(size, pairs[i].size);
                assert_memory_equal(bytes, pairs[i].bytes, size);
        }
}

static void test_strict(void **state) {
        static const char *const wrong[] = { "Z",    "Zg",    "Zg=",      "Zg===", "=",     "====",
                                             "Z===", "Zm9v=", "Zh==",     "Zm9=",  "Zm 9v", "Zm9v\n",
                                             "Zm-_", "=Zg=",  "Zg==Zg==", "Z=g=" };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                char bytes[16];
                size_t size;

                if (base64_decode(wrong[i], strlen(wrong[i]), bytes, &size) != -EBADMSG)
                        fail_msg("\"%s\" was taken", wrong[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_strict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
