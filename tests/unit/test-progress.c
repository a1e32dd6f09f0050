/* SPDX-License-Identifier: Apache-2.0 */

/* The line that tells how far something has come: at a terminal, and nowhere else. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/progress.h"
#include "common/cleanup.h"

#define LONG_ENOUGH_NS (2 * NSEC_PER_SEC) /* three times the moment after which it shows */
#define PATIENCE_MS 30000

static uint64_t now_ns(void) {
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* What there is; with an end, until it has come: a terminal takes its time. */
static void collect(int fd, char *ret, size_t size, const char *end) {
        size_t n = 0, n_end = end ? strlen(end) : 0;
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };

        while (n + 1 < size && poll(&pollfd, 1, end ? PATIENCE_MS : 0) > 0) {
                ssize_t got = read(fd, ret + n, size - 1 - n);

                assert_true(got > 0);
                n += (size_t)got;
                if (end && n >= n_end && memcmp(ret + n - n_end, end, n_end) == 0)
                        break;
        }
        ret[n] = '\0';
}

/* Works with stderr on fd until a line was shown, or for long enough. *ret: what came out of the other end.
 */
static bool work(int fd, int other, char *ret, size_t size) {
        int saved = dup(STDERR_FILENO);
        struct progress progress;
        uint64_t start = now_ns();
        bool shown = false;

        assert_true(saved >= 0);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        progress_begin(&progress, "answers");
        progress_show(&progress, 1, 9); /* at once: not yet */
        assert_false(progress.shown);
        while (!shown && now_ns() < start + LONG_ENOUGH_NS) {
                progress_show(&progress, 5, 9);
                shown = progress.shown;
        }
        progress_end(&progress);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);

        collect(other, ret, size, shown ? "\r\033[K" : NULL);
        return shown;
}

static void test_terminal(void **state) {
        int other, fd;
        char text[256];

        assert_int_equal(openpty(&other, &fd, NULL, NULL, NULL), 0);
        assert_true(work(fd, other, text, sizeof(text)));
        assert_string_equal(text, "\r5 of 9 answers\033[K\r\033[K"); /* and gone */
        close(fd);
        close(other);
}

static void test_pipe(void **state) {
        char text[256];
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_false(work(fds[1], fds[0], text, sizeof(text)));
        assert_string_equal(text, "");
        close(fds[0]);
        close(fds[1]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_terminal),
                cmocka_unit_test(test_pipe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
