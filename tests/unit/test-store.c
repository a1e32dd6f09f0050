/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/store-fixture.h"

static void test_sources(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source, other, again;
        size_t n = 0;

        store = new_store(&test_limits, &source);
        assert_int_equal(store_add_source(store, "other", test_metrics, 1, &other), 0);
        assert_int_not_equal(other, source);
        assert_int_equal(store_add_source(store, "test", test_metrics, N_METRICS, &again), 0);
        assert_int_equal(again, source);
        assert_int_equal(store_n_sources(store), 2);
        assert_int_equal(store_find_source(store, "other"), (int)other);
        assert_int_equal(store_find_source(store, "othe"), -ENOENT);
        assert_string_equal(store_source_name(store, source), "test");
        assert_ptr_equal(store_source_metrics(store, source, &n), test_metrics);
        assert_int_equal(n, N_METRICS);
}

static void test_empty(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t first, last;
        unsigned source;

        store = new_store(&test_limits, &source);
        check_scan(store, source, 0, UINT64_MAX, "error -2\n");
        assert_int_equal(store_source_range(store, source, &first, &last), -ENOENT);
        assert_int_equal(store_n_rows(store, source), 0);
}

static void test_range(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t first, last;
        unsigned source;

        store = new_store(&test_limits, &source);
        for (unsigned i = 0; i < 4; i++)
                COMMIT(store, source, i, WIDE, 10 + i, 5);

        assert_int_equal(store_source_range(store, source, &first, &last), 0);
        assert_int_equal(first, AT(0));
        assert_int_equal(last, AT(3));

        /* since is exclusive and until inclusive: the baseline is at since. */
        check_scan(store, source, AT(1), AT(2),
                   "base 1 cpus=0-1: row@0=11+0 row@1=5+0\n2 cpus=0-1: row@0=12+1\n");
        /* Between passes. */
        check_scan(store, source, AT(1) + 5, AT(3) - 1,
                   "base 1 cpus=0-1: row@0=11+0 row@1=5+0\n2 cpus=0-1: row@0=12+1\n");
        /* Before everything: the first pass is the baseline and is not delivered twice. */
        check_scan(store, source, 0, AT(1),
                   "base 0 cpus=0-1: row@0=10+0 row@1=5+0\n1 cpus=0-1: row@0=11+1\n");
        /* Nothing new in the range. */
        check_scan(store, source, AT(3), AT(9), "base 3 cpus=0-1: row@0=13+0 row@1=5+0\n");
        check_scan(store, source, 0, AT(0) - 1, "error -2\n");
}

static int stop_at_second(const struct store_pass *pass, void *userdata) {
        return ++*(int *)userdata == 2 ? 42 : 0;
}

static void test_callbacks_stop(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;
        int n = 0;

        store = new_store(&test_limits, &source);
        for (unsigned i = 0; i < 5; i++)
                COMMIT(store, source, i, WIDE, i);

        assert_int_equal(store_scan(store, source, 0, UINT64_MAX, NULL, stop_at_second, &n), 42);
        assert_int_equal(n, 2);
        n = 1;
        assert_int_equal(store_scan(store, source, 0, UINT64_MAX, stop_at_second, stop_at_second, &n), 42);
        assert_int_equal(n, 2);
}

struct seen {
        const struct store *store;
        unsigned source, metric;
        unsigned n_passes, n_changes;
        uint64_t last;
};

static int see_pass(const struct store_pass *pass, void *userdata) {
        struct seen *seen = userdata;

        seen->n_passes++;
        for (size_t i = 0; i < pass->n_changes; i++) {
                assert_int_equal(store_row_at(seen->store, seen->source, pass->changes[i].row)->metric,
                                 seen->metric);
                seen->last = pass->changes[i].value;
                seen->n_changes++;
        }

        return 0;
}

/* Over more than one chunk, so that the values at the start of a later one are left out too. */
static void test_some_metrics(void **state) {
        enum { PASSES = 300 };
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        struct store_scan narrow = { .metrics = store_metric_bit(NARROW), .until_us = UINT64_MAX };
        const struct store_scan none = { .until_us = UINT64_MAX };
        struct seen seen = { .metric = NARROW };
        unsigned source;

        store = new_store(&test_limits, &source);
        batch_init(&batch);
        for (unsigned i = 0; i < PASSES; i++) {
                batch_clear(&batch);
                stamp_at(&batch.stamp, i);
                for (unsigned metric = 0; metric < N_METRICS; metric++) {
                        add_row(&batch, metric, "row");
                        for (int cpu = 0; cpu < 3; cpu++)
                                add_cell(&batch, cpu, 1000 * metric + i + 1);
                }
                assert_int_equal(store_commit(store, source, &batch), 0);
        }

        seen.store = store;
        seen.source = source;
        narrow.since_us = AT(PASSES - 20);
        assert_int_equal(store_scan_for(store, source, &narrow, see_pass, see_pass, &seen), 0);
        assert_int_equal(seen.n_passes, 20);
        assert_int_equal(seen.n_changes, 3 * 20);
        assert_int_equal(seen.last, 1000 + PASSES);

        /* None of them: the passes are still told. */
        seen.n_passes = seen.n_changes = 0;
        assert_int_equal(store_scan_for(store, source, &none, NULL, see_pass, &seen), 0);
        assert_int_equal(seen.n_passes, PASSES - 1);
        assert_int_equal(seen.n_changes, 0);
}

static void test_order(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t value = 7;
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 5, WIDE, 1);
        assert_int_equal(commit_values(store, source, 5, WIDE, &value, 1), -EINVAL);
        assert_int_equal(commit_values(store, source, 4, WIDE, &value, 1), -EINVAL);
        check_scan(store, source, 0, UINT64_MAX, "base 5 cpus=0: row@0=1+0\n");
}

static void test_malformed_batches(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 0, WIDE, 1);

        stamp_at(&batch.stamp, 1);
        add_row(&batch, WIDE, "new");
        add_cell(&batch, 0, 1);
        add_row(&batch, WIDE, "new");
        assert_int_equal(store_commit(store, source, &batch), -EINVAL);

        batch_clear(&batch);
        add_row(&batch, WIDE, "new");
        add_cell(&batch, 0, 1);
        add_cell(&batch, 1, 1);
        add_cell(&batch, 0, 2);
        assert_int_equal(store_commit(store, source, &batch), -EINVAL);

        batch_clear(&batch);
        add_row(&batch, N_METRICS, "new");
        assert_int_equal(store_commit(store, source, &batch), -EINVAL);

        assert_int_equal(store_n_rows(store, source), 1);
        assert_true(store_row_is_live(store, source, 0));
        check_scan(store, source, 0, UINT64_MAX, "base 0 cpus=0: row@0=1+0\n");
}

static void test_keys(void **state) {
        static const struct row_key keys[] = {
                { .name = "24" },
                { .name = "24", .labels = { "IO-APIC" } },
                { .name = "24", .labels = { "IO-APIC", NULL, "eth0" } },
                { .name = "24", .labels = { "IO-APIC", "eth0" } },
                { .name = "24", .labels = { "IO-APIC", "" } },
        };
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source;

        store = new_store(&test_limits, &source);
        for (unsigned pass = 0; pass < 2; pass++) {
                batch_clear(&batch);
                stamp_at(&batch.stamp, pass);
                for (unsigned metric = 0; metric < 2; metric++)
                        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                                assert_int_equal(batch_add_row(&batch, metric, &keys[i]), 0);
                assert_int_equal(store_commit(store, source, &batch), 0);
        }

        assert_int_equal(store_n_rows(store, source), 2 * ELEMENTSOF(keys));
        assert_string_equal(store_row_at(store, source, 2)->key.labels[2], "eth0");
        assert_null(store_row_at(store, source, 2)->key.labels[1]);
        assert_int_equal(store_row_at(store, source, 7)->metric, 1);
        assert_int_equal(store_row_at(store, source, 7)->generation, 0);
}

static void test_resets(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 0, WIDE, 100, UINT64_MAX);
        COMMIT(store, source, 1, WIDE, 30, 5);
        COMMIT(store, source, 2, WIDE, 0, 6);
        COMMIT(store, source, 3, WIDE, 1, UINT64_MAX);
        check_scan(store, source, AT(0), AT(9),
                   "base 0 cpus=0-1: row@0=100+0 row@1=18446744073709551615+0\n"
                   "1 cpus=0-1: row@0=30+30reset row@1=5+5reset\n"
                   "2 cpus=0-1: row@0=0+0reset row@1=6+1\n"
                   "3 cpus=0-1: row@0=1+1 row@1=18446744073709551615+18446744073709551609\n");
}

static void test_wraps(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        /* From the upper half and less than half of the range ahead: a wrap. Else a reset. */
        COMMIT(store, source, 0, NARROW, 0xfffffff0, 0x80000000, 0x7fffffff, 0x80000000, 0x100000000);
        COMMIT(store, source, 1, NARROW, 0x10, 0x10, 0x10, 0x0, 0x10);
        check_scan(store, source, AT(0), AT(1),
                   "base 0 cpus=0-4: row@0=4294967280+0 row@1=2147483648+0 row@2=2147483647+0 "
                   "row@3=2147483648+0 "
                   "row@4=4294967296+0\n"
                   "1 cpus=0-4: row@0=16+32 row@1=16+16reset row@2=16+16reset row@3=0+0reset "
                   "row@4=16+16reset\n");
}

static void test_wrap_boundaries(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 0, NARROW, 0xffffffff, 0x90000000, 0x90000000);
        /* Ahead by 1, by 2^31 - 1, and by 2^31: the last one is a reset. */
        COMMIT(store, source, 1, NARROW, 0, 0x0fffffff, 0x10000000);
        check_scan(store, source, AT(0), AT(1),
                   "base 0 cpus=0-2: row@0=4294967295+0 row@1=2415919104+0 row@2=2415919104+0\n"
                   "1 cpus=0-2: row@0=0+1 row@1=268435455+2147483647 row@2=268435456+268435456reset\n");
}

static void test_gauges(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 0, LEVEL, 7);
        COMMIT(store, source, 1, LEVEL, 3);
        COMMIT(store, source, 2, LEVEL, 0);
        COMMIT(store, source, 3, LEVEL, 3);
        check_scan(
                store, source, 0, AT(9),
                "base 0 cpus=0: row@0=7+0\n1 cpus=0: row@0=3+0\n2 cpus=0: row@0=0+0\n3 cpus=0: row@0=3+0\n");
}

static void test_zeros(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        store = new_store(&test_limits, &source);
        COMMIT(store, source, 0, WIDE, 0, 0, 4);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_series, 1);

        /* The zero was seen: what it grew by is known. */
        COMMIT(store, source, 1, WIDE, 0, 9, 4);
        check_scan(store, source, AT(0), AT(9), "base 0 cpus=0-2: row@2=4+0\n1 cpus=0-2: row@1=9+9\n");
}

static void commit_rows(struct store *store, unsigned source, unsigned n, const char *a, uint64_t a_value,
                        const char *b, uint64_t b_value) {
        _cleanup_(batch_done) struct batch batch = {};

        stamp_at(&batch.stamp, n);
        if (a)
                assert_int_equal(batch_add_single(&batch, WIDE, a, a_value), 0);
        if (b)
                assert_int_equal(batch_add_single(&batch, WIDE, b, b_value), 0);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void test_generations(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        commit_rows(store, source, 0, "A", 1, "B", 5);
        commit_rows(store, source, 1, "A", 2, NULL, 0);
        assert_false(store_row_is_live(store, source, 1));
        /* B's return: above its old value, yet nothing connects the two. Its place in the batch moves, too.
         */
        commit_rows(store, source, 2, "B", 50, "A", 3);
        commit_rows(store, source, 3, "B", 51, "A", 4);
        /* C was not there before: how it got its value is not known. */
        commit_rows(store, source, 4, "C", 8, "B", 51);

        check_scan(store, source, 0, UINT64_MAX,
                   "base 0 cpus=: A=1+0 B=5+0\n"
                   "1 cpus=: A=2+1\n"
                   "2 cpus=: B#1=50+0first A=3+1\n"
                   "3 cpus=: B#1=51+1 A=4+1\n"
                   "4 cpus=: C=8+0first\n");
        /* The baseline has the rows of its pass only. */
        check_scan(store, source, AT(1), AT(1), "base 1 cpus=: A=2+0\n");
        check_scan(store, source, AT(4), AT(4), "base 4 cpus=: B#1=51+0 C=8+0\n");
        assert_int_equal(store_row_at(store, source, 1)->generation, 0);
        assert_int_equal(store_row_at(store, source, 2)->generation, 1);
        assert_false(store_row_is_live(store, source, 0));
        assert_true(store_row_is_live(store, source, 2));
}

static void commit_cpus(struct store *store, unsigned source, unsigned n, uint64_t cpu0, int cpu,
                        uint64_t value) {
        _cleanup_(batch_done) struct batch batch = {};

        stamp_at(&batch.stamp, n);
        add_row(&batch, WIDE, "row");
        add_cell(&batch, 0, cpu0);
        if (cpu >= 0)
                add_cell(&batch, cpu, value);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void test_hotplug(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        commit_cpus(store, source, 0, 1, 3, 10);
        commit_cpus(store, source, 1, 2, -1, 0);
        /* Back, having counted on; gone; back from zero; then a CPU that was never there before. */
        commit_cpus(store, source, 2, 3, 3, 12);
        commit_cpus(store, source, 3, 4, -1, 0);
        commit_cpus(store, source, 4, 5, 3, 4);
        commit_cpus(store, source, 5, 6, 2, 77);
        check_scan(store, source, 0, UINT64_MAX,
                   "base 0 cpus=0,3: row@0=1+0 row@3=10+0\n"
                   "1 cpus=0: row@0=2+1\n"
                   "2 cpus=0,3: row@0=3+1 row@3=12+2\n"
                   "3 cpus=0: row@0=4+1\n"
                   "4 cpus=0,3: row@0=5+1 row@3=4+4reset\n"
                   "5 cpus=0,2: row@0=6+1 row@2=77+0first\n");
        /* An absent CPU keeps the value that its return is compared with. */
        check_scan(store, source, AT(1), AT(1), "base 1 cpus=0: row@0=2+0 row@3=10+0\n");
}

static void test_hotplug_from_zero(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        commit_cpus(store, source, 0, 1, 3, 0);
        commit_cpus(store, source, 1, 1, -1, 0);
        commit_cpus(store, source, 2, 1, 3, 6);
        check_scan(store, source, AT(1), AT(9), "base 1 cpus=0: row@0=1+0\n2 cpus=0,3: row@3=6+6\n");
}

static void test_any_order_of_cpus(void **state) {
        static const int cpus[] = { 8191, 3, CPU_NONE, 64, 0 };
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source;

        store = new_store(&test_limits, &source);
        for (unsigned pass = 0; pass < 2; pass++) {
                batch_clear(&batch);
                stamp_at(&batch.stamp, pass);
                add_row(&batch, WIDE, "row");
                for (size_t i = 0; i < ELEMENTSOF(cpus); i++)
                        add_cell(&batch, cpus[i], 10 + pass * (i + 1));
                assert_int_equal(store_commit(store, source, &batch), 0);
        }

        check_scan(store, source, 0, UINT64_MAX,
                   "base 0 cpus=0,3,64,8191: row=10+0 row@0=10+0 row@3=10+0 row@64=10+0 row@8191=10+0\n"
                   "1 cpus=0,3,64,8191: row=13+3 row@0=15+5 row@3=12+2 row@64=14+4 row@8191=11+1\n");
}

static void test_series_limit(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        limits.n_series_max = 2;
        store = new_store(&limits, &source);
        COMMIT(store, source, 0, WIDE, 1, 1, 0, 1, 1);
        COMMIT(store, source, 1, WIDE, 2, 2, 0, 2, 2);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_series, 2);
        assert_int_equal(stats.n_series_refused, 2);

        /* A value that was refused before is no zero: its growth is not known when there is room at last. */
        limits.n_series_max = 10;
        store_set_limits(store, &limits);
        COMMIT(store, source, 2, WIDE, 3, 3, 5, 3, 2);
        COMMIT(store, source, 3, WIDE, 3, 3, 6, 4, 2);
        check_scan(store, source, AT(0), AT(9),
                   "base 0 cpus=0-4: row@0=1+0 row@1=1+0\n"
                   "1 cpus=0-4: row@0=2+1 row@1=2+1\n"
                   "2 cpus=0-4: row@0=3+1 row@1=3+1 row@2=5+0first row@3=3+0first row@4=2+0first\n"
                   "3 cpus=0-4: row@2=6+1 row@3=4+1\n");
}

static void test_row_limit(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        limits.n_series_max = 1;
        store = new_store(&limits, &source);
        commit_rows(store, source, 0, "A", 0, "B", 1);
        assert_int_equal(store_n_rows(store, source), 1);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_series_refused, 1);
}

static int list_gap(const struct store_gap *gap, void *userdata) {
        fprintf(userdata, "%u:%lld..%lld %s\n", gap->source,
                (long long)((gap->since_us - AT(0)) / USEC_PER_SEC),
                gap->until_us == UINT64_MAX ? -1 : (long long)((gap->until_us - AT(0)) / USEC_PER_SEC),
                gap->reason);
        return 0;
}

static void check_gaps(const struct store *store, uint64_t since_us, uint64_t until_us,
                       const char *expected) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(store_for_each_gap(store, since_us, until_us, list_gap, f), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, expected);
}

static void mark_gap(struct store *store, unsigned source, unsigned n, const char *reason) {
        struct stamp stamp;

        stamp_at(&stamp, n);
        assert_int_equal(store_mark_gap(store, source, &stamp, reason), 0);
}

static void test_gaps(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source, other;

        store = new_store(&test_limits, &source);
        assert_int_equal(store_add_source(store, "other", test_metrics, N_METRICS, &other), 0);

        mark_gap(store, source, 0, "not yet");
        COMMIT(store, source, 2, WIDE, 1);
        mark_gap(store, source, 3, "truncated");
        mark_gap(store, source, 4, "something else");
        check_gaps(store, 0, UINT64_MAX, "0:0..2 not yet\n0:2..-1 truncated\n");
        COMMIT(store, source, 5, WIDE, 9);
        COMMIT(store, source, 6, WIDE, 10);
        mark_gap(store, other, 6, "disabled");

        check_gaps(store, 0, UINT64_MAX, "0:0..2 not yet\n0:2..5 truncated\n1:6..-1 disabled\n");
        check_gaps(store, AT(2), AT(3), "0:2..5 truncated\n");
        check_gaps(store, AT(5), AT(6), "");
        check_gaps(store, AT(100), AT(200), "1:6..-1 disabled\n");
        check_scan(
                store, source, AT(2), AT(9),
                "base 2 cpus=0 after-gap: row@0=1+0\n5 cpus=0 after-gap: row@0=9+8\n6 cpus=0: row@0=10+1\n");
}

static int stop_at_gap(const struct store_gap *gap, void *userdata) {
        return 7;
}

static void test_gap_callback_stops(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        mark_gap(store, source, 0, "why");
        assert_int_equal(store_for_each_gap(store, 0, UINT64_MAX, stop_at_gap, NULL), 7);
}

static void commit_at(struct store *store, unsigned source, unsigned tick, unsigned realtime,
                      uint64_t value) {
        _cleanup_(batch_done) struct batch batch = {};

        batch.stamp =
                (struct stamp){ .monotonic_ns = (tick + 1) * NSEC_PER_SEC, .realtime_us = AT(realtime) };
        add_row(&batch, WIDE, "row");
        add_cell(&batch, 0, value);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void test_clock_set_back(void **state) {
        static const unsigned realtime[] = { 100, 101, 102, 50, 51, 52 };
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        for (unsigned i = 0; i < ELEMENTSOF(realtime); i++)
                commit_at(store, source, i, realtime[i], i + 1);

        check_scan(store, source, AT(100), AT(102),
                   "base 100 cpus=0: row@0=1+0\n101 cpus=0: row@0=2+1\n102 cpus=0: row@0=3+1\n");
        check_scan(store, source, AT(50), AT(52),
                   "base 50 cpus=0: row@0=4+0\n51 cpus=0: row@0=5+1\n52 cpus=0: row@0=6+1\n");
        /* What happened during the step belongs to the pass after it. */
        check_scan(store, source, AT(40), AT(51),
                   "base 102 cpus=0: row@0=3+0\n50 cpus=0: row@0=4+1\n51 cpus=0: row@0=5+1\n");
        /* Passes on both sides, with one between them that is out of range. */
        check_scan(store, source, AT(51), AT(101),
                   "base 100 cpus=0: row@0=1+0\n101 cpus=0: row@0=2+1\n52 cpus=0: row@0=6+1\n");
}

static void test_clock_set_forward(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        commit_at(store, source, 0, 10, 1);
        commit_at(store, source, 1, 500, 2);
        commit_at(store, source, 2, 12, 4);
        check_scan(store, source, AT(10), AT(20), "base 500 cpus=0: row@0=2+0\n12 cpus=0: row@0=4+2\n");
        check_scan(store, source, AT(20), AT(30), "base 12 cpus=0: row@0=4+0\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_callbacks_stop),
                cmocka_unit_test(test_some_metrics),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_malformed_batches),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_resets),
                cmocka_unit_test(test_wraps),
                cmocka_unit_test(test_wrap_boundaries),
                cmocka_unit_test(test_gauges),
                cmocka_unit_test(test_zeros),
                cmocka_unit_test(test_generations),
                cmocka_unit_test(test_hotplug),
                cmocka_unit_test(test_hotplug_from_zero),
                cmocka_unit_test(test_any_order_of_cpus),
                cmocka_unit_test(test_series_limit),
                cmocka_unit_test(test_row_limit),
                cmocka_unit_test(test_gaps),
                cmocka_unit_test(test_gap_callback_stops),
                cmocka_unit_test(test_clock_set_back),
                cmocka_unit_test(test_clock_set_forward),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
