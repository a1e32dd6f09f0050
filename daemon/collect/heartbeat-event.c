/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/heartbeat-event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

int heartbeat_event_open(unsigned cpu, uint64_t period_ns) {
        /* Excluded from user and kernel alike, the event never "overflows": perf_swevent_hrtimer() only
         * rearms its timer. So nothing is sampled, no limit can stop it, and perf's throttling, which on a
         * tickless idle CPU would leave it stopped until the next tick, does not apply
         * (kernel/events/core.c). */
        struct perf_event_attr attr = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attr),
                .config = PERF_COUNT_SW_CPU_CLOCK,
                .sample_period = period_ns,
                .exclude_user = 1,
                .exclude_kernel = 1,
        };
        long fd;

        if (period_ns < HEARTBEAT_SHORTEST_NS)
                return -EINVAL;

        fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
        return fd < 0 ? -errno : (int)fd;
}
