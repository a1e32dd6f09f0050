/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How "irqctl top" asks: what it wants of an irqwatchd of this version and of an older one, which is played
 * by a process of our own.
 */

#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/top-fetch.h"
#include "tests/harness/temp-tree.h"

#define NOW_US (UINT64_C(1795356790) * USEC_PER_SEC)
#define NOT_KNOWN(parameter) \
        "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" parameter \
        "\"}}"
#define EVENTS "{\"parameters\":{\"events\":[{\"id\":7,\"kind\":\"irq-delay\",\"culprit\":\"f\"}]}}"

/* Which parameter the daemon does not know. */
enum age { AGE_NEW, AGE_WITHOUT_STACKS, AGE_WITHOUT_LIMIT };

static const char *answer(const char *request, enum age age) {
        if (!strstr(request, ".ListEvents\""))
                return "{\"parameters\":{}}";
        if (age == AGE_WITHOUT_LIMIT)
                return NOT_KNOWN("limit");
        if (age == AGE_WITHOUT_STACKS && strstr(request, "\"stacks\""))
                return NOT_KNOWN("stacks");
        return EVENTS;
}

/* One connection, until it ends. */
static void serve(int listener, enum age age) {
        char request[4096];
        size_t n = 0;
        int fd;

        fd = accept(listener, NULL, NULL);
        while (fd >= 0 && n < sizeof(request) && read(fd, request + n, 1) == 1) {
                const char *text;

                if (request[n++] != '\0')
                        continue;
                text = answer(request, age);
                if (write(fd, text, strlen(text) + 1) < 0)
                        break;
                n = 0;
        }
}

static pid_t serve_in_child(const char *path, enum age age) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                       path); /* fits: it is in a temporary directory */
        assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 1), 0);

        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                serve(listener, age);
                _exit(0);
        }
        assert_true(pid > 0);
        (void)close(listener);
        return pid;
}

static void fetch_from(enum age age, struct top_model *model, bool *ret_with_stacks) {
        struct temp_tree tree;
        char path[sizeof(tree.path) + sizeof("/socket")];
        const struct options options = { .socket = path };
        _cleanup_(top_fetch_done) struct top_fetch fetch = { .options = &options,
                                                             .model = model,
                                                             .n_windows = 16 };
        pid_t pid;
        int r;

        temp_tree_init(&tree);
        (void)snprintf(path, sizeof(path), "%s/socket", tree.path);
        pid = serve_in_child(path, age);

        r = top_fetch_start(&fetch, NOW_US, 0, 2 * NSEC_PER_SEC);
        while (r == 0 && fetch.busy)
                r = top_fetch_continue(&fetch);
        assert_int_equal(r, 1);
        assert_null(fetch.trouble);
        *ret_with_stacks = fetch.with_stacks;

        top_fetch_done(&fetch);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        temp_tree_done(&tree);
}

static void test_without_stacks(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};
        bool with_stacks;

        fetch_from(AGE_NEW, &model, &with_stacks);
        assert_false(with_stacks);
        assert_int_equal(model.n_windows, 1);
        assert_string_equal(model.windows[0].culprit, "f");
}

/* It is asked once more, with them. */
static void test_older(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};
        bool with_stacks;

        fetch_from(AGE_WITHOUT_STACKS, &model, &with_stacks);
        assert_true(with_stacks);
        assert_int_equal(model.n_windows, 1);
        assert_null(model.absent[TOP_WINDOWS]);
}

/* Whatever else is refused is not asked for again: there is no list. */
static void test_refused(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};
        bool with_stacks;

        fetch_from(AGE_WITHOUT_LIMIT, &model, &with_stacks);
        assert_false(with_stacks);
        assert_int_equal(model.n_windows, 0);
        assert_non_null(model.absent[TOP_WINDOWS]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_stacks),
                cmocka_unit_test(test_older),
                cmocka_unit_test(test_refused),
        };

        (void)signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
