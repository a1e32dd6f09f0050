/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include "daemon/collect/classify.h"

#define MS(n) ((n)*UINT64_C(1000000))

static void check(const struct window_facts *facts, enum event_class class,
                  enum event_confidence confidence) {
        struct window_class_decision decision = {};

        classify_window(facts, &decision);
        assert_int_equal(decision.class, class);
        assert_int_equal(decision.confidence, confidence);
        assert_non_null(decision.reason);
}

/* Kernel code of a two-CPU machine, the other CPU being late over the same moment. */
static struct window_facts two_late(enum enable_evidence enable) {
        return (struct window_facts){
                .min_ns = MS(9),
                .max_ns = MS(10),
                .interrupted = INTERRUPTED_KERNEL,
                .enable = enable,
                .n_cpus_late = 1,
                .n_cpus_online = 2,
        };
}

static void test_two_late_cpus(void **state) {
        struct window_facts facts = two_late(ENABLE_ABSENT);

        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        facts.enable = ENABLE_UNKNOWN;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        facts.interrupted = INTERRUPTED_USER;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_HIGH);
        facts.enable = ENABLE_SEEN; /* says nothing in user mode */
        check(&facts, CLASS_PLATFORM, CONFIDENCE_HIGH);
}

/* Seen in the act, on a CPU whose neighbour was held up by somebody else at the same time. */
static void test_enable_seen_beats_one_late_cpu(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_LOW);
        facts.n_cpus_late = 0;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.n_cpus_late = 1;
        facts.n_cpus_online = 4;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_LOW);
        facts.n_cpus_online = 8;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
}

static void test_many_late_cpus(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        facts.n_cpus_late = 3;
        facts.n_cpus_online = 4;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
}

/* What was accounted and what was timed come before all that was only seen. */
static void test_stronger_evidence(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        facts.span_kind = ABI_SPAN_IPI;
        facts.span_ns = MS(8);
        check(&facts, CLASS_IPI, CONFIDENCE_HIGH);
        facts.steal_known = true;
        facts.steal_ns = MS(5);
        check(&facts, CLASS_STEAL, CONFIDENCE_HIGH);
}

/* Where the stolen time alone makes a window of it, nobody on this machine is to blame. */
static void test_steal_that_makes_the_window(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        facts.n_cpus_late = 0;
        facts.threshold_ns = MS(8);
        facts.steal_known = true;
        facts.steal_ns = MS(3);
        check(&facts, CLASS_STEAL, CONFIDENCE_LOW);
        facts.threshold_ns = MS(7); /* without it there would be one, too */
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.threshold_ns = MS(9);
        facts.steal_ns = MS(2); /* little of the whole */
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
}

static void test_late_timer(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        facts.n_cpus_late = 0;
        facts.on_before_end_ns = MS(6);
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        /* They were off for longer before it came in. */
        facts.on_before_end_ns = MS(4);
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        /* The handler of the interrupt that came in held up the timer. */
        facts.on_before_end_ns = MS(6);
        facts.span_kind = ABI_SPAN_HARDIRQ;
        facts.on_span_ns = facts.span_ns = MS(4);
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.on_span_ns = facts.span_ns = MS(5);
        check(&facts, CLASS_HARDIRQ, CONFIDENCE_HIGH);
}

/* What an interrupt does on its way out takes no milliseconds, unless softirqs with interrupts off do. */
static void test_interrupt_exit(void **state) {
        struct window_facts facts = two_late(ENABLE_SEEN);

        facts.n_cpus_late = 0;
        facts.in_interrupt_exit = true;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        facts.softirq_ns = MS(8);
        check(&facts, CLASS_SOFTIRQ, CONFIDENCE_HIGH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_late_cpus),
                cmocka_unit_test(test_enable_seen_beats_one_late_cpu),
                cmocka_unit_test(test_many_late_cpus),
                cmocka_unit_test(test_stronger_evidence),
                cmocka_unit_test(test_steal_that_makes_the_window),
                cmocka_unit_test(test_late_timer),
                cmocka_unit_test(test_interrupt_exit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
