/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * irqwatchd on another machine, over ssh as systemd's tools do it: ssh runs "irqctl --bridge" there, which
 * joins its standard input and output to the socket. ssh's own configuration, keys and questions apply. What
 * works without the daemon is run there as a whole.
 */

#include <stdint.h>

#include "client/options.h"
#include "common/varlink-client.h"

/* "host", "user@host", "host:2222", "[::1]:2222", "user@[fe80::1%eth0]", or a Host of ssh_config(5). */
struct remote_host {
        char *destination; /* as ssh takes it, owned */
        char *port;        /* owned; NULL: as ssh decides */
};

/* 0; -EINVAL: cannot be one; -ENOMEM. */
int remote_host_parse(const char *text, struct remote_host *ret_host);
void remote_host_done(struct remote_host *host);
/* A word that every shell of a remote user takes as this text. The caller frees; NULL: out of memory. */
char *remote_quote(const char *text);

/* Connects to options->host. timeout_ns is of later calls: logging in may take its time. 0; EXIT_FAILED or
 * EXIT_USAGE after a message. */
int remote_open(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client);
/* Runs this verb there: argv from the verb's name on, and the common options. Does not return unless that
 * fails. */
int remote_exec(const struct options *options, char **argv);
/* The other end: irqctl --bridge. Copies until either side ends. The exit status. */
int remote_bridge(const struct options *options);
