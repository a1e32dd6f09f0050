/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/classify.h"

#include <assert.h>

static const char *const context_names[] = {
        [INTERRUPTED_KERNEL] = "kernel",
        [INTERRUPTED_USER] = "user",
        [INTERRUPTED_IDLE] = "idle",
        [INTERRUPTED_UNKNOWN] = "unknown",
};
static_assert(ELEMENTSOF(context_names) == _INTERRUPTED_CONTEXT_MAX, "a name for each context");

const char *interrupted_context_to_string(enum interrupted_context context) {
        return context_names[context];
}

uint64_t interval_overlap(uint64_t a_start, uint64_t a_end, uint64_t b_start, uint64_t b_end) {
        uint64_t start = MAX(a_start, b_start), end = MIN(a_end, b_end);

        return end > start ? end - start : 0;
}

/* The lower bound is what is certain: a cause that accounts for half of it is the cause. */
static bool covers_most(uint64_t ns, const struct window_facts *facts) {
        return ns > 0 && ns >= facts->min_ns / 2;
}

static bool decide_steal(const struct window_facts *facts, struct window_class_decision *d) {
        if (!facts->steal_known || !covers_most(facts->steal_ns, facts))
                return false;

        *d = (struct window_class_decision){
                CLASS_STEAL, CONFIDENCE_HIGH,
                "the hypervisor accounted at least half of the window as stolen from this CPU"
        };
        return true;
}

static bool decide_span(const struct window_facts *facts, struct window_class_decision *d) {
        static const struct window_class_decision by_kind[] = {
                [ABI_SPAN_HARDIRQ] = { CLASS_HARDIRQ, CONFIDENCE_HIGH,
                                       "a device's interrupt handler ran for most of the window" },
                [ABI_SPAN_IPI] = { CLASS_IPI, CONFIDENCE_HIGH,
                                   "a function called from another CPU ran for most of the window" },
                [ABI_SPAN_TIMER] = { CLASS_HARDIRQ, CONFIDENCE_HIGH,
                                     "a timer's callback ran in interrupt context for most of the window" },
        };

        if (facts->span_kind == ABI_SPAN_NONE || facts->span_kind >= ELEMENTSOF(by_kind) ||
            !covers_most(facts->span_ns, facts))
                return false;

        *d = by_kind[facts->span_kind];
        return true;
}

/* The whole machine stood still, not one CPU: a paused guest, firmware in system management mode. On two CPUs two late
 * ones may also be two contenders for one lock, so kernel code that was interrupted lowers the confidence. */
static bool decide_platform(const struct window_facts *facts, struct window_class_decision *d) {
        unsigned n_late = facts->n_cpus_late + 1;

        if (n_late < 2 || n_late * 2 < facts->n_cpus_online)
                return false;

        *d = (struct window_class_decision){
                CLASS_PLATFORM,
                facts->interrupted == INTERRUPTED_KERNEL ? CONFIDENCE_LOW : CONFIDENCE_HIGH,
                "at least half of all CPUs were late over the same moment"
        };
        return true;
}

static void decide_context(const struct window_facts *facts, struct window_class_decision *d) {
        static const struct window_class_decision by_context[] = {
                [INTERRUPTED_KERNEL] = { CLASS_IRQ_OFF, CONFIDENCE_HIGH,
                                         "kernel code was interrupted as soon as it let interrupts in" },
                /* User code cannot mask interrupts, and no span of interrupt context fills the window. */
                [INTERRUPTED_USER] = { CLASS_PLATFORM, CONFIDENCE_LOW,
                                       "user code was interrupted, which cannot hold interrupts off: "
                                       "the hypervisor or firmware stopped this CPU, or the kernel's "
                                       "way back to user space was slow" },
                [INTERRUPTED_IDLE] = { CLASS_IDLE_EXIT, CONFIDENCE_HIGH,
                                       "the CPU was idle: it woke late from a sleep state or was not "
                                       "scheduled by the hypervisor" },
                [INTERRUPTED_UNKNOWN] = { CLASS_UNKNOWN, CONFIDENCE_LOW,
                                          "no stack could be taken at the window's end" },
        };
        static_assert(ELEMENTSOF(by_context) == _INTERRUPTED_CONTEXT_MAX, "a decision for each context");

        *d = by_context[facts->interrupted];
}

void classify_window(const struct window_facts *facts, struct window_class_decision *ret_decision) {
        /* Strongest evidence first: what was accounted, what was timed, what coincided, what was seen. */
        if (decide_steal(facts, ret_decision) || decide_span(facts, ret_decision) ||
            decide_platform(facts, ret_decision))
                return;

        decide_context(facts, ret_decision);
}
