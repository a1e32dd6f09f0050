/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-pressure.h"

#define SOME "some avg10=1.00 avg60=2.00 avg300=3.00 total=5\n"
#define FULL "full avg10=0.00 avg60=0.12 avg300=100.00 total=1234\n"

static void check(const char *text, int expected, uint64_t total_us) {
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);
        uint64_t got = 77;

        copy = malloc(size + !size); /* without a NUL, so that a sanitizer sees a read beyond its end */
        assert_non_null(copy);
        memcpy(copy, text, size);
        assert_int_equal(proc_pressure_parse(copy, size, &got), expected);
        assert_true(got == (expected < 0 ? 77 : total_us));
}

static void test_total(void **state) {
        check(FULL, 0, 1234);
        check(SOME FULL, 0, 1234);
        check("full avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551615\n", 0, UINT64_MAX);
}

static void test_bad(void **state) {
        check("", -EBADMSG, 0);
        check("\n", -EBADMSG, 0);
        check(SOME, -EBADMSG, 0);
        check(FULL FULL, -EBADMSG, 0);
        check(FULL "\n", -EBADMSG, 0);
        check("none avg10=0.00 avg60=0.12 avg300=0.00 total=1\n" FULL, -EBADMSG, 0);
        check("full avg10=0.00 avg60=0.12 avg300=0.00\n", -EBADMSG, 0);
        check("full avg10=0.00 avg60=0.12 avg300=0.00 total=\n", -EBADMSG, 0);
        check("full avg10=0.00 avg60=0.12 avg300=0.00 total=1 2\n", -EBADMSG, 0);
        check("full avg10=0.00 avg60=0.12 avg300=0.00 total=-1\n", -EBADMSG, 0);
        check("full avg60=0.12 avg300=0.00 total=1\n", -EBADMSG, 0);
}

static void test_every_truncation(void **state) {
        char text[sizeof(FULL)];

        for (size_t n = 0; n < sizeof(FULL) - 1; n++) {
                memcpy(text, FULL, n);
                text[n] = '\0';
                check(text, -EBADMSG, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_total),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_every_truncation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
