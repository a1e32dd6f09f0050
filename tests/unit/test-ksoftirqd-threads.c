/* SPDX-License-Identifier: Apache-2.0 */

/* What is found among tasks, and a task that goes away: the rest is in test-collect-load.c. */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/collect/ksoftirqd-threads.h"
#include "tests/harness/temp-tree.h"

/* A process that calls itself like the thread, blocked in pause(). */
static pid_t start_impostor(void) {
        int ready[2];
        char c = 0;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)prctl(PR_SET_NAME, "ksoftirqd/0");
                if (write(ready[1], &c, 1) == 1)
                        for (;;)
                                (void)pause();
                _exit(1);
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        return pid;
}

static void stop(pid_t pid) {
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A tree that has nothing but the process, by a link to its real directory. */
static void test_impostor(void **state) {
        _cleanup_(ksoftirqd_threads_done) struct ksoftirqd_threads threads = {};
        _cleanup_(temp_tree_done) struct temp_tree tree;
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        pid_t pid = start_impostor();
        char from[64], to[64];

        temp_tree_init(&tree);
        assert_int_equal(mkdirat(tree.fd, "proc", 0700), 0);
        snprintf(from, sizeof(from), "/proc/%i", pid);
        snprintf(to, sizeof(to), "proc/%i", pid);
        assert_int_equal(symlinkat(from, tree.fd, to), 0);

        assert_int_equal(cpu_set_add(&cpus, 0), 0);
        assert_int_equal(ksoftirqd_threads_find(&threads, tree.fd, &cpus), 0);
        assert_false(ksoftirqd_threads_have(&threads, 0));
        assert_int_equal(ksoftirqd_threads_missing(&threads, &cpus), 1);
        stop(pid);
}

static void test_vanished(void **state) {
        _cleanup_(ksoftirqd_threads_done) struct ksoftirqd_threads threads = {};
        struct proc_schedstat schedstat = {};
        pid_t pid = start_impostor();
        char path[64];

        snprintf(path, sizeof(path), "/proc/%i/schedstat", pid);
        threads.fds = malloc(sizeof(*threads.fds));
        assert_non_null(threads.fds);
        threads.fds[0] = open(path, O_RDONLY | O_CLOEXEC);
        threads.n_fds = 1;
        if (threads.fds[0] < 0) {
                stop(pid);
                skip(); /* a kernel without CONFIG_SCHED_INFO */
        }

        assert_int_equal(ksoftirqd_threads_read(&threads, 0, &schedstat), 0);
        assert_true(schedstat.run_ns > 0);
        stop(pid);
        assert_int_equal(ksoftirqd_threads_read(&threads, 0, &schedstat), 1);
        assert_false(ksoftirqd_threads_have(&threads, 0));
}

/* Only those that are asked for, and each once. */
static void test_some_cpus(void **state) {
        _cleanup_(ksoftirqd_threads_done) struct ksoftirqd_threads threads = {};
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        _cleanup_(closep) int root_fd = -EBADF;
        struct proc_schedstat schedstat;
        char path[4096];
        int before;

        snprintf(path, sizeof(path), "%s/x86-sparse", getenv("IRQWATCH_FIXTURES"));
        root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(root_fd >= 0);
        assert_int_equal(cpu_list_parse("2,6", &cpus), 0);
        assert_int_equal(ksoftirqd_threads_find(&threads, root_fd, &cpus), 0);
        assert_true(ksoftirqd_threads_have(&threads, 2) && ksoftirqd_threads_have(&threads, 6));
        assert_false(ksoftirqd_threads_have(&threads, 0) || ksoftirqd_threads_have(&threads, 7));
        assert_int_equal(ksoftirqd_threads_read(&threads, 6, &schedstat), 0);

        before = threads.fds[2];
        assert_int_equal(cpu_list_parse("0,2,6,99", &cpus), 0);
        assert_int_equal(ksoftirqd_threads_find(&threads, root_fd, &cpus), 0);
        assert_int_equal(threads.fds[2], before);
        assert_true(ksoftirqd_threads_have(&threads, 0));
        assert_int_equal(ksoftirqd_threads_missing(&threads, &cpus), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_impostor),
                cmocka_unit_test(test_vanished),
                cmocka_unit_test(test_some_cpus),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
