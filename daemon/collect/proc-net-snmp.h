/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of /proc/net/snmp and /proc/net/netstat (net/ipv4/proc.c): pairs of lines that begin with the same
 * group, the first with names, the second with their values. Text in, values out; no I/O.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/collect/text-scan.h"

struct proc_net_snmp_value {
        struct text_slice group; /* "TcpExt" */
        struct text_slice name;  /* "ListenDrops" */
        uint64_t value;
        bool negative; /* value is what to subtract: Tcp's MaxConn is -1 */
};

/* A negative return ends the parse. */
typedef int (*proc_net_snmp_fn)(const struct proc_net_snmp_value *value, void *userdata);

/* Calls fn for every value in the order of the text; slices point into it. 0; -EBADMSG: truncated or garbled,
 * what was delivered so far is to be thrown away; what fn returned. */
int proc_net_snmp_parse(const char *text, size_t size, proc_net_snmp_fn fn, void *userdata);
