/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The varlink interface io.irqwatch.monitor: turns calls into queries and typed results into JSON. Reads the
 * store; whatever changes the daemon goes through the operations that the manager supplies.
 */

#include "daemon/alert/engine.h"
#include "daemon/ipc/json-status.h"
#include "daemon/ipc/server.h"
#include "daemon/query/status.h"
#include "daemon/store/history.h"
#include "daemon/store/store.h"

struct monitor;

struct monitor_ops {
        /* Fills *ret_status; strings borrowed until the next turn of the loop; end with status_done(). */
        int (*get_status)(void *userdata, struct status *ret_status);
        /* What ListAlerts tells of; borrowed until the next turn of the loop. */
        const struct alert_engine *(*get_alerts)(void *userdata);
        /* Changes one setting at runtime. 0; -EINVAL with *ret_error a sentence (caller frees). */
        int (*set)(void *userdata, const char *section, const char *key, const char *value, char **ret_error);
};

/* In place of a living machine: what a file has of another one, at another time. Borrowed, with what it points to. */
struct monitor_record {
        uint64_t since_us, now_us;
        struct json_host host;
        bool captured; /* see struct report_request */
        struct json_object *status, *alerts; /* replies to GetStatus and ListAlerts, or NULL */
};

/* ops and store are borrowed. 0 or -ENOMEM. */
int monitor_new(const struct store *store, const struct monitor_ops *ops, void *userdata,
                struct monitor **ret_monitor);
struct monitor *monitor_free(struct monitor *monitor);
DEFINE_CLEANUP(struct monitor *, monitor_free)
/* From now on questions that go further back than memory are answered from there. Borrowed. */
void monitor_use_history(struct monitor *monitor, struct history *history);
/* From now on that is the machine and the time of all answers. What only a running daemon has is answered with the
 * error NotRecorded. */
void monitor_use_record(struct monitor *monitor, const struct monitor_record *record);
/* For varlink_server_new(). Borrowed from the monitor. */
const struct varlink_interface *monitor_interface(const struct monitor *monitor);
/* Delivers a stored event to every subscriber. */
void monitor_publish(struct monitor *monitor, const struct event *event);
size_t monitor_n_subscriptions(const struct monitor *monitor);
