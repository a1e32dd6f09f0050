/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A span that was copied row by row answers as the file does that it is from: all tiers, over restarts,
 * reboots and set clocks, with the events and their stacks, whatever the size of the pages.
 */

#include "tests/unit/disk-fixture.h"

#include "daemon/store/disk-export.h"

static void run_for(struct machine *m, uint64_t values[2], unsigned seconds) {
        for (unsigned i = 0; i < seconds; i++) {
                _cleanup_(batch_done) struct batch batch = {};

                machine_sleep(m, USEC_PER_SEC);
                values[0] += 1;
                values[1] += 3;
                batch_init(&batch);
                batch.stamp = m->now;
                add_row(&batch, WIDE, "row");
                add_cell(&batch, 0, values[0]);
                add_cell(&batch, 1, values[1]);
                assert_int_equal(store_commit(m->store, m->source, &batch), 0);
                if (i % 5 == 4)
                        assert_int_equal(machine_flush(m), 0);
        }
        assert_int_equal(machine_flush(m), 0);
}

/* With two stacks of so many frames, of which the outermost is the same in all. */
static void add_event(struct machine *m, const char *culprit, size_t n_frames) {
        struct event *event = NULL, *events[1];
        struct stack *stack = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        assert_int_equal(stack_new(n_frames, &stack), 0);
        for (; stack->n_frames < n_frames; stack->n_frames++) {
                char symbol[64];

                (void)snprintf(symbol, sizeof(symbol), "%s%zu",
                               stack->n_frames + 1 < n_frames ? culprit : "outer",
                               stack->n_frames); /* fits */
                stack->frames[stack->n_frames] =
                        (struct frame){ .symbol = strdup(symbol), .module = strdup("mod") };
        }
        stack_seal(stack);
        event->time_us = m->now.realtime_us;
        event->monotonic_ns = m->now.monotonic_ns;
        event->culprit = strdup(culprit);
        event->cpu = 1;
        event->kernel_stack = stack;
        event->user_stack = stack_ref(stack);
        store_number_event(m->store, event);
        events[0] = event;
        assert_int_equal(disk_write(m->disk, NULL, 0, events, 1), 0);
        (void)event_unref(event);
}

struct copy {
        struct disk_file *file;
        unsigned n, page; /* rows; a page has that many */
        unsigned by_table[_DISK_TABLE_MAX];
};

static int copy_row(const struct disk_row *row, void *userdata) {
        struct copy *copy = userdata;

        assert_int_equal(disk_row_insert(copy->file, row), 0);
        copy->by_table[row->table]++;
        return ++copy->n % copy->page == 0;
}

static void copy_span(struct machine *m, uint64_t since_us, uint64_t until_us, unsigned page,
                      struct copy *ret_copy) {
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        struct copy copy = { .page = page };
        struct disk_export export;
        char path[80];
        int r;

        (void)snprintf(path, sizeof(path), "%s/" DISK_FILE_NAME, m->dir); /* fits */
        assert_int_equal(disk_file_open(path, 0, NULL, &file), 0);
        assert_int_equal(disk_file_create(":memory:", &copy.file), 0);
        assert_int_equal(disk_export_begin(file, since_us, until_us, &export), 0);
        while ((r = disk_export_rows(file, &export, copy_row, &copy)) > 0)
                ;
        assert_int_equal(r, 0);
        *ret_copy = copy;
}

static void check_events(const struct store *a, const struct store *b) {
        assert_int_equal(store_n_events(a), store_n_events(b));
        for (size_t i = 0; i < store_n_events(a); i++) {
                const struct event *x = store_event_at(a, i), *y = store_event_at(b, i);

                assert_int_equal(x->id, y->id);
                assert_string_equal(x->culprit, y->culprit);
                assert_true(sd_id128_equal(x->boot_id, y->boot_id));
                assert_true(stack_equal(x->kernel_stack, y->kernel_stack));
                assert_true(stack_equal(x->user_stack, y->user_stack));
        }
}

/* Only the first line that differs: cmocka cuts long texts. */
static void check_text(const char *text, const char *expected) {
        while (*text && strcspn(text, "\n") == strcspn(expected, "\n") &&
               strncmp(text, expected, strcspn(text, "\n") + 1) == 0) {
                text += strcspn(text, "\n") + 1;
                expected += strcspn(expected, "\n") + 1;
        }
        if (*text || *expected)
                fail_msg("\"%.*s\" instead of \"%.*s\"", (int)strcspn(text, "\n"), text,
                         (int)strcspn(expected, "\n"), expected);
}

/* The same question to both. */
static void check_same(struct machine *m, struct copy *copy, uint64_t since_us, uint64_t until_us,
                       uint64_t step_us) {
        const struct disk_load_request request = {
                .since_us = since_us,
                .until_us = until_us,
                .samples = true,
                .events = true,
                .step_us = step_us,
        };
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) char *expected = NULL, *text = NULL;
        struct disk_load_result result;
        struct loaded loaded;

        machine_load(m, &request, &loaded);
        assert_int_equal(disk_load(copy->file, &request, &store, &result), 0);
        assert_int_equal(result.tier, loaded.result.tier);
        assert_int_equal(result.n_damaged, 0);
        expected = scan_text(loaded.store, 0, since_us, until_us);
        text = scan_text(store, 0, since_us, until_us);
        check_text(text, expected);
        check_events(store, loaded.store);
        loaded_done(&loaded);
}

#define MINUTE_US (60 * USEC_PER_SEC)

static void test_span(void **state) {
        static const unsigned pages[] = { 1, 7, 100000 };
        uint64_t values[2] = { 1000, 5000 }, from, to;
        struct machine m;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 7000);
        add_event(&m, "before", 3);
        run_for(&m, values, 600);
        from = m.now.realtime_us;
        add_event(&m, "first", 3);
        run_for(&m, values, 1000);
        add_event(&m, "second", 200);
        add_event(&m, "second", 200);
        run_for(&m, values, 500);
        add_event(&m, "third", 3);
        to = m.now.realtime_us;
        run_for(&m, values, 600);
        add_event(&m, "after", 3);

        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                struct copy copy;

                copy_span(&m, from, to, pages[i], &copy);
                check_same(&m, &copy, from, to, 0);
                check_same(&m, &copy, from, to, 10 * USEC_PER_SEC);
                check_same(&m, &copy, from, to, MINUTE_US);
                check_same(&m, &copy, from + 3 * MINUTE_US, to - 5 * MINUTE_US, 0);
                assert_int_equal(copy.by_table[DISK_EVENT], 3); /* that at the begin is before the span */
                assert_int_equal(copy.by_table[DISK_STACK], 2);
                assert_in_range(copy.by_table[DISK_STRING], 200 + 3,
                                200 + 3 + 10); /* once each, with the module */
                /* A flush has five passes; not much more than the span's were copied. */
                assert_in_range(copy.by_table[DISK_SAMPLES], 1500 / 5, 1500 / 5 + 80);
                assert_true(copy.by_table[DISK_SAMPLES + TIER_10S] > 0);
                (void)disk_file_close(copy.file);
        }
        machine_done(&m);
}

/* All that can happen to clocks, in one file. */
static void test_clocks(void **state) {
        uint64_t values[2] = { 7000, 9000 };
        struct machine m;
        struct copy copy;

        machine_init(&m);
        machine_start(&m);
        run_for(&m, values, 600);
        machine_stop(&m);
        machine_sleep(&m, MINUTE_US);
        machine_start(&m);
        run_for(&m, values, 300);
        m.now.realtime_us -= HOUR_US;
        run_for(&m, values, 300);
        add_event(&m, "back", 2);
        m.now.realtime_us += HOUR_US;
        run_for(&m, values, 300);
        machine_stop(&m);
        machine_sleep(&m, MINUTE_US);
        (void)strcpy(m.boot, "22222222222222222222222222222222");
        m.now.monotonic_ns = 20 * NSEC_PER_SEC;
        values[0] = 8000;
        values[1] = 10;
        machine_start(&m);
        add_event(&m, "boot", 2);
        run_for(&m, values, 300);

        copy_span(&m, BASE_US - 2 * HOUR_US, m.now.realtime_us, 10, &copy);
        check_same(&m, &copy, BASE_US, m.now.realtime_us, USEC_PER_SEC);
        check_same(&m, &copy, BASE_US - 2 * HOUR_US, BASE_US, USEC_PER_SEC);
        check_same(&m, &copy, BASE_US - 2 * HOUR_US, m.now.realtime_us, 0);
        assert_int_equal(copy.by_table[DISK_BOOT], 2);
        assert_int_equal(copy.by_table[DISK_RUN], 3);
        (void)disk_file_close(copy.file);

        /* Only the hour that is there twice. */
        copy_span(&m, BASE_US - HOUR_US + 960 * USEC_PER_SEC, BASE_US - HOUR_US + 1100 * USEC_PER_SEC, 10,
                  &copy);
        check_same(&m, &copy, BASE_US - HOUR_US + 1000 * USEC_PER_SEC,
                   BASE_US - HOUR_US + 1100 * USEC_PER_SEC, USEC_PER_SEC);
        assert_int_equal(copy.by_table[DISK_EVENT], 0);
        (void)disk_file_close(copy.file);
        machine_done(&m);
}

static void test_empty(void **state) {
        uint64_t values[2] = {};
        struct machine m;
        struct copy copy;

        machine_init(&m);
        machine_start(&m);
        copy_span(&m, 1, 2, 1, &copy);
        assert_int_equal(copy.by_table[DISK_SAMPLES], 0);
        (void)disk_file_close(copy.file);
        run_for(&m, values, 10);
        copy_span(&m, 1, 2, 1, &copy);
        assert_int_equal(copy.by_table[DISK_SAMPLES], 0);
        assert_int_equal(copy.by_table[DISK_EVENT], 0);
        (void)disk_file_close(copy.file);
        machine_done(&m);
}

/* Rows come from another process: those that cannot be are refused, and one that is there already stays. */
static void test_rows(void **state) {
        struct disk_row row = { .table = DISK_CLOCK, .n_numbers = 3, .numbers = { 5, 6, 7 } };
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        int64_t value;

        assert_int_equal(disk_file_create(":memory:", &file), 0);
        assert_int_equal(disk_row_insert(file, &row), 0);
        row.numbers[2] = 8;
        assert_int_equal(disk_row_insert(file, &row), 0);
        assert_int_equal(sql_get(file->sql, "SELECT offset_us FROM clock WHERE id = 5", &value), 0);
        assert_int_equal(value, 7);
        row.n_numbers = 2;
        assert_int_equal(disk_row_insert(file, &row), -EBADMSG);
        row.n_numbers = 3;
        row.has_body = true;
        assert_int_equal(disk_row_insert(file, &row), -EBADMSG);
        row.has_body = false;
        row.table = _DISK_TABLE_MAX;
        assert_int_equal(disk_row_insert(file, &row), -EBADMSG);

        for (unsigned i = 0; i < _DISK_TABLE_MAX; i++)
                assert_int_equal(disk_table_from_string(disk_table_to_string((enum disk_table)i)), i);
        assert_int_equal(disk_table_from_string("sqlite_schema"), _DISK_TABLE_MAX);
        assert_null(disk_table_to_string(_DISK_TABLE_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_span),
                cmocka_unit_test(test_clocks),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
