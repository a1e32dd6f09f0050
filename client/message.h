/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages of the client on stderr, and its exit statuses. A message says what failed, on what, why, and what
 * to do next.
 */

#include <json-c/json.h>

#include "common/cleanup.h"

enum {
        EXIT_DONE = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
};

/* "irqctl: text" on stderr. Returns EXIT_FAILED. */
int fail_with(const char *format, ...) _printf_(1, 2);
int fail_memory(void);
/* The same for a command line that is wrong: returns EXIT_USAGE. */
int fail_usage(const char *format, ...) _printf_(1, 2);

/* Why connecting to path failed (r: negative errno) and what to do. The caller frees; NULL: out of memory. */
char *connect_error_text(const char *path, int r);
/* A varlink error reply in plain words. The caller frees. */
char *reply_error_text(const char *error, struct json_object *parameters);
