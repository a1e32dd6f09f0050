/* SPDX-License-Identifier: Apache-2.0 */

#include "client/helper.h"
#include "client/i18n.h"

#include <string.h>
#include <sys/socket.h>

#include "build-config.h"
#include "client/message.h"

enum { NO_SUCH_COMMAND = 127 }; /* as a shell says it */

int helper_find(const char *program, char ret_path[PATH_MAX]) {
        ssize_t n = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
        char *slash;

        ret_path[n > 0 ? n : 0] = '\0';
        slash = strrchr(ret_path, '/');
        if (slash && (size_t)(slash + 1 - ret_path) + strlen(program) < PATH_MAX) {
                strcpy(slash + 1, program);
                if (access(ret_path, X_OK) == 0)
                        return 0;
        }

        (void)snprintf(ret_path, PATH_MAX, LIBEXECDIR "/%s", program); /* fits */
        return access(ret_path, X_OK) == 0 ? 0 : -ENOENT;
}

int helper_exec(const char *program, const char *package, char **arguments) {
        char path[PATH_MAX];

        if (helper_find(program, path) < 0)
                return fail_with(_("this part of irqctl is not installed: there is no %s. It comes with the "
                                   "package %s"),
                                 path, package);

        (void)execv(path, arguments); /* returns on failure only */
        return fail_with(_("cannot run %s: %s"), path, strerror(errno));
}

/* In the child: one socket is both ends. */
static void exec_on(int fd, const char *path, char *const argv[]) {
        if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
                (void)execvp(path, argv); /* returns on failure only */
        _exit(NO_SUCH_COMMAND);
}

int helper_spawn(const char *path, char *const argv[], int *ret_fd, pid_t *ret_pid) {
        _cleanup_(closep) int ours = -EBADF, theirs = -EBADF;
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                exec_on(theirs, path, argv);

        *ret_fd = TAKE_FD(ours);
        *ret_pid = pid;
        return 0;
}
