/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The part of a report about interrupts that were moved to other CPUs. Only there when any was.
 */

#include <inttypes.h>
#include <string.h>

#include "client/i18n.h"
#include "client/field.h"
#include "client/table.h"
#include "client/verbs.h"

enum { CHANGES_MAX = 10 }; /* rows, the newest */

/* "eth0 rx-0" */
static int add_device(struct table *table, struct json_object *change) {
        const char *device = field_string(change, "device"), *queue = field_string(change, "queue");
        _cleanup_(freep) char *text = NULL;

        if (asprintf(&text, "%s%s%s", device ?: "", device && queue ? " " : "", queue ?: "") < 0)
                return -ENOMEM;

        table_add(table, COLOUR_NONE, text);
        return 0;
}

static void add_cpus(struct table *table, struct json_object *change, const char *field) {
        const char *text = field_string(change, field);

        table_add(table, COLOUR_NONE, text && *text ? text : _("none"));
}

static int add_change(struct table *table, const struct style *style, struct json_object *change) {
        char buf[FIELD_TEXT_MAX];
        int r;

        table_add(table, COLOUR_NONE,
                  format_moment(field_u64(change, "timeUsec"), style->now_us, false, buf));
        table_addf(table, COLOUR_NONE, "%" PRId64, field_integer(change, "irq", -1));
        table_add(table, COLOUR_BOLD, field_string(change, "name"));
        r = add_device(table, change);
        if (r < 0)
                return r;
        add_cpus(table, change, "oldCpus");
        add_cpus(table, change, "newCpus");
        table_add(table, COLOUR_DIM, field_string(change, "cause"));
        return 0;
}

int render_affinity_changes(const struct style *style, struct json_object *report, FILE *f) {
        _cleanup_(table_done) struct table table = { .indent = 2 };
        struct json_object *changes = field_array(report, "affinityChanges");
        uint64_t total = field_u64(report, "affinityChangesTotal");
        size_t n = array_length(changes), first = n - MIN(n, (size_t)CHANGES_MAX);
        int r;

        if (n == 0)
                return 0;

        table_add_column(&table, _("TIME"), TABLE_KEY, 0);
        table_add_column(&table, "IRQ", TABLE_RIGHT | TABLE_KEY, 0);
        table_add_column(&table, _("NAME"), TABLE_FLEX, 12);
        table_add_column(&table, _("DEVICE"), TABLE_FLEX, 8);
        table_add_column(&table, _("FROM CPUS"), TABLE_FLEX, 9);
        table_add_column(&table, _("TO CPUS"), TABLE_FLEX, 9);
        table_add_column(&table, _("CAUSE"), 0, 0);
        for (size_t i = first; i < n; i++) {
                r = add_change(&table, style, array_at(changes, i));
                if (r < 0)
                        return r;
        }

        style_heading(style, f, _("Interrupts moved to other CPUs"));
        r = table_print(&table, style, f);
        if (total > n - first)
                fprintf(f, _("  ... and %" PRIu64 " earlier (irqctl events --kind affinity)\n"),
                        total - (n - first));
        return r;
}
