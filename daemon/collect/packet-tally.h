/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What samples of packets add up to: counts by kind, by source and by device, cumulative over samples and of
 * bounded size. Of each sample the most frequent keys are kept and the rest is summed up. Pure: records in,
 * batch rows out.
 */

#include <stddef.h>
#include <stdint.h>

#include "bpf/packets.h"
#include "daemon/store/batch.h"

enum packet_metric {
        PACKET_SAMPLED,
        PACKET_SOURCES,
        PACKET_SAMPLES,
        PACKET_OBSERVED,
        PACKET_BYTES,
        PACKET_DISTINCT,
        PACKET_DEVICES,
        _PACKET_METRIC_MAX,
};
extern const struct metric_desc packet_metrics[_PACKET_METRIC_MAX];

enum {
        TALLY_KINDS_MAX = 32,   /* of one sample: kinds listed with their port */
        TALLY_MIXED_MAX = 16,   /* and without it */
        TALLY_SOURCES_MAX = 16, /* of one sample */
        TALLY_KEEP_MAX = 128,   /* entries kept over samples, of each table */
        TALLY_KEY_MAX = 20,
};

struct tally_entry {
        uint8_t key[TALLY_KEY_MAX];
        uint64_t n;
        uint64_t sample; /* number of the last one that had it */
};

struct tally_table {
        struct tally_entry entries[TALLY_KEEP_MAX];
        size_t n;
};

/* All-zero at the start. */
struct packet_tally {
        struct tally_table kinds, sources, devices;
        uint64_t n_samples, n_observed, n_drawn, n_bytes, n_distinct;
};

/* Adds one finished sample. 0 or -ENOMEM. */
int packet_tally_add(struct packet_tally *tally, const struct abi_packet *packets, size_t n_packets,
                     uint64_t n_observed, const char device[ABI_DEVICE_MAX]);
/* The rows of a pass. A kind or source that made room for newer ones is left out; when it comes back, its row
 * counts from zero again, as one that is new to the store. 0 or -ENOMEM. */
int packet_tally_report(const struct packet_tally *tally, struct batch *batch);

enum { PACKET_FLAGS_TEXT_MAX = 9 };
/* "SA"; one letter of FSRPAUEC for each bit. Fills text and returns it. */
char *packet_flags_text(uint8_t flags, char text[PACKET_FLAGS_TEXT_MAX]);
