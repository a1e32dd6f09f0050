/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One peer. Work is done in turns: io (or again) fires, bytes are read, steps are taken until there is
 * nothing to do or others should have their turn. A connection is freed only at the end of its own turn or by
 * the server: whatever goes wrong elsewhere is a flag here and another turn.
 */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/ipc/server-internal.h"

enum {
        READ_SIZE_MIN = 4096,
        OUTPUT_KEEP_SIZE = 4096, /* what an idle connection may go on holding */
};

static size_t output_pending(const struct output *output) {
        return output->size - output->start;
}

static void output_clear(struct output *output) {
        if (output->allocated > OUTPUT_KEEP_SIZE) {
                free(output->data);
                *output = (struct output){};
        }
        output->size = output->start = 0;
}

static int output_append(struct output *output, const char *text, size_t size) {
        size_t needed = output_pending(output) + size;
        char *data;

        if (output->start > 0) {
                memmove(output->data, output->data + output->start, output_pending(output));
                output->size -= output->start;
                output->start = 0;
        }
        if (needed > output->allocated) {
                needed = MAX(needed, output->allocated * 2);
                data = realloc(output->data, needed);
                if (!data)
                        return -ENOMEM;
                output->data = data;
                output->allocated = needed;
        }

        memcpy(output->data + output->size, text, size);
        output->size += size;
        return 0;
}

void connection_again(struct connection *connection) {
        (void)sd_event_source_set_enabled(connection->again, SD_EVENT_ONESHOT); /* a list operation */
}

void connection_break(struct connection *connection) {
        connection->broken = true;
        connection_again(connection);
}

static bool connection_is_clogged(const struct connection *connection) {
        return output_pending(&connection->output) >= connection->server->limits.output_bytes_max;
}

/* Nothing is read ahead of a call in flight or of replies that the peer does not take. */
static bool connection_wants_input(const struct connection *connection) {
        return !connection->eof && !connection->ending && !connection->call && !connection->messages_left &&
               !connection_is_clogged(connection);
}

static void connection_update(struct connection *connection) {
        uint32_t events = 0;

        if (connection_wants_input(connection))
                events |= EPOLLIN;
        if (output_pending(&connection->output) > 0)
                events |= EPOLLOUT;

        /* With no events at all a hang-up is still reported. */
        if (sd_event_source_set_io_events(connection->io, events) < 0)
                connection_break(connection);
}

/* The peer takes no more replies. */
static void connection_set_deaf(struct connection *connection) {
        connection->deaf = true;
        output_clear(&connection->output);
}

size_t connection_flush(struct connection *connection) {
        struct output *output = &connection->output;

        while (output_pending(output) > 0) {
                ssize_t n;

                n = send(connection->fd, output->data + output->start, output_pending(output),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return output_pending(output);
                if (n < 0) {
                        connection_set_deaf(connection);
                        connection_again(connection);
                        return 0;
                }
                output->start += (size_t)n;
        }

        output_clear(output);
        return 0;
}

int connection_queue(struct connection *connection, const char *text, size_t size) {
        bool was_empty = output_pending(&connection->output) == 0;
        int r;

        if (connection->deaf || connection->broken)
                return 0;

        r = output_append(&connection->output, text, size);
        if (r < 0)
                return r;
        if (was_empty)
                (void)connection_flush(connection); /* what is left waits for EPOLLOUT */
        if (!connection->in_turn)                   /* at the end of its turn it is done anyway */
                connection_update(connection);
        return 0;
}

/* Is there something in the input that connection_take_message() can act on? */
static bool connection_has_message(struct connection *connection) {
        struct varlink_input *input = &connection->input;

        return varlink_input_has_message(input) || (connection->eof && input->size > input->start);
}

static int connection_read(struct connection *connection) {
        struct varlink_input *input = &connection->input;
        char *space;
        ssize_t n;
        int r;

        r = varlink_input_reserve(input, READ_SIZE_MIN, &space);
        if (r < 0)
                return r;

        n = recv(connection->fd, space, input->allocated - input->size, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0)
                connection_set_deaf(connection);
        if (n <= 0)
                connection->eof = true;
        else
                varlink_input_commit(input, (size_t)n);

        connection->messages_left = connection_has_message(connection);
        return 0;
}

/* Takes the next message, if it is whole. 0; negative: the peer broke the rules, or a method failed. */
static int connection_take_message(struct connection *connection) {
        struct varlink_input *input = &connection->input;
        const char *text;
        size_t size;
        int r;

        r = varlink_input_next(input, &text, &size);
        if (r == 0 && (!connection->eof || input->size == input->start))
                return 0;
        if (r <= 0) { /* too long, or cut off */
                connection->server->stats.n_protocol_errors++;
                return -EPROTO;
        }

        connection->messages_left = connection_has_message(connection);
        return dispatch_message(connection, text, size);
}

/* Would connection_step() do something? */
static bool connection_has_work(const struct connection *connection) {
        if (connection->ending || connection->broken)
                return false;
        if (!connection->call)
                return connection->messages_left && !connection_is_clogged(connection);
        return connection->call->part && !connection->deaf && output_pending(&connection->output) == 0;
}

/* One call, or one part of an answer. 0; negative: end the connection. */
static int connection_step(struct connection *connection) {
        return connection->call ? dispatch_part(connection->call) : connection_take_message(connection);
}

/* Only one step a turn: between two calls the loop sees to what is more urgent, and to other peers. */
static void connection_work(struct connection *connection) {
        if (!connection_has_work(connection))
                return;

        if (connection_step(connection) < 0) {
                connection->ending = true; /* replies to earlier calls still go out */
                if (connection->call)
                        call_close(connection->call);
        } else if (connection_has_work(connection))
                connection_again(connection);
}

static bool connection_is_over(const struct connection *connection) {
        bool drained = output_pending(&connection->output) == 0;

        if (connection->broken)
                return true;
        if (connection->call)
                return connection->deaf;
        return drained && (connection->ending || (connection->eof && !connection->messages_left));
}

static void connection_turn(struct connection *connection) {
        (void)connection_flush(connection);
        connection->in_turn = true;
        connection_work(connection);
        connection->in_turn = false;
        if (connection_is_over(connection))
                (void)connection_free(connection);
        else
                connection_update(connection);
}

static int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct connection *connection = userdata;
        int r;

        if (revents & (EPOLLHUP | EPOLLERR))
                connection_set_deaf(connection); /* but oneway calls that it left behind count */
        if (connection_wants_input(connection) && revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                r = connection_read(connection);
                if (r < 0) {
                        connection->server->stats.n_protocol_errors += r == -EMSGSIZE;
                        connection->ending = true;
                }
        }

        connection_turn(connection);
        return 0;
}

static int connection_on_again(sd_event_source *source, void *userdata) {
        connection_turn(userdata);
        return 0;
}

static int connection_watch(struct connection *connection) {
        sd_event *event = connection->server->event;
        int r;

        r = sd_event_add_io(event, &connection->io, connection->fd, EPOLLIN, connection_on_io, connection);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(connection->io, VARLINK_EVENT_PRIORITY);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &connection->again, connection_on_again, connection);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(connection->again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(connection->again, VARLINK_EVENT_PRIORITY);
}

static void connection_release(struct connection *connection) {
        (void)sd_event_source_disable_unref(connection->io);
        (void)sd_event_source_disable_unref(connection->again);
        varlink_input_done(&connection->input);
        free(connection->output.data);
        free(connection);
}
DEFINE_CLEANUP(struct connection *, connection_release)

int connection_new(struct varlink_server *server, int fd, uid_t uid, pid_t pid) {
        _cleanup_(connection_releasep) struct connection *connection = NULL;
        int r;

        connection = calloc(1, sizeof(*connection));
        if (!connection)
                return -ENOMEM;

        connection->server = server;
        connection->fd = fd;
        connection->uid = uid;
        connection->pid = pid;
        r = connection_watch(connection);
        if (r < 0)
                return r;

        connection->next = server->connections;
        connection->link = &server->connections;
        if (connection->next)
                connection->next->link = &connection->next;
        server->connections = TAKE_PTR(connection);
        server->stats.n_connections++;
        return 0;
}

struct connection *connection_free(struct connection *connection) {
        if (!connection)
                return NULL;

        *connection->link = connection->next;
        if (connection->next)
                connection->next->link = connection->link;
        connection->server->stats.n_connections--;

        if (connection->call)
                call_close(connection->call);
        (void)close_safe(connection->fd);
        connection_release(connection);
        return NULL;
}
