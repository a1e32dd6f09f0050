/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A token bucket with a summary: at most burst in a row, refilled over interval. Once empty it stays closed
 * until it is full again, so that a flood gives burst entries and one summary per interval instead of a
 * steady drip. Pure: the caller passes the time, from any clock that does not go backwards.
 */

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
        uint64_t interval_ns;
        unsigned burst;
        /* private */
        uint64_t credit_ns; /* interval_ns is a full bucket, interval_ns / burst one token */
        uint64_t updated_ns;
        bool closed;
        uint64_t n_suppressed; /* since it closed */
        uint64_t first_suppressed_ns;
};

/* Starts full and open. burst and interval_ns must not be 0. */
void ratelimit_init(struct ratelimit *limit, unsigned burst, uint64_t interval_ns, uint64_t now_ns);
/* New parameters; it starts full and open, what was suppressed is kept for the summary, which is then due. */
void ratelimit_configure(struct ratelimit *limit, unsigned burst, uint64_t interval_ns, uint64_t now_ns);
/* True: go ahead. False: suppressed and counted. */
bool ratelimit_take(struct ratelimit *limit, uint64_t now_ns);
/* One of those that were suppressed is let through after all: it is counted no more. There must be one. */
void ratelimit_forgive(struct ratelimit *limit);
/* When a summary is due; UINT64_MAX: nothing was suppressed. */
uint64_t ratelimit_deadline(const struct ratelimit *limit);
/* True once the deadline has come: hands out how many were suppressed since the first of them, *ret_span_ns
 * ago, and forgets them. Does not cost a token. */
bool ratelimit_summary(struct ratelimit *limit, uint64_t now_ns, uint64_t *ret_n, uint64_t *ret_span_ns);
