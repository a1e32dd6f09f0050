/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's state as "irqctl status" shows it. Plain data: the manager fills it, ipc/ sends it.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/collector-info.h"
#include "daemon/store/history.h"
#include "daemon/store/store.h"

enum collector_state {
        COLLECTOR_DISABLED,    /* by configuration */
        COLLECTOR_UNSUPPORTED, /* cannot run here; reason says why */
        COLLECTOR_RUNNING,
        COLLECTOR_DEGRADED,    /* runs, but does less than configured; reason says why */
        COLLECTOR_FAILING,     /* the last passes failed; retried with back-off */
        _COLLECTOR_STATE_MAX,
};
const char *collector_state_to_string(enum collector_state state) _const_;

struct status_collector {
        const char *name;
        const char *summary;
        enum collector_state state;
        const char *reason;          /* NULL when running */
        uint64_t interval_ns;        /* as scheduled now */
        uint64_t configured_interval_ns;
        uint64_t n_passes, n_failed_passes, n_late_passes;
        uint64_t pass_cost_ns;       /* CPU time of one pass, moving average */
        uint64_t last_pass_us;       /* realtime; 0: never */
        struct collector_info info;
};

/* One setting as it stands. */
struct status_setting {
        const char *section, *key;
        char *value;                 /* owned */
        bool runtime;
};

struct status {
        const char *version;
        uint64_t started_us;
        uint64_t cpu_ns;             /* user + system time of the daemon */
        uint64_t bpf_ns;             /* run time of its BPF programs; 0 unless kernel.bpf_stats_enabled */
        uint64_t rss_bytes;
        struct status_collector *collectors; /* owned, as settings */
        size_t n_collectors;
        char **reasons; /* owned: of the collectors, by status_keep() */
        struct status_setting *settings;
        size_t n_settings;
        struct store_stats store;
        uint64_t store_budget_bytes; /* 0: not known */
        bool has_history;
        struct history_stats history;
        uint64_t n_connections, n_subscriptions;      /* now */
        uint64_t n_dropped_messages, n_refused_connections;
        uint64_t n_journal_entries, n_journal_suppressed, n_journal_dropped;
};

/* Makes it outlive the turn of the loop: reasons are copied. 0 or -ENOMEM. */
int status_keep(struct status *status);
void status_done(struct status *status);
