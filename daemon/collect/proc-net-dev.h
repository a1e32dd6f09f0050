/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of /proc/net/dev (dev_seq_show(), net/core/net-procfs.c): two lines of header, then one per network
 * interface. Text in, rows out; no I/O.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/collect/text-scan.h"

enum netdev_counter {
        NETDEV_RX_PACKETS,
        NETDEV_RX_BYTES,
        NETDEV_RX_DROPS,
        NETDEV_RX_ERRORS,
        NETDEV_TX_PACKETS,
        NETDEV_TX_BYTES,
        NETDEV_TX_DROPS,
        NETDEV_TX_ERRORS,
        _NETDEV_COUNTER_MAX,
};

enum { NETDEV_NAME_MAX = 15 }; /* bytes: IFNAMSIZ less the NUL */

struct proc_net_dev_row {
        struct text_slice name; /* could be a file's: no slash, not "." nor ".." */
        uint64_t counters[_NETDEV_COUNTER_MAX];
};

/* A negative return ends the parse. */
typedef int (*proc_net_dev_fn)(const struct proc_net_dev_row *row, void *userdata);

/* Calls fn for every interface. Slices point into text. 0; -EBADMSG: truncated or garbled, the rows delivered
 * so far are to be thrown away; what fn returned. */
int proc_net_dev_parse(const char *text, size_t size, proc_net_dev_fn fn, void *userdata);
