/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Gathers the daemon's own figures for "irqctl status" from the parts that the manager owns.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/config.h"
#include "daemon/ipc/monitor.h"
#include "daemon/manager-journal.h"
#include "daemon/query/status.h"
#include "daemon/runner.h"

/* Borrowed from the manager for one call. */
struct status_sources {
        const struct config *config;
        struct runner *const *runners;
        size_t n_runners;
        const struct store *store;
        const struct history *history; /* NULL: there is none */
        const struct varlink_server *server;
        const struct monitor *monitor;
        const struct journal_loop *journal;
        uint64_t started_us;
};

/* 0 or -ENOMEM; end with status_done(). */
int manager_fill_status(const struct status_sources *sources, struct status *ret_status);
