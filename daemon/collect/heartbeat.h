/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The heartbeat: one cpu-clock perf event per online CPU, which does nothing but keep a hard hrtimer armed at a
 * fixed period, so that a window with interrupts off always delays a timer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"

struct heartbeat {
        int *fds; /* by CPU id; -EBADF: none */
        unsigned n_fds;
        uint64_t period_ns;
        int opener_fd;    /* a connection to irqwatch-heartbeat while there is much to ask, or -EBADF */
        int opener_error; /* why it did not open one, negative: it is not asked again until this is set to 0 */
};

/* Room for CPU ids below n_cpus; arms nothing yet. 0 or -ENOMEM. */
int heartbeat_init(struct heartbeat *heartbeat, unsigned n_cpus, uint64_t period_ns);
void heartbeat_done(struct heartbeat *heartbeat);
/* Arms it on a CPU, again if it was armed. 0 or -errno of perf_event_open(2): -ENODEV, CPU not online; -EACCES or -EPERM, the kernel
 * refuses, and opener_error tells why irqwatch-heartbeat did not open it either. */
int heartbeat_arm(struct heartbeat *heartbeat, unsigned cpu);
/* After arming what was to be armed: irqwatch-heartbeat need not stay for more. */
void heartbeat_hang_up(struct heartbeat *heartbeat);
void heartbeat_disarm(struct heartbeat *heartbeat, unsigned cpu);
bool heartbeat_is_armed(const struct heartbeat *heartbeat, unsigned cpu);

/* Why the heartbeat must stay off on the kernel of this release ("6.17.3-arch1"), or NULL. */
const char *heartbeat_forbidden_reason(const char *release);
