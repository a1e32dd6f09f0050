/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the devices of a network namespace received and sent, as /proc/net/dev says, and how many packets the
 * whole machine took, as /proc/net/softnet_stat says. Pure text work. Strict: what the kernel cannot have
 * printed is an error.
 */

#include <stddef.h>
#include <stdint.h>

enum { PACKET_DEVICE_MAX = 16 }; /* IFNAMSIZ */

struct packet_device {
        char name[PACKET_DEVICE_MAX]; /* padded with NUL */
        uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

/* Keeps its memory between passes. All-zero is empty. */
struct packet_devices {
        struct packet_device *items; /* in the kernel's order */
        size_t n, allocated;
};

void packet_devices_done(struct packet_devices *devices);
/* Replaces the contents by those of the text of /proc/net/dev. 0, -EBADMSG, -ENOMEM. */
int packet_devices_parse(struct packet_devices *devices, const char *text, size_t size);
/* What the device did between two readings. 1: *ret_change; 0: it was not in the earlier one, or is another
 * device by now (a counter went backwards). */
int packet_devices_change(const struct packet_devices *before, const struct packet_device *now,
                          struct packet_device *ret_change);

/* The packets that all CPUs took from the devices of all namespaces: the sum of the first column of
 * /proc/net/softnet_stat (32 bits per CPU, net/core/net-procfs.c). 0 or -EBADMSG. */
int packet_softnet_parse(const char *text, size_t size, uint64_t *ret_processed);
