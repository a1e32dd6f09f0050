/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-file.h"

#include <assert.h>
#include <string.h>

#include "daemon/store/coding.h"
#include "daemon/store/disk-schema.h"

enum { METRICS_MAX = 4096 };

static const struct {
        const char *name;
        uint64_t step_us;
} tiers[] = {
        [TIER_RAW] = { "raw", 0 },
        [TIER_10S] = { "10s", 10 * USEC_PER_SEC },
        [TIER_1MIN] = { "1min", 60 * USEC_PER_SEC },
        [TIER_10MIN] = { "10min", 600 * USEC_PER_SEC },
};
_Static_assert(ELEMENTSOF(tiers) == _DISK_TIER_MAX, "a name per tier");

const char *disk_tier_to_string(enum disk_tier tier) {
        assert((unsigned)tier < _DISK_TIER_MAX);

        return tiers[tier].name;
}

uint64_t disk_tier_step(enum disk_tier tier) {
        assert((unsigned)tier < _DISK_TIER_MAX);

        return tiers[tier].step_us;
}

/* To be set before anything else is done with a new file (auto_vacuum), or on every connection. What was
 * committed is in the log, and so survives the death of the process; it is synced by checkpoints, which are
 * ours to call. */
static const char pragmas[] = "PRAGMA auto_vacuum = INCREMENTAL;"
                              "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = NORMAL;"
                              "PRAGMA journal_size_limit = 4194304;"
                              "PRAGMA cache_size = -1024;"
                              "PRAGMA temp_store = MEMORY;";

int disk_file_open(const char *path, unsigned flags, const char *vfs, struct disk_file **ret_file) {
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        int r;

        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;

        r = sql_open(path, flags, vfs, &file->sql);
        if (r < 0)
                return r;
        if (flags & SQL_READ_ONLY) {
                r = sql_exec(file->sql, "PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;");
                if (r >= 0)
                        r = disk_schema_check(file->sql);
        } else {
                r = sql_exec(file->sql, pragmas);
                if (r >= 0)
                        r = disk_schema_prepare(file->sql);
        }
        if (r < 0)
                return r;

        *ret_file = TAKE_PTR(file);
        return 0;
}

static struct disk_source *source_free(struct disk_source *source) {
        if (!source)
                return NULL;

        free(source->name);
        free(source->metrics);
        free(source->text);
        free(source);
        return NULL;
}
DEFINE_CLEANUP(struct disk_source *, source_free)

struct disk_file *disk_file_close(struct disk_file *file) {
        if (!file)
                return NULL;

        for (size_t i = 0; i < file->n_sources; i++)
                (void)source_free(file->sources[i]);
        free(file->sources);
        (void)sql_close(file->sql);
        free(file);
        return NULL;
}

static void write_metrics(struct writer *writer, const struct metric_desc *metrics, size_t n) {
        write_u64(writer, n);
        for (const struct metric_desc *metric = metrics; metric < metrics + n; metric++) {
                write_text(writer, metric->name);
                write_text(writer, metric->unit);
                write_text(writer, metric->help);
                write_text(writer, metric->row_name);
                for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                        write_text(writer, metric->labels[i]);
                write_u64(writer, metric->type);
                write_u64(writer, metric->width_bits);
                write_u64(writer, metric->from_zero);
        }
}

/* Texts point into what is read. */
static int read_metrics(struct disk_source *source, size_t size) {
        struct reader in = { .p = source->text, .end = (const uint8_t *)source->text + size };

        source->n_metrics = (size_t)read_up_to(&in, METRICS_MAX);
        source->metrics = calloc(source->n_metrics + 1, sizeof(*source->metrics));
        if (!source->metrics)
                return -ENOMEM;

        for (size_t i = 0; i < source->n_metrics; i++) {
                struct metric_desc *metric = &source->metrics[i];

                metric->name = read_text(&in);
                metric->unit = read_text(&in);
                metric->help = read_text(&in);
                metric->row_name = read_text(&in);
                for (size_t j = 0; j < METRIC_LABELS_MAX; j++)
                        metric->labels[j] = read_text(&in);
                metric->type = (enum metric_type)read_up_to(&in, _METRIC_TYPE_MAX - 1);
                metric->width_bits = (uint8_t)read_up_to(&in, 64);
                metric->from_zero = read_up_to(&in, 1);
                if (in.failed || !metric->name || !metric->unit)
                        return -EBADMSG;
        }

        return in.failed ? -EBADMSG : 0;
}

static int source_new(int64_t id, const char *name, const void *data, size_t size,
                      struct disk_source **ret_source) {
        _cleanup_(source_freep) struct disk_source *source = NULL;
        int r;

        source = calloc(1, sizeof(*source));
        if (!source)
                return -ENOMEM;

        source->id = id;
        source->name = strdup(name);
        source->text = malloc(size + 1);
        if (!source->name || !source->text)
                return -ENOMEM;
        if (size > 0)
                memcpy(source->text, data, size);

        r = read_metrics(source, size);
        if (r < 0)
                return r;

        *ret_source = TAKE_PTR(source);
        return 0;
}

static int keep_source(struct disk_file *file, struct disk_source *source) {
        struct disk_source **sources;

        sources = reallocarray(file->sources, file->n_sources + 1, sizeof(*sources));
        if (!sources)
                return -ENOMEM;

        file->sources = sources;
        sources[file->n_sources++] = source;
        return 0;
}

int disk_file_source(struct disk_file *file, int64_t id, const struct disk_source **ret_source) {
        _cleanup_(source_freep) struct disk_source *source = NULL;
        struct sql_statement *statement;
        const char *name;
        const void *data;
        size_t size;
        int r;

        for (size_t i = 0; i < file->n_sources; i++)
                if (file->sources[i]->id == id) {
                        *ret_source = file->sources[i];
                        return 0;
                }

        r = sql_use(file->sql, "SELECT name, metrics FROM source WHERE id = ?", &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        name = sql_text(statement, 0);
        data = sql_bytes(statement, 1, &size);
        r = name ? source_new(id, name, data, size, &source) : -EBADMSG;
        sql_reset(statement);
        if (r >= 0)
                r = keep_source(file, source);
        if (r < 0)
                return r;

        *ret_source = TAKE_PTR(source);
        return 0;
}

static int find_source(struct disk_file *file, const char *name, const struct bytes *metrics,
                       int64_t *ret_id) {
        struct sql_statement *statement;
        int r;

        r = sql_use(file->sql, "SELECT id FROM source WHERE name = ? AND metrics = ?", &statement);
        if (r >= 0)
                r = sql_bind_text(statement, name);
        if (r >= 0)
                r = sql_bind_bytes(statement, metrics->data, metrics->size);
        if (r >= 0)
                r = sql_step(statement);
        if (r > 0)
                *ret_id = sql_value(statement, 0);
        if (r > 0)
                sql_reset(statement);
        return r;
}

static int insert_source(struct disk_file *file, const char *name, const struct bytes *metrics) {
        struct sql_statement *statement;
        int r;

        r = sql_use(file->sql, "INSERT INTO source (name, metrics) VALUES (?, ?)", &statement);
        if (r >= 0)
                r = sql_bind_text(statement, name);
        if (r >= 0)
                r = sql_bind_bytes(statement, metrics->data, metrics->size);
        return r < 0 ? r : sql_run(statement);
}

int disk_file_add_source(struct disk_file *file, const char *name, const struct metric_desc *metrics,
                         size_t n_metrics, int64_t *ret_id) {
        struct writer writer = {};
        int r;

        write_metrics(&writer, metrics, n_metrics);
        r = writer.error;
        if (r >= 0)
                r = find_source(file, name, &writer.bytes, ret_id);
        if (r == 0) {
                r = insert_source(file, name, &writer.bytes);
                if (r >= 0)
                        r = find_source(file, name, &writer.bytes, ret_id);
        }
        bytes_done(&writer.bytes);
        return MIN(r, 0);
}
