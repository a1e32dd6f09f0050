/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The metrics of this product: the daemon's answers as families of Prometheus metrics. Pure. Series per
 * machine are at most 25 x CPUs + 3 x interrupts + 200, whatever the machine (the interrupts that are wanted
 * per CPU come on top); no label has values that grow with time or users: no pid, stack, command line or
 * cgroup.
 */

#include "client/metrics-ask.h"
#include "client/metrics-text.h"

/* The whole text, in memory. answers NULL: the daemon could not be asked, which is one of the metrics. 0 or
 * -ENOMEM; the caller frees *ret_text. */
int metrics_render(const struct metrics_answers *answers, enum metrics_format format, char **ret_text,
                   size_t *ret_size, size_t *ret_n_samples);
