/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-packets.h"

enum { JSON_NAMES_MAX = 64 }; /* of kinds and of sources; what is over is in the totals only */

static void set_kinds(struct json_writer *writer, const struct packets *packets) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < MIN(packets->n_groups, (size_t)JSON_NAMES_MAX); i++) {
                const struct packets_group *group = &packets->groups[i];
                struct json_writer object = json_writer_object();

                json_set_text(&object, "protocol", group->protocol);
                json_set_text(&object, "flags", *group->flags ? group->flags : NULL);
                json_set_text(&object, "port", *group->port ? group->port : NULL);
                json_set_u64(&object, "count", group->n);
                json_set_double(&object, "share", (double)group->n / (double)packets->n_sampled);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "kinds", &array);
}

static void set_names(struct json_writer *writer, const char *key, const struct packets_name *names,
                      size_t n) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < MIN(n, (size_t)JSON_NAMES_MAX); i++) {
                struct json_writer object = json_writer_object();

                json_set_text(&object, "name", names[i].name);
                json_set_u64(&object, "count", names[i].n);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, key, &array);
}

void json_set_packets(struct json_writer *writer, const char *key, const struct packets *packets) {
        struct json_writer object;

        if (!packets) {
                json_set_null(writer, key);
                return;
        }

        object = json_writer_object();
        json_set_u64(&object, "samples", packets->n_samples);
        json_set_u64(&object, "firstUsec", packets->first_us);
        json_set_u64(&object, "lastUsec", packets->last_us);
        json_set_u64(&object, "observed", packets->n_observed);
        json_set_u64(&object, "sampled", packets->n_sampled);
        json_set_u64(&object, "bytes", packets->n_bytes);
        json_set_u64(&object, "distinctSources", packets->n_distinct);
        set_kinds(&object, packets);
        set_names(&object, "sources", packets->sources, packets->n_sources);
        json_set_u64(&object, "otherSources", packets->n_unnamed);
        set_names(&object, "devices", packets->devices, packets->n_devices);
        json_set_writer(writer, key, &object);
}
