/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A varlink server on sd-event: listening sockets, connections, framing, dispatch to method tables, streams,
 * and the org.varlink.service interface. Knows nothing of interrupts: interfaces are given to it. Every
 * resource that a client can drive has a limit here and a counter.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct varlink_server;
struct varlink_call;

enum varlink_method_flags {
        VARLINK_METHOD_STREAMS = 1 << 0,    /* may reply more than once; without "more" such a call gets
                                             * ExpectedMore. When n_streams_max are open, "more" calls of
                                             * methods that stream get INTERFACE.TooManyStreams, which
                                             * their interface declares */
        VARLINK_METHOD_MAY_STREAM = 1 << 1, /* streams with "more", one reply without */
        VARLINK_METHOD_ROOT = 1 << 2,       /* peers whose uid is not 0 get PermissionDenied */
};

enum varlink_field_type {
        VARLINK_BOOLEAN,
        VARLINK_INTEGER,
        VARLINK_FLOAT,    /* a number, also one without a fraction */
        VARLINK_STRING,
        VARLINK_OBJECT,   /* an object, a struct or a dictionary: what is in it is the method's to judge */
        VARLINK_STRINGS,  /* array of strings */
        VARLINK_INTEGERS, /* array of integers */
};

/* An input parameter: the server checks names and types before fn() runs: anything else is answered with
 * InvalidParameter. Missing or null non-required ones are passed on as they are. */
struct varlink_field {
        const char *name;
        enum varlink_field_type type;
        bool required;
};

struct varlink_method {
        const char *name;                   /* without the interface */
        const struct varlink_field *fields; /* NULL-name-terminated; NULL: none */
        unsigned flags;
        /* Must reply exactly once (or as a stream) through the functions below, now or later. A negative
         * return closes the connection. parameters is borrowed, never NULL. NULL: the method is declared but
         * not implemented. */
        int (*fn)(struct varlink_call *call, struct json_object *parameters, void *userdata);
};

struct varlink_interface {
        const char *name;                     /* "io.irqwatch.monitor" */
        const char *description;              /* text of the .varlink file */
        const struct varlink_method *methods; /* NULL-name-terminated */
        void *userdata;
};

struct varlink_server_limits {
        unsigned n_connections_max;         /* in total */
        unsigned n_connections_per_uid_max; /* uid 0 is exempt */
        unsigned n_streams_max;             /* open streams, all connections */
        size_t output_bytes_max;            /* queued for one connection; above, stream replies are dropped
                                             * and counted, then the connection is closed */
};

struct varlink_server_info { /* of org.varlink.service.GetInfo */
        const char *vendor, *product, *version, *url;
};

struct varlink_server_stats {
        uint64_t n_connections, n_streams; /* now */
        uint64_t n_accepted, n_refused, n_dropped_messages, n_protocol_errors, n_slow_disconnects;
};

/* interfaces is borrowed, NULL-terminated, for the server's life. 0 or -errno. */
int varlink_server_new(sd_event *event, const struct varlink_server_info *info,
                       const struct varlink_interface *const *interfaces,
                       const struct varlink_server_limits *limits, struct varlink_server **ret_server);
/* Ends streams, closes connections and listeners, unlinks sockets that it bound itself. NULL-safe. */
struct varlink_server *varlink_server_free(struct varlink_server *server);
DEFINE_CLEANUP(struct varlink_server *, varlink_server_free)

/* Binds path with mode 0660 and group gid ((gid_t)-1: leave). A stale socket file (nobody accepts) is
 * replaced; -EADDRINUSE when a live server owns it; other -errno. Never removes what is not a socket. */
int varlink_server_listen(struct varlink_server *server, const char *path, gid_t gid);
/* Takes over a listening socket from the service manager. 0 or -errno (the fd stays the caller's). */
int varlink_server_listen_fd(struct varlink_server *server, int fd);
/* Serves a peer that is connected already. Takes the socket, also on failure. 0 or -errno. */
int varlink_server_take_connection(struct varlink_server *server, int fd);
void varlink_server_get_stats(const struct varlink_server *server, struct varlink_server_stats *ret_stats);

/* Replies consume the parameters object (NULL: {}), also on failure. Wanted by nobody ("oneway", peer gone)
 * they do nothing and succeed. 0; -EMSGSIZE: larger than a message may be, nothing was sent and the call may
 * still be answered otherwise; other negatives: forward from fn(). A second final reply does nothing. */
int varlink_call_reply(struct varlink_call *call, struct json_object *parameters);
/* A reply with "continues": only for calls with more, -EINVAL otherwise. -ENOBUFS: dropped because the peer
 * reads too slowly (counted; the stream is being closed). */
int varlink_call_notify(struct varlink_call *call, struct json_object *parameters);
/* error is a full name: "io.irqwatch.monitor.NoSuchEvent". */
int varlink_call_error(struct varlink_call *call, const char *error, struct json_object *parameters);
int varlink_call_invalid_parameter(struct varlink_call *call, const char *parameter);
/* True when the call asked for "more" and its method streams; never for a oneway call. */
bool varlink_call_wants_more(const struct varlink_call *call);
uid_t varlink_call_uid(const struct varlink_call *call); /* SO_PEERCRED at accept time */
pid_t varlink_call_pid(const struct varlink_call *call);
/* For streams that outlive fn(): keeps the call valid until varlink_call_unref(); closed() runs once when the
 * peer goes away or the server ends before the final reply, after which replies do nothing. Giving up the
 * last reference without a final reply closes the connection. */
struct varlink_call *varlink_call_ref(struct varlink_call *call);
struct varlink_call *varlink_call_unref(struct varlink_call *call);
DEFINE_CLEANUP(struct varlink_call *, varlink_call_unref)
void varlink_call_on_closed(struct varlink_call *call, void (*closed)(struct varlink_call *call, void *data),
                            void *data);
/* Flow control for an answer in many parts, which would overrun output_bytes_max if sent at once: part() runs
 * after fn() returned and then each time the peer has taken all that was queued, until the final reply or
 * closed(). It sends the next part or parts, or takes itself back (NULL) until it is set again, for which somebody must
 * hold a reference; negative closes the connection. */
void varlink_call_on_writable(struct varlink_call *call, int (*part)(struct varlink_call *call, void *data),
                              void *data);
