/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-affinity.h"

static void set_row(struct json_writer *object, const char *key, const struct gauges_row *row) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = affinity_format(row, &text);
        if (r < 0)
                object->error = r;
        json_set_text(object, key, text);
}

void json_set_affinity(struct json_writer *object, const struct affinity *affinity, const char *irq) {
        struct affinity_irq found;

        affinity_find(affinity, irq, &found);
        set_row(object, "affinity", found.configured);
        set_row(object, "effectiveAffinity", found.effective);
        json_set_text(object, "device", found.device);
        json_set_text(object, "queue", found.queue);
}

static void set_text(struct json_writer *object, const char *key, const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, key);

        json_set_text(object, key, evidence && evidence->type == EVIDENCE_STRING ? evidence->string : NULL);
}

static void set_integer(struct json_writer *object, const char *key, const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, key);

        if (evidence && evidence->type == EVIDENCE_INTEGER)
                json_set_i64(object, key, evidence->integer);
        else
                json_set_null(object, key);
}

/* The reading before the one that found the change. */
static void set_since(struct json_writer *object, const struct event *event) {
        const struct evidence *evidence = event_find_evidence(event, "sinceReadingNsec");

        if (evidence && evidence->type == EVIDENCE_INTEGER)
                json_set_u64(object, "sinceUsec",
                             event->time_us - (uint64_t)evidence->integer / NSEC_PER_USEC);
        else
                json_set_null(object, "sinceUsec");
}

static int format_cpus(const struct evidence *evidence, char **ret_text) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        int r;

        for (size_t i = 0; evidence && evidence->type == EVIDENCE_INTEGERS && i < evidence->n_integers; i++) {
                r = cpu_set_add(&cpus, (int)evidence->integers[i]);
                if (r < 0)
                        return r;
        }

        return cpu_list_format(&cpus, ret_text);
}

static void set_cpus(struct json_writer *object, const char *key, const struct event *event) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = format_cpus(event_find_evidence(event, key), &text);
        if (r < 0)
                object->error = r;
        json_set_text(object, key, text);
}

static void append_change(struct json_writer *array, const struct event *event) {
        struct json_writer object = json_writer_object();

        json_set_i64(&object, "id", event->id);
        json_set_u64(&object, "timeUsec", event->time_us);
        set_since(&object, event);
        set_integer(&object, "irq", event);
        set_text(&object, "name", event);
        set_text(&object, "device", event);
        set_text(&object, "queue", event);
        set_text(&object, "cause", event);
        set_cpus(&object, "oldCpus", event);
        set_cpus(&object, "newCpus", event);
        json_append_writer(array, &object);
}

void json_set_affinity_changes(struct json_writer *object, const struct affinity *affinity) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < affinity->n_changes; i++)
                append_change(&array, affinity->changes[i]);

        json_set_writer(object, "affinityChanges", &array);
        json_set_u64(object, "affinityChangesTotal", affinity->n_changes_total);
}
