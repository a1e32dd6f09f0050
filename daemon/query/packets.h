/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the packet samples of a span showed: protocols, TCP flags, destination ports, sources, and their
 * shares of what was sampled. Samples are taken on suspicion only, so none is the normal case. Pure: store +
 * span -> result. For the report and for findings.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct store;

/* Sampled packets of one kind. */
struct packets_group {
        char *protocol; /* "tcp", "udp", "icmp", "other" (fragments, too) */
        char *flags; /* of TCP, in the order FSRPAUEC: "S", "SA", "A", "PA", "R"; "" for none and for others;
                      * "other": a mixture that was too rare to be listed */
        char *port;  /* destination, decimal; "" where there is none; "other": a mixture of rare ones */
        uint64_t n;  /* sampled packets */
};

struct packets_name {
        char *name;
        uint64_t n;
};

struct packets {
        uint64_t first_us, last_us; /* of the passes that brought the first and the last sample */
        uint64_t n_samples;         /* runs */
        uint64_t n_observed;        /* packets that went by during them */
        uint64_t n_sampled;         /* packets that were looked at, never 0: the base of all shares */
        uint64_t n_bytes;           /* of these, with their link headers */
        uint64_t n_distinct;        /* different sources, counted per run and summed up */
        struct packets_group *groups;
        size_t n_groups; /* most packets first */
        struct packets_name *sources;
        size_t n_sources;   /* addresses as text, most packets first; at most some per run are named */
        uint64_t n_unnamed; /* sampled packets of other sources, or without a source */
        struct packets_name *devices;
        size_t n_devices; /* where it was sampled, most runs first; n: runs */
};

/* 0; -ENOENT when nothing was sampled in (since_us, until_us]; -ENOMEM. */
int packets_query(const struct store *store, uint64_t since_us, uint64_t until_us,
                  struct packets **ret_packets);
struct packets *packets_free(struct packets *packets);
DEFINE_CLEANUP(struct packets *, packets_free)

/* Sampled packets of a protocol with these flags to this port; NULL: any. */
uint64_t packets_count(const struct packets *packets, const char *protocol, const char *flags,
                       const char *port);
/* The same as a share of all that was sampled, 0..1. */
double packets_share(const struct packets *packets, const char *protocol, const char *flags,
                     const char *port);
/* The one port with the most of these packets, flags NULL: any; NULL when none has a port of its own.
 * Borrowed. */
const char *packets_top_port(const struct packets *packets, const char *protocol, const char *flags);
