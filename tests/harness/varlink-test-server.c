/* SPDX-License-Identifier: Apache-2.0 */

/*
 * varlink-test-server PATH: serves org.example.test and org.varlink.certification on a socket until SIGTERM
 * or SIGINT; says "ready" on standard output once it listens. For foreign clients to try themselves against.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/certification-service.h"
#include "tests/harness/test-service.h"

static int test_server_run(sd_event *event, const char *path) {
        _cleanup_(varlink_server_freep) struct varlink_server *server = NULL;
        struct certification certification;
        struct test_service service;
        const struct varlink_interface *const interfaces[] = { &service.interface, &certification.interface,
                                                               NULL };
        int r;

        test_service_init(&service);
        certification_init(&certification);
        r = varlink_server_new(event, &test_service_info, interfaces, &test_service_limits, &server);
        if (r >= 0)
                r = varlink_server_listen(server, path, (gid_t)-1);
        if (r < 0)
                return r;

        (void)puts("ready");
        (void)fflush(stdout);
        r = sd_event_loop(event);
        server = varlink_server_free(server);
        test_service_done(&service);
        return r;
}

static int test_server_main(const char *path) {
        sd_event *event = NULL;
        sigset_t signals;
        int r;

        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL); /* no handler: ends the loop */
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = test_server_run(event, path);
        (void)sd_event_unref(event);
        return r;
}

int main(int argc, char **argv) {
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: varlink-test-server PATH\n");
                return 2;
        }

        r = test_server_main(argv[1]);
        if (r < 0)
                fprintf(stderr, "varlink-test-server: %s: %s\n", argv[1], strerror(-r));
        return r < 0;
}
