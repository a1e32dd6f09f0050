/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the varlink server share: server.c (listeners, limits), socket.c (binding a path),
 * connection.c (one peer: bytes in, bytes out, one call at a time), dispatch.c (text -> checked call),
 * call.c (replies), service.c (org.varlink.service). Included by nobody else but tests.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink-frame.h"
#include "daemon/ipc/server.h"

enum {
        /* After everything that samples: answering may wait, measuring may not. */
        VARLINK_EVENT_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 10,
};

struct connection;

struct varlink_call {
        unsigned n_refs;               /* the connection holds one until the final reply */
        struct connection *connection; /* NULL once answered or closed */
        const struct varlink_interface *interface;
        const struct varlink_method *method;
        uid_t uid;
        pid_t pid;
        bool oneway;
        bool more;    /* asked for and possible */
        bool counted; /* in n_streams */
        bool running; /* fn() or part() is on the stack */
        bool sent;    /* since part() was last called */
        void (*closed)(struct varlink_call *call, void *data);
        void *closed_data;
        int (*part)(struct varlink_call *call, void *data);
        void *part_data;
};

struct output {
        char *data;
        size_t size, allocated;
        size_t start; /* what is before was sent */
};

struct connection {
        struct varlink_server *server; /* borrowed */
        struct connection *next, **link;
        int fd;
        sd_event_source *io;
        sd_event_source *again; /* one shot: another turn without waiting for the socket */
        uid_t uid;
        pid_t pid;
        struct varlink_input input;
        struct output output;
        struct varlink_call *call; /* the one in flight */
        bool eof;                  /* the peer sends no more; it may still read */
        bool deaf;                 /* the peer takes no more, or is gone: replies are dropped */
        bool ending;               /* take no more calls, close once the output is out */
        bool broken;               /* close at the next turn */
        bool in_turn;              /* its own */
        bool messages_left;        /* whole messages may be left in the input */
};

struct listener {
        struct varlink_server *server; /* borrowed */
        struct listener *next;
        int fd;
        sd_event_source *io;
        char *path; /* to unlink; NULL: the service manager's */
        uint64_t device, inode;
};

struct varlink_server {
        sd_event *event;
        struct varlink_server_info info;
        struct varlink_server_limits limits;
        struct varlink_server_stats stats;
        const struct varlink_interface *const *interfaces; /* borrowed */
        struct varlink_interface service;
        struct connection *connections;
        struct listener *listeners;
        sd_event_source *resume; /* timer: accepts again after the process ran out of descriptors */
        bool paused;             /* until that timer fires */
        bool out_of_resources;   /* said so in the log */
};

/* socket.c. Binds path as varlink_server_listen() describes and listens. 0 or -errno. */
int socket_listen(const char *path, gid_t gid, int *ret_fd, uint64_t *ret_device, uint64_t *ret_inode);
/* Removes path if it is still that inode. To be called while the socket is open: until then the kernel
 * cannot give the inode's number to another file. */
void socket_unlink(const char *path, uint64_t device, uint64_t inode);

/* server.c. Takes the connected socket, also on failure; a peer above the limits is closed and counted.
 * 0 or -errno. */
int varlink_server_add_connection(struct varlink_server *server, int fd);

/* connection.c */
int connection_new(struct varlink_server *server, int fd, uid_t uid, pid_t pid);
struct connection *connection_free(struct connection *connection);
/* Queues one message and sends what the socket takes at once. 0 or -ENOMEM. */
int connection_queue(struct connection *connection, const char *text, size_t size);
/* What could not be sent yet. */
size_t connection_flush(struct connection *connection);
/* Asks for another turn of this connection. */
void connection_again(struct connection *connection);
void connection_break(struct connection *connection);

/* dispatch.c. Turns one message into a call: runs it, answers it, or leaves it in connection->call. 0;
 * negative when the message is not a varlink call or fn() failed: to end the connection. */
int dispatch_message(struct connection *connection, const char *text, size_t size);
/* Has the call send its next part. 0 or negative, as above. */
int dispatch_part(struct varlink_call *call);

/* call.c. One reference, the connection's. */
int call_new(struct connection *connection, struct varlink_call **ret_call);
/* Ends the call without a reply, tells whoever holds it and drops the connection's reference. */
void call_close(struct varlink_call *call);
/* Answers with an error that has one parameter. 0 or negative. */
int call_error_about(struct varlink_call *call, const char *error, const char *key, const char *value);

/* service.c */
void service_init(struct varlink_interface *service, struct varlink_server *server);
/* The interface of that name, org.varlink.service included, or NULL. */
const struct varlink_interface *service_find(const struct varlink_server *server, const char *name);
