/* SPDX-License-Identifier: Apache-2.0 */

/*
 * History behind a daemon: events are told once they are on disk; a disk that fails in any way costs nothing
 * but that, and is said once; queries are answered from disk; and what anybody was told is there after the
 * process was killed.
 */

#include "tests/unit/disk-fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "daemon/store/history.h"
#include "tests/unit/fault-vfs.h"

enum { TOLD_MAX = 20000 };

struct daemon {
        char dir[40];
        struct store *store;
        unsigned source;
        struct history *history;
        int64_t told[TOLD_MAX];
        size_t n_told;
        unsigned n_failing, n_writing;
        char text[256]; /* of the latest transition */
        uint64_t value;
        int report_fd; /* ids go there as they are told; -1: nowhere */
};

static void on_deliver(void *userdata, struct event *event) {
        struct daemon *d = userdata;

        assert_true(d->n_told < TOLD_MAX);
        assert_true(d->n_told == 0 || event->id > d->told[d->n_told - 1]);
        d->told[d->n_told++] = event->id;
        assert_int_equal(store_keep_event(d->store, event), 0);
        if (d->report_fd >= 0)
                (void)!write(d->report_fd, &event->id, sizeof(event->id));
}

static void on_transition(void *userdata, enum history_state state, const char *text) {
        struct daemon *d = userdata;

        d->n_failing += state == HISTORY_FAILING;
        d->n_writing += state == HISTORY_WRITING;
        (void)snprintf(d->text, sizeof(d->text), "%s", text);
}

static const struct history_callbacks callbacks = { .deliver = on_deliver, .on_transition = on_transition };
static const struct history_settings settings = {
        .flush_ns = 50 * NSEC_PER_MSEC,
        .limits = { .budget_bytes = 64 << 20,
                    .retention_us = { HOUR_US, HOUR_US, HOUR_US, HOUR_US },
                    .event_retention_us = HOUR_US },
};

static void daemon_start(struct daemon *d) {
        static const struct store_limits limits = {
                .budget_bytes = 64 << 20,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = TOLD_MAX,
                .n_series_max = 65536,
        };
        struct disk_run run = {
                .version = "1", .hostname = "h", .kernel = "k", .machine = "m", .cpus = "0", .settings = ""
        };

        stamp_now(&run.stamp);
        run.boot_id.bytes[0] = 1;
        d->store = new_store(&limits, &d->source);
        assert_int_equal(
                history_new(d->dir, FAULT_VFS, &run, &settings, d->store, &callbacks, d, &d->history), 0);
}

static void daemon_init(struct daemon *d) {
        *d = (struct daemon){ .dir = "/tmp/test-history-XXXXXX", .report_fd = -1 };
        assert_non_null(mkdtemp(d->dir));
        fault_now = FAULT_NONE;
        fault_n_hit = 0;
        daemon_start(d);
}

static void daemon_stop(struct daemon *d) {
        d->history = history_free(d->history);
        d->store = store_free(d->store);
}

static void daemon_done(struct daemon *d) {
        struct machine m = {};

        daemon_stop(d);
        (void)snprintf(m.dir, sizeof(m.dir), "%s", d->dir); /* fits */
        machine_done(&m);
}

static uint64_t now_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

/* As the daemon's loop does, for so long at most. */
static void turn(struct daemon *d, uint64_t ns) {
        struct pollfd fds[] = { { .fd = history_fd(d->history, 0), .events = POLLIN },
                                { .fd = history_fd(d->history, 1), .events = POLLIN } };
        uint64_t deadline_ns = MIN(history_deadline(d->history), now_ns() + ns), now = now_ns();

        (void)poll(fds, 2, deadline_ns > now ? (int)((deadline_ns - now) / NSEC_PER_MSEC) + 1 : 0);
        history_collect(d->history);
        history_run(d->history, now_ns());
}

#define WAIT_FOR(d, condition) \
        do { \
                uint64_t until_ns = now_ns() + 60 * NSEC_PER_SEC; \
                while (!(condition)) { \
                        assert_true(now_ns() < until_ns); \
                        turn(d, 20 * NSEC_PER_MSEC); \
                } \
        } while (0)

static void add_event(struct daemon *d) {
        struct event *event = NULL;
        struct stamp now;

        stamp_now(&now);
        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->time_us = now.realtime_us;
        event->monotonic_ns = now.monotonic_ns;
        event->culprit = strdup("culprit");
        assert_int_equal(history_add_event(d->history, event), 0);
        (void)event_unref(event);
}

static void add_pass(struct daemon *d) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        stamp_now(&batch.stamp);
        add_row(&batch, WIDE, "row");
        add_cell(&batch, 0, ++d->value);
        assert_int_equal(store_commit(d->store, d->source, &batch), 0);
}

static struct history_stats stats_of(struct daemon *d) {
        struct history_stats stats;

        history_get_stats(d->history, &stats);
        return stats;
}

/* On disk, as another process would find it. */
static int64_t count_on_disk(const char *dir, const char *text) {
        struct disk_file *file;
        char path[80];
        int64_t n;

        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, dir); /* fits */
        assert_int_equal(disk_file_open(path, 0, NULL, &file), 0);
        assert_int_equal(sql_get(file->sql, text, &n), 0);
        (void)disk_file_close(file);
        return n;
}

static void test_told_when_written(void **state) {
        static struct daemon d;

        daemon_init(&d);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        add_event(&d);
        assert_int_equal(d.n_told, 0);
        WAIT_FOR(&d, d.n_told == 1);
        assert_int_equal(count_on_disk(d.dir, "SELECT count(*) FROM event"), 1);
        assert_int_equal(stats_of(&d).n_late_events, 0);
        assert_int_equal(stats_of(&d).n_queued, 0);
        assert_int_equal(d.n_writing, 1);
        daemon_done(&d);
}

/* Whatever fails: events are told nonetheless, it is said once, and when the disk is well again all of it is
 * written. */
static void test_faults(void **state) {
        static struct daemon d;

        for (enum fault fault = FAULT_FULL; fault < _FAULT_MAX; fault++) {
                if (fault == FAULT_SLOW_SYNC)
                        continue;
                daemon_init(&d);
                WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
                add_event(&d);
                WAIT_FOR(&d, d.n_told == 1);

                fault_now = fault;
                for (unsigned i = 0; i < 10; i++) {
                        add_event(&d);
                        add_pass(&d);
                        turn(&d, 10 * NSEC_PER_MSEC);
                }
                WAIT_FOR(&d, d.n_told == 11);
                WAIT_FOR(&d, fault_n_hit > 0 && stats_of(&d).state == HISTORY_FAILING);
                assert_int_equal(d.n_failing, 1);
                assert_non_null(stats_of(&d).reason);
                assert_non_null(strstr(d.text, "memory"));
                add_event(&d);
                assert_int_equal(d.n_told, 12); /* nobody waits for a disk that is known to fail */

                fault_now = FAULT_NONE;
                WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING && stats_of(&d).n_queued == 0);
                assert_int_equal(d.n_failing, 1);
                assert_int_equal(d.n_writing, 2);
                assert_int_equal(count_on_disk(d.dir, "SELECT count(*) FROM event"), 12);
                assert_int_equal(stats_of(&d).n_events_lost, 0);
                daemon_stop(&d);
                assert_int_equal(count_on_disk(d.dir, "SELECT count(*) FROM samples_raw") > 0, 1);
                daemon_start(&d);
                daemon_done(&d);
        }
}

/* Syncs that take 5 s: they happen beside the writing, and so nobody has to wait for them. */
static void test_slow_sync(void **state) {
        static struct daemon d;

        daemon_init(&d);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        fault_now = FAULT_SLOW_SYNC;
        for (unsigned i = 0; i < 3000 && fault_n_hit == 0; i++) {
                add_event(&d);
                WAIT_FOR(&d, d.n_told == i + 1);
        }
        assert_true(fault_n_hit > 0);
        for (unsigned i = 0; i < 20; i++) {
                size_t before = d.n_told;

                add_event(&d);
                WAIT_FOR(&d, d.n_told == before + 1);
        }
        assert_int_equal(stats_of(&d).n_late_events, 0);
        assert_int_equal(d.n_failing, 0);
        fault_now = FAULT_NONE;
        daemon_done(&d);
}

struct question {
        struct history_query query;
        size_t n_events;
        bool done;
        int result;
};

static int question_run(struct history_query *query, const struct store *store) {
        ((struct question *)query)->n_events = store_n_events(store);
        return 0;
}

static void question_done(struct history_query *query, int result) {
        ((struct question *)query)->done = true;
        ((struct question *)query)->result = result;
}

static struct question question_of(void) {
        return (struct question){
                .query = { .run = question_run,
                           .done = question_done,
                           .request = { .until_us = UINT64_MAX, .events = true, .samples = true } }
        };
}

static void test_questions(void **state) {
        struct question question = question_of();
        static struct daemon d;

        daemon_init(&d);
        assert_int_equal(history_ask(d.history, &question.query), -ENOTCONN);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        add_event(&d);
        add_event(&d);
        add_pass(&d);
        assert_int_equal(history_ask(d.history, &question.query), 0);
        WAIT_FOR(&d, question.done);
        assert_int_equal(question.result, 0);
        assert_int_equal(question.n_events, 2);

        /* One that is open when the daemon ends is told so. */
        question = question_of();
        fault_now = FAULT_HANG;
        add_pass(&d);
        assert_int_equal(history_ask(d.history, &question.query), 0);
        fault_now = FAULT_NONE;
        daemon_done(&d);
        assert_true(question.done);
}

static void spoil_samples(const struct daemon *d) {
        struct sql *sql = NULL;
        char path[80];

        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, d->dir); /* fits */
        assert_int_equal(sql_open(path, 0, NULL, &sql), 0);
        assert_int_equal(sql_exec(sql, "UPDATE samples_raw SET body = x'ff55ff55'"), 0);
        (void)sql_close(sql);
}

/* One record cannot be read: the answer has all else, and the status says that something is missing. */
static void test_damaged_record(void **state) {
        struct question question = question_of();
        static struct daemon d;

        daemon_init(&d);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        add_pass(&d);
        add_event(&d);
        WAIT_FOR(&d, d.n_told == 1 && count_on_disk(d.dir, "SELECT count(*) FROM samples_raw") == 1);
        assert_int_equal(history_ask(d.history, &question.query), 0);
        WAIT_FOR(&d, question.done);
        assert_int_equal(stats_of(&d).n_unreadable, 0);

        spoil_samples(&d);
        for (unsigned i = 0; i < 2; i++) { /* asked twice, it is no more of them */
                question = question_of();
                assert_int_equal(history_ask(d.history, &question.query), 0);
                WAIT_FOR(&d, question.done);
                assert_int_equal(question.result, 0);
                assert_int_equal(question.n_events, 1);
                assert_int_equal(stats_of(&d).n_unreadable, 1);
        }
        daemon_done(&d);
}

/* Damaged while it is used: set aside, said once, a new one begun with all that memory has. */
static void test_damage(void **state) {
        static struct daemon d;
        char path[80];
        FILE *f;

        daemon_init(&d);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        add_pass(&d);
        add_event(&d);
        WAIT_FOR(&d, d.n_told == 1);
        daemon_stop(&d);
        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, d.dir); /* fits */
        f = fopen(path, "r+");
        assert_non_null(f);
        for (unsigned i = 0; i < 50000; i++)
                (void)fputc(i < 16 ? "SQLite format 3"[i] : 0x55, f);
        (void)fclose(f);

        daemon_start(&d);
        WAIT_FOR(&d, stats_of(&d).state == HISTORY_WRITING);
        assert_non_null(stats_of(&d).set_aside);
        assert_int_equal(access(stats_of(&d).set_aside, F_OK), 0);
        assert_non_null(strstr(d.text, "damaged"));
        add_event(&d);
        WAIT_FOR(&d, d.n_told == 2);
        assert_int_equal(count_on_disk(d.dir, "SELECT count(*) FROM event"), 1);
        daemon_done(&d);
}

static void live(struct daemon *d) {
        daemon_start(d);
        for (;;) {
                turn(d, 2 * NSEC_PER_MSEC);
                add_pass(d);
                for (unsigned i = 0; i < 5; i++)
                        add_event(d);
                if (d->n_told > TOLD_MAX - 100)
                        d->n_told = 0;
        }
}

/* What a reader had heard of when the daemon was killed is in the file, which is whole. IRQWATCH_KILLS=200
 * kills as often. */
static void test_killed(void **state) {
        unsigned n_kills = getenv("IRQWATCH_KILLS") ? (unsigned)atoi(getenv("IRQWATCH_KILLS")) : 20;
        int64_t last = 0, n_seen = 0;
        static struct daemon d;
        struct machine m = {};

        d = (struct daemon){ .dir = "/tmp/test-history-XXXXXX", .report_fd = -1 };
        assert_non_null(mkdtemp(d.dir));
        fault_now = FAULT_NONE;
        srand((unsigned)time(NULL));
        for (unsigned i = 0; i < n_kills; i++) {
                int64_t id, first = last, n = 0, found;
                char text[160];
                int fds[2];
                pid_t pid;

                assert_int_equal(pipe(fds), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        (void)close(fds[0]);
                        d.report_fd = fds[1];
                        live(&d);
                        _exit(1);
                }
                (void)close(fds[1]);
                /* It has told something, and some more. */
                for (unsigned told = 1 + (unsigned)rand() % 300; told > 0; told--) {
                        assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id));
                        assert_true(id > last);
                        last = id;
                        n++;
                }
                fault_pause((unsigned)rand() % 20);
                assert_int_equal(kill(pid, SIGKILL), 0);
                while (read(fds[0], &id, sizeof(id)) == sizeof(id)) {
                        last = id;
                        n++;
                }
                (void)close(fds[0]);
                assert_int_equal(waitpid(pid, NULL, 0), pid);

                (void)snprintf(text, sizeof(text),
                               "SELECT count(*) FROM event WHERE id > %lld AND id <= %lld", (long long)first,
                               (long long)last); /* fits */
                found = count_on_disk(d.dir, text);
                assert_int_equal(found, n); /* each of them: all that have these ids were told */
                assert_int_equal(
                        count_on_disk(
                                d.dir,
                                "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                        1);
                last = MAX(last, count_on_disk(d.dir, "SELECT max(id) FROM event"));
                n_seen += n;
        }

        print_message("%u kills, %lld events seen, none lost\n", n_kills, (long long)n_seen);
        assert_int_equal(count_on_disk(d.dir, "SELECT count(*) FROM run"), n_kills);
        (void)snprintf(m.dir, sizeof(m.dir), "%s", d.dir); /* fits */
        machine_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed), /* first: it forks, and there must be no threads yet */
                cmocka_unit_test(test_told_when_written),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_slow_sync),
                cmocka_unit_test(test_questions),
                cmocka_unit_test(test_damaged_record),
                cmocka_unit_test(test_damage),
        };

        fault_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
