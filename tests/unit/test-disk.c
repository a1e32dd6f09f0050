/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file of history: what was written is read back, over restarts, reboots and set clocks, from the tier
 * that suits the span, and what it sums up to is what was counted.
 */

#include "tests/unit/disk-fixture.h"

#include "daemon/store/sql.h"

/* One row "row" on two CPUs that count 1 and 3 per pass, and a gauge. */
static void pass(struct machine *m, const uint64_t values[2], uint64_t level) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        batch.stamp = m->now;
        add_row(&batch, WIDE, "row");
        add_cell(&batch, 0, values[0]);
        add_cell(&batch, 1, values[1]);
        add_row(&batch, LEVEL, "level");
        add_cell(&batch, 0, level);
        assert_int_equal(store_commit(m->store, m->source, &batch), 0);
}

static void run_for(struct machine *m, uint64_t values[2], unsigned seconds) {
        for (unsigned i = 0; i < seconds; i++) {
                machine_sleep(m, USEC_PER_SEC);
                values[0] += 1;
                values[1] += 3;
                pass(m, values, values[0] % 100);
                if (i % 5 == 4)
                        assert_int_equal(machine_flush(m), 0);
        }
        assert_int_equal(machine_flush(m), 0);
}

struct sum {
        uint64_t total, max, first_us, last_us, elapsed_ns, first_ns, n_passes, n_gaps, largest;
        unsigned n_resets;
        size_t n;
        const struct store *store;
};

static int sum_baseline(const struct store_pass *p, void *userdata) {
        struct sum *sum = userdata;

        sum->first_us = sum->last_us = p->stamp.realtime_us;
        sum->first_ns = p->stamp.monotonic_ns;
        return 0;
}

static int sum_pass(const struct store_pass *p, void *userdata) {
        struct sum *sum = userdata;

        sum->n++;
        sum->n_passes += p->n_passes;
        sum->n_gaps += p->after_gap;
        sum->last_us = p->stamp.realtime_us;
        sum->elapsed_ns = p->stamp.monotonic_ns - sum->first_ns;
        for (size_t i = 0; i < p->n_changes; i++) {
                if (store_row_at(sum->store, 0, p->changes[i].row)->metric == LEVEL) {
                        sum->largest = MAX(sum->largest, p->changes[i].max);
                        continue;
                }
                sum->total += p->changes[i].delta;
                sum->max = MAX(sum->max, p->changes[i].max);
                sum->n_resets += p->changes[i].reset;
        }
        return 0;
}

static struct sum sum_up(struct machine *m, uint64_t since_us, uint64_t until_us, enum disk_tier tier) {
        const struct disk_load_request request = { .since_us = since_us,
                                                   .until_us = until_us,
                                                   .samples = true };
        struct sum sum = {};
        struct loaded loaded;

        machine_load(m, &request, &loaded);
        assert_string_equal(disk_tier_to_string(loaded.result.tier), disk_tier_to_string(tier));
        assert_int_equal(loaded.result.n_damaged, 0);
        assert_int_equal(store_n_sources(loaded.store), 1);
        sum.store = loaded.store;
        assert_int_equal(store_scan(loaded.store, 0, since_us, until_us, sum_baseline, sum_pass, &sum), 0);
        loaded_done(&loaded);
        return sum;
}

/* Counted was 4 a second: a span's ends are exact, whatever the steps within. */
static void check_span(struct machine *m, uint64_t since_us, uint64_t until_us, enum disk_tier tier) {
        struct sum sum = sum_up(m, since_us, until_us, tier);

        assert_int_equal(sum.first_us, since_us);
        assert_int_equal(sum.last_us, until_us);
        assert_int_equal(sum.total, 4 * (until_us - since_us) / USEC_PER_SEC);
        assert_int_equal(sum.elapsed_ns, (until_us - since_us) * NSEC_PER_USEC);
        assert_int_equal(sum.n_passes, (until_us - since_us) / USEC_PER_SEC);
        assert_int_equal(sum.max, 3);
        assert_int_equal(sum.n_resets, 0);
        assert_int_equal(sum.n_gaps, 0);
}

static void test_tiers(void **state) {
        uint64_t values[2] = { 1000, 5000 }, now_us;
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 8 * 3600 + 123);
        now_us = m.now.realtime_us;

        check_span(&m, now_us - 5 * 60 * USEC_PER_SEC, now_us - 17 * USEC_PER_SEC, TIER_RAW);
        check_span(&m, now_us - 20 * 60 * USEC_PER_SEC, now_us - 3 * USEC_PER_SEC, TIER_10S);
        check_span(&m, now_us - 3400 * USEC_PER_SEC, now_us, TIER_10S);
        check_span(&m, now_us - 3590 * USEC_PER_SEC, now_us, TIER_10S);

        /* Older than what is kept as it was read: ends are those of steps. */
        sum = sum_up(&m, now_us - 8 * HOUR_US, now_us, TIER_1MIN);
        assert_in_range(sum.first_us, now_us - 8 * HOUR_US - 10 * USEC_PER_SEC, now_us - 8 * HOUR_US);
        assert_int_equal(sum.total, 4 * (sum.last_us - sum.first_us) / USEC_PER_SEC);
        assert_int_equal(sum.last_us, now_us);
        assert_int_equal(sum.max, 3);
        assert_int_equal(sum.largest, 99); /* of the gauge, though no step ended with it */
        assert_true(sum.n < 900);
        machine_done(&m);
}

/* Steps that the answer is to tell apart. */
static void test_wanted_step(void **state) {
        struct disk_load_request request = { .samples = true, .step_us = 600 * USEC_PER_SEC };
        uint64_t values[2] = {};
        struct loaded loaded;
        struct machine m;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 5 * 3600);
        request.since_us = BASE_US;
        request.until_us = m.now.realtime_us;
        machine_load(&m, &request, &loaded);
        assert_int_equal(loaded.result.tier, TIER_10MIN);
        loaded_done(&loaded);
        request.step_us = 10 * USEC_PER_SEC;
        machine_load(&m, &request, &loaded);
        assert_int_equal(loaded.result.tier, TIER_10S);
        loaded_done(&loaded);
        machine_done(&m);
}

/* Killed and started again, in the same boot: counters are compared over the gap. */
static void test_restart(void **state) {
        uint64_t values[2] = { 7, 9 };
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 100);
        machine_stop(&m);
        machine_sleep(&m, 50 * USEC_PER_SEC);
        values[0] += 50;
        machine_start(&m);
        run_for(&m, values, 3000);

        sum = sum_up(&m, BASE_US + 20 * USEC_PER_SEC, BASE_US + 300 * USEC_PER_SEC, TIER_RAW);
        assert_int_equal(sum.total, 4 * (280 - 50) + 50);
        assert_int_equal(sum.n_gaps, 1);
        assert_int_equal(sum.n_resets, 0);
        /* Condensed, what was before the restart is still there to the last pass. */
        sum = sum_up(&m, BASE_US, BASE_US + 3000 * USEC_PER_SEC, TIER_10S);
        assert_int_equal(sum.total, 4 * (3000 - 1 - 50) + 50);
        assert_int_equal(sum.n_gaps, 1);
        machine_done(&m);
}

static void test_reboot(void **state) {
        uint64_t values[2] = { 7000, 9000 };
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 1000);
        machine_stop(&m);
        machine_sleep(&m, 60 * USEC_PER_SEC);
        (void)strcpy(m.boot, "22222222222222222222222222222222");
        m.now.monotonic_ns = 20 * NSEC_PER_SEC;
        values[0] = 8000; /* more than before: and yet it began at zero */
        values[1] = 10;
        machine_start(&m);
        run_for(&m, values, 1000);

        sum = sum_up(&m, BASE_US + 990 * USEC_PER_SEC, BASE_US + 1100 * USEC_PER_SEC, TIER_RAW);
        assert_int_equal(sum.total, 4 * 10 + 8001 + 13 + 4 * 39);
        assert_int_equal(sum.n_resets, 2);
        assert_int_equal(sum.n_gaps, 1);
        assert_int_equal(sum.elapsed_ns, 110 * NSEC_PER_SEC);
        sum = sum_up(&m, BASE_US, BASE_US + 2060 * USEC_PER_SEC, TIER_10S);
        assert_int_equal(sum.total, 4 * 999 + 8001 + 13 + 4 * 999);
        assert_int_equal(sum.n_resets, 2);
        machine_done(&m);
}

/* The clock is set back by an hour and later forward again: the same hour is there twice, and nothing is
 * lost. */
static void test_clock_steps(void **state) {
        uint64_t values[2] = {};
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 600);
        m.now.realtime_us -= HOUR_US;
        run_for(&m, values, 600);
        m.now.realtime_us += HOUR_US;
        run_for(&m, values, 600);

        sum = sum_up(&m, BASE_US - HOUR_US + 700 * USEC_PER_SEC, BASE_US - HOUR_US + 1000 * USEC_PER_SEC,
                     TIER_RAW);
        assert_int_equal(sum.n_passes, 300);
        assert_int_equal(sum.total, 1200);
        sum = sum_up(&m, BASE_US - 2 * HOUR_US, BASE_US + 1800 * USEC_PER_SEC, TIER_10S);
        assert_int_equal(sum.total, 4 * 1799);
        assert_int_equal(sum.elapsed_ns, 1799 * NSEC_PER_SEC);
        machine_done(&m);
}

/* Suspended: the realtime clock went on, the monotonic one did not. */
static void test_suspend(void **state) {
        uint64_t values[2] = {};
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 100);
        m.now.realtime_us += 8 * HOUR_US;
        run_for(&m, values, 100);
        sum = sum_up(&m, BASE_US + 50 * USEC_PER_SEC, BASE_US + 8 * HOUR_US + 150 * USEC_PER_SEC, TIER_10S);
        assert_int_equal(sum.total, 400);
        assert_int_equal(sum.elapsed_ns, 100 * NSEC_PER_SEC);
        machine_done(&m);
}

static int64_t count(struct machine *m, const char *text) {
        struct disk_file *file;
        int64_t n = -1;
        char path[80];

        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, m->dir); /* fits */
        assert_int_equal(disk_file_open(path, 0, NULL, &file), 0);
        assert_int_equal(sql_get(file->sql, text, &n), 0);
        (void)disk_file_close(file);
        return n;
}

static uint64_t file_size(const struct machine *m) {
        static const char *const suffixes[] = { "", "-wal" };
        uint64_t size = 0;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char path[80];
                struct stat st;

                (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME "%s", m->dir, suffixes[i]); /* fits */
                if (stat(path, &st) == 0)
                        size += (uint64_t)st.st_size;
        }
        return size;
}

/* A collector that is slower than the steps, and one that was silent for a while, are condensed like others: what was
 * read is not kept for ever in waiting for a block that never fills. */
static void test_slow_collector(void **state) {
        enum { MINUTES = 600, SILENT_FROM = 200, SILENT_MINUTES = 20 };
        uint64_t values[2] = { 1000, 5000 };
        struct machine m;
        struct sum sum;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 100);
        for (unsigned i = 0; i < MINUTES; i++) {
                machine_sleep(&m, (i == SILENT_FROM ? SILENT_MINUTES : 1) * 60 * USEC_PER_SEC);
                values[0] += 60;
                values[1] += 180;
                pass(&m, values, 7);
                assert_int_equal(machine_flush(&m), 0);
        }
        run_for(&m, values, 400);

        assert_true(count(&m, "SELECT min(first_id) FROM samples_raw") >
                    (int64_t)(m.now.realtime_us - 3 * HOUR_US));
        assert_true(count(&m, "SELECT max(id) FROM samples_10s") > (int64_t)(m.now.realtime_us - HOUR_US));
        assert_true(count(&m, "SELECT max(id) FROM samples_1min") > (int64_t)(m.now.realtime_us - 2 * HOUR_US));
        sum = sum_up(&m, BASE_US + 50 * USEC_PER_SEC, m.now.realtime_us, TIER_10MIN);
        assert_int_equal(sum.n_gaps, 0);
        assert_int_equal(sum.n_resets, 0);
        assert_int_equal(sum.last_us, m.now.realtime_us);
        machine_done(&m);
}

/* Noise that does not compress, on 16 rows of 64 CPUs: the budget holds all the time, and each tier keeps
 * something. */
static void test_budget(void **state) {
        uint64_t random = 1, values[16][64] = {}, largest = 0;
        struct machine m;
        struct sum sum;

        machine_init(&m);
        m.limits.budget_bytes = 16 << 20;
        machine_start(&m);
        for (unsigned i = 0; i < 4 * 3600; i++) {
                _cleanup_(batch_done) struct batch batch = {};

                machine_sleep(&m, USEC_PER_SEC);
                batch_init(&batch);
                batch.stamp = m.now;
                for (unsigned row = 0; row < 16; row++) {
                        char name[8];

                        (void)snprintf(name, sizeof(name), "r%u", row); /* fits */
                        add_row(&batch, WIDE, name);
                        for (int cpu = 0; cpu < 64; cpu++) {
                                random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
                                values[row][cpu] += random >> 50;
                                add_cell(&batch, cpu, values[row][cpu]);
                        }
                }
                assert_int_equal(store_commit(m.store, m.source, &batch), 0);
                if (i % 5 == 4) {
                        int64_t n_left;

                        assert_int_equal(disk_make_room(m.disk), 0);
                        assert_int_equal(machine_flush(&m), 0);
                        if (disk_log_pages(m.disk) > 512)
                                assert_int_equal(disk_move_log(m.disk, &n_left), 0);
                        largest = MAX(largest, file_size(&m));
                }
        }

        assert_in_range(largest, 4 << 20, 16 << 20);
        sum = sum_up(&m, m.now.realtime_us - 600 * USEC_PER_SEC, m.now.realtime_us, TIER_10S);
        assert_int_equal(sum.n_passes, 600);
        machine_done(&m);
}

static void test_newer_schema(void **state) {
        struct machine m;
        struct sql *sql;
        char path[80];

        machine_init(&m);
        machine_start(&m);
        machine_stop(&m);
        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, m.dir); /* fits */
        assert_int_equal(sql_open(path, 0, NULL, &sql), 0);
        assert_int_equal(sql_exec(sql, "PRAGMA user_version = 999"), 0);
        (void)sql_close(sql);
        assert_int_equal(machine_open(&m), -EPROTONOSUPPORT);
        assert_null(m.set_aside);
        assert_int_equal(access(path, F_OK), 0);
        machine_done(&m);
}

static void test_second_daemon(void **state) {
        struct machine m;
        struct disk *first;

        machine_init(&m);
        machine_start(&m);
        first = m.disk;
        m.disk = NULL;
        assert_int_equal(machine_open(&m), -EBUSY);
        m.disk = first;
        machine_done(&m);
}

/* Cut off, overwritten in its middle, or never a database: it is set aside, and a new one begun. */
static void test_damaged_file(void **state) {
        uint64_t values[2] = {};
        char path[80];

        (void)path;
        for (unsigned how = 0; how < 3; how++) {
                struct machine m;
                FILE *f;

                machine_init(&m);
                machine_start(&m);
                run_for(&m, values, 200);
                machine_stop(&m);
                (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, m.dir); /* fits */
                f = fopen(path, "r+");
                assert_non_null(f);
                if (how == 0)
                        assert_int_equal(ftruncate(fileno(f), 10000), 0);
                else
                        assert_int_equal(fseek(f, how == 1 ? 100 : 0, SEEK_SET), 0);
                for (unsigned i = 0; how > 0 && i < 20000; i++)
                        (void)fputc('x', f);
                assert_int_equal(fclose(f), 0);

                machine_start(&m);
                assert_non_null(m.set_aside);
                assert_int_equal(access(m.set_aside, F_OK), 0);
                run_for(&m, values, 60);
                assert_int_equal(sum_up(&m, BASE_US, m.now.realtime_us, TIER_RAW).total, 4 * 59);
                machine_done(&m);
        }
}

static int64_t add_event(struct machine *m, const char *symbol) {
        struct event *event = NULL, *events[1];
        struct stack *stack = NULL;
        int64_t id;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        assert_int_equal(stack_new(2, &stack), 0);
        for (; stack->n_frames < 2; stack->n_frames++)
                stack->frames[stack->n_frames] =
                        (struct frame){ .symbol = strdup(stack->n_frames ? "outer" : symbol),
                                        .module = strdup("mod"),
                                        .offset = 16 };
        stack_seal(stack);
        event->class = CLASS_IRQ_OFF;
        event->confidence = CONFIDENCE_HIGH;
        event->time_us = m->now.realtime_us;
        event->monotonic_ns = m->now.monotonic_ns;
        event->cpu = 1;
        event->has_duration = true;
        event->duration_min_ns = 5;
        event->duration_max_ns = 6;
        event->has_task = true;
        event->pid = event->tgid = 77;
        (void)strcpy(event->comm, "task");
        event->culprit = strdup(symbol);
        event->cgroup = strdup("/x");
        event->parents[0] = (struct event_parent){ .pid = 1, .comm = "init" };
        event->n_parents = 1;
        event->kernel_stack = stack;
        assert_int_equal(event_add_integer(event, "count", -3), 0);
        assert_int_equal(event_add_string(event, "word", "text"), 0);
        assert_int_equal(event_add_integers(event, "cpus", (int64_t[]){ 1, 2 }, 2), 0);
        store_number_event(m->store, event);
        id = event->id;
        events[0] = event;
        assert_int_equal(disk_write(m->disk, NULL, 0, events, 1), 0);
        (void)event_unref(event);
        return id;
}

static void test_events(void **state) {
        struct disk_load_request request = { .since_us = BASE_US - 1,
                                             .until_us = UINT64_MAX,
                                             .events = true };
        struct loaded loaded;
        struct event *event;
        struct machine m;
        int64_t first, second;

        machine_init(&m);
        machine_start(&m);
        first = add_event(&m, "alpha");
        machine_sleep(&m, USEC_PER_SEC);
        second = add_event(&m, "beta");
        (void)add_event(&m, "beta");
        assert_int_equal(count(&m, "SELECT count(*) FROM stack"), 2);
        assert_int_equal(count(&m, "SELECT count(*) FROM string"), 4);

        machine_load(&m, &request, &loaded);
        assert_int_equal(store_n_events(loaded.store), 3);
        assert_int_equal(store_event_at(loaded.store, 0)->id, first);
        event = store_event_at(loaded.store, 1);
        assert_int_equal(event->id, second);
        assert_int_equal(event->kind, EVENT_IRQ_DELAY);
        assert_int_equal(event->class, CLASS_IRQ_OFF);
        assert_int_equal(event->confidence, CONFIDENCE_HIGH);
        assert_int_equal(event->time_us, BASE_US + USEC_PER_SEC);
        assert_int_equal(event->cpu, 1);
        assert_int_equal(event->duration_max_ns, 6);
        assert_int_equal(event->pid, 77);
        assert_string_equal(event->comm, "task");
        assert_string_equal(event->culprit, "beta");
        assert_string_equal(event->cgroup, "/x");
        assert_null(event->container);
        assert_null(event->user_stack);
        assert_string_equal(event->parents[0].comm, "init");
        assert_int_equal(event->kernel_stack->n_frames, 2);
        assert_string_equal(event->kernel_stack->frames[0].symbol, "beta");
        assert_null(event->kernel_stack->frames[0].build_id);
        assert_int_equal(event_find_evidence(event, "count")->integer, -3);
        assert_string_equal(event_find_evidence(event, "word")->string, "text");
        assert_int_equal(event_find_evidence(event, "cpus")->integers[1], 2);
        loaded_done(&loaded);

        /* The newest; those after another; one. */
        request.events_max = 1;
        machine_load(&m, &request, &loaded);
        assert_true(loaded.result.events_left_out);
        assert_int_equal(store_n_events(loaded.store), 1);
        assert_true(store_event_at(loaded.store, 0)->id > second);
        loaded_done(&loaded);
        request.events_max = 0;
        request.after_id = second;
        machine_load(&m, &request, &loaded);
        assert_int_equal(store_n_events(loaded.store), 1);
        loaded_done(&loaded);
        request.after_id = 0;
        request.event_id = first;
        machine_load(&m, &request, &loaded);
        assert_int_equal(store_n_events(loaded.store), 1);
        assert_string_equal(store_event_at(loaded.store, 0)->culprit, "alpha");
        loaded_done(&loaded);

        /* Their time over, stacks and texts go with the last event that has them. */
        m.limits.event_retention_us = HOUR_US;
        disk_set_limits(m.disk, &m.limits);
        machine_sleep(&m, HOUR_US - USEC_PER_SEC / 2);
        pass(&m, (uint64_t[2]){}, 1);
        assert_int_equal(machine_flush(&m), 0);
        assert_int_equal(count(&m, "SELECT count(*) FROM event"), 2);
        assert_int_equal(count(&m, "SELECT count(*) FROM stack"), 1);
        assert_int_equal(count(&m, "SELECT count(*) FROM string"), 3);
        machine_done(&m);
}

/* One stack of which a bit fell over costs the events that have it, and not the file: what is written or
 * dropped later goes on. */
static void test_damaged_stack(void **state) {
        static const char *const damages[] = {
                "UPDATE stack SET body = x'05' RETURNING 1",                       /* ends too early */
                "UPDATE stack SET body = x'01ff01000000000000000000' RETURNING 1", /* a text that there is not
                                                                                    */
        };
        struct disk_load_request request = { .since_us = BASE_US - 1,
                                             .until_us = UINT64_MAX,
                                             .events = true };

        for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
                struct loaded loaded;
                struct machine m;

                machine_init(&m);
                machine_start(&m);
                (void)add_event(&m, "alpha");
                assert_int_equal(count(&m, damages[i]), 1);
                machine_sleep(&m, USEC_PER_SEC);
                (void)add_event(&m, "alpha");
                (void)add_event(&m, "alpha");
                assert_int_equal(count(&m, "SELECT count(*) FROM event"), 3);

                machine_load(&m, &request, &loaded);
                assert_int_equal(loaded.result.n_damaged, 1);
                assert_int_equal(store_n_events(loaded.store), 2);
                loaded_done(&loaded);

                m.limits.event_retention_us = HOUR_US;
                disk_set_limits(m.disk, &m.limits);
                machine_sleep(&m, 2 * HOUR_US);
                pass(&m, (uint64_t[2]){}, 1);
                assert_int_equal(machine_flush(&m), 0);
                assert_int_equal(count(&m, "SELECT count(*) FROM event"), 0);
                assert_int_equal(count(&m, "SELECT count(*) FROM stack"), 0);
                machine_done(&m);
        }
}

/* Ids go on over restarts, whatever the clock says. */
static void test_event_ids(void **state) {
        struct machine m;
        int64_t id;

        machine_init(&m);
        machine_start(&m);
        id = add_event(&m, "a");
        machine_stop(&m);
        m.now.realtime_us -= 5 * HOUR_US;
        machine_start(&m);
        assert_true(add_event(&m, "b") > id);
        machine_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tiers),          cmocka_unit_test(test_wanted_step),
                cmocka_unit_test(test_restart),        cmocka_unit_test(test_reboot),
                cmocka_unit_test(test_clock_steps),    cmocka_unit_test(test_suspend),
                cmocka_unit_test(test_slow_collector), cmocka_unit_test(test_budget),
                cmocka_unit_test(test_newer_schema),   cmocka_unit_test(test_second_daemon),
                cmocka_unit_test(test_damaged_file),   cmocka_unit_test(test_events),
                cmocka_unit_test(test_damaged_stack),  cmocka_unit_test(test_event_ids),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
