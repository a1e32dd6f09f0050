/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A line that tells how far something has come, for who waits at a terminal: on stderr, only where that is a
 * terminal, only when it takes longer than a moment, and gone when it is done.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
        const char *what; /* "windows", "waiting for irqwatchd"; borrowed */
        uint64_t start_ns, shown_ns;
        bool on, shown;
};

void progress_begin(struct progress *progress, const char *what);
/* total 0: not known how much there is; then the time that went by is told. */
void progress_show(struct progress *progress, size_t done, size_t total);
/* Takes the line away. */
void progress_end(struct progress *progress);
