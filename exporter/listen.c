/* SPDX-License-Identifier: Apache-2.0 */

#include "exporter/listen.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/parse.h"

enum { BACKLOG = 64 };

static void freeaddrinfop(struct addrinfo **list) {
        if (*list)
                freeaddrinfo(*list);
}

int listen_parse(const char *text, char **ret_host, char **ret_port) {
        _cleanup_(freep) char *host = NULL, *port = NULL;
        const char *colon = strrchr(text, ':');
        size_t size;
        uint64_t n;

        if (!colon || parse_u64(colon + 1, &n) < 0 || n > 65535)
                return -EINVAL;

        size = (size_t)(colon - text);
        if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
                text++;
                size -= 2;
        } else if (memchr(text, ':', size))
                return -EINVAL; /* which colon would be the port's? */

        host = strndup(text, size);
        port = strdup(colon + 1);
        if (!host || !port)
                return -ENOMEM;

        *ret_host = TAKE_PTR(host);
        *ret_port = TAKE_PTR(port);
        return 0;
}

static int listen_address(const struct addrinfo *address, int *ret_fd) {
        _cleanup_(closep) int fd = -EBADF;
        int on = 1;

        fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->ai_protocol);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int listen_on(const char *text, int *ret_fd) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        _cleanup_(freeaddrinfop) struct addrinfo *list = NULL;
        _cleanup_(freep) char *host = NULL, *port = NULL;
        int r;

        r = listen_parse(text, &host, &port);
        if (r < 0)
                return r;
        if (getaddrinfo(*host ? host : NULL, port, &hints, &list) != 0)
                return -EADDRNOTAVAIL;

        r = -EADDRNOTAVAIL;
        for (const struct addrinfo *address = list; address && r < 0; address = address->ai_next)
                r = listen_address(address, ret_fd);

        return r;
}
