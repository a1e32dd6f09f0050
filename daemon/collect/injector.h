/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Holds interrupts off on purpose and says for how long it really did: the known cause that the self-test and
 * the kernel tests measure against. Needs root; never loaded by the daemon.
 */

#include <stdint.h>

#include "common/cleanup.h"

struct injector;

enum injector_context {
        INJECTOR_IPI,     /* in a function-call interrupt on another CPU than the caller's */
        INJECTOR_PROCESS, /* in the calling process, on its CPU (kernel 6.14 and later) */
        _INJECTOR_CONTEXT_MAX,
};

/* What really happened, CLOCK_MONOTONIC. */
struct injection {
        unsigned cpu;
        uint64_t start_ns, end_ns;
};

enum { INJECTOR_DURATION_MAX_MS = 1000 }; /* above a second, watchdogs of other people's systems bark */

/* 0; -EOPNOTSUPP when the kernel cannot do it in this context, *ret_reason (a literal) says why; -EPERM; other
 * -errno. */
int injector_new(enum injector_context context, struct injector **ret_injector, const char **ret_reason);
struct injector *injector_free(struct injector *injector);
DEFINE_CLEANUP(struct injector *, injector_free)

/* Holds interrupts off once; returns when it is over. cpu is used with INJECTOR_IPI: it must be online and not the
 * caller's own (pin the caller elsewhere). 0; -EINVAL too long; -errno of BPF_PROG_TEST_RUN. */
int injector_run(struct injector *injector, unsigned cpu, uint64_t duration_ns, struct injection *ret_injection);
