/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FIRST_NS (700 * NSEC_PER_MSEC) /* what is done by then needs no line */
#define AGAIN_NS (100 * NSEC_PER_MSEC)

static uint64_t progress_now(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void progress_begin(struct progress *progress, const char *what) {
        *progress =
                (struct progress){ .what = what, .start_ns = progress_now(), .on = isatty(STDERR_FILENO) };
}

void progress_show(struct progress *progress, size_t done, size_t total) {
        uint64_t now_ns;

        if (!progress->on)
                return;
        now_ns = progress_now();
        if (now_ns < progress->start_ns + FIRST_NS || now_ns < progress->shown_ns + AGAIN_NS)
                return;

        fputs("\r", stderr);
        if (total > 0)
                fprintf(stderr, _("%zu of %zu %s"), done, total, progress->what);
        else
                fprintf(stderr, "%s, %" PRIu64 " s", progress->what,
                        (now_ns - progress->start_ns) / NSEC_PER_SEC);
        fputs("\033[K", stderr);
        fflush(stderr);
        progress->shown_ns = now_ns;
        progress->shown = true;
}

void progress_end(struct progress *progress) {
        if (progress->shown)
                fputs("\r\033[K", stderr);
        progress->on = progress->shown = false;
}
