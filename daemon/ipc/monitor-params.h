/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The input parameters of io.irqwatch.monitor's methods: from JSON to values that queries take, each within
 * its range. Pure; knows nothing of calls.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpulist.h"
#include "daemon/ipc/server.h"

enum { MONITOR_NAMES_MAX = 256 }; /* in one list: each row is held against each name */

/* A list of names, borrowed from the JSON. n 0: not given. */
struct monitor_names {
        const char **names;
        size_t n;
};

struct monitor_params {
        uint64_t since_us; /* 0 when not given */
        uint64_t until_us; /* UINT64_MAX when not given */
        struct cpu_set cpus;
        bool has_cpus;    /* false: all */
        uint32_t kinds;   /* bit per enum event_kind; 0: all */
        size_t limit;     /* 0 when not given */
        size_t interrupts_max, per_cpu_max; /* 0 when not given */
        int64_t after_id; /* 0 when not given */
        int64_t id;
        bool per_cpu;
        bool no_stacks;
        struct monitor_names metrics, rows;
        uint64_t step_us; /* 0 when not given */
        const char *culprit, *source, *metric, *name, *value; /* borrowed from the JSON; NULL: not given */
};

/* Reads the given fields, NULL-name-terminated, of which each must be known to this module. 0; 1:
 * *ret_invalid is the name of the parameter that is missing, of the wrong type or out of its range; -ENOMEM.
 * A span must start before now and end after it started. */
int monitor_params_parse(const struct varlink_field *fields, struct json_object *parameters, uint64_t now_us,
                         struct monitor_params *ret_params, const char **ret_invalid);
void monitor_params_done(struct monitor_params *params);
