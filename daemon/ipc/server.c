/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "daemon/ipc/server-internal.h"

enum {
        ACCEPTS_PER_TURN = 16,
        /* Out of descriptors or memory, the waiting peer keeps the listener readable: look away for a while
         * instead of spinning. */
        ACCEPT_PAUSE_USEC = 250000,
};

static struct listener *listener_free(struct listener *listener) {
        if (!listener)
                return NULL;

        (void)sd_event_source_disable_unref(listener->io);
        if (listener->path)
                socket_unlink(listener->path, listener->device, listener->inode);
        (void)close_safe(listener->fd);
        free(listener->path);
        free(listener);
        return NULL;
}
DEFINE_CLEANUP(struct listener *, listener_free)

static void server_set_listening(struct varlink_server *server, bool on) {
        for (struct listener *l = server->listeners; l; l = l->next)
                (void)sd_event_source_set_enabled(l->io, on ? SD_EVENT_ON : SD_EVENT_OFF); /* cannot fail */
        server->paused = !on;
}

static int server_on_resume(sd_event_source *source, uint64_t usec, void *userdata) {
        server_set_listening(userdata, true);
        return 0;
}

static int server_pause(struct varlink_server *server, int error) {
        int r;

        r = sd_event_source_set_time_relative(server->resume, ACCEPT_PAUSE_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->resume, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;

        if (!server->out_of_resources)
                log_warning("cannot accept connections for now: %s; those that are open go on, new ones wait", strerror(error));
        server->out_of_resources = true;
        server_set_listening(server, false);
        return 0;
}

static unsigned server_count_uid(const struct varlink_server *server, uid_t uid) {
        unsigned n = 0;

        for (const struct connection *c = server->connections; c; c = c->next)
                n += c->uid == uid;
        return n;
}

static bool server_has_room(const struct varlink_server *server, uid_t uid) {
        if (server->stats.n_connections >= server->limits.n_connections_max)
                return false;
        return uid == 0 || server_count_uid(server, uid) < server->limits.n_connections_per_uid_max;
}

int varlink_server_add_connection(struct varlink_server *server, int fd) {
        _cleanup_(closep) int owned = fd;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int r;

        if (getsockopt(owned, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (!server_has_room(server, peer.uid)) {
                server->stats.n_refused++;
                return 0;
        }

        r = connection_new(server, owned, peer.uid, peer.pid);
        if (r < 0)
                return r;

        (void)TAKE_FD(owned);
        server->stats.n_accepted++;
        return 0;
}

int varlink_server_take_connection(struct varlink_server *server, int fd) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                int r = -errno;

                (void)close_safe(fd);
                return r;
        }

        return varlink_server_add_connection(server, fd);
}

/* Errors that belong to one peer: the next one may be fine. */
static bool accept_error_is_transient(int error) {
        return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM;
}

/* 1: look for another; 0: enough for this turn; negative: fatal. */
static int listener_accept(struct listener *listener) {
        struct varlink_server *server = listener->server;
        int fd, r;

        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno == EAGAIN)
                return 0;
        if (fd < 0)
                return accept_error_is_transient(errno) ? 1 : server_pause(server, errno);

        server->out_of_resources = false;
        r = varlink_server_add_connection(server, fd);
        if (r < 0) { /* no memory for this one: it sees a closed connection */
                server->stats.n_refused++;
                return 1;
        }
        return 1;
}

static int listener_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        int r = 1;

        for (int i = 0; r > 0 && i < ACCEPTS_PER_TURN; i++)
                r = listener_accept(userdata);
        return r < 0 ? r : 0;
}

static int server_add_listener(struct varlink_server *server, struct listener *listener) {
        int r;

        listener->server = server;
        r = sd_event_add_io(server->event, &listener->io, listener->fd, EPOLLIN, listener_on_io, listener);
        if (r >= 0)
                r = sd_event_source_set_priority(listener->io, VARLINK_EVENT_PRIORITY);
        if (r < 0)
                return r;
        if (server->paused)
                (void)sd_event_source_set_enabled(listener->io, SD_EVENT_OFF); /* cannot fail */

        listener->next = server->listeners;
        server->listeners = listener;
        return 0;
}

int varlink_server_listen(struct varlink_server *server, const char *path, gid_t gid) {
        _cleanup_(listener_freep) struct listener *listener = NULL;
        _cleanup_(freep) char *copy = NULL;
        int r;

        listener = calloc(1, sizeof(*listener));
        copy = strdup(path);
        if (listener)
                listener->fd = -EBADF;
        if (!listener || !copy)
                return -ENOMEM;

        r = socket_listen(path, gid, &listener->fd, &listener->device, &listener->inode);
        if (r < 0)
                return r;
        listener->path = TAKE_PTR(copy); /* only now is there something of ours to unlink */

        r = server_add_listener(server, listener);
        if (r < 0)
                return r;
        (void)TAKE_PTR(listener);
        return 0;
}

static int fd_prepare(int fd) {
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
                return -errno;
        return 0;
}

int varlink_server_listen_fd(struct varlink_server *server, int fd) {
        _cleanup_(listener_freep) struct listener *listener = NULL;
        int r;

        r = sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1);
        if (r <= 0)
                return r < 0 ? r : -ENOTSOCK;
        r = fd_prepare(fd);
        if (r < 0)
                return r;

        listener = calloc(1, sizeof(*listener));
        if (!listener)
                return -ENOMEM;

        listener->fd = fd;
        r = server_add_listener(server, listener);
        if (r < 0) {
                (void)TAKE_FD(listener->fd); /* stays the caller's */
                return r;
        }
        (void)TAKE_PTR(listener);
        return 0;
}

int varlink_server_new(sd_event *event, const struct varlink_server_info *info,
                       const struct varlink_interface *const *interfaces,
                       const struct varlink_server_limits *limits, struct varlink_server **ret_server) {
        _cleanup_(varlink_server_freep) struct varlink_server *server = NULL;
        int r;

        server = calloc(1, sizeof(*server));
        if (!server)
                return -ENOMEM;

        server->event = sd_event_ref(event);
        server->info = *info;
        server->limits = *limits;
        server->interfaces = interfaces;
        service_init(&server->service, server);

        r = sd_event_add_time_relative(event, &server->resume, CLOCK_MONOTONIC, ACCEPT_PAUSE_USEC, 0,
                                       server_on_resume, server);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->resume, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_server = TAKE_PTR(server);
        return 0;
}

struct varlink_server *varlink_server_free(struct varlink_server *server) {
        struct listener *next;

        if (!server)
                return NULL;

        for (struct listener *l = server->listeners; l; l = next) {
                next = l->next;
                (void)listener_free(l);
        }
        server->listeners = NULL;
        while (server->connections) {
                (void)connection_flush(server->connections); /* last words, as far as the socket takes them */
                (void)connection_free(server->connections);
        }

        (void)sd_event_source_disable_unref(server->resume);
        (void)sd_event_unref(server->event);
        free(server);
        return NULL;
}

void varlink_server_get_stats(const struct varlink_server *server, struct varlink_server_stats *ret_stats) {
        *ret_stats = server->stats;
}
