/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One bounded sample of the packets that a device receives, drawn by packets.bpf.c. The program is loaded
 * once and attached only while a sample runs; the kernel side stops by itself at the time and the number set
 * beforehand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/packets.h"

struct packet_sample;

/* Whether the kernel can do it. 0; -EOPNOTSUPP with *ret_reason, a literal. */
int packet_sample_probe(const char **ret_reason);
/* Loads the program. 0 or -errno. */
int packet_sample_new(struct packet_sample **ret_sample);
/* Detaches it, too. NULL-safe, returns NULL. */
struct packet_sample *packet_sample_free(struct packet_sample *sample);

struct packet_sample_request {
        const char *device;
        uint32_t namespace_inode; /* of the device's network namespace; 0 on a kernel without namespaces */
        uint32_t one_in;          /* not 0 */
        uint32_t n_max;           /* at most ABI_PACKETS_MAX */
        uint64_t until_ns;        /* CLOCK_MONOTONIC */
};
/* Attaches it; none must be running. 0 or -errno. */
int packet_sample_start(struct packet_sample *sample, const struct packet_sample_request *request);
bool packet_sample_is_running(const struct packet_sample *sample);
/* Whether a running one has nothing more to do. */
bool packet_sample_is_over(const struct packet_sample *sample, uint64_t now_ns);

struct packet_sample_result {
        const struct abi_packet *packets; /* borrowed until the next start */
        size_t n_packets;
        uint64_t n_observed;
        char device[ABI_DEVICE_MAX];
};
/* Detaches it and hands over what was drawn. 0 or -errno; it is detached either way. */
int packet_sample_finish(struct packet_sample *sample, struct packet_sample_result *ret_result);
