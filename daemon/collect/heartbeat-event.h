/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The perf event behind the heartbeat of one CPU, and how to get it without the right to open one: Debian's
 * kernels ask for CAP_SYS_ADMIN where kernel.perf_event_paranoid is 3, their default, which the daemon shall
 * not have (with it, a BPF program may write to memory that it may else only read). There irqwatch-heartbeat,
 * a program of its own that listens on a socket of systemd, opens this one kind of event, which samples
 * nothing, and passes its file descriptor. Both sides are here.
 */

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_SHORTEST_NS UINT64_C(50000)

#define HEARTBEAT_SOCKET_PATH "/run/irqwatchd/heartbeat"

/* A cpu-clock event of that period on a CPU. A file descriptor or -errno of perf_event_open(2): -ENODEV, CPU
 * not online; -EINVAL, a period shorter than the shortest. */
int heartbeat_event_open(unsigned cpu, uint64_t period_ns);

/* Connects to the opener at path. A file descriptor or -errno: -ENOENT and -ECONNREFUSED, nobody is there.
 * Waits for an answer no longer than a few seconds. */
int heartbeat_opener_connect(const char *path);

/* Has the opener open an event: as heartbeat_event_open(), with its errno; -EBADMSG for an answer that is
 * none, -ETIMEDOUT and -ECONNRESET for none at all. */
int heartbeat_opener_ask(int connection, unsigned cpu, uint64_t period_ns);

/* The other side: answers until nobody asked for idle_ms. 0, or a negative errno of the listening socket. A
 * peer that sends anything but requests is hung up on. */
int heartbeat_opener_serve(int listen_fd, int idle_ms);
