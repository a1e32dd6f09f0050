/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include "daemon/collect/classify.h"

#define MS(n) ((n) * NSEC_PER_MSEC)

static void check(const struct window_facts *facts, enum event_class class, enum event_confidence confidence) {
        struct window_class_decision decision;

        classify_window(facts, &decision);
        assert_int_equal(decision.class, class);
        assert_int_equal(decision.confidence, confidence);
        assert_non_null(decision.reason);
}

static struct window_facts kernel_window(enum enable_evidence enable) {
        return (struct window_facts){
                .min_ns = MS(10),
                .max_ns = MS(11),
                .interrupted = INTERRUPTED_KERNEL,
                .enable = enable,
                .n_cpus_online = 8,
        };
}

static void test_context(void **state) {
        struct window_facts facts = kernel_window(ENABLE_SEEN);

        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.enable = ENABLE_UNKNOWN;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_LOW);
        facts.enable = ENABLE_ABSENT;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        facts.interrupted = INTERRUPTED_USER;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        facts.interrupted = INTERRUPTED_IDLE;
        check(&facts, CLASS_IDLE_EXIT, CONFIDENCE_HIGH);
        facts.interrupted = INTERRUPTED_UNKNOWN;
        check(&facts, CLASS_UNKNOWN, CONFIDENCE_LOW);
}

/* What accounts for half of what is certain is the cause; less is not. */
static void test_steal(void **state) {
        struct window_facts facts = kernel_window(ENABLE_SEEN);

        facts.steal_ns = MS(5);
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH); /* not accounted yet */
        facts.steal_known = true;
        check(&facts, CLASS_STEAL, CONFIDENCE_HIGH);
        facts.steal_ns = MS(5) - 1;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.steal_ns = MS(9);
        facts.span_kind = ABI_SPAN_IPI;
        facts.span_ns = MS(10);
        check(&facts, CLASS_STEAL, CONFIDENCE_HIGH); /* the hypervisor stopped the handler */
}

/* What may only have been stolen yields to all better evidence, and never more than a guess comes of it. */
static void test_possible_steal(void **state) {
        struct window_facts facts = kernel_window(ENABLE_ABSENT);

        facts.steal_max_ns = MS(5);
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW); /* not known */
        facts.steal_known = true;
        check(&facts, CLASS_STEAL, CONFIDENCE_LOW);
        facts.enable = ENABLE_SEEN;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.enable = ENABLE_UNKNOWN;
        facts.steal_max_ns = MS(5) - 1;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_LOW);
        facts.steal_max_ns = MS(10);
        check(&facts, CLASS_STEAL, CONFIDENCE_LOW);
        facts.span_kind = ABI_SPAN_IPI;
        facts.span_ns = MS(10);
        check(&facts, CLASS_IPI, CONFIDENCE_HIGH);
        facts.steal_ns = MS(5);
        check(&facts, CLASS_STEAL, CONFIDENCE_HIGH);
}

static void test_spans(void **state) {
        static const struct {
                enum abi_span_kind kind;
                enum event_class class;
        } kinds[] = {
                { ABI_SPAN_HARDIRQ, CLASS_HARDIRQ },
                { ABI_SPAN_TIMER, CLASS_HARDIRQ },
                { ABI_SPAN_IPI, CLASS_IPI },
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                struct window_facts facts = kernel_window(ENABLE_ABSENT);

                facts.interrupted = INTERRUPTED_USER; /* an innocent bystander */
                facts.span_kind = kinds[i].kind;
                facts.span_ns = MS(5);
                check(&facts, kinds[i].class, CONFIDENCE_HIGH);
                facts.span_ns = MS(5) - 1;
                check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
        }
}

static void test_softirq(void **state) {
        struct window_facts facts = kernel_window(ENABLE_SEEN);

        facts.softirq_ns = MS(5);
        check(&facts, CLASS_SOFTIRQ, CONFIDENCE_HIGH);
        facts.softirq_ns = MS(4);
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH);
        facts.softirq_ns = MS(10);
        facts.enable = ENABLE_ABSENT; /* a softirq runs with interrupts on: it did not hold them off */
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW);
}

static void test_platform(void **state) {
        struct window_facts facts = kernel_window(ENABLE_SEEN);

        facts.n_cpus_late = 2;
        check(&facts, CLASS_IRQ_OFF, CONFIDENCE_HIGH); /* 3 of 8 */
        facts.n_cpus_late = 3;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_LOW); /* or contenders for one lock */
        facts.interrupted = INTERRUPTED_IDLE;
        check(&facts, CLASS_PLATFORM, CONFIDENCE_HIGH);
        facts.n_cpus_late = 0;
        facts.n_cpus_online = 1;
        check(&facts, CLASS_IDLE_EXIT, CONFIDENCE_HIGH);
}

#if defined(__x86_64__)
static enum enable_evidence judge(const char *code, size_t n) {
        return find_enable((const uint8_t *)code, n);
}

#define CODE(text) text, sizeof(text) - 1

/* Code that stood before interrupted instructions of a real kernel. */
static void test_enable(void **state) {
        assert_int_equal(judge(CODE("\x02\x00\x00\x74\x06\xfb\x0f\x1f\x44\x00\x00")), ENABLE_SEEN); /* unlock */
        assert_int_equal(judge(CODE("\x65\x66\x89\x05\xac\xdf\x7a\x02\xfb\x0f\x1f\x44\x00\x00")), ENABLE_SEEN);
        assert_int_equal(judge(CODE("\x57\x9d")), ENABLE_SEEN);       /* push %rdi; popf */
        assert_int_equal(judge(CODE("\xfb\xf4")), ENABLE_SEEN);       /* sti; hlt */
        assert_int_equal(judge(CODE("\xfb\x65\xff\x0d\x01\x02\x03\x04")), ENABLE_SEEN); /* decl %gs: */
        assert_int_equal(judge(CODE("\xfb\x48\x89\xdf")), ENABLE_SEEN); /* mov %rbx,%rdi */

        /* The same byte inside an operand, or too far in front. */
        assert_int_equal(judge(CODE("\x48\x8d\xbb\xfb\x01\x00\x00")), ENABLE_ABSENT);
        assert_int_equal(judge(CODE("\xe8\xfb\x0f\x1f\x44")), ENABLE_ABSENT);
        assert_int_equal(judge(CODE("\xfb\x0f\x1f\x44\x00\x00\x48\x89\xdf")), ENABLE_ABSENT);
        assert_int_equal(judge(CODE("\xfb")), ENABLE_ABSENT); /* its own shadow protects the next instruction */
        assert_int_equal(judge(CODE("\x48\x89\xe5\x41\x57")), ENABLE_ABSENT);
        assert_int_equal(judge(CODE("")), ENABLE_UNKNOWN);
}
#endif

static void test_overlap(void **state) {
        assert_int_equal(interval_overlap(0, 10, 5, 15), 5);
        assert_int_equal(interval_overlap(5, 15, 0, 10), 5);
        assert_int_equal(interval_overlap(0, 10, 2, 3), 1);
        assert_int_equal(interval_overlap(0, 10, 10, 20), 0);
        assert_int_equal(interval_overlap(0, 10, 11, 20), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_context),
                cmocka_unit_test(test_steal),
                cmocka_unit_test(test_possible_steal),
                cmocka_unit_test(test_spans),
                cmocka_unit_test(test_softirq),
                cmocka_unit_test(test_platform),
#if defined(__x86_64__)
                cmocka_unit_test(test_enable),
#endif
                cmocka_unit_test(test_overlap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
