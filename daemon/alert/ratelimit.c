/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/ratelimit.h"

#include <assert.h>

#include "common/cleanup.h"

static void ratelimit_fill(struct ratelimit *limit, unsigned burst, uint64_t interval_ns, uint64_t now_ns) {
        assert(burst > 0 && interval_ns > 0);

        limit->burst = burst;
        limit->interval_ns = interval_ns;
        limit->credit_ns = interval_ns;
        limit->updated_ns = now_ns;
        limit->closed = false;
}

void ratelimit_init(struct ratelimit *limit, unsigned burst, uint64_t interval_ns, uint64_t now_ns) {
        *limit = (struct ratelimit){};
        ratelimit_fill(limit, burst, interval_ns, now_ns);
}

void ratelimit_configure(struct ratelimit *limit, unsigned burst, uint64_t interval_ns, uint64_t now_ns) {
        ratelimit_fill(limit, burst, interval_ns, now_ns);
}

static void ratelimit_refill(struct ratelimit *limit, uint64_t now_ns) {
        uint64_t elapsed_ns = now_ns > limit->updated_ns ? now_ns - limit->updated_ns : 0;

        limit->updated_ns += elapsed_ns;
        limit->credit_ns += MIN(elapsed_ns, limit->interval_ns - limit->credit_ns);
        if (limit->credit_ns == limit->interval_ns)
                limit->closed = false;
}

bool ratelimit_take(struct ratelimit *limit, uint64_t now_ns) {
        uint64_t token_ns = MAX(limit->interval_ns / limit->burst, UINT64_C(1));

        ratelimit_refill(limit, now_ns);
        if (!limit->closed && limit->credit_ns >= token_ns) {
                limit->credit_ns -= token_ns;
                return true;
        }

        limit->closed = true;
        if (limit->n_suppressed++ == 0)
                limit->first_suppressed_ns = now_ns;
        return false;
}

void ratelimit_forgive(struct ratelimit *limit) {
        assert(limit->n_suppressed > 0);
        limit->n_suppressed--;
}

uint64_t ratelimit_deadline(const struct ratelimit *limit) {
        if (limit->n_suppressed == 0)
                return UINT64_MAX;

        return limit->updated_ns + (limit->closed ? limit->interval_ns - limit->credit_ns : 0);
}

bool ratelimit_summary(struct ratelimit *limit, uint64_t now_ns, uint64_t *ret_n, uint64_t *ret_span_ns) {
        if (limit->n_suppressed == 0 || now_ns < ratelimit_deadline(limit))
                return false;

        ratelimit_refill(limit, now_ns);
        *ret_n = limit->n_suppressed;
        *ret_span_ns = now_ns - MIN(limit->first_suppressed_ns, now_ns);
        limit->n_suppressed = 0;
        return true;
}
