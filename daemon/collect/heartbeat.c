/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/heartbeat.h"

#include <string.h>

#include "daemon/collect/heartbeat-event.h"

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

        *heartbeat = (struct heartbeat){ .fds = fds, .n_fds = n_cpus, .period_ns = period_ns, .opener_fd = -EBADF };
        return 0;
}

void heartbeat_done(struct heartbeat *heartbeat) {
        for (unsigned i = 0; i < heartbeat->n_fds; i++)
                heartbeat_disarm(heartbeat, i);
        if (heartbeat->fds)
                heartbeat_hang_up(heartbeat);

        free(heartbeat->fds);
        *heartbeat = (struct heartbeat){};
}

/* One refusal is enough: it would be the same for every CPU, and each may take seconds to come. */
static int ask_opener(struct heartbeat *heartbeat, unsigned cpu) {
        int r;

        if (heartbeat->opener_error < 0)
                return heartbeat->opener_error;

        if (heartbeat->opener_fd < 0) {
                r = heartbeat_opener_connect(HEARTBEAT_SOCKET_PATH);
                if (r < 0)
                        return heartbeat->opener_error = r;
                heartbeat->opener_fd = r;
        }

        r = heartbeat_opener_ask(heartbeat->opener_fd, cpu, heartbeat->period_ns);
        if (r < 0 && r != -ENODEV) {
                heartbeat_hang_up(heartbeat);
                heartbeat->opener_error = r;
        }
        return r;
}

int heartbeat_arm(struct heartbeat *heartbeat, unsigned cpu) {
        int fd;

        fd = heartbeat_event_open(cpu, heartbeat->period_ns);
        if (fd == -EACCES || fd == -EPERM) {
                int r = ask_opener(heartbeat, cpu);

                if (r < 0 && r != -ENODEV)
                        return fd;
                fd = r;
        }
        if (fd < 0)
                return fd;

        /* The old one goes only now: a change of period leaves no moment without a heartbeat. */
        heartbeat_disarm(heartbeat, cpu);
        heartbeat->fds[cpu] = fd;
        return 0;
}

void heartbeat_hang_up(struct heartbeat *heartbeat) {
        heartbeat->opener_fd = close_safe(heartbeat->opener_fd);
}

void heartbeat_disarm(struct heartbeat *heartbeat, unsigned cpu) {
        heartbeat->fds[cpu] = close_safe(heartbeat->fds[cpu]);
}

bool heartbeat_is_armed(const struct heartbeat *heartbeat, unsigned cpu) {
        return heartbeat->fds[cpu] >= 0;
}
