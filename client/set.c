/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/verbs.h"
#include "common/json-build.h"

static const char help[] =
        N_("irqctl set SECTION.KEY=VALUE...\n\n"
        "Changes settings of the running daemon, until its next restart. Root only. Names and values\n"
        "are those of irqwatchd.conf(5): irqctl set irq-delay.threshold=5ms. What can be set at\n"
        "runtime: irqctl status\n");

static int print_change(const struct options *options, struct json_object *reply) {
        _cleanup_(freep) char *name = NULL, *value = NULL, *previous = NULL;

        if (options->json != JSON_OFF)
                return output_json(reply, options->json) < 0 ? fail_memory() : 0;

        name = text_sanitize(field_string(reply, "name") ?: "?");
        value = text_sanitize(field_string(reply, "value") ?: "?");
        previous = text_sanitize(field_string(reply, "previous") ?: "?");
        if (!name || !value || !previous)
                return fail_memory();

        if (strcmp(value, previous) == 0)
                printf(_("%s is %s already\n"), name, value);
        else
                printf(_("%s is %s now (was %s) until irqwatchd restarts; to keep it, write it into "
                       "/etc/irqwatchd.conf.d/\n"),
                       name, value, previous);
        return 0;
}

static int set_one(const struct options *options, const char *assignment) {
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object(), *reply = NULL;
        const char *equals = strchr(assignment, '=');
        int r;

        if (!parameters ||
            json_add(parameters, "name", json_object_new_string_len(assignment, (int)(equals - assignment))) <
                    0 ||
            json_add(parameters, "value", json_object_new_string(equals + 1)) < 0)
                return fail_memory();

        r = session_call(options, "Set", TAKE_PTR(parameters), &reply);
        return r != 0 ? r : print_change(options, reply);
}

static bool is_assignment(const char *text) {
        const char *equals = strchr(text, '='), *dot = strchr(text, '.');

        return equals && dot && dot > text && dot + 1 < equals && equals[1];
}

int verb_set(int argc, char **argv, const struct options *options) {
        static const struct option longs[] = { { "help", no_argument, NULL, 'h' }, {} };
        _cleanup_(output_closep) struct output output = {};
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0)
                return c == 'h' ? options_print_help(help) : options_see_help(argv[0]);
        if (optind >= argc) {
                (void)fail_usage(_("set needs an assignment, such as irq-delay.threshold=5ms"));
                return options_see_help(argv[0]);
        }

        /* All are checked before the first one is sent. */
        for (int i = optind; i < argc; i++)
                if (!is_assignment(argv[i]))
                        return fail_usage(_("\"%s\" is not of the form SECTION.KEY=VALUE, such as "
                                          "irq-delay.threshold=5ms"),
                                          argv[i]);

        output_open(&output, options, OUTPUT_NO_PAGER);
        for (int i = optind; i < argc; i++) {
                r = set_one(options, argv[i]);
                if (r != 0)
                        return r;
        }

        return output_close(&output);
}
