/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/classify.h"

#include <assert.h>
#include <string.h>

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

static const char *const enable_names[] = {
        [ENABLE_UNKNOWN] = "unknown",
        [ENABLE_SEEN] = "seen",
        [ENABLE_ABSENT] = "absent",
};
static_assert(ELEMENTSOF(enable_names) == _ENABLE_EVIDENCE_MAX, "a name for each kind of evidence");

const char *enable_evidence_to_string(enum enable_evidence evidence) {
        return enable_names[evidence];
}

#if defined(__x86_64__)
/* STI lets one more instruction run before an interrupt comes in (Intel SDM volume 3, 6.8.1), so exactly one must stand between
 * it and the interrupted one. In kernels with CONFIG_PARAVIRT_XXL, which distributions build, that is the NOP that pads the
 * patched call; elsewhere what compilers put there. Any other byte 0xfb in front is part of an operand. */
static bool is_one_instruction(const uint8_t *code, size_t n) {
        static const struct {
                uint8_t length, n_bytes;
                uint8_t bytes[6], mask[6];
        } known[] = {
                { 5, 5, { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, { 0xff, 0xff, 0xff, 0xff, 0xff } }, /* nopl 0(%rax,%rax,1) */
                { 4, 4, { 0x0f, 0x1f, 0x40, 0x00 }, { 0xff, 0xff, 0xff, 0xff } },             /* nopl 0(%rax) */
                { 3, 3, { 0x0f, 0x1f, 0x00 }, { 0xff, 0xff, 0xff } },                         /* nopl (%rax) */
                { 2, 2, { 0x66, 0x90 }, { 0xff, 0xff } },                                     /* xchg %ax,%ax */
                { 1, 1, { 0x90 }, { 0xff } },                                                 /* nop */
                { 1, 1, { 0xf4 }, { 0xff } },                                                 /* hlt */
                { 1, 1, { 0x50 }, { 0xf0 } },                                                 /* push, pop %reg */
                { 2, 2, { 0x41, 0x50 }, { 0xff, 0xf0 } },                                     /* push, pop %r8..15 */
                { 7, 3, { 0x65, 0xff, 0x05 }, { 0xff, 0xff, 0xf7 } }, /* incl, decl %gs:disp(%rip): preempt count */
                { 2, 2, { 0x31, 0xc0 }, { 0xff, 0xc0 } },             /* xor %reg,%reg */
                { 2, 2, { 0x85, 0xc0 }, { 0xff, 0xc0 } },             /* test %reg,%reg */
                { 2, 2, { 0x89, 0xc0 }, { 0xfd, 0xc0 } },             /* mov %reg,%reg, 32 bits */
                { 3, 3, { 0x48, 0x89, 0xc0 }, { 0xf8, 0xfd, 0xc0 } }, /* mov %reg,%reg, 64 bits */
                { 4, 3, { 0x48, 0x8b, 0x40 }, { 0xf8, 0xff, 0xc0 } }, /* mov disp8(%reg),%reg */
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                bool same = known[i].length == n;

                for (size_t j = 0; same && j < known[i].n_bytes; j++)
                        same = (code[j] & known[i].mask[j]) == known[i].bytes[j];
                if (same)
                        return true;
        }

        return false;
}

/* POPF takes effect at once. */
enum enable_evidence find_enable(const uint8_t *code, size_t n) {
        enum { POPF = 0x9d, STI = 0xfb };

        if (n == 0)
                return ENABLE_UNKNOWN;
        if (code[n - 1] == POPF)
                return ENABLE_SEEN;

        for (size_t i = 2; i <= n; i++)
                if (code[n - i] == STI && is_one_instruction(code + n - i + 1, i - 1))
                        return ENABLE_SEEN;

        return ENABLE_ABSENT;
}
#elif defined(__aarch64__)
/* MSR DAIFClr, #imm; MSR DAIF, Xt; MSR ICC_PMR_EL1, Xt, which a DSB may follow (arch/arm64/include/asm/irqflags.h). */
static bool enables(uint32_t instruction) {
        return (instruction & 0xfffff0ff) == 0xd50340ff || (instruction & 0xffffffe0) == 0xd51b4220 ||
               (instruction & 0xffffffe0) == 0xd5184600;
}

enum enable_evidence find_enable(const uint8_t *code, size_t n) {
        if (n < sizeof(uint32_t))
                return ENABLE_UNKNOWN;

        for (size_t back = sizeof(uint32_t); back <= n && back <= 3 * sizeof(uint32_t); back += sizeof(uint32_t)) {
                uint32_t instruction;

                memcpy(&instruction, code + n - back, sizeof(instruction));
                if (enables(instruction))
                        return ENABLE_SEEN;
        }

        return ENABLE_ABSENT;
}
#else
enum enable_evidence find_enable(const uint8_t *code, size_t n) {
        return ENABLE_UNKNOWN;
}
#endif

uint64_t interval_overlap(uint64_t a_start, uint64_t a_end, uint64_t b_start, uint64_t b_end) {
        uint64_t start = MAX(a_start, b_start), end = MIN(a_end, b_end);

        return end > start ? end - start : 0;
}

/* The lower bound is what is certain: a cause that accounts for half of it is the cause. */
static bool covers_most(uint64_t ns, const struct window_facts *facts) {
        return ns > 0 && ns >= facts->min_ns / 2;
}

static bool decide_steal(const struct window_facts *facts, struct window_class_decision *d) {
        if (!facts->steal_known || facts->steal_ns == 0)
                return false;

        if (covers_most(facts->steal_ns, facts))
                *d = (struct window_class_decision){
                        CLASS_STEAL, CONFIDENCE_HIGH,
                        "the hypervisor accounted at least half of the window as stolen from this CPU"
                };
        /* A CPU that was taken away where its interrupts were off for a moment finds its timer late in the same place. */
        else if (facts->steal_ns >= facts->min_ns / 4 &&
                 facts->max_ns < facts->threshold_ns + facts->steal_ns)
                *d = (struct window_class_decision){
                        CLASS_STEAL, CONFIDENCE_LOW,
                        "without the time that the hypervisor accounted as stolen from this CPU the window would be "
                        "below the threshold"
                };
        else
                return false;

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

/* Interrupts were off until the window's end, as the code before it shows. One in thirty ordinary places looks like that. */
static bool enable_was_seen(const struct window_facts *facts) {
        return facts->interrupted == INTERRUPTED_KERNEL && facts->enable == ENABLE_SEEN;
}

static bool most_cpus_were_late(const struct window_facts *facts) {
        return facts->n_cpus_late > 0 && (facts->n_cpus_late + 1) * 2 >= facts->n_cpus_online;
}

/* The whole machine stood still, not one CPU: a paused guest, firmware in system management mode. Just two late ones may also
 * be two contenders for one lock, or a coincidence: there, seeing where interrupts were enabled is the stronger evidence, and
 * other kernel code that was interrupted lowers the confidence. */
static bool decide_platform(const struct window_facts *facts, struct window_class_decision *d) {
        if (!most_cpus_were_late(facts) || (facts->n_cpus_late == 1 && enable_was_seen(facts)))
                return false;

        *d = (struct window_class_decision){
                CLASS_PLATFORM,
                facts->interrupted == INTERRUPTED_KERNEL ? CONFIDENCE_LOW : CONFIDENCE_HIGH,
                "at least half of all CPUs were late over the same moment"
        };
        return true;
}

/* Interrupts came in while the timer was due, the timer's own among them: it was emulated late by a busy host, or this CPU
 * stood still in its handler. A handler or callback that was timed from then on is another matter. */
static bool decide_late_timer(const struct window_facts *facts, struct window_class_decision *d) {
        uint64_t on_ns = facts->on_before_end_ns;

        if (!covers_most(on_ns - MIN(facts->on_span_ns, on_ns), facts))
                return false;

        *d = (struct window_class_decision){
                CLASS_PLATFORM, CONFIDENCE_LOW,
                "an interrupt came in while the timer was already due, and for most of the window the timer still did not "
                "run: the timer was late or its interrupt was held up, which masked interrupts do not explain"
        };
        return true;
}

/* Known only as a bound: a guess, which no better evidence contradicts. */
static bool decide_possible_steal(const struct window_facts *facts, struct window_class_decision *d) {
        if (!facts->steal_known || !covers_most(facts->steal_max_ns, facts) || enable_was_seen(facts))
                return false;

        *d = (struct window_class_decision){
                CLASS_STEAL, CONFIDENCE_LOW,
                "about the window's time the hypervisor accounted enough as stolen from this CPU to explain it; this "
                "kernel does not tell when exactly"
        };
        return true;
}

static void decide_kernel(const struct window_facts *facts, struct window_class_decision *d) {
        static const struct window_class_decision by_evidence[] = {
                [ENABLE_UNKNOWN] = { CLASS_IRQ_OFF, CONFIDENCE_LOW,
                                     "kernel code was interrupted; whether it had just enabled interrupts cannot be "
                                     "seen" },
                [ENABLE_SEEN] = { CLASS_IRQ_OFF, CONFIDENCE_HIGH,
                                  "kernel code was interrupted right behind the instruction that enables interrupts" },
                /* A host's page fault, an emulated device access, firmware: nothing accounts these. */
                [ENABLE_ABSENT] = { CLASS_PLATFORM, CONFIDENCE_LOW,
                                    "kernel code was interrupted where interrupts were on: the hypervisor, firmware or a "
                                    "device access stopped this CPU there" },
        };
        static_assert(ELEMENTSOF(by_evidence) == _ENABLE_EVIDENCE_MAX, "a decision for each kind of evidence");

        /* Hypervisors stop CPUs where these leave the guest, with interrupts off: at an interrupt controller's register. */
        if (facts->in_interrupt_exit && !covers_most(facts->softirq_ns, facts)) {
                *d = (struct window_class_decision){
                        CLASS_PLATFORM, CONFIDENCE_LOW,
                        "the kernel was interrupted on its way out of another interrupt, where nothing takes so long: "
                        "the hypervisor or firmware stopped this CPU there"
                };
                return;
        }

        *d = by_evidence[facts->enable];
        if (enable_was_seen(facts) && most_cpus_were_late(facts)) {
                d->confidence = CONFIDENCE_LOW;
                d->reason = "kernel code was interrupted right behind the instruction that enables interrupts; another "
                            "CPU was late over the same moment, too";
        }
        if (d->class == CLASS_IRQ_OFF && covers_most(facts->softirq_ns, facts)) {
                d->class = CLASS_SOFTIRQ;
                d->reason = "a softirq handler held interrupts off for most of the window";
        }
}

static void decide_context(const struct window_facts *facts, struct window_class_decision *d) {
        static const struct window_class_decision by_context[] = {
                [INTERRUPTED_KERNEL] = {},
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

        if (facts->interrupted == INTERRUPTED_KERNEL)
                decide_kernel(facts, d);
        else
                *d = by_context[facts->interrupted];
}

void classify_window(const struct window_facts *facts, struct window_class_decision *ret_decision) {
        /* Strongest evidence first: what was accounted, what was timed, what coincided, what was seen. */
        if (decide_steal(facts, ret_decision) || decide_span(facts, ret_decision) ||
            decide_platform(facts, ret_decision) || decide_possible_steal(facts, ret_decision) ||
            decide_late_timer(facts, ret_decision))
                return;

        decide_context(facts, ret_decision);
}
