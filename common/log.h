/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages to the administrator. On a terminal: "irqwatchd: text". Otherwise each line carries the
 * "<N>" priority prefix of sd-daemon(3), which journald turns into PRIORITY=. Only main.c, manager*.c,
 * ipc/server.c and the client's verbs log; deeper code returns errors.
 */

#include <syslog.h>

#include "common/cleanup.h"

/* Sets the name in front of messages and the least important level still shown (LOG_INFO...). */
void log_setup(const char *name, int max_level);
void log_full(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_full(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, __VA_ARGS__)
