/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text that "diagnose-tools irq-delay --report" prints, to and from Event objects, so that logs and
 * scripts made for it stay of use. The format is that of irq_delay_extract() in its irq_delay.cc: a Chinese
 * line with pid, comm, CPU and whole milliseconds, "##CGROUP:", "#@" kernel frames, "#~" user frames, both
 * innermost first, "#*" comm, "##". Knows nothing of flame graphs.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"

/* Whether a line (up to its '\n') is one that only this format has. */
bool diagnose_tools_is_line(const char *line) _pure_;

/*
 * Reads records into *ret_events, an array of Event objects that the caller puts; what the text does not say
 * is null. Takes every version seen so far, other commands' records (without a duration), records that miss
 * parts or their end, ASCII for full-width punctuation. Lines of other forms are left out. The frames of
 * the tool's own timer are stripped as our own are; kernel addresses are dropped. 0 or -ENOMEM.
 */
int diagnose_tools_read(const char *text, struct json_object **ret_events);

/*
 * Writes one Event as such a record. The milliseconds are those of the lower bound, rounded down; both bounds
 * follow in a line of our own, which scripts for the format pass over. The sequence number in brackets is
 * the event's id. Kernel frames have the placeholder address of the "#*" line. 0; 1: not an event of
 * kind irq-delay, nothing was written; -EIO when out failed.
 */
int diagnose_tools_write(FILE *out, struct json_object *event);
