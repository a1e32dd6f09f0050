/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ties the parts together: configuration, store, collectors, server, journal, service manager. Owns all of them
 * and the event loop.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct manager;

/* From the command line; strings are borrowed for the manager's life. */
struct manager_options {
        const char *config_path;
        bool config_required;     /* named by the user: it must exist */
        const char *socket_path;  /* used unless the service manager hands over a socket */
        const char *state_dir;    /* where history is kept */
        const char *root_dir;     /* NULL: the running machine */
};

#define DEFAULT_SOCKET_PATH "/run/irqwatchd/io.irqwatch.monitor"

/* Everything up to the point at which clients can connect. Says what went wrong in the log. 0 or -errno. */
int manager_new(const struct manager_options *options, struct manager **ret_manager);
struct manager *manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free)
/* Runs until SIGTERM or SIGINT. 0 or -errno. */
int manager_run(struct manager *manager);
