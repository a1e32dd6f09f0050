/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/container.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"

enum {
        ID_LENGTH = 64,     /* SHA-256 in hex: Docker, containerd, CRI-O, podman */
        ECS_ID_LENGTH = 32, /* then '-' and digits: ECS on Fargate */
};

/* A piece of a path: one component, or a part of one. */
struct span {
        const char *text;
        size_t length;
};

static bool span_is(struct span span, const char *text) {
        return span.length == strlen(text) && memcmp(span.text, text, span.length) == 0;
}

static bool span_strip_prefix(struct span *span, const char *prefix) {
        size_t length = strlen(prefix);

        if (span->length <= length || memcmp(span->text, prefix, length) != 0)
                return false;
        span->text += length;
        span->length -= length;
        return true;
}

static bool span_strip_suffix(struct span *span, const char *suffix) {
        size_t length = strlen(suffix);

        if (span->length <= length || memcmp(span->text + span->length - length, suffix, length) != 0)
                return false;
        span->length -= length;
        return true;
}

static size_t span_hex_length(struct span span) {
        size_t n = 0;

        while (n < span.length &&
               (isdigit((unsigned char)span.text[n]) || (span.text[n] >= 'a' && span.text[n] <= 'f')))
                n++;
        return n;
}

static bool span_is_id(struct span span) {
        return span.length == ID_LENGTH && span_hex_length(span) == ID_LENGTH;
}

/* "docker-ID.scope" of the systemd cgroup driver, "libpod-ID" of the other one, "ID" below Docker's or a
 * pod's directory, and "slice:runtime:ID" where kubelet and containerd disagree about the driver. */
static bool match_runtime(struct span *span) {
        static const char *const prefixes[] = { "docker-", "cri-containerd-", "containerd-", "nerdctl-",
                                                "crio-",   "libpod-payload-", "libpod-",     "podman-" };
        struct span rest = *span;
        const char *colon;

        (void)span_strip_suffix(&rest, ".scope"); /* only with systemd */
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (span_strip_prefix(&rest, prefixes[i]))
                        break;
        colon = memrchr(rest.text, ':', rest.length);
        if (colon) {
                rest.length -= (size_t)(colon + 1 - rest.text);
                rest.text = colon + 1;
        }

        if (!span_is_id(rest))
                return false;
        *span = rest;
        return true;
}

/* "/ecs/TASK/TASK-NUMBER" */
static bool match_ecs(struct span span, const char *path) {
        if (strncmp(path, "/ecs/", 5) != 0 || span.length <= ECS_ID_LENGTH + 1)
                return false;
        if (span_hex_length(span) != ECS_ID_LENGTH || span.text[ECS_ID_LENGTH] != '-')
                return false;
        for (size_t i = ECS_ID_LENGTH + 1; i < span.length; i++)
                if (!isdigit((unsigned char)span.text[i]))
                        return false;
        return true;
}

/* "/lxc.payload.NAME", before LXC 4 "/lxc.payload/NAME" and "/lxc/NAME". */
static bool match_lxc(struct span *span, struct span parent) {
        if (span_strip_prefix(span, "lxc.payload."))
                return true;
        return span->length > 0 && (span_is(parent, "lxc") || span_is(parent, "lxc.payload"));
}

/* Units of systemd-nspawn and systemd-machined; the latter also registers virtual machines
 * ("machine-qemu..."). */
static bool match_machine(struct span *span) {
        struct span rest = *span;

        if (span_strip_prefix(&rest, "systemd-nspawn@") && span_strip_suffix(&rest, ".service")) {
                *span = rest;
                return true;
        }
        rest = *span;
        if (span_strip_prefix(&rest, "machine-") && span_strip_suffix(&rest, ".scope")) {
                *span = rest;
                return !span_strip_prefix(&rest, "qemu\\x2d");
        }
        return false;
}

/* systemd's unit names have what is not plain as "\x2d". */
static int span_unescape(struct span span, char **ret_text) {
        char *text = malloc(span.length + 1);
        size_t n = 0;

        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < span.length; i++) {
                struct span hex = { span.text + i + 2, 2 };

                if (span.text[i] == '\\' && i + 3 < span.length && span.text[i + 1] == 'x' &&
                    span_hex_length(hex) == 2) {
                        const char digits[] = { hex.text[0], hex.text[1], '\0' };

                        text[n++] = (char)strtoul(digits, NULL, 16);
                        i += 3;
                } else {
                        text[n++] = span.text[i];
                }
        }
        text[n] = '\0';
        *ret_text = text;
        return 0;
}

static struct span last_component(const char *path, size_t length) {
        const char *slash = memrchr(path, '/', length);
        const char *start = slash ? slash + 1 : path;

        return (struct span){ start, length - (size_t)(start - path) };
}

int cgroup_container_id(const char *cgroup, char **ret_id) {
        size_t length = strlen(cgroup);

        /* from the end: the innermost container is the one to name */
        while (length > 0) {
                struct span span = last_component(cgroup, length), parent = { "", 0 };

                length -= MIN(span.length + 1, length);
                if (length > 0)
                        parent = last_component(cgroup, length);
                if (match_runtime(&span) || match_ecs(span, cgroup) || match_lxc(&span, parent) ||
                    match_machine(&span))
                        return span_unescape(span, ret_id);
        }
        return -ENOENT;
}
