/* SPDX-License-Identifier: Apache-2.0 */

/* Worst stretches, and what rates tell beside the differences: peaks, the quietest quarter, history. */

#include "tests/unit/query-fixture.h"

#include "daemon/query/peak.h"
#include "daemon/query/rates.h"

#define STRETCH (10 * NSEC_PER_SEC)

/* Passes every step seconds; amounts per second between from and until, and otherwise. */
static struct peak find(double step, unsigned n, double from, double until, double bad, double usual) {
        _cleanup_(peak_clock_done) struct peak_clock clock = {};
        struct peak_series series = {};
        struct stamp stamp = stamp_at(0);
        struct peak peak;

        assert_int_equal(peak_clock_start(&clock, STRETCH, &stamp), 0);
        for (unsigned i = 1; i <= n; i++) {
                double at = i * step, rate = at > from && at <= until ? bad : usual;

                stamp = stamp_at(at);
                assert_int_equal(peak_clock_advance(&clock, &stamp), 0);
                if (rate > 0)
                        peak_series_add(&series, &clock, (uint64_t)(rate * step));
        }
        peak_series_finish(&series, &clock, &peak);
        return peak;
}

static void check(struct peak peak, double per_second, double since, double until) {
        assert_float_equal(peak.per_second, per_second, per_second / 1000);
        assert_int_equal(peak.since_us, AT(since));
        assert_int_equal(peak.until_us, AT(until));
}

static void test_steady(void **state) {
        check(find(1, 600, 0, 0, 0, 100), 100, 0, 10);
}

static void test_nothing(void **state) {
        struct peak peak = find(1, 600, 0, 0, 0, 0);

        assert_true(peak.per_second == 0);
        assert_int_equal(peak.until_us, 0);
}

/* Half a minute of ten, wherever it lies: its full rate, in its time. */
static void test_half_a_minute(void **state) {
        for (unsigned from = 0; from <= 570; from++) {
                struct peak peak = find(1, 600, from, from + 30, 5000, 10);

                assert_float_equal(peak.per_second, 5000, 1);
                assert_true(peak.since_us >= AT(from) && peak.until_us <= AT(from + 30));
        }
}

/* What lasts for one stretch only: three quarters at least, but in the last seconds of the record. */
static void test_one_stretch(void **state) {
        for (unsigned from = 0; from <= 580; from++) {
                struct peak peak = find(1, 600, from, from + 10, 4000, 0);

                assert_true(peak.per_second >= 3000 - 1 && peak.per_second <= 4000 + 1);
        }
}

/* A short burst is spread over a stretch, so that it weighs little. */
static void test_burst(void **state) {
        struct peak peak = find(1, 600, 300, 301, 10000, 0);

        assert_float_equal(peak.per_second, 1000, 1);
}

static void test_rare_passes(void **state) {
        check(find(60, 10, 120, 180, 700, 7), 700, 120, 180);
        check(find(7, 80, 70, 105, 700, 7), 700, 70, 84);
}

/* Less than a stretch on record: the average. */
static void test_short_record(void **state) {
        check(find(1, 4, 2, 4, 100, 0), 50, 0, 4);
}

static void test_first_and_last(void **state) {
        assert_float_equal(find(1, 600, 0, 3, 1000, 0).per_second, 300, 1);
        assert_true(find(1, 603, 602, 603, 1000, 0).per_second > 0);
}

static void test_overlap(void **state) {
        const struct peak a = { 1, 10, 20 }, b = { 1, 19, 30 }, c = { 1, 20, 30 }, none = {};

        assert_true(peaks_overlap(&a, &b));
        assert_true(peaks_overlap(&b, &a));
        assert_false(peaks_overlap(&a, &c));
        assert_false(peaks_overlap(&a, &none));
}

static const struct metric_desc metrics[] = {
        { "a", "1", "", "row", {}, METRIC_COUNTER, 64 },
        { "b", "1", "", "row", {}, METRIC_COUNTER, 64 },
        { "g", "1", "", "row", {}, METRIC_GAUGE, 64 },
};

/* Counters that go at 10 and, between 400 and 430, at 1000 per second; b twice as fast. Passes from -200 on.
 */
static void fill(struct store *store) {
        _cleanup_(batch_done) struct batch batch = {};
        uint64_t value = 50;
        unsigned source;

        assert_int_equal(store_add_source(store, "s", metrics, ELEMENTSOF(metrics), &source), 0);
        batch_init(&batch);
        for (int at = -200; at <= 600; at++) {
                value += at > 400 && at <= 430 ? 1000 : 10;
                ADD_ROW(&batch, 0, "x", value, 0);
                ADD_ROW(&batch, 1, "x", 2 * value, 2 * value);
                ADD_ROW(&batch, 2, "x", 1);
                commit(store, source, at, &batch);
        }
}

static struct rates_request request_of(struct store *store) {
        return (struct rates_request){
                .source = "s",
                .since_us = AT(0),
                .until_us = AT(600),
                .stretch_ns = STRETCH,
                .history_ns = 3600 * NSEC_PER_SEC,
        };
}

static void test_rates(void **state) {
        static const char *const names[] = { "b", "nonesuch", "a", "g" };
        _cleanup_(store_freep) struct store *store = new_store();
        struct rates *rates[ELEMENTSOF(names)];
        struct rates_request request;
        const struct rates_cell *cell;

        fill(store);
        request = request_of(store);
        assert_int_equal(rates_query_metrics(store, &request, names, ELEMENTSOF(names), rates), 0);
        assert_null(rates[1]);
        assert_null(rates[3]);
        assert_string_equal(rates[0]->metric->name, "b");
        assert_string_equal(rates[2]->metric->name, "a");
        assert_int_equal(rates[2]->rows[0].total, 570 * 10 + 30 * 1000);
        assert_int_equal(rates[0]->rows[0].total, 4 * (570 * 10 + 30 * 1000));
        assert_float_equal(rates[0]->rows[0].peak.per_second, 4000, 1);

        cell = &rates[2]->rows[0].cells[0];
        assert_float_equal(cell->peak.per_second, 1000, 1);
        assert_true(cell->has_lull);
        assert_float_equal(cell->lull, 10, 0.1);
        assert_true(cell->has_history);
        assert_float_equal(cell->history, 10, 0.1);
        assert_int_equal(rates[2]->history_ns, 200 * NSEC_PER_SEC);
        assert_true(rates[2]->rows[0].cells[1].peak.per_second == 0);
        (void)rates_free(rates[0]);
        (void)rates_free(rates[2]);
}

static void test_history_is_limited(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(rates_freep) struct rates *rates = NULL, *first = NULL;
        struct rates_request request;

        fill(store);
        request = request_of(store);
        request.history_ns = 50 * NSEC_PER_SEC;
        assert_int_equal(rates_query(store, &request, &rates), 0);
        assert_int_equal(rates->history_ns, 50 * NSEC_PER_SEC);
        assert_float_equal(rates->rows[0].cells[0].history, 10, 0.1);

        request.since_us = AT(-300);
        assert_int_equal(rates_query(store, &request, &first), 0);
        assert_int_equal(first->history_ns, 0);
        assert_false(first->rows[0].cells[0].has_history);
}

/* A counter that started over tells nothing of its past. */
static void test_history_reset(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(batch_done) struct batch batch = {};
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct rates_request request = request_of(store);
        unsigned source;

        assert_int_equal(store_add_source(store, "s", metrics, ELEMENTSOF(metrics), &source), 0);
        batch_init(&batch);
        for (int at = -100; at <= 600; at++) {
                ADD_ROW(&batch, 0, "x", (uint64_t)(at < -50 ? 90000 + at : 1000 + at));
                commit(store, source, at, &batch);
        }
        assert_int_equal(rates_query(store, &request, &rates), 0);
        assert_false(rates->rows[0].cells[0].has_history);
        assert_true(rates->rows[0].cells[0].has_lull);
}

static void test_find_row(void **state) {
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(rates_freep) struct rates *rates = NULL;
        struct rates_request request = request_of(store);

        fill(store);
        assert_int_equal(rates_query(store, &request, &rates), 0);
        assert_ptr_equal(rates_find_row(rates, "x"), &rates->rows[0]);
        assert_null(rates_find_row(rates, "y"));
        assert_null(rates_find_row(NULL, "x"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_steady),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_half_a_minute),
                cmocka_unit_test(test_one_stretch),
                cmocka_unit_test(test_burst),
                cmocka_unit_test(test_rare_passes),
                cmocka_unit_test(test_short_record),
                cmocka_unit_test(test_first_and_last),
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_history_is_limited),
                cmocka_unit_test(test_history_reset),
                cmocka_unit_test(test_find_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
