/* SPDX-License-Identifier: Apache-2.0 */

#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>

static const char *log_name = "irqwatchd";
static int log_max_level = LOG_INFO;

void log_setup(const char *name, int max_level) {
        log_name = name;
        log_max_level = max_level;
}

void log_full(int level, const char *format, ...) {
        char line[2048];
        va_list ap;

        if (level > log_max_level)
                return;

        va_start(ap, format);
        (void)vsnprintf(line, sizeof(line), format, ap); /* a longer message is cut, not lost */
        va_end(ap);

        /* One write per line: lines of several threads do not mix. */
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "%s: %s\n", log_name, line);
        else
                fprintf(stderr, "<%i>%s: %s\n", level, log_name, line);
}
