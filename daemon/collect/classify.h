/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What kind of cause held a window: a pure decision over the facts of one window. The reason that goes
 * with it is shown to the user as evidence. Never drops a window: what fits nothing is "unknown".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "daemon/store/event.h"

enum interrupted_context {
        INTERRUPTED_KERNEL,
        INTERRUPTED_USER,
        INTERRUPTED_IDLE,
        INTERRUPTED_UNKNOWN, /* no stack could be taken */
        _INTERRUPTED_CONTEXT_MAX,
};
const char *interrupted_context_to_string(enum interrupted_context context) _const_;

/* What the machine code before the interrupted kernel instruction says. */
enum enable_evidence {
        ENABLE_UNKNOWN, /* not read, or not understood on this architecture */
        ENABLE_SEEN,    /* it enables interrupts: they were off until then */
        ENABLE_ABSENT,  /* ordinary code: interrupts were on before */
        _ENABLE_EVIDENCE_MAX,
};
const char *enable_evidence_to_string(enum enable_evidence evidence) _const_;

/* Judges the n bytes of machine code that stand before an interrupted instruction, for the architecture of this
 * build: x86-64 and arm64; elsewhere ENABLE_UNKNOWN. */
enum enable_evidence find_enable(const uint8_t *code, size_t n) _pure_;

struct window_facts {
        uint64_t min_ns, max_ns;   /* bounds of the window's length */
        enum interrupted_context interrupted;
        enum enable_evidence enable; /* with INTERRUPTED_KERNEL */
        bool in_interrupt_exit;    /* on the way out of another interrupt, see culprit.h */
        enum abi_span_kind span_kind;
        uint64_t span_ns;          /* the part of the longest span that lies in the window */
        uint64_t softirq_ns;       /* the part in which a softirq handler was running, which was interrupted */
        uint64_t on_before_end_ns; /* how long before the window's end an interrupt came in, inside min_ns; 0: none did */
        uint64_t on_span_ns;       /* the part of the longest span that lies behind that moment */
        uint64_t threshold_ns;     /* what makes a window of it */
        bool steal_known;
        uint64_t steal_ns;         /* steal time accounted to the window, for certain */
        uint64_t steal_max_ns;     /* and at most */
        unsigned n_cpus_late;      /* other CPUs with a window over the same moment */
        unsigned n_cpus_online;
};

struct window_class_decision {
        enum event_class class;
        enum event_confidence confidence;
        const char *reason;        /* a literal sentence */
};

void classify_window(const struct window_facts *facts, struct window_class_decision *ret_decision);

/* Length of the intersection of [a_start, a_end] and [b_start, b_end]. */
uint64_t interval_overlap(uint64_t a_start, uint64_t a_end, uint64_t b_start, uint64_t b_end) _const_;
