/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * org.varlink.certification, with which implementations of varlink test each other: each reply is the
 * argument of the next call, and all that arrives is compared with what was sent. Served by
 * varlink-test-server only.
 */

#include "daemon/ipc/server.h"

enum { CERTIFICATION_CLIENTS_MAX = 16 };

struct certification {
        struct varlink_interface interface;
        struct certification_client {
                char id[33];
                size_t next; /* the step that must come; 0: a free place */
        } clients[CERTIFICATION_CLIENTS_MAX];
};

void certification_init(struct certification *certification);
