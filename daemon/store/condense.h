/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passes into coarser ones: each stands for those of a step of the realtime clock and keeps, of every series,
 * the value at the end, the total, the largest rate, and whether it was reset. Pure.
 */

#include "daemon/store/source.h"

struct condense_request {
        uint64_t step_us;
        uint64_t after_ns; /* passes up to that moment (monotonic) were condensed before; 0: none was */
        unsigned n_max;    /* steps at most */
        bool to_the_end;   /* the last step ends with the last pass, though more could still come */
};

/* Adds coarser passes to a source that has none yet. If some were condensed before, chunk *ret_chunk is the
 * one to go on with; it begins with the values at after_ns, which must be among the passes of from. *ret_n:
 * how many steps. 0; -EBADMSG after_ns is no pass; -ENOMEM. */
int condense(const struct source *from, const struct condense_request *request, struct source *to,
             const struct chunk **ret_chunk, unsigned *ret_n);
