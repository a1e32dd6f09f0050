/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/collect/irq-event.h"
#include "daemon/symbols/culprit.h"

/* Names as the worker finds them for a stack. */
static void name(struct enrichment *names, const char *stack) {
        struct event holder = {};

        *names = (struct enrichment){ .stripped = true, .stack_kind = ENRICH_STACK_TIMER };
        set_stack(&holder, stack, NULL);
        names->stack = holder.kernel_stack;
        names->fingerprint = culprit_fingerprint(names->stack);
        assert_int_equal(culprit_name(names->stack, &names->culprit), 0);
}

static struct abi_window make_window(void) {
        return (struct abi_window){
                .type = ABI_RECORD_WINDOW,
                .cpu = 1,
                .end_ns = 100 * NSEC_PER_SEC,
                .min_ns = 20 * NSEC_PER_MSEC,
                .max_ns = 24 * NSEC_PER_MSEC,
        };
}

static struct event *window_event(const struct abi_window *window, const char *stack) {
        const struct window_context context = { .n_cpus_online = 4 };
        const struct stamp now = { .monotonic_ns = 101 * NSEC_PER_SEC, .realtime_us = AT(1) };
        _cleanup_(enrichment_done) struct enrichment names = {};
        struct event *event = NULL;

        name(&names, stack);
        assert_int_equal(irq_event_from_window(window, &names, &context, &now, &event), 0);
        return event;
}

static struct event *slow_event_with(uint32_t kind, const char *stack, const struct slow_context *context) {
        const struct stamp now = { .monotonic_ns = 101 * NSEC_PER_SEC, .realtime_us = AT(1) };
        const struct abi_slow slow = {
                .type = ABI_RECORD_SLOW,
                .cpu = 1,
                .span = {
                        .start_ns = 99 * NSEC_PER_SEC,
                        .end_ns = 100 * NSEC_PER_SEC,
                        .kind = kind,
                        .number = kind == ABI_SPAN_HARDIRQ ? 24 : ABI_SOFTIRQ_NET_RX,
                        .name = "eth0",
                },
        };
        _cleanup_(enrichment_done) struct enrichment names = {};
        struct event *event = NULL;

        if (stack)
                name(&names, stack);
        assert_int_equal(irq_event_from_slow(&slow, &names, context, &now, &event), 0);
        return event;
}

static struct event *slow_event(uint32_t kind, const char *stack) {
        return slow_event_with(kind, stack, &(struct slow_context){});
}

static const char *fingerprint_of(const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, "fingerprint");

        return evidence ? evidence->string : NULL;
}

static void test_window(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL, *again = NULL, *other = NULL;
        const struct abi_window window = make_window();

        event = window_event(&window, "_raw_spin_unlock_irqrestore evil_ioctl[evil] vfs_ioctl do_syscall_64");
        again = window_event(&window, "_raw_spin_unlock_irq evil_ioctl.cold[evil] vfs_ioctl do_syscall_64");
        other = window_event(&window,
                             "_raw_spin_unlock_irqrestore evil_ioctl[evil] compat_ioctl do_syscall_64");
        assert_int_equal(event->class, CLASS_IRQ_OFF);
        assert_int_equal(event->time_us, AT(0));
        assert_string_equal(event->culprit, "evil_ioctl");
        assert_int_equal(strlen(fingerprint_of(event)), 16);
        assert_int_equal(strspn(fingerprint_of(event), "0123456789abcdef"), 16);
        assert_string_equal(again->culprit, "evil_ioctl");
        assert_string_equal(fingerprint_of(event), fingerprint_of(again));
        assert_string_equal(other->culprit, "evil_ioctl");
        assert_string_not_equal(fingerprint_of(event), fingerprint_of(other));
}

/* The stack is that of whom the handler interrupted: it says nothing of the culprit. */
static void test_window_of_handler(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        struct abi_window window = make_window();

        window.span = (struct abi_span){
                .start_ns = window.end_ns - window.min_ns,
                .end_ns = window.end_ns,
                .kind = ABI_SPAN_HARDIRQ,
                .number = 24,
                .name = "eth0",
        };
        event = window_event(&window, "evil_ioctl[evil] vfs_ioctl do_syscall_64");
        assert_int_equal(event->class, CLASS_HARDIRQ);
        assert_string_equal(event->culprit, "eth0");
        assert_null(fingerprint_of(event));
}

/* One second long. */
static void test_slow_stolen(void **state) {
        _cleanup_(event_unrefp) struct event *stolen = NULL, *own = NULL;

        stolen = slow_event_with(
                ABI_SPAN_HARDIRQ, NULL,
                &(struct slow_context){ .steal_known = true, .steal_ns = 500 * NSEC_PER_MSEC });
        assert_int_equal(stolen->kind, EVENT_HARDIRQ);
        assert_int_equal(stolen->class, CLASS_STEAL);
        assert_null(stolen->culprit);
        assert_int_equal(event_find_evidence(stolen, "stealNsec")->integer, 500 * NSEC_PER_MSEC);

        own = slow_event_with(ABI_SPAN_HARDIRQ, NULL,
                              &(struct slow_context){ .steal_known = true, .steal_ns = 499 * NSEC_PER_MSEC });
        assert_int_equal(own->class, CLASS_HARDIRQ);
        assert_string_equal(own->culprit, "eth0");
        assert_int_equal(event_find_evidence(own, "stealNsec")->integer, 499 * NSEC_PER_MSEC);
}

/* What may have been stolen, by a bound, leaves the class and takes the certainty. */
static void test_slow_possibly_stolen(void **state) {
        const struct slow_context context = { .steal_known = true, .steal_max_ns = 500 * NSEC_PER_MSEC };
        _cleanup_(event_unrefp) struct event *event = slow_event_with(ABI_SPAN_HARDIRQ, NULL, &context);

        assert_int_equal(event->class, CLASS_HARDIRQ);
        assert_int_equal(event->confidence, CONFIDENCE_LOW);
        assert_int_equal(event_find_evidence(event, "stealNsec")->integer, 0);
        assert_int_equal(event_find_evidence(event, "stealMaxNsec")->integer, 500 * NSEC_PER_MSEC);
}

static void test_slow(void **state) {
        _cleanup_(event_unrefp) struct event *hardirq = NULL, *softirq = NULL, *named = NULL, *wait = NULL;

        hardirq = slow_event(ABI_SPAN_HARDIRQ, NULL);
        assert_int_equal(hardirq->kind, EVENT_HARDIRQ);
        assert_string_equal(hardirq->culprit, "eth0");
        assert_null(fingerprint_of(hardirq));

        softirq = slow_event(ABI_SPAN_SOFTIRQ, NULL);
        assert_string_equal(softirq->culprit, "NET_RX");
        assert_null(fingerprint_of(softirq));

        named = slow_event(ABI_SPAN_SOFTIRQ, "nf_hook[nf] ip_rcv net_rx_action");
        assert_string_equal(named->culprit, "nf_hook");
        assert_non_null(fingerprint_of(named));
        assert_int_equal(named->duration_min_ns, NSEC_PER_SEC);

        wait = slow_event(ABI_SPAN_SOFTIRQ_WAIT, "long_loop[m] ksys_read");
        assert_int_equal(wait->kind, EVENT_SOFTIRQ_LATENCY);
        assert_string_equal(wait->culprit, "long_loop");
        assert_non_null(fingerprint_of(wait));
        assert_string_equal(event_find_evidence(wait, "softirq")->string, "NET_RX");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_window),
                cmocka_unit_test(test_window_of_handler),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_slow_possibly_stolen), cmocka_unit_test(test_slow_stolen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
