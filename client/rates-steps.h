/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "irqctl rates SOURCE --step": what a source did over time, asked for and printed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/options.h"

struct rates_steps {
        const char *source, *metric; /* metric NULL: the source's first */
        uint64_t step_us;            /* 0: not given */
        const char *rows;            /* names, separated by commas; NULL: all */
        bool per_cpu, totals, by_name, all;
};

/* --step: a duration of at least a second. 0; the exit status after a message. */
int rates_steps_parse(const char *text, uint64_t *ret_step_us);
/* The exit status. */
int rates_steps_show(const struct rates_steps *request, const struct options *options);
