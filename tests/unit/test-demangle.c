/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/symbols/demangle.h"

static void test_names(void **state) {
        static const struct {
                const char *symbol, *name;
        } cases[] = {
                { "main", "main" },
                { "", "" },
                { "_start", "_start" },
                { "_Z", "_Z" },
                { "_Zgarbage", "_Zgarbage" },
                { "_ZN5outer4spinEj", "outer::spin(unsigned int)" },
                { "_ZNSt6vectorIiSaIiEE9push_backEOi",
                  "std::vector<int, std::allocator<int> >::push_back(int&&)" },
                { "_ZL6staticv", "static()" },
                { "_ZTV4Base", "vtable for Base" },
                /* Rust, legacy: hash and escapes go */
                { "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt" },
                { "_ZN70_$LT$alloc..vec..Vec$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
                  "4drop17h00112233445566"
                  "77E",
                  "<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop" },
                { "_ZN3foo17h0123456789abcdeE", "_ZN3foo17h0123456789abcdeE" },
                /* C++ that looks like it is C++ */
                { "_ZN3foo17h0123456789ABCDEFE", "foo::h0123456789ABCDEF" },
                /* Rust, v0 */
                { "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
                { "_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>" },
                { "_RNvMCs1234_1aNtB2_1S3run", "<a::S>::run" },
                { "_Rest", "_Rest" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *name = NULL;

                assert_int_equal(demangle(cases[i].symbol, &name), 0);
                assert_string_equal(name, cases[i].name);
        }
}

/* Names of any length end, and are cut. */
static void test_long_names(void **state) {
        static char symbol[8192];
        _cleanup_(freep) char *plain = NULL, *nested = NULL, *expanding = NULL;

        memset(symbol, 'x', sizeof(symbol) - 1);
        assert_int_equal(demangle(symbol, &plain), 0);
        assert_int_equal(strlen(plain), DEMANGLE_OUTPUT_MAX);
        assert_string_equal(plain + DEMANGLE_OUTPUT_MAX - 4, "x...");

        (void)strcpy(symbol, "_Z1f");
        memset(symbol + 4, 'P', 2000);
        (void)strcpy(symbol + 2004, "i");
        assert_int_equal(demangle(symbol, &nested), 0);
        assert_true(strlen(nested) <= DEMANGLE_OUTPUT_MAX);

        /* substitutions that double with each step */
        (void)strcpy(symbol, "_Z1fM1AS_");
        for (unsigned i = 0; i < 60; i++)
                (void)strcat(symbol, "MS_S0_");
        assert_int_equal(demangle(symbol, &expanding), 0);
        assert_true(strlen(expanding) <= DEMANGLE_OUTPUT_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_long_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
