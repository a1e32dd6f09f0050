/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "irqctl top" on a terminal: the loop over keys, signals and the daemon's answers.
 */

#include "client/top-fetch.h"
#include "client/top-view.h"

/* The fetch has filled its model once, so that it is known that there is a daemon. colour as the terminal has
 * it. Returns the exit status, after a message where it is not EXIT_DONE. */
int top_live(struct top_fetch *fetch, struct top_view *view, bool colour, bool utf8);
