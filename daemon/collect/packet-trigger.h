/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether packets are to be sampled: what looks like a flood, when to look again, and how thinly to draw.
 * Pure: counters and a clock in, decisions out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/collect/packet-devices.h"

/* The settings. */
struct packet_limits {
        uint64_t packets_min;   /* per second on one device; fewer are no flood */
        uint64_t mean_size_max; /* bytes with the link header; larger on average is no flood */
        uint64_t cool_down_ns;  /* from one sample to the next, at first */
        uint64_t duration_ns;   /* of a sample at most */
        uint64_t n_max;         /* packets drawn in a sample at most */
};

/* A device whose traffic looks like a flood. */
struct packet_suspect {
        const struct packet_device *device; /* borrowed from the later reading; NULL: there is none */
        uint64_t per_second;                /* packets received */
        uint64_t rank;                      /* among suspects: the more it receives against what it sends, per second */
};

/* Packets per second received in this change when they look like a flood, else 0. Acknowledgements of what
 * the device sends are small, too: they are counted off. */
uint64_t packet_suspect_rate(const struct packet_limits *limits, const struct packet_device *change,
                             uint64_t elapsed_ns);
/* Looks through two readings of one namespace's devices, elapsed_ns apart, for a suspect that ranks clearly
 * higher than *suspect, which it replaces: namespaces are read one after the other, so that both ends of a
 * link that connects two of them may seem to be flooded, and the first one is kept. is_usable() is asked for
 * candidates only; NULL: all are. */
void packet_find_suspect(const struct packet_limits *limits, const struct packet_devices *before,
                         const struct packet_devices *after, uint64_t elapsed_ns,
                         bool (*is_usable)(void *userdata, const char *device), void *userdata,
                         struct packet_suspect *suspect);

/* When it was sampled. All-zero at the start. */
struct packet_trigger {
        unsigned n_passes;        /* in a row with a suspect */
        uint64_t suspect_last_ns; /* moment of the last pass with one */
        uint64_t sampled_ns;      /* start of the last sample; 0: there was none */
        uint64_t sampled_rate;    /* packets per second at that time */
        uint64_t cool_down_ns;    /* until the next one; 0: the next one is the first of its case */
};

/* One pass at a moment of CLOCK_MONOTONIC: per_second of the suspect, 0 when there is none. True: sample now.
 * Two passes in a row make a suspicion. While it lasts the cool-down doubles from sample to sample, up to 16
 * times the setting, because there is nothing new to see; four times the rate of the last sample is something
 * new. */
bool packet_trigger_step(struct packet_trigger *trigger, const struct packet_limits *limits, uint64_t now_ns,
                         uint64_t per_second);

/* N of "one in N", never 0: so that n_max packets last for the duration at that rate. */
uint32_t packet_sample_ratio(const struct packet_limits *limits, uint64_t per_second);
