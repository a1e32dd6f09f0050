/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What packets.bpf.c shares with the daemon: the settings of a sample and one record for each packet drawn.
 * Records hold what header fields say, nothing of what a packet carries.
 */

#include <linux/bpf.h>
#include <linux/types.h>

enum {
        ABI_PACKETS_MAX = 5000,        /* of one sample; the ring buffer is made for no more */
        ABI_PACKETS_RING = 256 * 1024, /* > ABI_PACKETS_MAX * (8 + sizeof(struct abi_packet)) */
        ABI_DEVICE_MAX = 16,           /* IFNAMSIZ */
};

enum abi_packet_protocol {
        ABI_PACKET_OTHER, /* fragments, tunnels, ARP, what is cut short */
        ABI_PACKET_TCP,
        ABI_PACKET_UDP,
        ABI_PACKET_ICMP, /* and ICMPv6 */
        _ABI_PACKET_PROTOCOL_MAX,
};

struct abi_packet {
        __u8 source[16]; /* network order; of IPv4 the first 4 */
        __u32 length;    /* bytes, with the link header */
        __u16 port;      /* destination, host order; TCP and UDP */
        __u8 protocol;   /* enum abi_packet_protocol */
        __u8 flags;   /* of TCP, as in its header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128
                       */
        __u8 version; /* 4, 6; 0: neither */
        __u8 unused[7];
};

/* Set before the program is attached. */
struct abi_packets_config {
        char device[ABI_DEVICE_MAX]; /* padded with NUL */
        __u64 until_ns;              /* CLOCK_MONOTONIC; from then on the program does nothing */
        __u32 netns;                 /* inode number of the device's network namespace */
        __u32 draw_below;            /* a packet is drawn when a random 32-bit number is at most this */
        __u32 n_max;                 /* once so many were drawn the program does nothing */
        __u32 unused;
};
