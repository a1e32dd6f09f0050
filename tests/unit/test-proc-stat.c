/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-stat.h"
#include "tests/harness/alloc-fail.h"

#define SUM "cpu  9 8 7 6 5 4 3 2 1 0\n"
#define CPU0 "cpu0 1 2 3 4 5 6 7 8 9 10\n"
#define CPU3 "cpu3 11 12 13 14 15 16 17 18 19 20\n"
#define END "intr 5 1 4\nctxt 1\n"

/* The text is copied to the heap without a NUL, so that a sanitizer sees a read beyond its end. */
static int parse(const char *text, struct cpu_columns *columns) {
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);

        copy = malloc(size + !size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_stat_parse(copy, size, columns);
}

static void check_bad(const char *text) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _CPU_MODE_MAX };

        assert_int_equal(parse(text, &columns), -EBADMSG);
}

static void test_cpus(void **state) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _CPU_MODE_MAX };

        assert_int_equal(parse(SUM CPU0 CPU3 END, &columns), 0);
        assert_int_equal(columns.n_cpus, 2);
        assert_int_equal(columns.cpus[0], 0);
        assert_int_equal(columns.cpus[1], 3);
        for (unsigned mode = 0; mode < _CPU_MODE_MAX; mode++) {
                assert_int_equal(columns.values[mode][0], 1 + mode);
                assert_int_equal(columns.values[mode][1], 11 + mode);
        }

        /* Without guest_nice (before 2.6.33), and with more than there is today. */
        assert_int_equal(
                parse("cpu  9 8 7 6 5 4 3 2 1\ncpu1 1 2 3 4 5 6 7 8 18446744073709551615\n" END, &columns),
                0);
        assert_int_equal(columns.n_cpus, 1);
        assert_true(columns.values[CPU_MODE_GUEST][0] == UINT64_MAX);
        assert_int_equal(
                parse("cpu  9 8 7 6 5 4 3 2 1 0 0 0\ncpu8191 1 2 3 4 5 6 7 8 9 10 11 12\n" END, &columns), 0);
        assert_int_equal(columns.cpus[0], 8191);
}

static void test_bad(void **state) {
        check_bad("");
        check_bad("\n");
        check_bad(SUM);
        check_bad(SUM END);
        check_bad(CPU0 CPU3 END);
        check_bad(SUM CPU0 CPU3);            /* cut between two lines */
        check_bad(SUM CPU0 CPU3 "ctxt 1\n"); /* one is missing */
        check_bad(SUM CPU0 "cpu3 11 12\n" END);
        check_bad(SUM CPU0 "cpu3 11 12 13 14 15 16 17 18 19 2x\n" END);
        check_bad(SUM CPU0 "cpu3 11 12 13 14 15 16 17 18 -19 20\n" END);
        check_bad(SUM CPU0 "cpu 1 2 3 4 5 6 7 8 9 10\n" END);
        check_bad(SUM CPU0 "cpux 1 2 3 4 5 6 7 8 9 10\n" END);
        check_bad(SUM CPU0 "cpu03 1 2 3 4 5 6 7 8 9 10\n" END);
        check_bad(SUM CPU0 "cpu8192 1 2 3 4 5 6 7 8 9 10\n" END);
        check_bad(SUM CPU3 CPU0 END); /* descending */
        check_bad(SUM CPU0 CPU0 END);
        check_bad("cpu  1 2 3\n" CPU0 END);
        check_bad("cpu  1 2 3 4 5 6 7 x 9\n" CPU0 END);
}

/* Every prefix that ends before what follows the CPUs is refused. */
static void test_every_truncation(void **state) {
        static const char good[] = SUM CPU0 CPU3 END;
        char text[sizeof(good)];

        for (size_t n = 0; n < sizeof(SUM CPU0 CPU3 "intr 5 1 4\n") - 1; n++) {
                memcpy(text, good, n);
                text[n] = '\0';
                check_bad(text);
        }
}

static void test_no_memory(void **state) {
        for (unsigned nth = 1; nth <= 1 + _CPU_MODE_MAX; nth++) {
                _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _CPU_MODE_MAX };
                static const char text[] = SUM CPU0 END;

                alloc_fail_at(nth);
                assert_int_equal(proc_stat_parse(text, sizeof(text) - 1, &columns), -ENOMEM);
                assert_true(alloc_fail_end());
        }
}

static void test_names(void **state) {
        assert_string_equal(cpu_mode_to_string(CPU_MODE_USER), "user");
        assert_string_equal(cpu_mode_to_string(CPU_MODE_SOFTIRQ), "softirq");
        assert_string_equal(cpu_mode_to_string(CPU_MODE_GUEST), "guest");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cpus),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
