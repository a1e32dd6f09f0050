/* SPDX-License-Identifier: Apache-2.0 */

/* irqctl --bridge: what "irqctl --host" runs on the other machine. */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/i18n.h"
#include "client/message.h"
#include "client/remote.h"

enum { BRIDGE_BYTES = 64 * 1024 };

/* A plain blocking socket: it is the peers that speak varlink. 0 or -errno. */
static int bridge_connect(const char *path, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Passes on what is there. 1: done; 0: the source ended; -errno. */
static int bridge_copy(int from, int to) {
        char buf[BRIDGE_BYTES];
        ssize_t n, done;

        n = read(from, buf, sizeof(buf));
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 1 : -errno;
        for (ssize_t at = 0; at < n; at += done) {
                done = write(to, buf + at, (size_t)(n - at));
                if (done < 0 && errno != EINTR)
                        return -errno;
                done = MAX(done, (ssize_t)0);
        }

        return n > 0;
}

/* 0 when either side has ended; -errno. irqctl ends when it has its answers: a stream that went on without it
 * would keep ssh alive until the next event. */
static int bridge_run(int fd) {
        struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
        int r = 1;

        while (r > 0) {
                if (poll(fds, ELEMENTSOF(fds), -1) < 0) {
                        if (errno != EINTR)
                                return -errno;
                        continue;
                }
                if (fds[1].revents)
                        r = bridge_copy(fd, STDOUT_FILENO);
                if (r > 0 && fds[0].revents)
                        r = bridge_copy(STDIN_FILENO, fd);
        }

        return r == -ECONNRESET || r == -EPIPE ? 0 : r;
}

int remote_bridge(const struct options *options) {
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *text = NULL;
        int r;

        (void)signal(SIGPIPE, SIG_IGN); /* a side that went away is an error of write() */
        r = bridge_connect(options->socket, &fd);
        if (r < 0) {
                text = connect_error_text(options->socket, r);
                return text ? fail_with("%s", text) : fail_memory();
        }

        r = bridge_run(fd);
        return r < 0 ? fail_with(_("the bridge failed: %s"), strerror(-r)) : EXIT_DONE;
}
