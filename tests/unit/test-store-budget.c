/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the store costs for a machine of 64 CPUs over an hour, and what it drops when that is too much.
 */

#include "tests/unit/store-fixture.h"

#include <time.h>

enum { N_CPUS = 64, N_PASSES = 3600, N_VECTORS = 10, N_SYSTEM_ROWS = 16, N_DEVICE_ROWS = 184 };

static uint64_t random_state = 1;

static uint64_t next_random(void) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
}

/* A machine under load. Of the system rows (NMI, LOC, RES ...) six count on every CPU, two rarely, the others
 * never. A queue's interrupt runs on one CPU, after having run on two others; a quarter is idle. */
struct machine {
        uint64_t softirqs[N_VECTORS][N_CPUS];
        uint64_t system[N_SYSTEM_ROWS][N_CPUS];
        uint64_t devices[N_DEVICE_ROWS][N_CPUS];
};

static void machine_boot(struct machine *machine) {
        for (unsigned row = 0; row < N_DEVICE_ROWS; row++)
                for (unsigned i = 0; i < 3; i++)
                        machine->devices[row][(row * 7 + i * 5) % N_CPUS] = next_random() % 100000000;
        for (unsigned cpu = 0; cpu < N_CPUS; cpu++)
                for (unsigned row = 0; row < 8; row++)
                        machine->system[row][cpu] = next_random() % 1000000000;
}

static void machine_run(struct machine *machine) {
        for (unsigned cpu = 0; cpu < N_CPUS; cpu++) {
                for (unsigned vector = 0; vector < 7; vector++)
                        machine->softirqs[vector][cpu] += next_random() % 2000;
                for (unsigned row = 0; row < 6; row++)
                        machine->system[row][cpu] += next_random() % (row == 0 ? 1000 : 300);
                for (unsigned row = 6; row < 8; row++)
                        machine->system[row][cpu] += next_random() % 100 == 0;
        }
        for (unsigned row = 0; row < N_DEVICE_ROWS; row++)
                if (row % 4 != 0)
                        machine->devices[row][row * 7 % N_CPUS] += next_random() % 20000;
}

static void add_rows(struct batch *batch, const char *prefix, unsigned metric, uint64_t (*values)[N_CPUS],
                     size_t n) {
        for (size_t i = 0; i < n; i++) {
                char name[32];

                snprintf(name, sizeof(name), "%s%zu", prefix, i);
                assert_int_equal(
                        batch_add_row(batch, metric,
                                      &(struct row_key){ .name = name,
                                                         .labels = { "IR-PCI-MSIX", "0-edge", "nvme" } }),
                        0);
                for (int cpu = 0; cpu < N_CPUS; cpu++)
                        add_cell(batch, cpu, values[i][cpu]);
        }
}

static double seconds_now(void) {
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int count_changes(const struct store_pass *pass, void *userdata) {
        *(uint64_t *)userdata += pass->n_changes;
        return 0;
}

static void commit_machine(struct store *store, unsigned source, const struct batch *batch, double *seconds) {
        double start = seconds_now();

        assert_int_equal(store_commit(store, source, batch), 0);
        *seconds += seconds_now() - start;
}

static uint64_t scan_ten_minutes(const struct store *store, unsigned source) {
        double start = seconds_now();
        uint64_t n_changes = 0;

        assert_int_equal(
                store_scan(store, source, AT(N_PASSES - 601), UINT64_MAX, NULL, count_changes, &n_changes),
                0);
        print_message("scan of 600 passes of %s: %llu changes, %.2f ms\n", store_source_name(store, source),
                      (unsigned long long)n_changes, (seconds_now() - start) * 1e3);
        return n_changes;
}

static void test_an_hour_of_64_cpus(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) struct machine *machine = NULL;
        _cleanup_(batch_done) struct batch softirqs = {}, interrupts = {};
        double commit_seconds = 0;
        unsigned softirqs_source, interrupts_source;
        struct store_stats stats;
        uint64_t n_changes;

        machine = calloc(1, sizeof(*machine));
        assert_non_null(machine);
        machine_boot(machine);
        assert_int_equal(store_new(&test_limits, &store), 0);
        assert_int_equal(store_add_source(store, "softirqs", test_metrics, N_METRICS, &softirqs_source), 0);
        assert_int_equal(store_add_source(store, "interrupts", test_metrics, N_METRICS, &interrupts_source),
                         0);

        for (unsigned pass = 0; pass < N_PASSES; pass++) {
                machine_run(machine);
                batch_clear(&softirqs);
                batch_clear(&interrupts);
                stamp_at(&softirqs.stamp, pass);
                stamp_at(&interrupts.stamp, pass);
                add_rows(&softirqs, "vector", NARROW, machine->softirqs, N_VECTORS);
                add_rows(&interrupts, "system", NARROW, machine->system, N_SYSTEM_ROWS);
                add_rows(&interrupts, "device", NARROW, machine->devices, N_DEVICE_ROWS);
                commit_machine(store, softirqs_source, &softirqs, &commit_seconds);
                commit_machine(store, interrupts_source, &interrupts, &commit_seconds);
        }

        store_get_stats(store, &stats);
        print_message("%llu passes, %llu series: %llu bytes (%.1f MiB)\n", (unsigned long long)stats.n_passes,
                      (unsigned long long)stats.n_series, (unsigned long long)stats.bytes,
                      (double)stats.bytes / (1 << 20));
        print_message("commit of %i cells: %.0f us\n", N_CPUS * (N_VECTORS + N_SYSTEM_ROWS + N_DEVICE_ROWS),
                      commit_seconds / N_PASSES * 1e6);
        assert_int_equal(stats.n_passes, 2 * N_PASSES);
        assert_int_equal(stats.n_passes_dropped, 0);
        assert_in_range(stats.bytes, 1 << 20, 32 << 20);

        n_changes = scan_ten_minutes(store, softirqs_source);
        assert_in_range(n_changes, 600 * 7 * 60, 600 * 7 * 64);
        n_changes = scan_ten_minutes(store, interrupts_source);
        assert_in_range(n_changes, 600 * 6 * 60, 600 * (6 * 64 + 200));
}

/* Every value of every row changes in every pass. */
static void commit_dense(struct store *store, unsigned source, unsigned pass, unsigned n_rows,
                         unsigned n_cpus) {
        _cleanup_(batch_done) struct batch batch = {};

        stamp_at(&batch.stamp, pass);
        for (unsigned row = 0; row < n_rows; row++) {
                char name[16];

                snprintf(name, sizeof(name), "%u", row);
                add_row(&batch, WIDE, name);
                for (unsigned cpu = 0; cpu < n_cpus; cpu++)
                        add_cell(&batch, (int)cpu, (uint64_t)(pass + 1) * 1000);
        }

        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void test_oldest_of_the_largest_goes_first(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t small_first, large_first, last, large_before = 0;
        struct store_stats stats;
        unsigned large, small;

        limits.budget_bytes = 1 << 20;
        store = new_store(&limits, &large);
        assert_int_equal(store_add_source(store, "small", test_metrics, N_METRICS, &small), 0);

        for (unsigned pass = 0; pass < 2000; pass++) {
                commit_dense(store, large, pass, 20, 40);
                commit_dense(store, small, pass, 1, 2);
                store_get_stats(store, &stats);
                assert_true(stats.bytes <= limits.budget_bytes);

                assert_int_equal(store_source_range(store, large, &large_first, &last), 0);
                assert_int_equal(last, AT(pass));
                assert_true(large_first >= large_before);
                large_before = large_first;
        }

        assert_int_equal(store_source_range(store, small, &small_first, &last), 0);
        assert_int_equal(small_first, AT(0));
        assert_true(large_first > AT(1000));
        /* Not more than needed. */
        assert_true(stats.bytes > limits.budget_bytes * 9 / 10);
        assert_int_equal(stats.n_passes + stats.n_passes_dropped, 4000);
}

static void test_lower_budget_at_runtime(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        store = new_store(&limits, &source);
        for (unsigned pass = 0; pass < 1000; pass++)
                commit_dense(store, source, pass, 20, 40);
        store_get_stats(store, &stats);
        assert_true(stats.bytes > 1 << 20);

        limits.budget_bytes = 1 << 20;
        store_set_limits(store, &limits);
        commit_dense(store, source, 1000, 20, 40);
        store_get_stats(store, &stats);
        assert_true(stats.bytes <= 1 << 20);
        assert_true(stats.n_passes > 0);
}

static void test_a_budget_too_small_keeps_the_latest(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t first, last;
        unsigned source;

        limits.budget_bytes = 1;
        store = new_store(&limits, &source);
        for (unsigned pass = 0; pass < 500; pass++)
                commit_dense(store, source, pass, 3, 3);

        assert_int_equal(store_source_range(store, source, &first, &last), 0);
        assert_int_equal(last, AT(499));
        assert_true(first > AT(480));
}

static void test_retention(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t first, last;
        struct store_stats stats;
        unsigned source, idle;

        limits.retention_ns = 300 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        assert_int_equal(store_add_source(store, "idle", test_metrics, N_METRICS, &idle), 0);
        commit_dense(store, idle, 0, 1, 1);

        for (unsigned pass = 0; pass < 1000; pass++) {
                commit_dense(store, source, pass, 1, 1);
                assert_int_equal(store_source_range(store, source, &first, &last), 0);
                /* All of the retention is there, and less than a chunk more. */
                assert_true(first <= AT(pass) - MIN(pass, 300U) * USEC_PER_SEC);
                assert_true(pass < 421 || first >= AT(pass - 421));
        }

        assert_int_equal(store_source_range(store, idle, &first, &last), -ENOENT);
        check_scan(store, idle, 0, UINT64_MAX, "error -2\n");
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_passes_dropped, 0);

        /* The idle source's last values still count. */
        commit_dense(store, idle, 1000, 1, 1);
        commit_dense(store, idle, 1001, 1, 1);
        check_scan(store, idle, 0, UINT64_MAX,
                   "base 1000 cpus=0: 0@0=1001000+0\n1001 cpus=0: 0@0=1002000+1000\n");
}

static int count_gap(const struct store_gap *gap, void *userdata) {
        ++*(unsigned *)userdata;
        return 0;
}

static void test_gaps_go_with_their_passes(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t first, last;
        unsigned source, n_gaps = 0;

        limits.retention_ns = 100 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        for (unsigned pass = 0; pass < 2000; pass++) {
                struct stamp stamp;

                stamp_at(&stamp, pass);
                assert_int_equal(store_mark_gap(store, source, &stamp, "flaps"), 0);
                commit_dense(store, source, pass, 1, 1);
        }

        /* One before each pass that is kept, but for the oldest one. */
        assert_int_equal(store_source_range(store, source, &first, &last), 0);
        assert_int_equal(store_for_each_gap(store, 0, UINT64_MAX, count_gap, &n_gaps), 0);
        assert_int_equal(n_gaps, (last - first) / USEC_PER_SEC);
}

static void commit_named(struct store *store, unsigned source, unsigned pass, unsigned name) {
        _cleanup_(batch_done) struct batch batch = {};
        char text[16];

        stamp_at(&batch.stamp, pass);
        snprintf(text, sizeof(text), "%u", name);
        add_row(&batch, WIDE, "stays");
        add_cell(&batch, 0, pass);
        add_row(&batch, WIDE, text);
        add_cell(&batch, 0, 1);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

static void test_rows_that_come_and_go(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        uint64_t bytes = 0;
        struct store_stats stats;
        unsigned source;

        limits.retention_ns = 100 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        for (unsigned pass = 0; pass < 5000; pass++) {
                commit_named(store, source, pass, pass);
                store_get_stats(store, &stats);
                if (pass == 1000)
                        bytes = stats.bytes;
        }

        assert_in_range(store_n_rows(store, source), 100, 400);
        assert_in_range(stats.n_series, 100, 400);
        assert_true(stats.bytes <= bytes * 3 / 2);
        assert_true(store_row_is_live(store, source, 0));
        assert_string_equal(store_row_at(store, source, 0)->key.name, "stays");
}

static void test_rows_that_are_gone(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        limits.retention_ns = 10 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        commit_named(store, source, 0, 7);
        for (unsigned pass = 1; pass < 300; pass++)
                commit_dense(store, source, pass, 1, 1);

        for (uint32_t row = 0; row < 2; row++) {
                assert_int_equal(store_row_at(store, source, row)->metric, STORE_METRIC_NONE);
                assert_string_equal(store_row_at(store, source, row)->key.name, "");
                assert_false(store_row_is_live(store, source, row));
        }
        check_scan(store, source, AT(299), AT(299), "base 299 cpus=0: 0@0=300000+0\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_hour_of_64_cpus),
                cmocka_unit_test(test_oldest_of_the_largest_goes_first),
                cmocka_unit_test(test_lower_budget_at_runtime),
                cmocka_unit_test(test_a_budget_too_small_keeps_the_latest),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_gaps_go_with_their_passes),
                cmocka_unit_test(test_rows_that_come_and_go),
                cmocka_unit_test(test_rows_that_are_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
