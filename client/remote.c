/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/remote.h"

#include <string.h>
#include <sys/wait.h>

#include "client/helper.h"
#include "client/message.h"
#include "client/style.h"

enum {
        WORDS_MAX = 64,
        SSH_FAILED = 255,      /* ssh(1): it could not connect, or log in */
        NO_SUCH_COMMAND = 127, /* the remote shell */
};

void remote_host_done(struct remote_host *host) {
        free(host->destination);
        free(host->port);
        *host = (struct remote_host){};
}

static bool is_port(const char *text) {
        return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5;
}

/* Splits "user@" off, brackets and ":port" off the rest. A name with several colons and no brackets is an
 * IPv6 address. */
int remote_host_parse(const char *text, struct remote_host *ret_host) {
        _cleanup_(remote_host_done) struct remote_host host = {};
        const char *at = strrchr(text, '@'), *name = at ? at + 1 : text, *end, *rest;

        if (*name == '[') {
                name++;
                end = strchr(name, ']');
                if (!end)
                        return -EINVAL;
                rest = end + 1;
        } else {
                end = strchr(name, ':');
                if (!end || strchr(end + 1, ':'))
                        end = name + strlen(name);
                rest = end;
        }

        /* ssh would take a leading dash for an option, whatever "--" says to its older versions. */
        if (end == name || *text == '-' || at == text || *name == '-' ||
            (*rest && (*rest != ':' || !is_port(rest + 1))))
                return -EINVAL;

        if (asprintf(&host.destination, "%.*s%.*s", (int)(at ? at + 1 - text : 0), text, (int)(end - name),
                     name) < 0) {
                host.destination = NULL;
                return -ENOMEM;
        }
        if (*rest) {
                host.port = strdup(rest + 1);
                if (!host.port)
                        return -ENOMEM;
        }

        *ret_host = host;
        host = (struct remote_host){};
        return 0;
}

char *remote_quote(const char *text) {
        static const char plain[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,@%+=-";
        char *quoted = malloc(strlen(text) * 4 + 3), *out = quoted;

        if (!quoted)
                return NULL;
        if (*text && strspn(text, plain) == strlen(text))
                return strcpy(quoted, text);

        *out++ = '\'';
        for (; *text; text++) {
                if (*text == '\'')
                        out = stpcpy(out, "'\\''");
                else
                        *out++ = *text;
        }
        strcpy(out, "'");
        return quoted;
}

/* Words of a command line that is being built; those added last are owned by it. */
struct words {
        char *items[WORDS_MAX + 1];
        size_t n;
        int error;
};

static void words_done(struct words *words) {
        for (size_t i = 0; i < words->n; i++)
                free(words->items[i]);
}

static void words_take(struct words *words, char *text) {
        if (!text || words->n == WORDS_MAX) {
                free(text);
                words->error = text ? -E2BIG : -ENOMEM;
                return;
        }
        words->items[words->n++] = text;
}

static void words_add(struct words *words, const char *text) {
        words_take(words, strdup(text));
}

/* ssh's own words. No X11; no terminal there, its line discipline would spoil what passes. */
static void words_add_ssh(struct words *words, const struct remote_host *host) {
        words_add(words, "ssh");
        words_add(words, "-xT");
        if (host->port) {
                words_add(words, "-p");
                words_add(words, host->port);
        }
        words_add(words, "--");
        words_add(words, host->destination);
}

static void words_add_option(struct words *words, const char *name, const char *value) {
        char *text = NULL;

        if (asprintf(&text, "%s%s", name, value) < 0)
                text = NULL;
        if (text) {
                words_take(words, remote_quote(text));
                free(text);
        } else
                words->error = -ENOMEM;
}

/* 0; EXIT_FAILED or EXIT_USAGE after a message. */
static int parse_host(const struct options *options, struct remote_host *ret_host) {
        int r = remote_host_parse(options->host, ret_host);

        if (r == -EINVAL)
                return fail_usage(_("--host: \"%s\" is not of the form [USER@]HOST[:PORT]"), options->host);
        return r < 0 ? fail_memory() : 0;
}

/* What the bridge ended with; ssh and the other irqctl said theirs on stderr. */
static int explain_failure(const struct options *options, pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail_with(_("ssh to %s was lost"), options->host);

        if (WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED)
                return fail_with(_("no connection to %s: ssh failed. Does \"ssh %s\" work?"), options->host,
                                 options->host);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SUCH_COMMAND)
                return fail_with(
                        _("cannot run ssh, or there is no irqctl on %s in the search path of ssh's commands: "
                        "install irqwatchd there"),
                        options->host);
        return fail_with(_("no connection to irqwatchd on %s"), options->host);
}

/* The first answer shows that everything in between works. */
static int greet(const struct options *options, struct varlink_client *client, pid_t pid) {
        _cleanup_(freep) char *error = NULL;
        struct json_object *reply = NULL;
        int r;

        r = varlink_client_call(client, "org.varlink.service.GetInfo", NULL, &error, &reply);
        if (r == -ECONNRESET)
                return explain_failure(options, pid);
        if (r < 0 || error)
                return fail_with(
                        _("what answers on %s is not irqwatchd: does its shell print something at login?"),
                        options->host);

        (void)json_object_put(reply); /* whether it was the last reference is nobody's business */
        return 0;
}

int remote_open(const struct options *options, uint64_t timeout_ns, struct varlink_client **ret_client) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(remote_host_done) struct remote_host host = {};
        _cleanup_(words_done) struct words words = {};
        pid_t pid = 0;
        int fd = -EBADF, r;

        r = parse_host(options, &host);
        if (r != 0)
                return r;

        words_add_ssh(&words, &host);
        words_add(&words, "irqctl");
        words_add(&words, "--bridge");
        if (options->socket_given)
                words_add_option(&words, "--socket=", options->socket);
        if (words.error < 0)
                return fail_memory();

        r = helper_spawn(words.items[0], words.items, &fd, &pid);
        if (r >= 0)
                r = varlink_client_take_fd(fd, 0, &client);
        if (r < 0)
                return fail_with(_("cannot run ssh: %s"), strerror(-r));
        r = greet(options, client, pid);
        if (r != 0)
                return r;

        varlink_client_set_timeout(client, timeout_ns);
        *ret_client = TAKE_PTR(client);
        return 0;
}

/* The common options as the other irqctl wants them. */
static int words_add_common(struct words *words, const struct options *options) {
        _cleanup_(freep) char *cpus = NULL;
        bool colour =
                options->color == COLOR_ALWAYS || (options->color == COLOR_AUTO && isatty(STDOUT_FILENO) > 0);

        if (options->has_cpus) {
                if (cpu_list_format(&options->cpus, &cpus) < 0)
                        return -ENOMEM;
                words_add_option(words, "--cpu=", cpus);
        }
        if (options->json != JSON_OFF)
                words_add(words, options->json == JSON_PRETTY ? "--json=pretty" : "--json=short");
        words_add(words, colour ? "--color=always" : "--color=never");
        words_add(words, "--no-pager");
        if (options->socket_given)
                words_add_option(words, "--socket=", options->socket);
        return 0;
}

int remote_exec(const struct options *options, char **argv) {
        _cleanup_(remote_host_done) struct remote_host host = {};
        _cleanup_(words_done) struct words words = {};
        int r;

        r = parse_host(options, &host);
        if (r != 0)
                return r;

        words_add_ssh(&words, &host);
        words_add(&words, "irqctl");
        if (words_add_common(&words, options) < 0)
                return fail_memory();
        for (; *argv; argv++)
                words_add_option(&words, "", *argv);
        if (words.error < 0)
                return words.error == -E2BIG ? fail_usage(_("too many arguments")) : fail_memory();

        (void)execvp(words.items[0], words.items);
        return fail_with(_("cannot run ssh: %s"), strerror(errno));
}
