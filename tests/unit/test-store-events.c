/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/store-fixture.h"

#include "tests/harness/alloc-fail.h"

static struct stack *make_stack(const char *symbol) {
        struct stack *stack = NULL;

        assert_int_equal(stack_new(2, &stack), 0);
        stack->frames[stack->n_frames++].symbol = strdup(symbol);
        stack->frames[stack->n_frames++].symbol = strdup("entry");
        stack_seal(stack);
        return stack;
}

/* The stacks are given away. */
static struct event *make_event(unsigned n, struct stack *kernel, struct stack *user) {
        struct event *event = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->time_us = AT(n);
        event->monotonic_ns = (n + 1) * NSEC_PER_SEC;
        event->kernel_stack = kernel;
        event->user_stack = user;
        return event;
}

static int64_t add_event(struct store *store, unsigned n, struct stack *kernel, struct stack *user) {
        _cleanup_(event_unrefp) struct event *event = make_event(n, kernel, user);

        assert_int_equal(store_add_event(store, event), 0);
        return event->id;
}

static void test_ids(void **state) {
        static const unsigned times[] = { 5, 5, 6, 2, 3, 100 };
        _cleanup_(store_freep) struct store *store = NULL;
        int64_t last = 0;
        unsigned source;

        store = new_store(&test_limits, &source);
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                int64_t id = add_event(store, times[i], NULL, NULL);

                assert_true(id > last);
                assert_true((uint64_t)id >= AT(times[i]));
                last = id;
        }

        assert_int_equal(last, AT(100));
        assert_int_equal(store_n_events(store), ELEMENTSOF(times));
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                struct event *event = store_event_at(store, i);

                assert_int_equal(event->time_us, AT(times[i]));
                assert_ptr_equal(store_find_event(store, event->id), event);
        }
}

static void test_find_unknown(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;
        int64_t id;

        store = new_store(&test_limits, &source);
        assert_null(store_find_event(store, 0));
        id = add_event(store, 1, NULL, NULL);
        assert_null(store_find_event(store, id - 1));
        assert_null(store_find_event(store, id + 1));
        assert_null(store_find_event(store, INT64_MIN));
        assert_null(store_find_event(store, INT64_MAX));
}

static void test_reference_is_its_own(void **state) {
        struct event *event = make_event(1, make_stack("f"), NULL);
        struct store *store = NULL;
        unsigned source;

        store = new_store(&test_limits, &source);
        assert_int_equal(store_add_event(store, event), 0);
        assert_int_equal(event->n_ref, 2);
        assert_null(store_free(store));
        assert_int_equal(event->n_ref, 1);
        assert_string_equal(event->kernel_stack->frames[0].symbol, "f");
        assert_null(event_unref(event));
}

static void test_equal_stacks_are_shared(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        const struct event *first = NULL;
        struct store_stats stats;
        unsigned source;

        store = new_store(&test_limits, &source);
        add_event(store, 1, make_stack("f"), make_stack("f"));
        add_event(store, 2, make_stack("g"), make_stack("f"));
        add_event(store, 3, make_stack("f"), NULL);

        first = store_event_at(store, 0);
        assert_ptr_equal(first->kernel_stack, first->user_stack);
        assert_ptr_equal(store_event_at(store, 1)->user_stack, first->kernel_stack);
        assert_ptr_equal(store_event_at(store, 2)->kernel_stack, first->kernel_stack);
        assert_ptr_not_equal(store_event_at(store, 1)->kernel_stack, first->kernel_stack);
        assert_int_equal(first->kernel_stack->n_ref, 1 + 4);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_stacks, 2);
}

static void test_equal_hashes_are_not_enough(void **state) {
        _cleanup_(store_freep) struct store *store = NULL;
        struct stack *f = make_stack("f"), *g = make_stack("g");
        struct store_stats stats;
        unsigned source;

        store = new_store(&test_limits, &source);
        g->hash = f->hash;
        add_event(store, 1, f, g);
        assert_string_equal(store_event_at(store, 0)->kernel_stack->frames[0].symbol, "f");
        assert_string_equal(store_event_at(store, 0)->user_stack->frames[0].symbol, "g");
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_stacks, 2);
}

static void test_stacks_go_with_their_last_event(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        limits.n_events_max = 2;
        store = new_store(&limits, &source);
        add_event(store, 1, make_stack("f"), make_stack("g"));
        add_event(store, 2, make_stack("f"), NULL);
        add_event(store, 3, NULL, NULL);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_stacks, 1);
        assert_int_equal(stats.n_events, 2);
        assert_int_equal(stats.n_events_dropped, 1);
        assert_string_equal(store_event_at(store, 0)->kernel_stack->frames[0].symbol, "f");

        add_event(store, 4, NULL, NULL);
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_stacks, 0);
}

static void test_many_events(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;
        int64_t oldest = 0, id = 0;

        limits.n_events_max = 100;
        store = new_store(&limits, &source);
        for (unsigned i = 0; i < 5000; i++) {
                char symbol[16];

                snprintf(symbol, sizeof(symbol), "f%u", i % 300);
                id = add_event(store, i, make_stack(symbol), NULL);
                if (i == 4900)
                        oldest = id;
        }

        assert_int_equal(store_n_events(store), 100);
        assert_int_equal(store_event_at(store, 0)->id, oldest);
        assert_null(store_find_event(store, oldest - 1));
        assert_ptr_equal(store_find_event(store, id), store_event_at(store, 99));
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_stacks, 100);
        assert_int_equal(stats.n_events_dropped, 4900);
}

static void test_retention(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        unsigned source;

        limits.retention_ns = 10 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        for (unsigned i = 0; i < 20; i++)
                add_event(store, i, NULL, NULL);

        COMMIT(store, source, 20, WIDE, 1);
        assert_int_equal(store_n_events(store), 10);
        assert_int_equal(store_event_at(store, 0)->time_us, AT(10));
        store_get_stats(store, &stats);
        assert_int_equal(stats.n_events_dropped, 0);
}

/* An event without a moment on the monotonic clock, or with one long past, counts from when it was added. */
static void test_late_events(void **state) {
        static const uint64_t monotonic_ns[] = { 0, 3 * NSEC_PER_SEC };
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        unsigned source;

        limits.retention_ns = 10 * NSEC_PER_SEC;
        store = new_store(&limits, &source);
        COMMIT(store, source, 100, WIDE, 1);
        for (size_t i = 0; i < ELEMENTSOF(monotonic_ns); i++) {
                _cleanup_(event_unrefp) struct event *event = make_event(100, NULL, NULL);

                event->monotonic_ns = monotonic_ns[i];
                assert_int_equal(store_add_event(store, event), 0);
        }

        COMMIT(store, source, 110, WIDE, 1);
        assert_int_equal(store_n_events(store), 2);
        COMMIT(store, source, 111, WIDE, 1);
        assert_int_equal(store_n_events(store), 0);
}

/* Fills the budget with samples; events then get their share, and not more. */
static void test_share_of_the_budget(void **state) {
        struct store_limits limits = test_limits;
        _cleanup_(store_freep) struct store *store = NULL;
        struct store_stats stats;
        uint64_t first, last;
        unsigned source;

        limits.budget_bytes = 256 << 10;
        limits.n_events_max = 1000000;
        store = new_store(&limits, &source);
        for (unsigned i = 0; i < 4000; i++) {
                COMMIT(store, source, i, WIDE, i * 1000000007ULL, i * 1000000009ULL);
                add_event(store, i, NULL, NULL);
                store_get_stats(store, &stats);
                assert_true(stats.bytes <= limits.budget_bytes);
        }

        assert_true(stats.n_events_dropped > 0);
        assert_true(stats.n_passes_dropped > 0);
        assert_in_range(stats.n_events * sizeof(struct event), limits.budget_bytes / 4,
                        limits.budget_bytes / 2);
        assert_int_equal(store_source_range(store, source, &first, &last), 0);
        assert_true(last - first > 1000 * USEC_PER_SEC);

        assert_int_equal(store_event_at(store, store_n_events(store) - 1)->time_us, AT(3999));
}

static void test_out_of_memory(void **state) {
        /* First the array; once that has grown, the entry of the kernel stack, then that of the user stack.
         */
        static const unsigned failing[] = { 1, 2, 2 };
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(event_unrefp) struct event *event = NULL;
        struct store_stats before, after;
        struct stack *g = make_stack("g");
        unsigned source;

        store = new_store(&test_limits, &source);
        /* As many as there is room for. */
        for (unsigned i = 0; i < 64; i++)
                add_event(store, i, make_stack("f"), NULL);
        event = make_event(64, g, make_stack("h"));
        store_get_stats(store, &before);

        for (size_t i = 0; i < ELEMENTSOF(failing); i++) {
                alloc_fail_at(failing[i]);
                assert_int_equal(store_add_event(store, event), -ENOMEM);
                assert_true(alloc_fail_end());

                store_get_stats(store, &after);
                assert_int_equal(after.n_stacks, before.n_stacks);
                assert_int_equal(store_n_events(store), 64);
                assert_int_equal(event->n_ref, 1);
                assert_int_equal(event->id, 0);
                assert_ptr_equal(event->kernel_stack, g);
                assert_int_equal(g->n_ref, 1);
        }

        alloc_fail_at(3);
        assert_int_equal(store_add_event(store, event), 0);
        assert_false(alloc_fail_end());
        assert_ptr_equal(store_find_event(store, event->id), event);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_find_unknown),
                cmocka_unit_test(test_reference_is_its_own),
                cmocka_unit_test(test_equal_stacks_are_shared),
                cmocka_unit_test(test_equal_hashes_are_not_enough),
                cmocka_unit_test(test_stacks_go_with_their_last_event),
                cmocka_unit_test(test_many_events),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_late_events),
                cmocka_unit_test(test_share_of_the_budget),
                cmocka_unit_test(test_out_of_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
