/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The stretches of a span that deserve a look of their own, because something was at its worst there, with
 * all that the machine did meanwhile: so that a finding joins numbers of one and the same time. Pure. A
 * machine at rest has none.
 */

#include <stddef.h>

#include "common/cleanup.h"
#include "daemon/query/load.h"
#include "daemon/query/packets.h"
#include "daemon/query/peak.h"

enum { MOMENTS_MAX = 4 };

struct moment {
        struct load *load;       /* without interrupts */
        struct packets *packets; /* sampled at the time or soon after; NULL: none were */
};

struct moments {
        struct moment items[MOMENTS_MAX];
        size_t n;
};

/* whole: of the span, with its worst stretches. 0 or -ENOMEM. */
int moments_query(const struct store *store, const struct load *whole, const struct cpu_set *cpus,
                  struct moments *ret_moments);
void moments_done(struct moments *moments);
