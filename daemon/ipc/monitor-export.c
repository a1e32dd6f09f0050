/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Export: what is on disk of a span, row by row, for "irqctl snapshot". Pages are made on the reader's
 * thread, one when the peer has taken the one before: neither a long span nor a slow peer costs memory. The
 * peer writes the file; the daemon opens none but its own.
 */

#include <string.h>

#include "common/base64.h"
#include "common/varlink-frame.h"
#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/store/disk-export.h"
#include "daemon/store/disk-schema.h"

enum {
        PAGE_BYTES = 256 * 1024, /* of JSON, about: a page ends when it has more */
        DATA_BYTES = 384 * 1024, /* in one piece; it is half as much again in JSON, and a message has 1 MiB */
};

const struct varlink_field monitor_export_fields[] = {
        { "sinceUsec", VARLINK_INTEGER, true },
        { "untilUsec", VARLINK_INTEGER, false },
        {},
};

/* Freed with the final reply, or when the call is closed. */
struct export {
        struct history_query history; /* first: a question on its way is found by it */
        struct monitor *monitor;      /* borrowed */
        struct varlink_call *call;    /* a reference while a page is being made */
        bool closed;                  /* meanwhile */
        struct monitor_params params;
        bool begun, more;
        struct disk_export cursor;
        enum disk_table table;
        struct bytes rest; /* of a row's data that did not fit into its page */
        struct json_writer rows;
        size_t page_bytes;
};

static struct export *export_free(struct export *export) {
        if (!export)
                return NULL;

        (void)varlink_call_unref(export->call); /* returns NULL */
        json_writer_done(&export->rows);
        bytes_done(&export->rest);
        monitor_params_done(&export->params);
        free(export);
        return NULL;
}

static void export_closed(struct varlink_call *call, void *data) {
        struct export *export = data;

        if (export->call)
                export->closed = true;
        else
                (void)export_free(export); /* returns NULL */
}

static void set_data(struct json_writer *object, const void *data, size_t size) {
        _cleanup_(freep) char *text = malloc(base64_length(size) + 1);

        if (!text) {
                object->error = -ENOMEM;
                return;
        }

        base64_encode(data, size, text);
        json_set_text(object, "data", text);
}

/* Data of a row, as much as fits; the rest is kept for the next page. */
static int take_data(struct export *export, struct json_writer *object, const void *data, size_t size) {
        size_t n = MIN(size, (size_t)DATA_BYTES), left = size - n;
        int r;

        set_data(object, data, n);
        json_set_bool(object, "more", left > 0);
        export->page_bytes += base64_length(n);
        if (data != export->rest.data) {
                export->rest.size = 0;
                r = bytes_reserve(&export->rest, left);
                if (r < 0)
                        return r;
        }
        if (left > 0)
                memmove(export->rest.data, (const uint8_t *)data + n, left); /* it may be the rest itself */
        export->rest.size = left;
        return 0;
}

static void set_columns(struct json_writer *object, const struct disk_row *row) {
        struct json_writer numbers = json_writer_array(), texts = json_writer_array(),
                           nulls = json_writer_array();

        for (size_t i = 0; i < row->n_numbers; i++) {
                json_append(&numbers, json_object_new_int64(row->is_null[i] ? 0 : row->numbers[i]));
                if (row->is_null[i])
                        json_append(&nulls, json_object_new_int((int)i));
        }
        for (size_t i = 0; i < row->n_texts; i++) {
                const char *text = row->texts[i] ?: "";

                json_append(&texts, json_text(text, strlen(text)));
                if (!row->texts[i])
                        json_append(&nulls, json_object_new_int((int)(row->n_numbers + i)));
        }

        json_set_text(object, "table", disk_table_to_string(row->table));
        json_set_writer(object, "numbers", &numbers);
        json_set_writer(object, "texts", &texts);
        json_set_writer(object, "nulls", &nulls);
}

/* 1: the page is full. */
static int take_row(const struct disk_row *row, void *userdata) {
        struct json_writer object = json_writer_object();
        struct export *export = userdata;
        int r = 0;

        export->table = row->table;
        export->page_bytes += 64 + 24 * row->n_numbers;
        for (size_t i = 0; i < row->n_texts; i++)
                export->page_bytes += row->texts[i] ? strlen(row->texts[i]) : 0;

        set_columns(&object, row);
        if (row->has_body)
                r = take_data(export, &object, row->body, row->body_size);
        else {
                json_set_null(&object, "data");
                json_set_bool(&object, "more", false);
        }
        json_append_writer(&export->rows, &object);
        if (r < 0 || export->rows.error < 0)
                return r < 0 ? r : export->rows.error;
        return export->page_bytes > PAGE_BYTES || export->rest.size > 0;
}

/* What the row before left, as a row without columns. 1: the page is full. */
static int take_rest(struct export *export) {
        const struct disk_row row = {
                .table = export->table,
                .has_body = true,
                .body = export->rest.data,
                .body_size = export->rest.size,
        };

        return export->rest.size > 0 ? take_row(&row, export) : 0;
}

/* On another thread. */
static int export_read_page(struct history_query *history, struct disk_file *file) {
        struct export *export = (struct export *)history;
        int r = 0;

        json_writer_done(&export->rows);
        export->rows = json_writer_array();
        export->page_bytes = 0;
        if (!export->begun)
                r = disk_export_begin(file, export->params.since_us, export->params.until_us,
                                      &export->cursor);
        export->begun = true;
        if (r >= 0)
                r = take_rest(export);
        if (r == 0)
                r = disk_export_rows(file, &export->cursor, take_row, export);
        export->more = r > 0;
        return MIN(r, 0);
}

static int export_send(struct export *export, struct varlink_call *call) {
        struct json_writer writer = json_writer_object();
        struct json_object *object;
        int r;

        json_set_i64(&writer, "format", DISK_VERSION);
        json_set_writer(&writer, "rows", &export->rows);
        r = json_writer_finish(&writer, &object);
        if (r < 0)
                return r;
        if (export->more)
                return varlink_call_notify(call, object);

        varlink_call_on_closed(call, NULL, NULL);
        r = varlink_call_reply(call, object);
        (void)export_free(export); /* returns NULL */
        return r;
}

static int export_next(struct varlink_call *call, void *data);

static void export_fail(struct export *export, struct varlink_call *call) {
        varlink_call_on_closed(call, NULL, NULL);
        (void)export_free(export); /* returns NULL */
        (void)monitor_reply_no_data(call, "history",
                                    "its file cannot be read: see \"irqctl status\""); /* or the
                                                                                        * connection ends */
}

/* The peer gets the page, and the next one once it has taken it. */
static void export_done(struct history_query *history, int result) {
        struct export *export = (struct export *)history;
        _cleanup_(varlink_call_unrefp) struct varlink_call *call = TAKE_PTR(export->call);

        if (export->closed || result == -ECANCELED) {
                if (!export->closed)
                        varlink_call_on_closed(call, NULL, NULL);
                (void)export_free(export); /* returns NULL */
                return;
        }
        if (result < 0) {
                export_fail(export, call);
                return;
        }

        if (export->more)
                varlink_call_on_writable(call, export_next, export);
        (void)export_send(export, call); /* on failure the connection ends */
}

static int export_next(struct varlink_call *call, void *data) {
        struct export *export = data;
        int r;

        varlink_call_on_writable(call, NULL, NULL);
        export->history = (struct history_query){ .read = export_read_page, .done = export_done };
        export->call = varlink_call_ref(call);
        r = history_ask(export->monitor->history, &export->history);
        if (r >= 0)
                return 0;

        export->call = varlink_call_unref(export->call);
        export_fail(export, call);
        return 0;
}

int monitor_export(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        struct monitor *monitor = userdata;
        struct export *export;
        uint64_t now_us;
        int r;

        if (!monitor->history)
                return monitor_reply_no_data(call, "history",
                                             "irqwatchd keeps none on disk. Start it with a state directory");

        export = calloc(1, sizeof(*export));
        if (!export)
                return -ENOMEM;

        r = monitor_parse(call, monitor, monitor_export_fields, parameters, &export->params, &now_us);
        if (r != 0) {
                (void)export_free(export); /* returns NULL */
                return MIN(r, 0);
        }

        export->monitor = monitor;
        export->params.until_us = MIN(export->params.until_us, now_us);
        varlink_call_on_closed(call, export_closed, export);
        varlink_call_on_writable(call, export_next, export);
        return 0;
}
