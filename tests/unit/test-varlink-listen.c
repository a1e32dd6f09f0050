/* SPDX-License-Identifier: Apache-2.0 */

/* Sockets in the file system, who may connect, and how many. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/harness/varlink-fixture.h"

enum { NOBODY = 65534 };

struct place {
        struct fixture fixture;
        char dir[64], path[96];
};

static int setup_place(void **state) {
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        strcpy(place->dir, "/tmp/irqwatch-test-listen-XXXXXX");
        assert_non_null(mkdtemp(place->dir));
        assert_int_equal(chmod(place->dir, 0755), 0);
        (void)snprintf(place->path, sizeof(place->path), "%s/socket", place->dir);
        fixture_setup(&place->fixture, NULL);
        *state = place;
        return 0;
}

static int teardown_place(void **state) {
        struct place *place = *state;

        fixture_teardown(&place->fixture);
        (void)unlink(place->path); /* where a test left something else there */
        assert_int_equal(rmdir(place->dir), 0);
        free(place);
        return 0;
}

static void set_limits(struct place *place, const struct varlink_server_limits *limits) {
        fixture_teardown(&place->fixture);
        fixture_setup(&place->fixture, limits);
}

static int bind_to(const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* A connected socket, or -errno. */
static int try_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                int error = errno;

                (void)close(fd);
                return -error;
        }
        return fd;
}

static void peer_connect(struct peer *peer, const struct place *place) {
        *peer = (struct peer){ .fd = try_connect(place->path) };
        assert_true(peer->fd >= 0);
}

static void check_serves(struct place *place) {
        struct peer peer;

        peer_connect(&peer, place);
        peer_call(&peer, "{\"method\":\"org.example.test.Echo\"}");
        peer_expect(&peer, &place->fixture, "{\"parameters\":{}}");
        peer_done(&peer);
        (void)fixture_run(&place->fixture);
}

static int place_listen(struct place *place) {
        return varlink_server_listen(place->fixture.server, place->path, (gid_t)-1);
}

static void place_end(struct place *place) {
        place->fixture.server = varlink_server_free(place->fixture.server);
}

static void test_listen(void **state) {
        struct place *place = *state;
        struct stat st;

        assert_int_equal(place_listen(place), 0);
        assert_int_equal(lstat(place->path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0660);
        check_serves(place);
        place_end(place);
        assert_int_equal(lstat(place->path, &st), -1);
        assert_int_equal(errno, ENOENT);
}

/* The mode is the same whatever the umask takes away, and the umask is left alone. */
static void test_mode(void **state) {
        static const mode_t masks[] = { 0, 022, 077, 0777 };
        struct place *place = *state;
        struct stat st;

        for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
                mode_t old = umask(masks[i]);

                set_limits(place, NULL);
                assert_int_equal(place_listen(place), 0);
                assert_int_equal(umask(old), masks[i]);
                assert_int_equal(lstat(place->path, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0660);
        }
}

static void test_group(void **state) {
        struct place *place = *state;
        struct stat st;

        if (geteuid() != 0)
                skip(); /* nobody else may give files away */
        assert_int_equal(varlink_server_listen(place->fixture.server, place->path, NOBODY), 0);
        assert_int_equal(lstat(place->path, &st), 0);
        assert_int_equal(st.st_gid, NOBODY);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_stale_socket(void **state) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
        struct place *place = *state;

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                set_limits(place, NULL);
                (void)close(bind_to(place->path, types[i]));
                assert_int_equal(place_listen(place), 0);
                check_serves(place);
        }
}

static void test_live_socket(void **state) {
        struct place *place = *state;
        struct fixture other;
        struct stat before, after;

        assert_int_equal(place_listen(place), 0);
        assert_int_equal(lstat(place->path, &before), 0);
        fixture_setup(&other, NULL);
        assert_int_equal(varlink_server_listen(other.server, place->path, (gid_t)-1), -EADDRINUSE);
        fixture_teardown(&other);
        assert_int_equal(lstat(place->path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        check_serves(place);
}

/* Live, but not a varlink server, or one that does not get round to accepting. */
static void test_live_strangers(void **state) {
        struct place *place = *state;
        int fd, waiting;

        fd = bind_to(place->path, SOCK_DGRAM);
        assert_int_equal(place_listen(place), -EADDRINUSE);
        (void)close(fd);
        assert_int_equal(unlink(place->path), 0);

        fd = bind_to(place->path, SOCK_STREAM);
        assert_int_equal(listen(fd, 0), 0);
        waiting = try_connect(place->path);
        assert_true(waiting >= 0);
        assert_int_equal(try_connect(place->path), -EAGAIN);
        assert_int_equal(place_listen(place), -EADDRINUSE);
        (void)close(waiting);
        (void)close(fd);
        assert_int_equal(place_listen(place), 0);
}

static void test_not_a_socket(void **state) {
        struct place *place = *state;
        struct stat st;
        int fd;

        fd = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
        assert_int_equal(place_listen(place), -EEXIST);
        assert_int_equal(lstat(place->path, &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(unlink(place->path), 0);

        assert_int_equal(symlink("/nonexistent/socket", place->path), 0);
        assert_int_equal(place_listen(place), -EEXIST);
        assert_int_equal(lstat(place->path, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(unlink(place->path), 0);

        assert_int_equal(mkdir(place->path, 0700), 0);
        assert_int_equal(place_listen(place), -EEXIST);
        assert_int_equal(rmdir(place->path), 0);
}

static void test_bad_paths(void **state) {
        struct place *place = *state;
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/nosuch/socket", place->dir);
        assert_int_equal(varlink_server_listen(place->fixture.server, path, (gid_t)-1), -ENOENT);
        assert_int_equal(varlink_server_listen(place->fixture.server, "", (gid_t)-1), -EINVAL);
        memset(path, 'x', 108);
        path[108] = '\0';
        assert_int_equal(varlink_server_listen(place->fixture.server, path, (gid_t)-1), -ENAMETOOLONG);
}

/* The path was taken over by somebody else: theirs stays. */
static void test_unlink_only_own(void **state) {
        struct place *place = *state;
        struct stat st;
        int fd;

        assert_int_equal(place_listen(place), 0);
        assert_int_equal(unlink(place->path), 0);
        fd = bind_to(place->path, SOCK_STREAM);
        place_end(place);
        assert_int_equal(lstat(place->path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        (void)close(fd);
}

static void test_listen_fd(void **state) {
        struct place *place = *state;
        struct stat st;
        int fd, other;

        fd = bind_to(place->path, SOCK_STREAM);
        assert_int_equal(varlink_server_listen_fd(place->fixture.server, fd),
                         -ENOTSOCK); /* does not listen */
        assert_int_equal(listen(fd, 10), 0);
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
        assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
        assert_int_equal(varlink_server_listen_fd(place->fixture.server, fd), 0);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        check_serves(place);
        place_end(place);
        assert_int_equal(lstat(place->path, &st), 0); /* the service manager's */

        other = open("/dev/null", O_RDWR | O_CLOEXEC);
        set_limits(place, NULL);
        assert_true(varlink_server_listen_fd(place->fixture.server, other) < 0);
        assert_int_equal(fcntl(other, F_GETFD), FD_CLOEXEC); /* still open, still ours */
        (void)close(other);
}

static void test_total_limit(void **state) {
        struct varlink_server_limits limits = test_service_limits;
        struct place *place = *state;
        struct peer peers[5];

        limits.n_connections_max = 3;
        set_limits(place, &limits);
        assert_int_equal(place_listen(place), 0);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peer_connect(&peers[i], place);
                if (i < 3)
                        peer_expect_silence(&peers[i], &place->fixture);
                else
                        peer_expect_closed(&peers[i], &place->fixture);
        }
        assert_int_equal(fixture_stats(&place->fixture).n_connections, 3);
        assert_int_equal(fixture_stats(&place->fixture).n_accepted, 3);
        assert_int_equal(fixture_stats(&place->fixture).n_refused, 2);

        peer_done(&peers[1]);
        (void)fixture_run(&place->fixture);
        check_serves(place);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_done(&peers[i]);
}

/* Runs in a child that gave up root; its exit status says how many of n connections were kept open. */
static int count_kept(const char *path, unsigned n) {
        int fds[16], kept = 0;

        for (unsigned i = 0; i < n; i++) {
                fds[i] = try_connect(path);
                if (fds[i] < 0)
                        return 100;
        }
        for (unsigned i = 0; i < n; i++) {
                static const char call[] = "{\"method\":\"org.example.test.Privileged\"}";
                static const char denied[] =
                        "{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{}}";
                char reply[256] = "";

                /* Blocking from here on: the answer, or the end, is bound to come. */
                (void)fcntl(fds[i], F_SETFL, 0);
                (void)!send(fds[i], call, sizeof(call), MSG_NOSIGNAL);
                if (recv(fds[i], reply, sizeof(reply) - 1, 0) > 0) /* one message: it was sent at once */
                        kept += strcmp(reply, denied) == 0 ? 1 : 50;
        }
        return kept;
}

static pid_t fork_unprivileged(const char *path, unsigned n) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        if (geteuid() == 0 &&
            (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
                _exit(101);
        _exit(count_kept(path, n));
}

static void serve_until_exit(struct place *place, pid_t pid, int *ret_status) {
        pid_t r;

        while ((r = waitpid(pid, ret_status, WNOHANG)) == 0)
                assert_true(sd_event_run(place->fixture.event, 10000) >= 0);
        assert_int_equal(r, pid);
}

/* Who is not root is told so, by the credentials of the socket; and gets no more than the share of one user.
 */
static void test_unprivileged_peer(void **state) {
        struct varlink_server_limits limits = test_service_limits;
        struct place *place = *state;
        gid_t gid = geteuid() == 0 ? NOBODY : (gid_t)-1;
        struct peer root;
        int status;

        limits.n_connections_per_uid_max = 4;
        set_limits(place, &limits);
        assert_int_equal(varlink_server_listen(place->fixture.server, place->path, gid), 0);
        serve_until_exit(place, fork_unprivileged(place->path, 7), &status);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 4);
        assert_int_equal(fixture_stats(&place->fixture).n_refused, 3);
        assert_int_equal(place->fixture.service.n_calls, 0);

        if (geteuid() != 0)
                return;
        peer_connect(&root, place);
        peer_call(&root, "{\"method\":\"org.example.test.Privileged\"}");
        peer_expect(&root, &place->fixture, "{\"parameters\":{}}");
        peer_done(&root);
        assert_int_equal(place->fixture.service.n_calls, 1);
}

static void test_root_exempt_from_share(void **state) {
        struct varlink_server_limits limits = test_service_limits;
        struct place *place = *state;
        struct peer peers[4];

        if (geteuid() != 0)
                skip();
        limits.n_connections_per_uid_max = 2;
        set_limits(place, &limits);
        assert_int_equal(place_listen(place), 0);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peer_connect(&peers[i], place);
                peer_expect_silence(&peers[i], &place->fixture);
        }
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_done(&peers[i]);
}

/* Out of descriptors: the waiting peer must not make the loop spin, and is served once there is room. */
static void test_out_of_descriptors(void **state) {
        struct place *place = *state;
        struct rlimit old, none;
        struct peer peer;
        unsigned turns;

        assert_int_equal(place_listen(place), 0);
        peer_connect(&peer, place);
        peer_call(&peer, "{\"method\":\"org.example.test.Echo\"}");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        turns = fixture_run(&place->fixture);
        for (unsigned i = 0; i < 20; i++) { /* over a few of its pauses */
                assert_true(sd_event_run(place->fixture.event, 50000) >= 0);
                turns += fixture_run(&place->fixture);
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        assert_true(turns < 1000); /* some per pause, not as many as the processor can do */
        assert_int_equal(fixture_stats(&place->fixture).n_accepted, 0);

        for (unsigned i = 0; i < 600 && fixture_stats(&place->fixture).n_accepted == 0; i++)
                assert_true(sd_event_run(place->fixture.event, 50000) >= 0);
        peer_expect(&peer, &place->fixture, "{\"parameters\":{}}");
        peer_done(&peer);
}

static int count_descriptors(void) {
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_no_descriptor_leaks(void **state) {
        struct place *place = *state;
        int before = count_descriptors();

        assert_int_equal(place_listen(place), 0);
        for (unsigned i = 0; i < 50; i++)
                check_serves(place);
        assert_int_equal(count_descriptors(), before + 1);
        set_limits(place, NULL);
        assert_int_equal(count_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_place, teardown_place)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_listen),
                TEST(test_mode),
                TEST(test_group),
                TEST(test_stale_socket),
                TEST(test_live_socket),
                TEST(test_live_strangers),
                TEST(test_not_a_socket),
                TEST(test_bad_paths),
                TEST(test_unlink_only_own),
                TEST(test_listen_fd),
                TEST(test_total_limit),
                TEST(test_unprivileged_peer),
                TEST(test_root_exempt_from_share),
                TEST(test_out_of_descriptors),
                TEST(test_no_descriptor_leaks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
