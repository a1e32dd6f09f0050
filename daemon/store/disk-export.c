/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-export.h"

#include <string.h>

#include "daemon/store/disk-schema.h"
#include "daemon/store/disk-stack.h"

enum {
        SOURCES_MAX = 256,
        LOOK_BACK_ROWS = 20000,
        BLOCK_STEPS = 130, /* a block has no more passes than these */
};
#define LOOK_BACK_US \
        (4 * 3600 * (int64_t)USEC_PER_SEC) /* in which the passes of a block are, where they are as read */
#define SLACK_US \
        (120 * (int64_t)USEC_PER_SEC) /* by which a number on the timeline may be later than its moment */

#define SAMPLES(table) \
        { \
                table, 6, 0, true, \
                        "SELECT id, first_id, block, source, run, last_ns, body FROM " table \
                        " WHERE id > ? AND id <= ? ORDER BY id", \
                        "INSERT OR IGNORE INTO " table " (id, first_id, block, source, run, last_ns, body)" \
                        " VALUES (?, ?, ?, ?, ?, ?, ?)" \
        }

static const struct {
        const char *name;
        size_t n_numbers, n_texts;
        bool has_body;
        const char *select, *insert;
} tables[] = {
        [DISK_BOOT] = { "boot", 1, 1, false,
                        "SELECT id, boot_id FROM boot WHERE id > ? AND id <= ? ORDER BY id",
                        "INSERT OR IGNORE INTO boot (id, boot_id) VALUES (?, ?)" },
        [DISK_RUN] = { "run", 5, 6, false,
                       "SELECT id, boot, started_us, first_id, last_us, version, hostname, kernel, machine, "
                       "cpus, settings"
                       " FROM run WHERE id > ? AND id <= ? ORDER BY id",
                       "INSERT OR IGNORE INTO run (id, boot, started_us, first_id, last_us, version, "
                       "hostname, kernel,"
                       " machine, cpus, settings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
        [DISK_CLOCK] = { "clock", 3, 0, false,
                         "SELECT id, run, offset_us FROM clock WHERE id > ? AND id <= ? ORDER BY id",
                         "INSERT OR IGNORE INTO clock (id, run, offset_us) VALUES (?, ?, ?)" },
        [DISK_SOURCE] = { "source", 1, 1, true,
                          "SELECT id, name, metrics FROM source WHERE id > ? AND id <= ? ORDER BY id",
                          "INSERT OR IGNORE INTO source (id, name, metrics) VALUES (?, ?, ?)" },
        [DISK_STRING] = { "string", 2, 1, false, "SELECT id, n_users, text FROM string WHERE id = ?",
                          "INSERT OR IGNORE INTO string (id, n_users, text) VALUES (?, ?, ?)" },
        [DISK_STACK] = { "stack", 2, 0, true, "SELECT id, n_users, body FROM stack WHERE id = ?",
                         "INSERT OR IGNORE INTO stack (id, n_users, body) VALUES (?, ?, ?)" },
        [DISK_EVENT] = { "event", 8, 4, true,
                         "SELECT id, time_us, boot, cpu, duration_min_ns, duration_max_ns, kernel_stack, "
                         "user_stack,"
                         " kind, class, confidence, culprit, body FROM event"
                         " WHERE id > ? AND id <= ? AND time_us > ? AND time_us <= ? ORDER BY id",
                         "INSERT OR IGNORE INTO event (id, time_us, boot, cpu, duration_min_ns, "
                         "duration_max_ns,"
                         " kernel_stack, user_stack, kind, class, confidence, culprit, body)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
        [DISK_SAMPLES + TIER_RAW] = SAMPLES("samples_raw"),
        [DISK_SAMPLES + TIER_10S] = SAMPLES("samples_10s"),
        [DISK_SAMPLES + TIER_1MIN] = SAMPLES("samples_1min"),
        [DISK_SAMPLES + TIER_10MIN] = SAMPLES("samples_10min"),
};
_Static_assert(ELEMENTSOF(tables) == _DISK_TABLE_MAX, "columns of every table");

/* Columns. */
enum { SAMPLES_FIRST_ID = 1, EVENT_KERNEL_STACK = 6, EVENT_USER_STACK };

const char *disk_table_to_string(enum disk_table table) {
        return (unsigned)table < ELEMENTSOF(tables) ? tables[table].name : NULL;
}

enum disk_table disk_table_from_string(const char *name) {
        unsigned i = 0;

        while (i < ELEMENTSOF(tables) && strcmp(tables[i].name, name) != 0)
                i++;
        return (enum disk_table)i;
}

static int64_t clamp(uint64_t value) {
        return (int64_t)MIN(value, (uint64_t)INT64_MAX / 4);
}

/* The span on the timeline: from the earliest to the latest number that stands for a moment in it. */
static int find_span(struct disk_file *file, const struct disk_export *export, int64_t *ret_from,
                     int64_t *ret_to) {
        int64_t from = INT64_MAX, to = 0, first = 0, offset = 0;
        struct sql_statement *row;
        bool any = false;
        int r;

        r = sql_use(file->sql, "SELECT id, offset_us FROM clock UNION ALL SELECT ?, 0 ORDER BY id", &row);
        if (r >= 0)
                r = sql_bind(row, INT64_MAX / 2);
        while (r >= 0 && (r = sql_step(row)) > 0) {
                int64_t end = sql_value(row, 0), since = clamp(export->since_us) - offset;
                int64_t until = clamp(export->until_us) - offset;

                if (any && since < end && until >= first) {
                        from = MIN(from, MAX(since, first));
                        to = MAX(to, MIN(until, end));
                }
                any = true;
                first = end;
                offset = sql_value(row, 1);
        }

        *ret_from = from;
        *ret_to = to;
        return r;
}

/* What a block spans at most. Its id is that of its end. */
static int64_t block_us(enum disk_tier tier) {
        return MAX(LOOK_BACK_US, BLOCK_STEPS * (int64_t)disk_tier_step(tier));
}

/* The pass before the span is in a block that began earlier: by source, the newest one up to there. */
static int find_first(struct disk_file *file, enum disk_tier tier, int64_t from, int64_t n_sources,
                      int64_t *ret_first) {
        static const char *const texts[] = SQL_PER_TIER(
                "SELECT id, block, source FROM ", " WHERE id <= ? AND id > ? ORDER BY id DESC LIMIT 20000");
        int64_t back = block_us(tier), first = from, seen[SOURCES_MAX];
        struct sql_statement *row;
        int64_t n = 0;
        int r;

        _Static_assert(LOOK_BACK_ROWS == 20000, "as in the statement");
        r = sql_use(file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, from);
        if (r >= 0)
                r = sql_bind(row, from - back);
        while (r >= 0 && n < MIN(n_sources, (int64_t)SOURCES_MAX) && (r = sql_step(row)) > 0) {
                int64_t source = sql_value(row, 2), i = 0;

                while (i < n && seen[i] != source)
                        i++;
                if (i < n)
                        continue;
                seen[n++] = source;
                first = MIN(first, sql_value(row, 1));
        }
        if (r > 0)
                sql_reset(row);

        *ret_first = MAX(first, from - back);
        return MIN(r, 0);
}

static int find_run(struct disk_file *file, struct disk_export *export) {
        int64_t first = INT64_MAX;
        struct sql_statement *row;
        int r;

        for (size_t i = 0; i < _DISK_TIER_MAX; i++)
                first = MIN(first, export->first[i]);
        r = sql_use(file->sql, "SELECT max(id) FROM run WHERE first_id <= ?", &row);
        if (r >= 0)
                r = sql_bind(row, first);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r;

        export->first_run = sql_value(row, 0); /* 0 for null: all */
        sql_reset(row);
        return 0;
}

int disk_export_begin(struct disk_file *file, uint64_t since_us, uint64_t until_us,
                      struct disk_export *ret_export) {
        int64_t from, n_sources;
        int r;

        *ret_export = (struct disk_export){ .since_us = since_us, .until_us = until_us };
        r = find_span(file, ret_export, &from, &ret_export->last);
        if (r >= 0)
                r = sql_get(file->sql, "SELECT count(*) FROM source", &n_sources);
        if (r < 0)
                return r;

        for (int i = TIER_RAW; i < _DISK_TIER_MAX && r >= 0; i++)
                r = find_first(file, (enum disk_tier)i, from, n_sources, &ret_export->first[i]);
        ret_export->last = MIN(ret_export->last, INT64_MAX / 2) + SLACK_US;
        return r < 0 ? r : find_run(file, ret_export);
}

static void read_row(struct sql_statement *statement, enum disk_table table, struct disk_row *ret_row) {
        int column = 0;

        *ret_row = (struct disk_row){
                .table = table,
                .n_numbers = tables[table].n_numbers,
                .n_texts = tables[table].n_texts,
                .has_body = tables[table].has_body,
        };
        for (size_t i = 0; i < ret_row->n_numbers; i++, column++) {
                ret_row->is_null[i] = sql_is_null(statement, column);
                ret_row->numbers[i] = sql_value(statement, column);
        }
        for (size_t i = 0; i < ret_row->n_texts; i++)
                ret_row->texts[i] = sql_text(statement, column++);
        if (ret_row->has_body)
                ret_row->body = sql_bytes(statement, column, &ret_row->body_size);
}

/* What rows are given to, and what they need first. */
struct reader_state {
        struct disk_file *file;
        struct disk_export *export;
        int (*fn)(const struct disk_row *row, void *userdata);
        void *userdata;
        uint64_t n; /* of what the event needs */
};

/* A string or a stack, unless it was sent already. Of one that is gone the event went, too. */
static int send_needed(struct reader_state *state, enum disk_table table, int64_t id) {
        int64_t *seen = &state->export->seen[table == DISK_STACK][(uint64_t)id % DISK_SEEN_MAX];
        struct sql_statement *statement;
        struct disk_row row;
        int r;

        if (id == 0 || state->n++ < state->export->n_sent || *seen == id)
                return 0;

        r = sql_use(state->file->sql, tables[table].select, &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r;

        read_row(statement, table, &row);
        r = state->fn(&row, state->userdata);
        sql_reset(statement);
        if (r < 0)
                return r;
        *seen = id;
        state->export->n_sent = state->n;
        return r;
}

static int send_string(int64_t id, void *userdata) {
        return send_needed(userdata, DISK_STRING, id);
}

static int send_stack(struct reader_state *state, int64_t id) {
        int r;

        if (id == 0)
                return 0;

        r = disk_stack_strings(state->file, id, send_string, state);
        if (r == 0)
                r = send_needed(state, DISK_STACK, id);
        return r == -ENOENT || r == -EBADMSG ? 0 : r; /* whoever reads the event counts it as damaged */
}

/* The stacks and strings of an event come before it; what of them went over already is not sent again. */
static int send_event(struct reader_state *state, const struct disk_row *row) {
        struct disk_export *export = state->export;
        int r;

        if (export->in_event != row->numbers[0])
                export->n_sent = 0;
        export->in_event = row->numbers[0];
        state->n = 0;
        r = send_stack(state, row->numbers[EVENT_KERNEL_STACK]);
        if (r == 0)
                r = send_stack(state, row->numbers[EVENT_USER_STACK]);
        return r;
}

/* 1: fn has enough; 0: the table's end. */
static int send_table(struct reader_state *state, enum disk_table table, int64_t last) {
        struct disk_export *export = state->export;
        struct sql_statement *statement;
        struct disk_row row;
        int r;

        r = sql_use(state->file->sql, tables[table].select, &statement);
        if (r >= 0)
                r = sql_bind(statement, export->after);
        if (r >= 0)
                r = sql_bind(statement, last);
        if (r >= 0 && table == DISK_EVENT)
                r = sql_bind(statement, export->since_us > 0 ? clamp(export->since_us) : -1);
        if (r >= 0 && table == DISK_EVENT)
                r = sql_bind(statement, clamp(export->until_us));
        while (r >= 0 && (r = sql_step(statement)) > 0) {
                read_row(statement, table, &row);
                if (table >= DISK_SAMPLES && row.numbers[SAMPLES_FIRST_ID] > export->last)
                        continue;
                r = table == DISK_EVENT ? send_event(state, &row) : 0;
                if (r == 0) {
                        r = state->fn(&row, state->userdata);
                        if (r >= 0)
                                export->after = row.numbers[0];
                }
                if (r != 0) {
                        sql_reset(statement);
                        break;
                }
        }
        return r;
}

/* Before its first row, and after its last one. */
static void find_ends(const struct disk_export *export, enum disk_table table, int64_t *ret_after,
                      int64_t *ret_last) {
        *ret_after = -1;
        *ret_last = INT64_MAX;
        if (table == DISK_RUN)
                *ret_after = export->first_run - 1;
        if (table == DISK_EVENT)
                *ret_after = clamp(export->since_us) - 1; /* an event's id is never less than its time */
        if (table >= DISK_SAMPLES) {
                *ret_after = export->first[table - DISK_SAMPLES] - 1;
                *ret_last = export->last + block_us((enum disk_tier)(table - DISK_SAMPLES));
        }
}

/* From fine to coarse: what goes from one tier while that is read is in the next one. */
static int send_tables(struct reader_state *state) {
        struct disk_export *export = state->export;
        int r = 0;

        while (export->table < _DISK_TABLE_MAX && r == 0) {
                enum disk_table table = (enum disk_table) export->table;
                int64_t after, last;

                find_ends(export, table, &after, &last);
                if (!export->in_table)
                        export->after = after;
                export->in_table = true;
                if (table != DISK_STRING && table != DISK_STACK)
                        r = send_table(state, table, last);
                if (r == 0) {
                        export->table++;
                        export->in_table = false;
                }
        }
        return r;
}

int disk_export_rows(struct disk_file *file, struct disk_export *export,
                     int (*fn)(const struct disk_row *row, void *userdata), void *userdata) {
        struct reader_state state = { .file = file, .export = export, .fn = fn, .userdata = userdata };
        int r;

        r = sql_exec(file->sql, "BEGIN");
        if (r < 0)
                return r;
        r = send_tables(&state);
        (void)sql_exec(file->sql, "COMMIT"); /* nothing was written */
        return r < 0 ? r : r > 0;
}

int disk_row_insert(struct disk_file *file, const struct disk_row *row) {
        struct sql_statement *statement;
        int r;

        if ((unsigned)row->table >= _DISK_TABLE_MAX || row->n_numbers != tables[row->table].n_numbers ||
            row->n_texts != tables[row->table].n_texts || row->has_body != tables[row->table].has_body)
                return -EBADMSG;

        r = sql_use(file->sql, tables[row->table].insert, &statement);
        for (size_t i = 0; i < row->n_numbers && r >= 0; i++)
                r = row->is_null[i] ? sql_bind_null(statement) : sql_bind(statement, row->numbers[i]);
        for (size_t i = 0; i < row->n_texts && r >= 0; i++)
                r = row->texts[i] ? sql_bind_text(statement, row->texts[i]) : sql_bind_null(statement);
        if (r >= 0 && row->has_body)
                r = sql_bind_bytes(statement, row->body, row->body_size);
        return r < 0 ? r : sql_run(statement);
}

int disk_file_create(const char *path, struct disk_file **ret_file) {
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        int r;

        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;

        r = sql_open(path, 0, NULL, &file->sql);
        if (r >= 0)
                r = sql_exec(file->sql,
                             "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1024;"
                             "PRAGMA locking_mode = EXCLUSIVE");
        if (r >= 0)
                r = disk_schema_prepare(file->sql);
        if (r < 0)
                return r;

        *ret_file = TAKE_PTR(file);
        return 0;
}
