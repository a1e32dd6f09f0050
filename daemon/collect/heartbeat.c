/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/heartbeat.h"

#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>

/*
 * Kernels on which a cpu-clock event is not armed. 6.17: stopping such an event from its own handler
 * deadlocks the CPU (introduced by 18dbcbfabfff, fixed by eb3182ef0405 in 6.18). Our event never reaches that
 * path (see heartbeat_arm()), but a daemon that can hang a host is worse than none, and this has not been
 * measured there.
 */
static const struct {
        const char *release_prefix;
        const char *reason;
} forbidden[] = {
        { "6.17.", "on kernel 6.17 a cpu-clock event can deadlock a CPU (fixed in 6.18)" },
        { "6.17-", "on kernel 6.17 a cpu-clock event can deadlock a CPU (fixed in 6.18)" },
};

const char *heartbeat_forbidden_reason(const char *release) {
        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++)
                if (strncmp(release, forbidden[i].release_prefix, strlen(forbidden[i].release_prefix)) == 0)
                        return forbidden[i].reason;

        return NULL;
}

int heartbeat_init(struct heartbeat *heartbeat, unsigned n_cpus, uint64_t period_ns) {
        int *fds = NULL;

        fds = malloc(n_cpus * sizeof(*fds));
        if (!fds)
                return -ENOMEM;

        for (unsigned i = 0; i < n_cpus; i++)
                fds[i] = -EBADF;

        *heartbeat = (struct heartbeat){ .fds = fds, .n_fds = n_cpus, .period_ns = period_ns };
        return 0;
}

void heartbeat_done(struct heartbeat *heartbeat) {
        for (unsigned i = 0; i < heartbeat->n_fds; i++)
                heartbeat_disarm(heartbeat, i);

        free(heartbeat->fds);
        *heartbeat = (struct heartbeat){};
}

int heartbeat_arm(struct heartbeat *heartbeat, unsigned cpu) {
        /* Excluded from user and kernel alike, the event never "overflows": perf_swevent_hrtimer() only
         * rearms its timer. So nothing is sampled, no limit can stop it, and perf's throttling, which on a tickless
         * idle CPU would leave it stopped until the next tick, does not apply (kernel/events/core.c). */
        struct perf_event_attr attr = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attr),
                .config = PERF_COUNT_SW_CPU_CLOCK,
                .sample_period = heartbeat->period_ns,
                .exclude_user = 1,
                .exclude_kernel = 1,
        };
        long fd;

        fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0)
                return -errno;

        /* The old one goes only now: a change of period leaves no moment without a heartbeat. */
        heartbeat_disarm(heartbeat, cpu);
        heartbeat->fds[cpu] = (int)fd;
        return 0;
}

void heartbeat_disarm(struct heartbeat *heartbeat, unsigned cpu) {
        heartbeat->fds[cpu] = close_safe(heartbeat->fds[cpu]);
}

bool heartbeat_is_armed(const struct heartbeat *heartbeat, unsigned cpu) {
        return heartbeat->fds[cpu] >= 0;
}
