/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The HTTP side: /metrics and a page that points to it, over libmicrohttpd, whose conventions are kept in
 * here. Each scrape asks irqwatchd anew; nothing is kept in between.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct http;

struct http_options {
        const char *socket_path;        /* of irqwatchd */
        const char *interrupts_per_cpu; /* see struct metrics_request */
};

/* What a scrape came to, told once per transition. reason is borrowed; NULL: irqwatchd answered again. Called
 * from any thread, one at a time. */
typedef void (*http_state_fn)(const char *reason);

/* Serves on a listening socket, of which it takes ownership, also on failure. options are borrowed. 0,
 * -ENOMEM, other negatives. */
int http_new(int fd, const struct http_options *options, http_state_fn on_state, struct http **ret_http);
/* Ends what is being served. NULL-safe. */
struct http *http_free(struct http *http);
DEFINE_CLEANUP(struct http *, http_free)
