/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which network interfaces are followed where there are more than may be: hosts of containers have hundreds.
 * Those of hardware come first, then the busiest. Who was chosen stays, so that its series goes on, until
 * another was at least twice as busy over a whole period; a place that falls vacant is filled at once. Pure:
 * the one question about the machine, whether an interface is of hardware, is a callback, asked once per
 * interface.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/collect/proc-net-dev.h"

enum { NETDEV_SELECT_PERIOD = 60 }; /* passes after which all are compared anew */

struct netdev_candidate {
        char name[NETDEV_NAME_MAX + 1];
        uint64_t packets;  /* both ways, now */
        uint64_t baseline; /* the same when all were compared last; 0 for one that came later */
        size_t row;        /* its position in this pass */
        bool physical;
        bool chosen;
};

/* All-zero has chosen none. */
struct netdev_select {
        struct netdev_candidate *candidates; /* of the latest pass, by name */
        size_t n_candidates;
        struct netdev_candidate *next; /* where the coming pass is put together */
        size_t allocated;              /* of both */
        unsigned n_passes;             /* since all were compared */
};

typedef bool (*netdev_is_physical_fn)(const char *name, void *userdata);

void netdev_select_done(struct netdev_select *select);
/* Sets chosen[i] for at most n_max of the n rows. 0; -EBADMSG: two rows of the same name; -ENOMEM. */
int netdev_select(struct netdev_select *select, const struct proc_net_dev_row *rows, size_t n, size_t n_max,
                  netdev_is_physical_fn is_physical, void *userdata, bool *chosen);
