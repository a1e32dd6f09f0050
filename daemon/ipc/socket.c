/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/ipc/server-internal.h"

enum { LISTEN_MODE = 0660 };

static int socket_address(const char *path, struct sockaddr_un *ret_address) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t size = strlen(path);

        if (size == 0)
                return -EINVAL;
        if (size >= sizeof(address.sun_path))
                return -ENAMETOOLONG;

        memcpy(address.sun_path, path, size + 1);
        *ret_address = address;
        return 0;
}

static int socket_open(void) {
        int fd;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return fd < 0 ? -errno : fd;
}

/* Does anybody accept there? 0: nobody; -EADDRINUSE; other -errno when it cannot be told. */
static int socket_probe(const struct sockaddr_un *address) {
        _cleanup_(closep) int fd = -EBADF;

        fd = socket_open();
        if (fd < 0)
                return fd;
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) >= 0)
                return -EADDRINUSE;

        switch (errno) {
        case ECONNREFUSED:
        case ENOENT:
                return 0;
        case EAGAIN:     /* its backlog is full */
        case EPROTOTYPE: /* somebody's datagram or seqpacket socket */
                return -EADDRINUSE;
        default:
                return -errno;
        }
}

/* Makes way for the new socket: removes a dead one, and nothing but a dead one. */
static int socket_clear(const struct sockaddr_un *address) {
        struct stat st;
        int r;

        if (lstat(address->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno; /* a missing directory shows at bind() */
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;

        r = socket_probe(address);
        if (r < 0)
                return r;
        if (unlink(address->sun_path) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static int socket_stat(const char *path, int *ret_fd, struct stat *ret_st) {
        _cleanup_(closep) int fd = -EBADF;

        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, ret_st) < 0)
                return -errno;
        if (!S_ISSOCK(ret_st->st_mode))
                return -EADDRINUSE; /* replaced under our hands */

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Group first, then mode, both through one descriptor of the inode and before listen(): until then connect()
 * is refused to everybody, so nobody slips in under a wider mode or another group. */
static int socket_protect(int path_fd, gid_t gid) {
        char name[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

        if (gid != (gid_t)-1 && fchownat(path_fd, "", (uid_t)-1, gid, AT_EMPTY_PATH) < 0)
                return -errno;

        (void)snprintf(name, sizeof(name), "/proc/self/fd/%i", path_fd); /* fchmod() refuses O_PATH */
        if (chmod(name, LISTEN_MODE) < 0)
                return -errno;
        return 0;
}

static int socket_protect_and_listen(int fd, const char *path, gid_t gid, struct stat *ret_st) {
        _cleanup_(closep) int path_fd = -EBADF;
        struct stat now;
        int r;

        r = socket_stat(path, &path_fd, ret_st);
        if (r < 0)
                return r;
        r = socket_protect(path_fd, gid);
        if (r < 0)
                return r;
        if (listen(fd, SOMAXCONN) < 0)
                return -errno;

        /* Another daemon that started at this moment may have taken ours for dead. */
        if (lstat(path, &now) < 0 || now.st_dev != ret_st->st_dev || now.st_ino != ret_st->st_ino)
                return -EADDRINUSE;
        return 0;
}

int socket_listen(const char *path, gid_t gid, int *ret_fd, uint64_t *ret_device, uint64_t *ret_inode) {
        _cleanup_(closep) int fd = -EBADF;
        struct sockaddr_un address;
        struct stat st = {};
        int r;

        r = socket_address(path, &address);
        if (r < 0)
                return r;
        r = socket_clear(&address);
        if (r < 0)
                return r;

        fd = socket_open();
        if (fd < 0)
                return fd;
        /* The inode gets the socket's own mode (unix_bind_bsd()), less the umask: closed to others from
         * birth. */
        if (fchmod(fd, LISTEN_MODE) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        r = socket_protect_and_listen(fd, path, gid, &st);
        if (r < 0) {
                socket_unlink(path, st.st_dev, st.st_ino);
                return r;
        }

        *ret_fd = TAKE_FD(fd);
        *ret_device = st.st_dev;
        *ret_inode = st.st_ino;
        return 0;
}

void socket_unlink(const char *path, uint64_t device, uint64_t inode) {
        struct stat st;

        if (lstat(path, &st) < 0 || st.st_dev != device || st.st_ino != inode)
                return;
        (void)unlink(path); /* best effort on the way out: a stale socket is replaced at the next start */
}
