/* SPDX-License-Identifier: Apache-2.0 */

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "daemon/collect/heartbeat-event.h"

/* systemd starts the opener when the first request comes, on a machine that may be busy booting. */
#define ANSWER_TIMEOUT_SEC 5
/* A peer asks for its CPUs one right after the other. */
#define REQUEST_TIMEOUT_SEC 1

/* Both sides are of the same package and architecture: no byte order, no version. One message each,
 * SOCK_SEQPACKET. */
struct request {
        uint64_t period_ns;
        uint64_t cpu;
};

struct answer {
        int64_t error; /* 0: a file descriptor comes along; or a negative errno */
};

static int set_receive_timeout(int fd, int seconds) {
        const struct timeval timeout = { .tv_sec = seconds };

        return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ? -errno : 0;
}

int heartbeat_opener_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        r = set_receive_timeout(fd, ANSWER_TIMEOUT_SEC);
        if (r < 0)
                return r;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        return TAKE_FD(fd);
}

/* The one file descriptor that came with a message, or -EBADF. The buffer has room for no other. */
static int received_fd(struct msghdr *message) {
        const struct cmsghdr *header = CMSG_FIRSTHDR(message);
        int fd = -EBADF;

        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            header->cmsg_len == CMSG_LEN(sizeof(fd)))
                memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        return fd;
}

static int receive_answer(int connection) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct answer answer = {};
        struct iovec data = { .iov_base = &answer, .iov_len = sizeof(answer) };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        _cleanup_(closep) int fd = -EBADF;
        ssize_t n;

        n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
                return -ECONNRESET;

        fd = received_fd(&message);
        if (n != sizeof(answer) || answer.error > 0 || answer.error < -4095 ||
            (answer.error == 0) != (fd >= 0))
                return -EBADMSG;
        return answer.error < 0 ? (int)answer.error : TAKE_FD(fd);
}

int heartbeat_opener_ask(int connection, unsigned cpu, uint64_t period_ns) {
        const struct request request = { .period_ns = period_ns, .cpu = cpu };

        if (send(connection, &request, sizeof(request), MSG_NOSIGNAL) < 0)
                return -errno;

        return receive_answer(connection);
}

static int send_answer(int connection, int fd_or_error) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct answer answer = { .error = MIN(fd_or_error, 0) };
        struct iovec data = { .iov_base = &answer, .iov_len = sizeof(answer) };
        struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

        if (fd_or_error >= 0) {
                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), &fd_or_error, sizeof(fd_or_error));
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
        }

        return sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int answer_request(int connection) {
        _cleanup_(closep) int fd = -EBADF;
        struct request request;
        ssize_t n;
        int r;

        n = recv(connection, &request, sizeof(request), MSG_TRUNC);
        if (n < 0)
                return -errno;
        if (n != sizeof(request))
                return -EBADMSG; /* or its end */

        r = request.cpu > INT_MAX ? -EINVAL : heartbeat_event_open((unsigned)request.cpu, request.period_ns);
        if (r >= 0)
                fd = r;
        return send_answer(connection, r);
}

int heartbeat_opener_serve(int listen_fd, int idle_ms) {
        struct pollfd pollfd = { .fd = listen_fd, .events = POLLIN };
        int r;

        while ((r = poll(&pollfd, 1, idle_ms)) != 0) {
                _cleanup_(closep) int connection = -EBADF;

                if (r < 0)
                        return -errno;
                connection = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (connection < 0 && (errno == EAGAIN || errno == ECONNABORTED))
                        continue; /* gone meanwhile */
                if (connection < 0)
                        return -errno;

                r = set_receive_timeout(connection, REQUEST_TIMEOUT_SEC);
                while (r >= 0)
                        r = answer_request(connection);
        }

        return 0;
}
