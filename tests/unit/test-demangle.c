/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/symbols/demangle.h"

static void test_names(void **state) {
        static const struct {
                const char *symbol, *name, *note;
        } cases[] = {
                { "main", "main", NULL },
                { "", "", NULL },
                { "_start", "_start", NULL },
                { "_Z", "_Z", NULL },
                { "_Zgarbage", "_Zgarbage", NULL },
                { "_ZN5outer4spinEj", "outer::spin(unsigned int)", NULL },
                { "_ZNSt6vectorIiSaIiEE9push_backEOi",
                  "std::vector<int, std::allocator<int> >::push_back(int&&)", NULL },
                { "_ZL6staticv", "static()", NULL },
                { "_ZTV4Base", "vtable for Base", NULL },
                /* Rust, legacy: hash and escapes go */
                { "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt", NULL },
                { "_ZN70_$LT$alloc..vec..Vec$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
                  "4drop17h00112233445566"
                  "77E",
                  "<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop", NULL },
                { "_ZN3foo17h0123456789abcdeE", "_ZN3foo17h0123456789abcdeE", NULL },
                /* C++ that looks like it is C++ */
                { "_ZN3foo17h0123456789ABCDEFE", "foo::h0123456789ABCDEF", NULL },
                /* Rust, v0: left, with a note */
                { "_RNvCs1234_7mycrate3foo", "_RNvCs1234_7mycrate3foo", "v0" },
                { "_Rest", "_Rest", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *name = NULL;
                const char *note = "unset";

                assert_int_equal(demangle(cases[i].symbol, &name, &note), 0);
                assert_string_equal(name, cases[i].name);
                if (cases[i].note)
                        assert_non_null(strstr(note, cases[i].note));
                else
                        assert_null(note);
        }
}

/* Names of any length end, and are cut. */
static void test_long_names(void **state) {
        static char symbol[8192];
        _cleanup_(freep) char *plain = NULL, *nested = NULL, *expanding = NULL;

        memset(symbol, 'x', sizeof(symbol) - 1);
        assert_int_equal(demangle(symbol, &plain, NULL), 0);
        assert_int_equal(strlen(plain), DEMANGLE_OUTPUT_MAX);
        assert_string_equal(plain + DEMANGLE_OUTPUT_MAX - 4, "x...");

        (void)strcpy(symbol, "_Z1f");
        memset(symbol + 4, 'P', 2000);
        (void)strcpy(symbol + 2004, "i");
        assert_int_equal(demangle(symbol, &nested, NULL), 0);
        assert_true(strlen(nested) <= DEMANGLE_OUTPUT_MAX);

        /* substitutions that double with each step */
        (void)strcpy(symbol, "_Z1fM1AS_");
        for (unsigned i = 0; i < 60; i++)
                (void)strcat(symbol, "MS_S0_");
        assert_int_equal(demangle(symbol, &expanding, NULL), 0);
        assert_true(strlen(expanding) <= DEMANGLE_OUTPUT_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_long_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
