/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl selftest, as irqctl has it: hands over to the program irqctl-selftest, which is irqctl with
 * selftest.c in this file's place. That one needs libbpf and is installed with the daemon; irqctl alone
 * serves where there is no daemon.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "client/i18n.h"
#include "client/message.h"
#include "client/verbs.h"

#define PROGRAM "irqctl-selftest"

/* In a build tree both are in one directory. Returns only on failure. */
static int exec_beside(char **arguments) {
        char path[PATH_MAX + sizeof(PROGRAM)];
        ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
        char *slash = n > 0 && n < PATH_MAX ? memrchr(path, '/', (size_t)n) : NULL;

        if (!slash)
                return -ENOENT;

        strcpy(slash + 1, PROGRAM);
        (void)execv(path, arguments); /* returns on failure only */
        return -errno;
}

int verb_selftest(int argc, char **argv, const struct options *options) {
        if (exec_beside(options->arguments) == -ENOENT)
                (void)execv(LIBEXECDIR "/" PROGRAM, options->arguments);

        if (errno == ENOENT)
                return fail_with(_("selftest is not installed: there is no %s. It comes with the package irqwatchd"),
                                 LIBEXECDIR "/" PROGRAM);
        return fail_with(_("cannot run %s: %s"), LIBEXECDIR "/" PROGRAM, strerror(errno));
}
