/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * --input: in irqwatchd's place answers the program irqctl-offline, out of a file or a directory. It is
 * started on one end of a socket pair, and speaks on it what irqwatchd speaks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/options.h"
#include "common/varlink-client.h"

/* How irqctl starts it, with the path as the next argument: for input.c alone, in no help. */
#define INPUT_SERVE_OPTION "--serve-input"

/* Whether the path is for irqctl-offline: a directory, or a file of "irqctl snapshot". Others have stacks in
 * them, which "irqctl flame" reads by itself. */
bool input_is_record(const char *path);
/* Starts it for options->input. 0; EXIT_FAILED after a message, its own one. */
int input_connect(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client);
/* Before anything is asked: the record's end becomes the present, by which points in time are meant, and all
 * of it the span where none was given. Says what is to be known of the record. 0; the exit status after a
 * message. */
int input_prepare(struct options *options);
/* The other end, in irqctl-offline. The exit status. */
int input_serve_path(const char *path);
