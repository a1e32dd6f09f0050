/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/boots.h"

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/message.h"
#include "client/output.h"
#include "client/session.h"
#include "client/table.h"

int render_boots(const struct style *style, struct json_object *boots, FILE *f) {
        _cleanup_(table_done) struct table table = {};
        char first[TIMESTAMP_TEXT_MAX], last[TIMESTAMP_TEXT_MAX];

        table_add_column(&table, _("IDX"), TABLE_RIGHT | TABLE_KEY, 0);
        table_add_column(&table, _("BOOT ID"), 0, 0);
        table_add_column(&table, _("FIRST ENTRY"), 0, 0);
        table_add_column(&table, _("LAST ENTRY"), 0, 0);
        for (size_t i = 0; i < array_length(boots); i++) {
                struct json_object *boot = array_at(boots, i);

                table_addf(&table, COLOUR_NONE, "%" PRId64, field_integer(boot, "index", 0));
                table_add(&table, COLOUR_NONE, field_string(boot, "bootId") ?: "?");
                table_add(&table, COLOUR_NONE, format_timestamp(field_u64(boot, "firstUsec"), 0, first));
                table_add(&table, COLOUR_NONE, format_timestamp(field_u64(boot, "lastUsec"), 0, last));
        }

        return table_print(&table, style, f);
}

static int get_boots(const struct options *options, struct json_object **ret_reply) {
        struct json_object *parameters = json_object_new_object();

        return session_call(options, "ListBoots", parameters, ret_reply);
}

int boots_list(const struct options *options) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(output_closep) struct output output = {};
        struct json_object *boots;
        int r;

        r = get_boots(options, &reply);
        if (r != 0)
                return r;

        boots = field_array(reply, "boots");
        output_open(&output, options, 0);
        r = options->json != JSON_OFF ? output_json(boots, options->json)
                                      : render_boots(&output.style, boots, stdout);
        if (r < 0)
                return fail_memory();
        return output_close(&output);
}

struct json_object *boots_find(struct json_object *boots, const char *name) {
        size_t n = array_length(boots);
        char *end = NULL;
        long offset;

        for (size_t i = 0; i < n; i++)
                if (strcmp(field_string(array_at(boots, i), "bootId") ?: "", name) == 0)
                        return array_at(boots, i);

        /* As journalctl(1) counts: from the present one back, or from the first one on. */
        offset = strtol(name, &end, 10);
        if (*end)
                return NULL;
        if (offset > 0)
                return (size_t)offset <= n ? array_at(boots, (size_t)offset - 1) : NULL;
        return (size_t)-offset < n ? array_at(boots, n - 1 - (size_t)-offset) : NULL;
}

int boots_resolve(struct options *options) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct json_object *boots, *boot;
        int r;

        r = get_boots(options, &reply);
        if (r != 0)
                return r;

        boots = field_array(reply, "boots");
        boot = boots_find(boots, options->boot);
        if (!boot)
                return fail_with(_("--boot: there is no boot \"%s\" on record. See: irqctl events --list-boots"),
                                 options->boot);

        options->since_us = MAX(options->has_since ? options->since_us : 0, field_u64(boot, "firstUsec") - 1);
        options->has_since = true;
        if (field_integer(boot, "index", 0) < 0) {
                options->until_us =
                        MIN(options->has_until ? options->until_us : UINT64_MAX, field_u64(boot, "lastUsec"));
                options->has_until = true;
        }
        return 0;
}
