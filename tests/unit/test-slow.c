/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/report.h"
#include "daemon/query/slow.h"

static int setup(void **state) {
        *state = new_store();
        return 0;
}

static int teardown(void **state) {
        *state = store_free(*state);
        return 0;
}

static struct slow *query(const struct store *store, const struct cpu_set *cpus) {
        struct slow *slow = NULL;

        assert_int_equal(slow_query(store, AT(0), AT(100), cpus, &slow), 0);
        return slow;
}

static void test_groups(void **state) {
        _cleanup_(slow_freep) struct slow *slow = NULL, *some = NULL;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct store *store = *state;
        struct event *worst;

        (void)add_slow(store, 1, 0, EVENT_HARDIRQ, 2, "eth0");
        (void)add_slow(store, 2, 0, EVENT_HARDIRQ, 5, "nvme_irq");
        worst = add_slow(store, 3, 1, EVENT_HARDIRQ, 4, "eth0");
        (void)add_slow(store, 4, 0, EVENT_SOFTIRQ, 6, "NET_RX");
        (void)add_slow(store, 5, 0, EVENT_SOFTIRQ, 7, "TIMER");
        (void)add_slow(store, 6, 0, EVENT_SOFTIRQ_LATENCY, 12, "NET_RX");
        (void)add_slow(store, 6.001, 0, EVENT_SOFTIRQ_LATENCY, 13, "TIMER");
        (void)add_slow(store, 101, 0, EVENT_HARDIRQ, 90, "eth0"); /* after the span */
        (void)add_window(store, 50, 0, CLASS_IRQ_OFF, 20, 21, "f", NULL);

        slow = query(store, NULL);
        assert_int_equal(slow->n_told, 0);
        assert_int_equal(slow->n_groups, 5);
        assert_int_equal(slow->groups[0].kind, EVENT_HARDIRQ);
        assert_ptr_equal(slow->groups[0].worst, worst);
        assert_int_equal(slow->groups[0].count, 2);
        assert_int_equal(slow->groups[0].total_ns, MSEC(6));
        assert_int_equal(cpu_set_count(&slow->groups[0].cpus), 2);
        assert_string_equal(slow->groups[1].worst->culprit, "nvme_irq");
        assert_int_equal(slow->groups[2].kind, EVENT_SOFTIRQ);
        assert_string_equal(slow_softirq(slow->groups[2].worst), "TIMER");
        assert_string_equal(slow_softirq(slow->groups[3].worst), "NET_RX");
        assert_int_equal(slow->groups[4].kind, EVENT_SOFTIRQ_LATENCY); /* all vectors wait together */
        assert_int_equal(slow->groups[4].count, 2);
        assert_string_equal(slow_softirq(slow->groups[4].worst), "TIMER");

        assert_int_equal(cpu_list_parse("1", &cpus), 0);
        some = query(store, &cpus);
        assert_int_equal(some->n_groups, 1);
        assert_int_equal(some->groups[0].count, 1);
}

/* Is an event of 20 ms that ends at 10 s on CPU 1 told by another? */
static bool is_told(enum event_kind kind, double end, int cpu, enum event_kind by_kind, double min_ms) {
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(slow_freep) struct slow *slow = NULL;

        /* Others around it, that tell nothing of it. */
        (void)add_window(store, 9.97, 1, CLASS_IRQ_OFF, 20, 21, "f", NULL);
        (void)add_window(store, 10, 0, CLASS_IRQ_OFF, 60, 61, "f", NULL);
        (void)add_window(store, 10.2, 1, CLASS_IRQ_OFF, 20, 21, "f", NULL);
        (void)add_slow(store, 10, 1, kind, 20, kind == EVENT_HARDIRQ ? "eth0" : "NET_RX");
        if (by_kind == EVENT_IRQ_DELAY)
                (void)add_window(store, end, cpu, CLASS_HARDIRQ, min_ms, min_ms + 5, "eth0", NULL);
        else
                (void)add_slow(store, end, cpu, by_kind, min_ms, "TIMER");

        slow = query(store, NULL);
        return slow->n_told > 0;
}

static void test_told(void **state) {
        (void)state;
        assert_true(is_told(EVENT_HARDIRQ, 10.0001, 1, EVENT_IRQ_DELAY, 16));
        assert_true(is_told(EVENT_HARDIRQ, 9.9999, 1, EVENT_IRQ_DELAY, 11));
        assert_true(is_told(EVENT_HARDIRQ, 10.05, 1, EVENT_IRQ_DELAY, 100));
        assert_true(is_told(EVENT_SOFTIRQ, 10.001, 1, EVENT_IRQ_DELAY, 16));
        assert_true(is_told(EVENT_SOFTIRQ_LATENCY, 10.001, 1, EVENT_IRQ_DELAY, 16));
        assert_false(is_told(EVENT_HARDIRQ, 10.0001, 0, EVENT_IRQ_DELAY, 16)); /* another CPU */
        assert_false(is_told(EVENT_HARDIRQ, 10.0001, 1, EVENT_IRQ_DELAY, 9));  /* less than half of it */
        assert_false(is_told(EVENT_HARDIRQ, 10.012, 1, EVENT_IRQ_DELAY, 20));
        assert_false(is_told(EVENT_HARDIRQ, 10.04, 1, EVENT_IRQ_DELAY, 20));

        assert_true(is_told(EVENT_SOFTIRQ_LATENCY, 10.0001, 1, EVENT_SOFTIRQ, 18));
        assert_false(is_told(EVENT_SOFTIRQ_LATENCY, 10.0001, 1, EVENT_HARDIRQ, 18));
        assert_false(is_told(EVENT_SOFTIRQ_LATENCY, 10.0001, 1, EVENT_SOFTIRQ, 8));
        assert_false(is_told(EVENT_HARDIRQ, 10.0001, 1, EVENT_SOFTIRQ, 18));
}

/* Monotonic times start anew with each boot. */
static void test_other_boot(void **state) {
        _cleanup_(slow_freep) struct slow *slow = NULL;
        struct store *store = *state;

        (void)add_slow(store, 10, 1, EVENT_HARDIRQ, 20, "eth0");
        add_window(store, 10, 1, CLASS_HARDIRQ, 18, 21, "eth0", NULL)->boot_id.bytes[0] ^= 1;
        slow = query(store, NULL);
        assert_int_equal(slow->n_told, 0);
        assert_int_equal(slow->n_groups, 1);
}

static void test_no_memory(void **state) {
        unsigned n = 0;
        int r;

        (void)add_slow(*state, 1, 0, EVENT_HARDIRQ, 2, "eth0");
        (void)add_slow(*state, 2, 3, EVENT_SOFTIRQ, 2, "NET_RX");
        (void)add_window(*state, 3, 3, CLASS_STEAL, 40, 41, NULL, "two");
        do {
                _cleanup_(slow_freep) struct slow *slow = NULL;

                alloc_fail_at(++n);
                r = slow_query(*state, 0, UINT64_MAX, NULL, &slow);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 6, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A run of NET_RX that was looked into: a stack of one function, or an empty one where the kernel could not say. */
static void add_seen(struct store *store, double at, double ms, const char *function) {
        struct event *event = add_slow(store, at, 2, EVENT_SOFTIRQ, ms, "NET_RX");

        free(event->culprit);
        event->culprit = strdup(function ?: "NET_RX");
        assert_non_null(event->culprit);
        assert_int_equal(stack_new(1, &event->kernel_stack), 0);
        if (function) {
                event->kernel_stack->frames[0].symbol = strdup(function);
                assert_non_null(event->kernel_stack->frames[0].symbol);
                event->kernel_stack->n_frames = 1;
        }
        stack_seal(event->kernel_stack);
}

static void check_text(const struct store *store, const char *text) {
        const struct report_request request = { .since_us = AT(0), .until_us = AT(10) };
        _cleanup_(report_freep) struct report *report = NULL;

        assert_int_equal(report_query(store, &request, &report), 0);
        assert_int_equal(report->findings.n_items, 1);
        assert_string_equal(report->findings.items[0].text, text);
}

/* The worst run's stack may name nobody, while another one's does. */
static void test_named(void **state) {
        struct store *store = *state;

        add_seen(store, 1, 11, NULL);
        check_text(store, "CPU 2 spent 11.0 ms in one run of the softirq NET_RX, seen in code that has no name, as filters "
                          "of packet sockets");
        add_seen(store, 2, 10, "nft_do_chain");
        check_text(store, "CPU 2 spent 11.0 ms in one run of the softirq NET_RX; one of 10.0 ms was seen in nft_do_chain; 2 "
                          "such runs, 21.0 ms in total");
        add_seen(store, 3, 12, "nf_hook_slow");
        check_text(store, "CPU 2 spent 12.0 ms in one run of the softirq NET_RX, seen in nf_hook_slow; 3 such runs, 33.0 ms "
                          "in total");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_groups),
                TEST(test_told),
                TEST(test_other_boot),
                TEST(test_named),
                TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
