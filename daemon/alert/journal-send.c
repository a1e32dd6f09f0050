/* SPDX-License-Identifier: Apache-2.0 */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* where in the daemon it is sent says nothing about the event */
#include <systemd/sd-journal.h>

#include "common/log.h"
#include "daemon/alert/journal-entry.h"

/* Longer than journald ever takes for an entry unless it hangs, short against the second in which the daemon
 * must have ended. */
enum { JOURNAL_WAIT_MS = 250 };

/* sd_journal_sendv() reports success when there is no journal, and waits for ever for one that hangs: both
 * are found out on a socket of our own. 0: go ahead; -EAGAIN; other negatives: nobody listens. */
static int wait_for_journal(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = -EBADF;
        struct pollfd pollfd;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        pollfd = (struct pollfd){ .fd = fd, .events = POLLOUT };
        r = poll(&pollfd, 1, JOURNAL_WAIT_MS); /* all signals are blocked in a worker */
        if (r < 0)
                return -errno;

        return r > 0 ? 0 : -EAGAIN;
}

int journal_entry_send(const struct journal_entry *entry, const char *socket_path) {
        int r;

        r = wait_for_journal(socket_path);
        if (r == 0)
                r = sd_journal_sendv(entry->fields, (int)entry->n_fields);
        if (r == 0)
                return JOURNAL_SENT;
        if (r == -EAGAIN || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
                return r;

        log_full(entry->priority, "%s", journal_entry_message(entry));
        return JOURNAL_PRINTED;
}
