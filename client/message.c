/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "client/field.h"

static __attribute__((format(printf, 1, 0))) void message(const char *format, va_list ap) {
        _cleanup_(freep) char *text = NULL;

        fflush(stdout);
        if (vasprintf(&text, format, ap) < 0) {
                text = NULL;
                fputs(_("irqctl: out of memory\n"), stderr);
                return;
        }

        fprintf(stderr, "irqctl: %s\n", text);
}

int fail_with(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        message(format, ap);
        va_end(ap);
        return EXIT_FAILED;
}

int fail_memory(void) {
        return fail_with(_("out of memory"));
}

int fail_usage(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        message(format, ap);
        va_end(ap);
        return EXIT_USAGE;
}

static _printf_(1, 2) char *text_of(const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        return r < 0 ? NULL : text;
}

char *connect_error_text(const char *path, int r) {
        switch (r) {
        case -ENOENT:
                return text_of(_("irqwatchd is not running: there is no socket %s. Start it with: "
                               "systemctl start irqwatchd"),
                               path);
        case -ECONNREFUSED:
                return text_of(_("irqwatchd is not running: nobody listens on %s. Start it with: "
                               "systemctl start irqwatchd"),
                               path);
        case -EACCES:
        case -EPERM:
                return text_of(
                        _("no permission to connect to %s: join the group irqwatch (usermod -aG irqwatch "
                        "USER, then log in again) or use sudo"),
                        path);
        case -ENOTSOCK:
        case -EPROTOTYPE:
                return text_of(_("cannot connect to %s: it is not the socket of irqwatchd. Check --socket"),
                               path);
        case -ENAMETOOLONG:
        case -EINVAL:
                return text_of(_("cannot connect to %s: not a usable socket path. Check --socket"), path);
        default:
                return text_of(_("cannot connect to irqwatchd on %s: %s"), path, strerror(-r));
        }
}

static const char *last_word(const char *error) {
        const char *dot = strrchr(error, '.');

        return dot ? dot + 1 : error;
}

char *reply_error_text(const char *error, struct json_object *parameters) {
        const char *word = last_word(error), *reason = field_string(parameters, "reason");
        const char *name = field_string(parameters, "name");

        if (strcmp(word, "NoSuchEvent") == 0)
                return text_of(_("there is no event %" PRId64
                               ": it never was, or it is too old to be remembered. "
                               "List events with: irqctl events"),
                               field_integer(parameters, "id", 0));
        if (strcmp(word, "NoData") == 0)
                return text_of(_("no data on %s: %s. What is collected: irqctl status"),
                               field_string(parameters, "source") ?: _("this"), reason ?: _("not collected"));
        if (strcmp(word, "InvalidSetting") == 0)
                return text_of(_("cannot set %s: %s"), name ?: _("this"), reason ?: _("refused by irqwatchd"));
        if (strcmp(word, "PermissionDenied") == 0)
                return text_of(_("permission denied: only root may do this. Try again with sudo"));
        if (strcmp(word, "TooManyStreams") == 0)
                return text_of(_("irqwatchd serves as many streams of events as it may already: end an "
                               "\"irqctl events\" "
                               "somewhere, or try again later"));
        if (strcmp(word, "InvalidParameter") == 0)
                return text_of(
                        _("irqwatchd does not accept the value given for \"%s\". If client and daemon are of "
                        "one version, see --help for what is possible"),
                        field_string(parameters, "parameter") ?: _("a parameter"));
        if (strcmp(word, "NotRecorded") == 0)
                return text_of(_("that is not in the file given with --input: only a running irqwatchd has it"));
        if (strcmp(word, "MethodNotFound") == 0 || strcmp(word, "InterfaceNotFound") == 0 ||
            strcmp(word, "MethodNotImplemented") == 0)
                return text_of(
                        _("the running irqwatchd cannot do this (%s): it is of another version than irqctl. "
                        "Restart it with: systemctl restart irqwatchd"),
                        word);

        return text_of(_("irqwatchd refused: %s%s%s"), error, reason ? ": " : "", reason ?: "");
}
