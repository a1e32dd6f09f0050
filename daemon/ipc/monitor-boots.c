/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ListBoots: the boots that there is history of. From disk on another thread; without it there is only this
 * one.
 */

#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/store/disk-boots.h"

struct boots_query {
        struct history_query history; /* first: the job's result is found by it */
        struct monitor *monitor;
        struct varlink_call *call; /* a reference; NULL: the peer is gone */
        struct disk_boots boots;
};

static void append_boot(struct json_writer *array, int64_t index, const struct disk_boot *boot) {
        struct json_writer object = json_writer_object();
        char text[SD_ID128_STRING_MAX];

        json_set_i64(&object, "index", index);
        json_set_text(&object, "bootId", sd_id128_to_string(boot->boot_id, text));
        json_set_u64(&object, "firstUsec", boot->first_us);
        json_set_u64(&object, "lastUsec", boot->last_us);
        json_append_writer(array, &object);
}

/* The newest has index 0, the one before -1. */
static int reply_boots(struct varlink_call *call, const struct disk_boots *boots) {
        struct json_writer array = json_writer_array();
        struct json_object *object;
        int r;

        for (size_t i = 0; i < boots->n; i++)
                append_boot(&array, (int64_t)i - (int64_t)boots->n + 1, &boots->items[i]);

        r = json_writer_finish(&array, &object);
        return r < 0 ? r : monitor_reply(call, "boots", object);
}

/* This boot, since the daemon was started. */
static int reply_this_boot(struct varlink_call *call, const struct monitor *monitor) {
        struct disk_boot boot = { .first_us = monitor->started_us, .last_us = monitor_now(monitor) };

        if (monitor->record) {
                boot.first_us = monitor->record->since_us;
                (void)sd_id128_from_string(monitor->record->host.boot_id, &boot.boot_id); /* unknown: all zeros */
        } else
                (void)sd_id128_get_boot(&boot.boot_id); /* without /proc all zeros */
        return reply_boots(call, &(struct disk_boots){ .items = &boot, .n = 1 });
}

static int boots_read(struct history_query *history, struct disk_file *file) {
        return disk_boots_read(file, &((struct boots_query *)history)->boots);
}

static void boots_done(struct history_query *history, int result) {
        struct boots_query *query = (struct boots_query *)history;

        if (query->call) {
                varlink_call_on_closed(query->call, NULL, NULL);
                if (result >= 0 && query->boots.n > 0) {
                        query->boots.items[query->boots.n - 1].last_us = monitor_now(query->monitor);
                        (void)reply_boots(query->call,
                                          &query->boots); /* without an answer the connection ends */
                } else if (result != -ECANCELED)
                        (void)reply_this_boot(query->call, query->monitor); /* likewise */
                (void)varlink_call_unref(query->call);                      /* returns NULL */
        }
        disk_boots_done(&query->boots);
        free(query);
}

static void boots_closed(struct varlink_call *call, void *data) {
        struct boots_query *query = data;

        query->call = varlink_call_unref(query->call);
}

int monitor_list_boots(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct monitor *monitor = userdata;
        struct boots_query *query;
        int r;

        if (!monitor->history)
                return reply_this_boot(call, monitor);

        query = calloc(1, sizeof(*query));
        if (!query)
                return -ENOMEM;

        query->monitor = monitor;
        query->history = (struct history_query){ .read = boots_read, .done = boots_done };
        query->call = varlink_call_ref(call);
        varlink_call_on_closed(call, boots_closed, query);
        r = history_ask(monitor->history, &query->history);
        if (r >= 0)
                return 0;

        varlink_call_on_closed(call, NULL, NULL);
        r = reply_this_boot(call, monitor);
        (void)varlink_call_unref(query->call); /* returns NULL */
        free(query);
        return r;
}
