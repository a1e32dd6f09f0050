/* SPDX-License-Identifier: Apache-2.0 */

/* Units are started over a bus; here the service manager is the other end of a socket pair. */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/manager-unit.h"

struct fixture {
        sd_event *event;
        struct unit_starter *starter;
        sd_bus *server;
        int client_fd;
        int open_result;
        char called[256]; /* units that were asked for */
};

static struct fixture *current; /* unit_bus_fn has no userdata */

static int start_unit(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        struct fixture *f = userdata;
        const char *unit = NULL, *mode = NULL;

        assert_true(sd_bus_message_read(message, "ss", &unit, &mode) > 0);
        assert_string_equal(mode, "replace");
        assert_string_equal(sd_bus_message_get_destination(message), "org.freedesktop.systemd1");
        strcat(f->called, unit);
        strcat(f->called, " ");
        if (strstr(unit, "missing"))
                return sd_bus_error_set(ret_error, "org.freedesktop.systemd1.NoSuchUnit", "Unit not found.");
        return sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/1");
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("StartUnit", "ss", "o", start_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int open_pair(sd_bus **ret_bus) {
        struct fixture *f = current;
        sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
        int fds[2];

        if (f->open_result < 0)
                return f->open_result;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        sd_bus_close_unref(f->server);
        assert_int_equal(sd_bus_new(&f->server), 0);
        assert_true(sd_bus_set_fd(f->server, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_set_server(f->server, true, id) >= 0);
        assert_true(sd_bus_set_anonymous(f->server, true) >= 0);
        assert_true(sd_bus_add_object_vtable(f->server, NULL, "/org/freedesktop/systemd1",
                                             "org.freedesktop.systemd1.Manager", manager_vtable, f) >= 0);
        assert_true(sd_bus_start(f->server) >= 0);
        assert_true(sd_bus_attach_event(f->server, f->event, 0) >= 0);

        assert_int_equal(sd_bus_new(ret_bus), 0);
        assert_true(sd_bus_set_fd(*ret_bus, fds[1], fds[1]) >= 0);
        return sd_bus_start(*ret_bus);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        current = f;
        if (!f || sd_event_new(&f->event) < 0 || unit_starter_new(f->event, open_pair, &f->starter) < 0)
                return -1;

        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        unit_starter_free(f->starter);
        sd_bus_close_unref(f->server);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

/* Until so many calls have ended; the deadline only ends a test that hangs. */
static void await(struct fixture *f, unsigned n_started, unsigned n_failed) {
        unsigned started = 0, failed = 0;

        for (int i = 0; i < 6000; i++) {
                unit_starter_get_stats(f->starter, &started, &failed);
                if (started == n_started && failed == n_failed)
                        return;
                assert_true(sd_event_run(f->event, 10000) >= 0);
        }
        fail_msg("%u started, %u failed", started, failed);
}

static void test_start(void **state) {
        struct fixture *f = *state;

        unit_starter_start(f->starter, "a.service");
        assert_string_equal(f->called, ""); /* nobody waited for it */
        unit_starter_start(f->starter, "b@1.service");
        await(f, 2, 0);
        assert_string_equal(f->called, "a.service b@1.service ");
}

static void test_refused(void **state) {
        struct fixture *f = *state;

        unit_starter_start(f->starter, "missing.service");
        unit_starter_start(f->starter, "missing.service");
        await(f, 0, 2);
        unit_starter_start(f->starter, "a.service");
        await(f, 1, 2);
}

static void test_no_bus(void **state) {
        struct fixture *f = *state;

        f->open_result = -ENOENT;
        unit_starter_start(f->starter, "a.service");
        await(f, 0, 1);
        f->open_result = 0; /* tried again each time */
        unit_starter_start(f->starter, "a.service");
        await(f, 1, 1);
}

/* The bus goes away, and comes back. */
static void test_reconnect(void **state) {
        struct fixture *f = *state;

        unit_starter_start(f->starter, "a.service");
        await(f, 1, 0);
        f->server = sd_bus_close_unref(f->server);
        for (int i = 0; i < 20; i++)
                assert_true(sd_event_run(f->event, 0) >= 0);
        unit_starter_start(f->starter, "b.service");
        await(f, 2, 0);
}

/* A service manager that does not answer costs a bounded number of calls. */
static void test_bounded(void **state) {
        struct fixture *f = *state;
        unsigned started, failed;

        for (int i = 0; i < 20; i++)
                unit_starter_start(f->starter, "a.service");
        unit_starter_get_stats(f->starter, &started, &failed);
        assert_int_equal(started, 0);
        assert_int_equal(failed, 4);
        await(f, 16, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_start, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_bus, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
