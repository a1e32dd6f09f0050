/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers as irqwatchd does, from a file or a directory, to one peer: io.irqwatch.monitor as far as a file
 * can, and io.irqwatch.input, which tells what the file is. Owns the event loop while the peer is there.
 */

#include "offline/input.h"

/* fd is a connected stream socket, of which it takes ownership, also on failure. Returns when the peer is
 * gone: 0, or -errno. */
int input_serve(struct input *input, int fd);
