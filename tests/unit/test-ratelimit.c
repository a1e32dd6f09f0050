/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include "common/cleanup.h"
#include "daemon/alert/ratelimit.h"

#define SEC NSEC_PER_SEC

static unsigned take_many(struct ratelimit *limit, unsigned n, uint64_t now_ns) {
        unsigned n_taken = 0;

        while (n-- > 0)
                n_taken += ratelimit_take(limit, now_ns);

        return n_taken;
}

static void expect_no_summary(struct ratelimit *limit, uint64_t now_ns) {
        uint64_t n = 77, span = 77;

        assert_false(ratelimit_summary(limit, now_ns, &n, &span));
        assert_int_equal(n, 77);
        assert_int_equal(span, 77);
}

static void expect_summary(struct ratelimit *limit, uint64_t now_ns, uint64_t n_expected,
                           uint64_t span_expected) {
        uint64_t n = 0, span = 0;

        assert_true(ratelimit_summary(limit, now_ns, &n, &span));
        assert_int_equal(n, n_expected);
        assert_int_equal(span, span_expected);
        assert_int_equal(ratelimit_deadline(limit), UINT64_MAX);
        expect_no_summary(limit, now_ns);
}

static void test_burst(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 10, 10 * SEC, 100 * SEC);
        assert_int_equal(ratelimit_deadline(&limit), UINT64_MAX);
        assert_int_equal(take_many(&limit, 10, 100 * SEC), 10);
        assert_int_equal(ratelimit_deadline(&limit), UINT64_MAX);
        expect_no_summary(&limit, 200 * SEC);
}

/* Within its rate for ever: nothing is ever held back. */
static void test_steady(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 10, 10 * SEC, 0);
        for (uint64_t i = 1; i < 10000; i++)
                assert_true(ratelimit_take(&limit, i * SEC));
}

static void test_closed_until_full(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 10, 10 * SEC, 100 * SEC);
        assert_int_equal(take_many(&limit, 15, 100 * SEC), 10);
        assert_int_equal(ratelimit_deadline(&limit), 110 * SEC);
        assert_false(ratelimit_take(&limit, 105 * SEC)); /* half full, still closed */
        assert_int_equal(ratelimit_deadline(&limit), 110 * SEC);
        expect_no_summary(&limit, 110 * SEC - 1);
        expect_summary(&limit, 110 * SEC, 6, 10 * SEC);
        assert_int_equal(take_many(&limit, 15, 110 * SEC), 10);
        expect_summary(&limit, 130 * SEC, 5, 20 * SEC);
}

/* The next event opens it too; what was suppressed is still told. */
static void test_open_by_take(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 2, SEC, 0);
        assert_int_equal(take_many(&limit, 5, 0), 2);
        assert_true(ratelimit_take(&limit, 3 * SEC));
        assert_int_equal(ratelimit_deadline(&limit), 3 * SEC);
        expect_summary(&limit, 3 * SEC, 3, 3 * SEC);
}

/* A flood of 1000 per second for 1000 s: burst entries and one summary per interval, nothing uncounted. */
static void test_flood(void **state) {
        struct ratelimit limit;
        uint64_t n_taken = 0, n_summaries = 0, n_summed = 0, n, span;

        ratelimit_init(&limit, 10, 10 * SEC, 0);
        for (uint64_t ms = 0; ms < 1000000; ms++) {
                if (ratelimit_summary(&limit, ms * NSEC_PER_MSEC, &n, &span)) {
                        n_summaries++;
                        n_summed += n;
                }
                n_taken += ratelimit_take(&limit, ms * NSEC_PER_MSEC);
        }
        assert_true(ratelimit_summary(&limit, 2000 * SEC, &n, &span));

        assert_int_equal(n_taken + n_summed + n, 1000000);
        assert_in_range(n_taken, 990, 1010);
        assert_in_range(n_summaries, 98, 100);
}

static void test_time_backwards(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 1, SEC, 100 * SEC);
        assert_true(ratelimit_take(&limit, 50 * SEC));
        assert_false(ratelimit_take(&limit, 60 * SEC));
        expect_no_summary(&limit, 10 * SEC);
        expect_summary(&limit, 101 * SEC, 1, 41 * SEC);
}

static void test_extremes(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, UINT32_MAX, 1, 0); /* less than 1 ns per token */
        assert_true(ratelimit_take(&limit, 0));
        assert_false(ratelimit_take(&limit, 0));
        assert_true(ratelimit_take(&limit, 1));

        ratelimit_init(&limit, 1, UINT64_MAX, 0);
        assert_true(ratelimit_take(&limit, 5));
        assert_false(ratelimit_take(&limit, UINT64_MAX - 1));
}

/* What is let through after all is not told as suppressed; when nothing is left there is no summary. */
static void test_forgive(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 1, SEC, 0);
        assert_int_equal(take_many(&limit, 3, 0), 1);
        ratelimit_forgive(&limit);
        expect_summary(&limit, SEC, 1, SEC);

        assert_int_equal(take_many(&limit, 2, 5 * SEC), 1);
        ratelimit_forgive(&limit);
        assert_int_equal(ratelimit_deadline(&limit), UINT64_MAX);
        expect_no_summary(&limit, 10 * SEC);
}

static void test_configure(void **state) {
        struct ratelimit limit;

        ratelimit_init(&limit, 1, 100 * SEC, 0);
        assert_int_equal(take_many(&limit, 4, 0), 1);
        ratelimit_configure(&limit, 3, SEC, 5 * SEC);
        assert_int_equal(ratelimit_deadline(&limit), 5 * SEC);
        expect_summary(&limit, 5 * SEC, 3, 5 * SEC);
        assert_int_equal(take_many(&limit, 4, 5 * SEC), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_burst),
                cmocka_unit_test(test_steady),
                cmocka_unit_test(test_closed_until_full),
                cmocka_unit_test(test_open_by_take),
                cmocka_unit_test(test_flood),
                cmocka_unit_test(test_time_backwards),
                cmocka_unit_test(test_extremes),
                cmocka_unit_test(test_forgive),
                cmocka_unit_test(test_configure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
