/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Two reports held against each other: what changed by enough to mean something, biggest first. Pure: knows
 * nothing of where reports come from.
 */

#include <json-c/json.h>
#include <stdio.h>

#include "client/options.h"
#include "client/style.h"

/* One of the two spans. Borrowed. */
struct compare_side {
        struct json_object *report;
        struct json_object *softnet; /* Rates of the source softnet; NULL: not known */
};

/* {then, now, changes}: of both spans sinceUsec, untilUsec, tier, watchedNsec (in which windows would have
 * been seen); changes as in irqctl-report(1). 0 or -ENOMEM. */
int compare_reports(const struct compare_side *then, const struct compare_side *now,
                    struct json_object **ret_result);
/* That as text. 0 or -ENOMEM. */
int compare_render(const struct style *style, struct json_object *result, FILE *f);

/* "irqctl report --against": asks for both reports. until_us 0: now. The exit status. */
int compare_show(const struct options *options, uint64_t since_us, uint64_t until_us, const char *against);
/* Where the span to compare with begins: a point in time, or "yesterday", "last-week", "before". 0; the exit
 * status after a message. */
int compare_parse_against(const char *text, const struct time_base *base, uint64_t since_us,
                          uint64_t until_us, uint64_t *ret_since_us);
