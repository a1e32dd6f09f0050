/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where in a window's kernel stack its culprit is, and by which function further out the stacks of culprits
 * of one name differ. Part of windows.h; pure.
 */

#include <stddef.h>

#include "daemon/query/windows.h"

/* The frames of the event's kernel stack from its culprit outwards, borrowed; NULL when the culprit is in
 * none. */
const struct frame *window_culprit_frames(const struct event *event, size_t *ret_n);
/* Fills the callers of n groups of one culprit and class, where there are several. 0 or -ENOMEM. */
int windows_name_callers(struct window_group *groups, size_t n);
