/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Real causes of long windows, slow handlers and late softirqs, each of a known length: what the kernel test
 * of the classes does to the machine. Loads BPF programs, and keeps to a network namespace of its own.
 */

#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/collect/injector.h"

enum cause {
        CAUSE_PROCESS,         /* interrupts off in process context */
        CAUSE_IPI_BUSY,        /* a function-call interrupt on a CPU that runs user code */
        CAUSE_IPI_IDLE,        /* the same on an idle one */
        CAUSE_SOFTIRQ_NAPI,    /* the NET_RX softirq, in a device's NAPI poll */
        CAUSE_SOFTIRQ_BACKLOG, /* the NET_RX softirq, in the backlog that devices without NAPI share */
        CAUSE_SOFTIRQ_TIMER,   /* the HRTIMER softirq */
        CAUSE_BH_OFF,          /* a task that keeps softirqs off, one of which was raised */
        CAUSE_HARDIRQ,         /* a disk's interrupt handler */
        CAUSE_HRTIMER,         /* a timer's callback in hard interrupt context */
        _CAUSE_MAX,
};

struct causes;

/* Needs two CPUs and root. 0; -EOPNOTSUPP with *ret_missing naming the feature; -errno. */
int causes_new(struct causes **ret_causes, const char **ret_missing);
struct causes *causes_free(struct causes *causes);
DEFINE_CLEANUP(struct causes *, causes_free)

/* Prepares runs of one cause; only after the collector was opened, whose programs must be the first. Ends the
 * one before. As causes_new(). */
int causes_begin(struct causes *causes, enum cause cause, const char **ret_missing);
void causes_end(struct causes *causes);

/* Once. length_ns 0: the same load without the spinning, as a control. *ret_injection: what really happened.
 * 0; -EAGAIN when it did not come about; -errno. */
int causes_run(struct causes *causes, uint64_t length_ns, struct injection *ret_injection);

/* Name of the handler or callback that the last run was in; "" if that is not what the cause is about. */
const char *causes_function(const struct causes *causes);
/* Name of the device whose NAPI poll is the cause. */
const char *causes_device(const struct causes *causes);
