/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Talking to irqwatchd: calls of io.irqwatch.monitor over the varlink client, with every failure reported to
 * the user in plain words. Functions return 0, or EXIT_FAILED after a message.
 */

#include <json-c/json.h>

#include "client/options.h"
#include "common/varlink-client.h"
#include "common/varlink-frame.h"

/* How long an answer may take: far longer than any query does. */
#define SESSION_TIMEOUT_NS (30 * NSEC_PER_SEC)

/* The same for what is shown besides. */
#define SESSION_TRY_TIMEOUT_NS (2 * NSEC_PER_SEC)

int session_open(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client);
/* Connects, calls a method (without the interface's name) and returns its reply's parameters, owned.
 * parameters are consumed; NULL: out of memory, which is reported too. */
int session_call(const struct options *options, const char *method, struct json_object *parameters,
                 struct json_object **ret_reply);
/* The same for what is shown besides: NULL without a message when it fails, as with an irqwatchd that does not know
 * the method. Owned. */
struct json_object *session_try(const struct options *options, const char *method);
/* Reports what a call of the varlink client returned, or its error reply (NULL: none), as session_call()
 * does. */
int session_failed(int r, const char *error);
/* Starts a stream ("more") on an open client. Consumes parameters. */
int session_send_more(struct varlink_client *client, const char *method, struct json_object *parameters);
int session_receive(struct varlink_client *client, struct json_object **ret_reply, bool *ret_continues);

/* Parameters: sinceUsec, untilUsec (until_us 0: null) and cpus as the options have them. NULL: no memory. */
struct json_object *session_parameters(const struct options *options, uint64_t since_us, uint64_t until_us);
/* For verbs: calls, and with --json prints the member named result, unchanged: then *ret_result is NULL and
 * 0 is returned. Otherwise *ret_result is that member, owned. */
int session_query(const struct options *options, const char *method, struct json_object *parameters,
                  const char *result, struct json_object **ret_result);
