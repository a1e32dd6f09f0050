/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as a record in a file of history, as a snapshot that was made to hurt may have it: what cannot be
 * read is counted and left out, what can be is answered from. The first byte chooses which record; the
 * second, for samples, where in the block it stands.
 */

#include <string.h>

#include "daemon/query/report.h"
#include "daemon/store/coding.h"
#include "daemon/store/disk-export.h"
#include "daemon/store/disk-load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

enum { AT = 1000 * 1000 * 1000 };

static struct disk_file *make_file(void) {
        static const struct metric_desc metrics[] = {
                { .name = "wide", .unit = "1", .type = METRIC_COUNTER, .width_bits = 64 },
                { .name = "narrow",
                  .unit = "1",
                  .type = METRIC_COUNTER,
                  .width_bits = 32,
                  .from_zero = true },
                { .name = "level", .unit = "1", .type = METRIC_GAUGE, .width_bits = 64 },
                { .name = "lateness",
                  .unit = "ns",
                  .type = METRIC_HISTOGRAM,
                  .row_name = "le",
                  .width_bits = 64 },
        };
        struct disk_file *file = NULL;
        int64_t source;

        CHECK(disk_file_create(":memory:", &file) == 0);
        CHECK(sql_exec(file->sql, "INSERT INTO boot VALUES (1, '11111111111111111111111111111111');"
                                  "INSERT INTO run (id, boot, started_us, first_id) VALUES (1, 1, 1, 1);"
                                  "INSERT INTO clock VALUES (1, 1, 0);"
                                  "INSERT INTO string VALUES (1, 1, 'symbol'), (2, 1, 'module');") == 0);
        CHECK(disk_file_add_source(file, "irq-delay", metrics, ELEMENTSOF(metrics), &source) == 0 &&
              source == 1);
        return file;
}

static void add_samples(struct disk_file *file, const void *data, size_t size, int64_t id) {
        const struct bytes record = { .data = (uint8_t *)data, .size = size };
        _cleanup_(bytes_done) struct bytes packed = {};
        struct disk_row row = { .table = DISK_SAMPLES, .n_numbers = 6, .has_body = true };

        CHECK(pack(&record, &packed) == 0);
        memcpy(row.numbers, (int64_t[]){ AT + id, AT + id, AT, 1, 1, AT }, 6 * sizeof(int64_t));
        row.body = packed.data;
        row.body_size = packed.size;
        CHECK(disk_row_insert(file, &row) == 0);
}

/* Head and tail of a block, split where the input says. */
static void add_block(struct disk_file *file, const uint8_t *data, size_t size) {
        size_t at = size > 0 ? (size_t)data[0] * (size - 1) / 255 : 0;

        if (size == 0)
                return;
        add_samples(file, data + 1, at, 0);
        add_samples(file, data + 1 + at, size - 1 - at, 1);
}

static void add_body(struct disk_file *file, enum disk_table table, const void *data, size_t size) {
        struct disk_row row = { .table = table, .has_body = true, .body = data, .body_size = size };
        static const uint8_t empty_stack[] = { 0 };

        row.n_numbers = table == DISK_STACK ? 2 : table == DISK_EVENT ? 8 : 1;
        row.numbers[0] = table == DISK_EVENT ? AT : table == DISK_STACK ? 1 : 2;
        if (table == DISK_EVENT) {
                memcpy(row.numbers, (int64_t[]){ AT, AT, 1, 0, 5, 6, 1, 1 }, sizeof(row.numbers));
                row.n_texts = 4;
                row.texts[0] = "irq-delay";
        }
        if (table == DISK_SOURCE) {
                row.n_texts = 1;
                row.texts[0] = "irq-delay";
        }
        CHECK(disk_row_insert(file, &row) == 0);
        if (table == DISK_STACK) /* somebody has to have it */
                add_body(file, DISK_EVENT, (const uint8_t[]){ 0, 0, 0, 0, 0, 0 }, 6);
        else if (table == DISK_EVENT)
                (void)disk_row_insert(file, &(struct disk_row){ .table = DISK_STACK,
                                                                .n_numbers = 2,
                                                                .numbers = { 1, 1 },
                                                                .has_body = true,
                                                                .body = empty_stack,
                                                                .body_size = 1 });
}

static int take_row(const struct disk_row *row, void *userdata) {
        CHECK(row->table < _DISK_TABLE_MAX && userdata);
        return 0;
}

static void ask(struct disk_file *file) {
        const struct disk_load_request request = {
                .since_us = 1, .until_us = 2 * (uint64_t)AT, .samples = true, .events = true
        };
        const struct report_request question = { .since_us = 1, .until_us = 2 * (uint64_t)AT };
        _cleanup_(report_freep) struct report *report = NULL;
        _cleanup_(store_freep) struct store *store = NULL;
        struct disk_load_result result;
        struct disk_export export;

        if (disk_load(file, &request, &store, &result) == 0)
                CHECK(report_query(store, &question, &report) == 0);
        CHECK(disk_export_begin(file, 1, 2 * (uint64_t)AT, &export) == 0);
        CHECK(disk_export_rows(file, &export, take_row, &export) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const enum disk_table tables[] = { DISK_EVENT, DISK_STACK, DISK_SOURCE };
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;

        if (size == 0)
                return 0;

        file = make_file();
        if (data[0] % 4 < ELEMENTSOF(tables))
                add_body(file, tables[data[0] % 4], data + 1, size - 1);
        else
                add_block(file, data + 1, size - 1);
        ask(file);
        return 0;
}
