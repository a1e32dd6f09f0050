/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An event as the Event of io.irqwatch.monitor.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/store/event.h"

/* 0 or -ENOMEM. */
int json_event(const struct event *event, struct json_object **ret_object);
/* The same in at most limit bytes of JSON: what is too long loses its user stack, then its kernel stack (both
 * null then, as without stacks). ret_size is the length of the result. 0 or -ENOMEM. */
int json_event_within(const struct event *event, size_t limit, bool with_stacks,
                      struct json_object **ret_object, size_t *ret_size);
