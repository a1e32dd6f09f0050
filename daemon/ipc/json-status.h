/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's state as the Status of io.irqwatch.monitor.
 */

#include <json-c/json.h>
#include <stdint.h>

#include "daemon/ipc/json-writer.h"
#include "daemon/query/status.h"

/* The host that this runs on. */
struct json_host {
        char name[65], kernel[65]; /* as in struct utsname */
        char boot_id[SD_ID128_STRING_MAX];
};

/* 0 or -errno. */
int json_host_read(struct json_host *ret_host);
int json_status(const struct status *status, const struct json_host *host, uint64_t now_us,
                struct json_object **ret_object);
