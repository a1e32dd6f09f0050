/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many 64-byte UDP packets per second go through the loopback device: "bench-udp [MILLISECONDS]". One
 * thread on one CPU sends a burst and receives it again, so the softirq runs in its own time and no
 * scheduling blurs the figure. Bounded in time and count. Prints packets per second of wall time and of this
 * thread's CPU time; the latter also means something while other programs run.
 */

#include <arpa/inet.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"

enum {
        BURST = 32,
        PACKET_BYTES = 64,
        PACKETS_MAX = 50 * 1000 * 1000,
};

static uint64_t clock_ns(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Packets that the interrupted CPU of another thread would handle do not count. */
static int stay_on_this_cpu(void) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((unsigned)sched_getcpu(), &set);
        return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static int open_sockets(int *ret_sender, int *ret_receiver) {
        _cleanup_(closep) int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        _cleanup_(closep) int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        if (receiver < 0 || sender < 0 || bind(receiver, (struct sockaddr *)&address, size) < 0 ||
            getsockname(receiver, (struct sockaddr *)&address, &size) < 0 ||
            connect(sender, (struct sockaddr *)&address, size) < 0)
                return -errno;

        *ret_sender = TAKE_FD(sender);
        *ret_receiver = TAKE_FD(receiver);
        return 0;
}

static int pass_burst(int sender, int receiver) {
        char packet[PACKET_BYTES] = {};

        for (unsigned i = 0; i < BURST; i++)
                if (send(sender, packet, sizeof(packet), 0) != sizeof(packet))
                        return -errno;

        for (unsigned i = 0; i < BURST; i++)
                if (recv(receiver, packet, sizeof(packet), 0) != sizeof(packet))
                        return -EIO;

        return 0;
}

static int run(uint64_t duration_ns) {
        _cleanup_(closep) int sender = -EBADF;
        _cleanup_(closep) int receiver = -EBADF;
        uint64_t start, cpu_start, wall, cpu, n = 0;
        int r;

        r = stay_on_this_cpu();
        if (r < 0 || (r = open_sockets(&sender, &receiver)) < 0)
                return r;

        start = clock_ns(CLOCK_MONOTONIC);
        cpu_start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        do {
                r = pass_burst(sender, receiver);
                if (r < 0)
                        return r;
                n += BURST;
                wall = clock_ns(CLOCK_MONOTONIC) - start;
        } while (wall < duration_ns && n < PACKETS_MAX);

        cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
        printf("%.0f packets per second, %.0f per CPU second, %llu packets\n", (double)n * 1e9 / (double)wall,
               (double)n * 1e9 / (double)cpu, (unsigned long long)n);
        return 0;
}

int main(int argc, char **argv) {
        unsigned long ms = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
        int r;

        if (argc > 2 || ms == 0 || ms > 60000) {
                fprintf(stderr, "Usage: bench-udp [MILLISECONDS], at most a minute\n");
                return 2;
        }

        r = run(ms * NSEC_PER_MSEC);
        if (r < 0)
                fprintf(stderr, "bench-udp: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
