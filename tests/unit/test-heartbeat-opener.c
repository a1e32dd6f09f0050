/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "daemon/collect/heartbeat-event.h"
#include "tests/harness/temp-tree.h"

#define PERIOD_NS (NSEC_PER_SEC)

enum { IDLE_MS = 60 * 1000 };

struct opener {
        struct temp_tree tree;
        char path[512];
        int listen_fd;
        pid_t pid;
};

static int set_up(void **state) {
        struct opener *opener = calloc(1, sizeof(*opener));
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        assert_non_null(opener);
        temp_tree_init(&opener->tree);
        (void)snprintf(opener->path, sizeof(opener->path), "/proc/%i/fd/%i/s", getpid(), opener->tree.fd);
        assert_true(strlen(opener->path) < sizeof(address.sun_path));
        memcpy(address.sun_path, opener->path, strlen(opener->path) + 1);

        opener->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(opener->listen_fd >= 0);
        assert_int_equal(bind(opener->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(opener->listen_fd, 10), 0);
        opener->pid = fork();
        assert_true(opener->pid >= 0);
        if (opener->pid == 0)
                _exit(heartbeat_opener_serve(opener->listen_fd, IDLE_MS) < 0);

        *state = opener;
        return 0;
}

static int tear_down(void **state) {
        struct opener *opener = *state;
        int status;

        assert_int_equal(kill(opener->pid, SIGTERM), 0);
        assert_int_equal(waitpid(opener->pid, &status, 0), opener->pid);
        assert_true(WIFSIGNALED(status)); /* it was still there, whatever it had been sent */
        (void)close(opener->listen_fd);   /* nothing is lost */
        temp_tree_done(&opener->tree);
        free(opener);
        return 0;
}

static int connect_opener(const struct opener *opener) {
        int fd = heartbeat_opener_connect(opener->path);

        assert_true(fd >= 0);
        return fd;
}

/* What the opener answers is what the kernel answers here: an event if this process may have one, else the
 * same error. */
static void check_answers(int connection) {
        _cleanup_(closep) int own = heartbeat_event_open(0, PERIOD_NS);
        _cleanup_(closep) int passed = heartbeat_opener_ask(connection, 0, PERIOD_NS);
        uint64_t id = 0;

        if (own < 0) {
                assert_int_equal(passed, own);
                return;
        }
        assert_true(passed >= 0);
        assert_int_equal(ioctl(passed, PERF_EVENT_IOC_ID, &id), 0); /* it is a perf event */
        assert_true(id > 0);
}

static void test_answers(void **state) {
        _cleanup_(closep) int connection = connect_opener(*state);

        for (unsigned i = 0; i < 100; i++)
                check_answers(connection);
}

/* Nobody makes it beat faster than the daemon's settings allow, or on CPUs that are none. */
static void test_refusals(void **state) {
        _cleanup_(closep) int connection = connect_opener(*state);

        assert_int_equal(heartbeat_opener_ask(connection, 0, HEARTBEAT_SHORTEST_NS - 1), -EINVAL);
        assert_int_equal(heartbeat_opener_ask(connection, 0, 0), -EINVAL);
        assert_true(heartbeat_opener_ask(connection, INT32_MAX, PERIOD_NS) < 0);
        assert_int_equal(heartbeat_opener_ask(connection, UINT32_MAX, PERIOD_NS), -EINVAL);
        check_answers(connection); /* and goes on */
}

static void send_and_be_hung_up_on(const struct opener *opener, const void *data, size_t size) {
        _cleanup_(closep) int connection = connect_opener(opener);
        char byte;

        assert_int_equal(send(connection, data, size, MSG_NOSIGNAL), size);
        assert_true(recv(connection, &byte, sizeof(byte), 0) <= 0);
}

static void test_hostile(void **state) {
        _cleanup_(closep) int connection = -EBADF;
        const char junk[4096] = { 1 };

        send_and_be_hung_up_on(*state, "", 1);
        send_and_be_hung_up_on(*state, junk, 15);
        send_and_be_hung_up_on(*state, junk, 17);
        send_and_be_hung_up_on(*state, junk, sizeof(junk));
        closep(&(int){ connect_opener(*state) }); /* comes and goes */

        connection = connect_opener(*state);
        check_answers(connection);
}

/* A peer that connects and is silent keeps the next one waiting, not for ever. */
static void test_silent(void **state) {
        _cleanup_(closep) int silent = connect_opener(*state), connection = connect_opener(*state);

        assert_true(silent >= 0);
        check_answers(connection);
}

static void test_gone(void **state) {
        _cleanup_(temp_tree_done) struct temp_tree tree;
        char path[64];

        temp_tree_init(&tree);
        (void)snprintf(path, sizeof(path), "/proc/%i/fd/%i/s", getpid(), tree.fd);
        assert_int_equal(heartbeat_opener_connect(path), -ENOENT);
        temp_tree_write(&tree, "s", "no socket");
        assert_int_equal(heartbeat_opener_connect(path), -ECONNREFUSED);
}

/* The daemon does not take every message for an answer. */
static void test_wrong_answer(void **state) {
        static const int64_t answers[] = { 0, 1, -4096, INT64_MIN };

        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                int pair[2];

                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
                assert_int_equal(send(pair[1], &answers[i], sizeof(answers[i]), 0), sizeof(answers[i]));
                assert_int_equal(heartbeat_opener_ask(pair[0], 0, PERIOD_NS), -EBADMSG);
                assert_int_equal(send(pair[1], "xyz", 3, 0), 3);
                assert_int_equal(heartbeat_opener_ask(pair[0], 0, PERIOD_NS), -EBADMSG);
                closep(&pair[1]);
                assert_true(heartbeat_opener_ask(pair[0], 0, PERIOD_NS) < 0);
                closep(&pair[0]);
        }
}

static void test_ends(void **state) {
        const struct opener *opener = *state;

        /* Idle from the start: ends well. The other process waits on the same socket; nobody connects. */
        assert_int_equal(heartbeat_opener_serve(opener->listen_fd, 1), 0);
        assert_true(heartbeat_opener_serve(opener->tree.fd, -1) < 0); /* a directory */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_wrong_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
