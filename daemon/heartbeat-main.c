/* SPDX-License-Identifier: Apache-2.0 */

/* irqwatch-heartbeat: opens the heartbeat's perf events for a daemon that must not. Started by systemd,
 * through irqwatch-heartbeat.socket, on kernels that need it; ends when it is not asked any more, a second
 * after its start. */

#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "daemon/collect/heartbeat-event.h"

enum { IDLE_MS = 1000 };

int main(int argc, char **argv) {
        int r;

        if (sd_listen_fds(1) != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0) {
                (void)fprintf(stderr,
                              "irqwatch-heartbeat: is started by systemd, which passes it its socket: "
                              "systemctl start irqwatch-heartbeat.socket\n");
                return 2;
        }

        r = heartbeat_opener_serve(SD_LISTEN_FDS_START, IDLE_MS);
        if (r < 0)
                (void)fprintf(stderr, "irqwatch-heartbeat: cannot serve its socket: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
