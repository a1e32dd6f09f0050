/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The devices of network namespaces, the daemon's own and others, in two readings each. Others are found by
 * the processes that live in them and read through these, without entering anything; a namespace without
 * processes is not seen. Looking for them walks /proc, so it is done only when the machine takes many packets
 * that the own devices do not account for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/fileio.h"
#include "daemon/collect/packet-devices.h"

enum { PACKET_NAMESPACES_MAX = 64 }; /* the own one included; more are not looked at */

struct packet_namespace {
        uint32_t inode; /* of /proc/PID/ns/net: its name in the kernel */
        pid_t pid;      /* of one process in it; 0: the daemon itself */
        struct packet_devices before, after;
        uint64_t before_ns, after_ns; /* of the reading itself, CLOCK_MONOTONIC; before_ns 0: there are not two readings yet */
};

struct packet_namespaces {
        struct packet_namespace items[PACKET_NAMESPACES_MAX]; /* the own one first */
        size_t n;
        struct text_buffer buffer;
};

/* Knows the own namespace, which has not been read yet. 0 or -errno. */
int packet_namespaces_init(struct packet_namespaces *namespaces, int root_fd);
void packet_namespaces_done(struct packet_namespaces *namespaces);
/* Looks for other namespaces in /proc; readings of those known stay. 0 or -errno. */
int packet_namespaces_find(struct packet_namespaces *namespaces, int root_fd);
/* Forgets all but the own one. */
void packet_namespaces_forget(struct packet_namespaces *namespaces);
/* Takes a reading of the own namespace. 0 or -errno. */
int packet_namespaces_read_own(struct packet_namespaces *namespaces, int root_fd);
/* And of the others that are known; those whose process is gone are forgotten. */
void packet_namespaces_read_others(struct packet_namespaces *namespaces, int root_fd);

/* Whether a device of the own namespace gets its packets from one below it, as bonds, VLANs and bridges do:
 * these pass netif_receive_skb as packets of the lower one (a link lower_NAME in /sys/class/net). */
bool packet_device_is_stacked(int root_fd, const char *device);
