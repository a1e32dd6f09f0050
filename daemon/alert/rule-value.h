/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Amounts in rules as text: a plain number, a percentage or a duration, depending on what the metric
 * measures.
 */

#include "daemon/alert/rule.h"

#define ALERT_AMOUNT_ACCEPTED \
        "a number such as 1000 or 0.5, a percentage such as 90%, a duration such as 10ms"

/* Whether it is any of the three forms. 0, -EINVAL. */
int alert_amount_validate(const char *text);
/* The amount in the base unit of the scale: number, share (1 is 100 %), nanoseconds. 0; -EINVAL not of this
 * form. */
int alert_amount_parse(const char *text, enum alert_scale scale, double *ret_value);
