/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/windows.h"

static int setup(void **state) {
        *state = new_store();
        return 0;
}

static int teardown(void **state) {
        *state = store_free(*state);
        return 0;
}

/* The ids of what a request finds, as offsets into the given events: "0 2 3". */
static void check_events(const struct store *store, const struct events_request *request,
                         struct event *const *events, size_t n_events, const char *expected) {
        _cleanup_(freep) struct event **found = NULL;
        char text[256] = "";
        size_t n;

        assert_int_equal(events_query(store, request, &found, &n), 0);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n_events; j++)
                        if (found[i] == events[j])
                                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%zu",
                                               *text ? " " : "", j);

        assert_string_equal(text, expected);
}

static void test_selection(void **state) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct store *store = *state;
        struct event *events[5];

        events[0] = add_window(store, 1, 0, CLASS_IRQ_OFF, 10, 11, "f", "a");
        events[1] = add_window(store, 2, 1, CLASS_IRQ_OFF, 10, 11, "g", "a");
        events[2] = add_window(store, 3, 0, CLASS_STEAL, 10, 11, NULL, "a");
        events[3] = add_window(store, 4, CPU_NONE, CLASS_UNKNOWN, 10, 11, "f", NULL);
        events[4] = add_window(store, 5, 1, CLASS_IRQ_OFF, 10, 11, "f", "b");
        events[4]->kind = EVENT_ALERT;
        assert_int_equal(cpu_list_parse("1", &cpus), 0);

#define CHECK(expected, ...) \
        check_events(store, &(struct events_request){ .until_us = UINT64_MAX, __VA_ARGS__ }, events, \
                     ELEMENTSOF(events), expected)

        CHECK("0 1 2 3 4", .limit = 0);
        CHECK("3 4", .limit = 2); /* the newest, and those oldest first */
        CHECK("0 1 2 3 4", .limit = 5);
        CHECK("0 1 2 3", .kinds = UINT32_C(1) << EVENT_IRQ_DELAY);
        CHECK("4", .kinds = UINT32_C(1) << EVENT_ALERT | UINT32_C(1) << EVENT_COLLECTOR);
        CHECK("1 4", .cpus = &cpus);
        CHECK("0 3 4", .culprit = "f");
        CHECK("3 4", .culprit = "f", .limit = 2);
        CHECK("", .culprit = "h");
        CHECK("2 3 4", .after_id = events[1]->id);
        CHECK("1 2 3 4", .since_us = AT(1));
        check_events(store, &(struct events_request){ .since_us = AT(1), .until_us = AT(3) }, events, 5,
                     "1 2");
}

static void test_groups(void **state) {
        _cleanup_(windows_freep) struct windows *windows = NULL;
        struct store *store = *state;
        struct event *worst;

        (void)add_window(store, 1, 0, CLASS_IRQ_OFF, 10, 12, "f", "one");
        worst = add_window(store, 2, 3, CLASS_IRQ_OFF, 40, 41, "f", "two");
        (void)add_window(store, 3, 0, CLASS_IRQ_OFF, 20, 90, "f", "two");
        (void)add_window(store, 4, 0, CLASS_HARDIRQ, 500, 501, "f", "x"); /* same name, other class */
        (void)add_window(store, 5, 1, CLASS_STEAL, 5, 6, NULL, NULL);
        (void)add_window(store, 6, 1, CLASS_STEAL, 7, 8, NULL, NULL);
        (void)add_window(store, 99, 1, CLASS_STEAL, 7, 8, NULL, NULL); /* after the span */

        assert_int_equal(windows_query(store, AT(0), AT(10), NULL, &windows), 0);
        assert_int_equal(windows->count, 6);
        assert_int_equal(windows->worst_ns, MSEC(500));
        assert_int_equal(windows->n_by_culprit, 3);

        assert_int_equal(windows->by_culprit[0].class, CLASS_HARDIRQ);
        assert_int_equal(windows->by_culprit[1].class, CLASS_IRQ_OFF);
        assert_string_equal(windows->by_culprit[1].culprit, "f");
        assert_int_equal(windows->by_culprit[1].count, 3);
        assert_int_equal(windows->by_culprit[1].total_min_ns, MSEC(70));
        assert_int_equal(windows->by_culprit[1].total_max_ns, MSEC(143));
        assert_int_equal(windows->by_culprit[1].worst_min_ns, MSEC(40));
        assert_int_equal(windows->by_culprit[1].worst_max_ns, MSEC(41));
        assert_int_equal(windows->by_culprit[1].worst_id, worst->id);
        assert_ptr_equal(windows->by_culprit[1].worst, worst);
        assert_int_equal(windows->by_culprit[1].first_us, AT(1));
        assert_int_equal(windows->by_culprit[1].last_us, AT(3));
        assert_int_equal(cpu_set_count(&windows->by_culprit[1].cpus), 2);
        assert_true(cpu_set_contains(&windows->by_culprit[1].cpus, 3));
        assert_int_equal(windows->by_culprit[1].n_comms, 2);
        assert_string_equal(windows->by_culprit[1].comms[0], "two");
        assert_string_equal(windows->by_culprit[1].comms[1], "one");
        assert_null(windows->by_culprit[2].culprit);
        assert_int_equal(windows->by_culprit[2].count, 2);
        assert_int_equal(windows->by_culprit[2].n_comms, 0);

        assert_int_equal(windows->n_by_class, 3);
        assert_int_equal(windows->by_class[0].class, CLASS_HARDIRQ);
        assert_int_equal(windows->by_class[1].class, CLASS_IRQ_OFF);
        assert_int_equal(windows->by_class[1].count, 3);
        assert_int_equal(windows->by_class[1].total_min_ns, MSEC(70));
        assert_int_equal(windows->by_class[1].worst_max_ns, MSEC(90));
}

static struct event *add_stack(struct store *store, double second, const char *stack, const char *fingerprint) {
        struct event *event = add_window(store, second, 0, CLASS_IRQ_OFF, 10 + second, 30, "f", "task");

        set_stack(event, stack, fingerprint);
        return event;
}

/* The group of the worst window with that lower bound. */
static const struct window_group *group_of(const struct windows *windows, const struct event *worst) {
        for (size_t i = 0; i < windows->n_by_culprit; i++)
                if (windows->by_culprit[i].worst == worst)
                        return &windows->by_culprit[i];

        fail_msg("no group has this window as its worst");
        return NULL;
}

static void test_fingerprints(void **state) {
        _cleanup_(windows_freep) struct windows *windows = NULL;
        struct store *store = *state;
        const struct window_group *group;
        struct event *events[7];

        events[0] = add_stack(store, 1, "unlock f[m] read vfs_read entry", "01");
        events[1] = add_stack(store, 2, "f.cold[m] read.isra.0 vfs_read entry", "01"); /* the same to a reader */
        events[2] = add_stack(store, 3, "f[m] write vfs_write entry", "02");
        events[3] = add_stack(store, 4, "f[m] read vfs_readv entry", "03");
        events[4] = add_stack(store, 5, "f[m] read vfs_readv", "04"); /* the beginning of the one above */
        events[5] = add_window(store, 6, 0, CLASS_IRQ_OFF, 9, 30, "f", NULL); /* the stack was not taken */
        events[6] = add_window(store, 6, 0, CLASS_IRQ_OFF, 9, 30, "g", NULL);
        set_stack(events[6], "g x y", "05");

        assert_int_equal(windows_query(store, AT(0), AT(10), NULL, &windows), 0);
        assert_int_equal(windows->n_by_culprit, 6);

        group = group_of(windows, events[1]);
        assert_string_equal(group->fingerprint, "01");
        assert_int_equal(group->count, 2);
        assert_int_equal(group->total_min_ns, MSEC(23));
        assert_int_equal(group->first_us, AT(1));
        assert_int_equal(group->last_us, AT(2));
        assert_string_equal(group->caller, "vfs_read");
        assert_string_equal(group_of(windows, events[2])->caller, "write");
        assert_string_equal(group_of(windows, events[3])->caller, "entry");
        assert_null(group_of(windows, events[4])->caller); /* nothing is left to tell it by */
        assert_null(group_of(windows, events[5])->fingerprint);
        assert_null(group_of(windows, events[5])->caller);
        assert_null(group_of(windows, events[6])->caller); /* its name is enough */
        assert_string_equal(group_of(windows, events[6])->fingerprint, "05");
}

static void test_many_comms(void **state) {
        _cleanup_(windows_freep) struct windows *windows = NULL;
        struct store *store = *state;

        for (unsigned comm = 0; comm < 12; comm++)
                for (unsigned i = 0; i <= comm; i++) {
                        char name[EVENT_COMM_MAX];

                        (void)snprintf(name, sizeof(name), "task%02u", comm); /* fits */
                        (void)add_window(store, comm * 20 + i, 0, CLASS_IRQ_OFF, 1, 2, "f", name);
                }

        assert_int_equal(windows_query(store, 0, UINT64_MAX, NULL, &windows), 0);
        assert_int_equal(windows->n_by_culprit, 1);
        assert_int_equal(windows->by_culprit[0].n_comms, 8);
        for (unsigned i = 0; i < 8; i++) {
                char name[EVENT_COMM_MAX];

                (void)snprintf(name, sizeof(name), "task%02u", 11 - i); /* fits */
                assert_string_equal(windows->by_culprit[0].comms[i], name);
        }
}

static void test_none(void **state) {
        _cleanup_(windows_freep) struct windows *windows = NULL;

        assert_int_equal(windows_query(*state, 0, UINT64_MAX, NULL, &windows), 0);
        assert_int_equal(windows->count, 0);
        assert_int_equal(windows->n_by_culprit, 0);
        assert_int_equal(windows->n_by_class, 0);
        assert_int_equal(windows->worst_ns, 0);
}

static void test_no_memory(void **state) {
        unsigned n = 0;
        int r;

        (void)add_window(*state, 1, 0, CLASS_IRQ_OFF, 10, 12, "f", "one");
        (void)add_window(*state, 2, 3, CLASS_STEAL, 40, 41, NULL, "two");
        (void)add_stack(*state, 3, "f x", "01");
        (void)add_stack(*state, 4, "f y", "02");
        do {
                _cleanup_(windows_freep) struct windows *windows = NULL;

                alloc_fail_at(++n);
                r = windows_query(*state, 0, UINT64_MAX, NULL, &windows);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 6, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_selection), TEST(test_groups),    TEST(test_fingerprints), TEST(test_many_comms),
                TEST(test_none),      TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
