/* SPDX-License-Identifier: Apache-2.0 */

#include "client/input.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "client/field.h"
#include "client/helper.h"
#include "client/i18n.h"
#include "client/message.h"
#include "common/json-strict.h"

bool input_is_record(const char *path) {
        static const char magic[] = "SQLite format 3";
        _cleanup_(closep) int fd = -EBADF;
        char start[sizeof(magic)];
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, start, sizeof(start)) == (ssize_t)sizeof(start) &&
               memcmp(start, magic, sizeof(magic)) == 0;
}

/* It ended before it said anything: what it is to say of the path is on stderr already. */
static int explain_end(const struct options *options, pid_t pid) {
        int status = 0;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        break;
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED)
                return EXIT_FAILED;
        return fail_with(_("cannot read %s: irqctl-offline ended unexpectedly (%s %i)"), options->input,
                         WIFSIGNALED(status) ? "signal" : "status",
                         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int ask_record(const struct options *options, struct varlink_client *client, pid_t pid,
                      struct json_object **ret_record) {
        _cleanup_(freep) char *error = NULL;
        int r;

        r = varlink_client_call(client, "io.irqwatch.input.GetRecord", NULL, &error, ret_record);
        if (r == -ECONNRESET || r == -EPIPE)
                return explain_end(options, pid);
        if (r < 0 || error)
                return fail_with(_("cannot read %s: %s"), options->input, error ?: strerror(-r));
        return 0;
}

static int spawn(const struct options *options, struct varlink_client **ret_client, pid_t *ret_pid,
                 struct json_object **ret_record) {
        char *const argv[] = { (char *)"irqctl", (char *)INPUT_SERVE_OPTION, (char *)options->input, NULL };
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        char path[PATH_MAX];
        int fd = -EBADF, r;

        if (helper_find(HELPER_OFFLINE, path) < 0)
                return fail_with(
                        _("--input: the program that reads files is not installed: there is no %s. It "
                          "comes with the "
                          "package irqctl"),
                        path);
        r = helper_spawn(path, argv, &fd, ret_pid);
        if (r >= 0)
                r = varlink_client_take_fd(fd, 0, &client);
        if (r < 0)
                return fail_with(_("cannot run %s: %s"), path, strerror(-r));

        r = ask_record(options, client, *ret_pid, ret_record);
        if (r == 0)
                *ret_client = TAKE_PTR(client);
        return r;
}

int input_connect(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client) {
        _cleanup_(json_putp) struct json_object *record = NULL;
        pid_t pid = 0;
        int r;

        r = spawn(options, ret_client, &pid, &record);
        if (r == 0)
                varlink_client_set_timeout(*ret_client, timeout_ns);
        return r;
}

int input_prepare(struct options *options) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(json_putp) struct json_object *record = NULL;
        struct json_object *notes;
        pid_t pid = 0;
        int r;

        if (options->host || options->socket_given)
                return fail_usage(_("--input reads a file: --%s has no meaning with it"),
                                  options->host ? "host" : "socket");
        r = spawn(options, &client, &pid, &record);
        if (r != 0)
                return r;

        options->base.now_us = field_u64(record, "untilUsec");
        options->record_since_us = field_u64(record, "sinceUsec");
        notes = field_array(record, "notes");
        for (size_t i = 0; i < array_length(notes); i++)
                fprintf(stderr, "%s: %s\n", options->input, json_object_get_string(array_at(notes, i)) ?: "");
        return options_resolve(options);
}
