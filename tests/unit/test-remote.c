/* SPDX-License-Identifier: Apache-2.0 */

/* "irqctl --host": what is a host, and what a remote shell makes of a word. */

#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "client/remote.h"

static void check_host(const char *text, const char *destination, const char *port) {
        struct remote_host host = {};
        int r = remote_host_parse(text, &host);

        if (!destination) {
                if (r != -EINVAL)
                        fail_msg("%s was taken for a host: %s", text, host.destination);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(host.destination, destination);
        if (port)
                assert_string_equal(host.port, port);
        else
                assert_null(host.port);
        remote_host_done(&host);
}

static void test_hosts(void **state) {
        check_host("web1", "web1", NULL);
        check_host("root@web1", "root@web1", NULL);
        check_host("web1:2222", "web1", "2222");
        check_host("a.b@c@web1:22", "a.b@c@web1", "22"); /* ssh takes the last @, too */
        check_host("::1", "::1", NULL);
        check_host("fe80::1%eth0", "fe80::1%eth0", NULL);
        check_host("[::1]", "::1", NULL);
        check_host("root@[::1]:2222", "root@::1", "2222");
        check_host("", NULL, NULL);
        check_host("@web1", NULL, NULL);
        check_host("root@", NULL, NULL);
        check_host("-oProxyCommand=x", NULL, NULL);
        check_host("root@-oProxyCommand=x", NULL, NULL);
        check_host("web1:", NULL, NULL);
        check_host("web1:ssh", NULL, NULL);
        check_host("web1:222222", NULL, NULL);
        check_host("[::1", NULL, NULL);
        check_host("[::1]x", NULL, NULL);
        check_host("[]:1", NULL, NULL);
}

/* A real shell is asked. */
static void test_quoting(void **state) {
        static const char *const words[] = { "",  "--cpu=0-3,8",    "a b", "it's",         "$HOME`id`\\",
                                             "*", "; touch /tmp/x", "\n",  "\xff\x01'\"'", "~root" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_(freep) char *quoted = remote_quote(words[i]), *command = NULL;
                char got[64] = "";
                FILE *f;

                assert_non_null(quoted);
                assert_true(asprintf(&command, "printf %%s %s", quoted) > 0);
                f = popen(command, "r");
                assert_non_null(f);
                (void)fread(got, 1, sizeof(got) - 1, f); /* what came is compared */
                assert_int_equal(pclose(f), 0);
                assert_string_equal(got, words[i]);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_quoting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
