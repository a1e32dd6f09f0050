/* SPDX-License-Identifier: Apache-2.0 */

/* What is written whole or not at all, and what must never be replaced by a file. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/new-file.h"
#include "common/cleanup.h"

struct place {
        char dir[32];
        char path[64], link[64];
};

static int setup(void **state) {
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        strcpy(place->dir, "/tmp/new-file-XXXXXX");
        assert_non_null(mkdtemp(place->dir));
        (void)snprintf(place->path, sizeof(place->path), "%s/page", place->dir); /* fits */
        (void)snprintf(place->link, sizeof(place->link), "%s/link", place->dir); /* likewise */
        *state = place;
        return 0;
}

/* Fails where something was left behind. */
static int teardown(void **state) {
        struct place *place = *state;
        int r;

        (void)unlink(place->path); /* where there is one */
        (void)unlink(place->link); /* likewise */
        r = rmdir(place->dir);
        free(place);
        return r;
}

static int write_file(const char *path, const char *text, bool commit) {
        _cleanup_(new_file_done) struct new_file file = {};
        int r = new_file_open(&file, path);

        if (r < 0)
                return r;
        (void)fputs(text, file.stream); /* what fails shows at the end */
        return commit ? new_file_commit(&file) : 0;
}

static void check_text(const char *path, const char *text) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char buf[64];
        ssize_t n;

        assert_true(fd >= 0);
        n = read(fd, buf, sizeof(buf) - 1);
        assert_true(n >= 0);
        buf[n] = '\0';
        assert_string_equal(buf, text);
}

static void test_replaced(void **state) {
        struct place *place = *state;
        mode_t mask = umask(0027);
        struct stat before, after;

        assert_int_equal(write_file(place->path, "old", true), 0);
        assert_int_equal(stat(place->path, &before), 0);
        assert_int_equal(before.st_mode & 07777, 0640);
        assert_int_equal(write_file(place->path, "half", false), 0);
        check_text(place->path, "old");
        assert_int_equal(write_file(place->path, "new", true), 0);
        check_text(place->path, "new");
        assert_int_equal(stat(place->path, &after), 0);
        assert_true(before.st_ino != after.st_ino || before.st_ctim.tv_nsec != after.st_ctim.tv_nsec);
        (void)umask(mask);
}

/* As /dev/stdout is one. */
static void test_link(void **state) {
        struct place *place = *state;
        struct stat st;

        assert_int_equal(write_file(place->path, "old", true), 0);
        assert_int_equal(symlink("page", place->link), 0);
        assert_int_equal(write_file(place->link, "new", true), 0);
        check_text(place->path, "new");
        assert_int_equal(lstat(place->link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
}

/* As a device would be: it stays what it is, and gets the text. */
static void test_pipe(void **state) {
        struct place *place = *state;
        _cleanup_(closep) int fd = -EBADF;
        char buf[8] = "";
        struct stat st;

        assert_int_equal(mkfifo(place->path, 0600), 0);
        fd = open(place->path, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* so that neither end waits */
        assert_true(fd >= 0);
        assert_int_equal(write_file(place->path, "text", true), 0);
        assert_int_equal(read(fd, buf, sizeof(buf) - 1), 4);
        assert_string_equal(buf, "text");
        assert_int_equal(lstat(place->path, &st), 0);
        assert_true(S_ISFIFO(st.st_mode));
}

static void test_failures(void **state) {
        struct place *place = *state;
        char inner[128];
        struct stat st;

        (void)snprintf(inner, sizeof(inner), "%s/no/page", place->dir); /* fits */
        assert_int_equal(write_file(inner, "text", true), -ENOENT);
        assert_int_equal(write_file(place->dir, "text", true), -EISDIR);

        /* By a link, so that the machine keeps its device even where this fails. */
        assert_int_equal(symlink("/dev/full", place->link), 0);
        assert_int_equal(write_file(place->link, "text", true), -ENOSPC);
        assert_int_equal(lstat(place->link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(stat(place->link, &st), 0);
        assert_true(S_ISCHR(st.st_mode));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_link, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
