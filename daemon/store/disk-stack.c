/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-stack.h"

#include <string.h>

#include "daemon/store/coding.h"

enum {
        FRAMES_MAX = 4096,
        PROBES_MAX = 64, /* stacks with one hash: there has never been a second */
};

/* The texts of a frame, in the order in which they are written. */
enum { FRAME_TEXTS = 4 };

static void frame_texts(const struct frame *frame, const char *texts[FRAME_TEXTS]) {
        texts[0] = frame->symbol;
        texts[1] = frame->module;
        texts[2] = frame->build_id;
        texts[3] = frame->note;
}

/* The id of a text, with so many users more. 0: NULL. */
static int use_string(struct disk_file *file, const char *text, int64_t *ret_id) {
        struct sql_statement *statement;
        int r;

        *ret_id = 0;
        if (!text)
                return 0;

        r = sql_use(file->sql,
                    "INSERT INTO string (n_users, text) VALUES (1, ?)"
                    " ON CONFLICT (text) DO UPDATE SET n_users = n_users + 1 RETURNING id",
                    &statement);
        if (r >= 0)
                r = sql_bind_text(statement, text);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r < 0 ? r : -EIO;

        *ret_id = sql_value(statement, 0);
        return sql_run(statement);
}

static int run_with_id(struct disk_file *file, const char *text, int64_t id) {
        struct sql_statement *statement;
        int r;

        r = sql_use(file->sql, text, &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        return r < 0 ? r : sql_run(statement);
}

static int leave_string(struct disk_file *file, int64_t id) {
        int r;

        if (id == 0)
                return 0;

        r = run_with_id(file, "UPDATE string SET n_users = n_users - 1 WHERE id = ?", id);
        return r < 0 ? r : run_with_id(file, "DELETE FROM string WHERE id = ? AND n_users <= 0", id);
}

static int write_stack(struct disk_file *file, const struct stack *stack, struct writer *writer) {
        write_u64(writer, stack->n_frames);
        for (size_t i = 0; i < stack->n_frames; i++) {
                const char *texts[FRAME_TEXTS];

                frame_texts(&stack->frames[i], texts);
                for (size_t j = 0; j < FRAME_TEXTS; j++) {
                        int64_t id;
                        int r;

                        r = use_string(file, texts[j], &id);
                        if (r < 0)
                                return r;
                        write_u64(writer, (uint64_t)id);
                }
                write_u64(writer, stack->frames[i].offset);
                write_u64(writer, stack->frames[i].address);
        }

        return writer->error;
}

/* Calls fn with each of the texts' ids. */
static int for_each_string(struct disk_file *file, const void *data, size_t size,
                           int (*fn)(struct disk_file *file, int64_t id)) {
        struct reader in = { .p = data, .end = (const uint8_t *)data + size };
        size_t n = (size_t)read_up_to(&in, FRAMES_MAX);
        int r = 0;

        for (size_t i = 0; i < n && !in.failed && r >= 0; i++) {
                for (size_t j = 0; j < FRAME_TEXTS && r >= 0; j++)
                        r = fn(file, (int64_t)read_u64(&in));
                (void)read_u64(&in);
                (void)read_u64(&in);
        }

        return r < 0 ? r : in.failed ? -EBADMSG : 0;
}

static int get_body(struct disk_file *file, int64_t id, struct bytes *ret_body, int64_t *ret_n_users) {
        struct sql_statement *statement;
        const void *data;
        size_t size;
        int r;

        r = sql_use(file->sql, "SELECT body, n_users FROM stack WHERE id = ?", &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        data = sql_bytes(statement, 0, &size);
        *ret_n_users = sql_value(statement, 1);
        r = bytes_reserve(ret_body, size + 1);
        if (r >= 0) {
                if (size > 0)
                        memcpy(ret_body->data, data, size);
                ret_body->size = size;
        }
        sql_reset(statement);
        return r;
}

static int insert_stack(struct disk_file *file, int64_t id, const struct stack *stack) {
        struct sql_statement *statement;
        struct writer writer = {};
        int r;

        r = write_stack(file, stack, &writer);
        if (r >= 0)
                r = sql_use(file->sql, "INSERT INTO stack (id, n_users, body) VALUES (?, 1, ?)", &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_bind_bytes(statement, writer.bytes.data, writer.bytes.size);
        if (r >= 0)
                r = sql_run(statement);
        bytes_done(&writer.bytes);
        return r;
}

/* By its hash, or where another stack has that, or one that cannot be read, at one of the ids that follow: a
 * bit that fell over must not keep all later events of the same stack, and with them all else, from being
 * written. */
int disk_stack_use(struct disk_file *file, const struct stack *stack, int64_t *ret_id) {
        int64_t first = (int64_t)(stack->hash >> 2) + 1;
        bool damaged = false;

        for (int64_t id = first; id < first + PROBES_MAX; id++) {
                _cleanup_(stack_unrefp) struct stack *other = NULL;
                int r;

                r = disk_stack_read(file, id, &other);
                if (r == -ENOENT)
                        r = insert_stack(file, id, stack);
                else if (r >= 0 && stack_equal(stack, other))
                        r = run_with_id(file, "UPDATE stack SET n_users = n_users + 1 WHERE id = ?", id);
                else if (r >= 0 || r == -EBADMSG) {
                        damaged |= r < 0;
                        continue;
                }
                if (r < 0)
                        return r;

                *ret_id = id;
                return 0;
        }

        return damaged ? -EBADMSG : -ENOBUFS;
}

int disk_stack_leave(struct disk_file *file, int64_t id) {
        _cleanup_(bytes_done) struct bytes body = {};
        int64_t n_users = 0;
        int r;

        r = get_body(file, id, &body, &n_users);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (n_users > 1)
                return run_with_id(file, "UPDATE stack SET n_users = n_users - 1 WHERE id = ?", id);

        r = for_each_string(file, body.data, body.size, leave_string);
        if (r == -EBADMSG)
                r = 0; /* what it names further on is not known: those texts stay */
        return r < 0 ? r : run_with_id(file, "DELETE FROM stack WHERE id = ?", id);
}

static int read_string(struct disk_file *file, int64_t id, char **ret_text) {
        struct sql_statement *statement;
        const char *text;
        int r;

        if (id == 0)
                return 0;

        r = sql_use(file->sql, "SELECT text FROM string WHERE id = ?", &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        text = sql_text(statement, 0);
        *ret_text = text ? strdup(text) : NULL;
        sql_reset(statement);
        return *ret_text ? 0 : -ENOMEM;
}

static int read_frame(struct disk_file *file, struct reader *in, struct frame *frame) {
        char **texts[FRAME_TEXTS] = { &frame->symbol, &frame->module, &frame->build_id, &frame->note };
        int r = 0;

        for (size_t i = 0; i < FRAME_TEXTS && r >= 0; i++)
                r = read_string(file, (int64_t)read_u64(in), texts[i]);
        frame->offset = read_u64(in);
        frame->address = read_u64(in);
        return r < 0 ? r : in->failed ? -EBADMSG : 0;
}

int disk_stack_read(struct disk_file *file, int64_t id, struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        _cleanup_(bytes_done) struct bytes body = {};
        struct reader in;
        int64_t n_users;
        size_t n;
        int r;

        r = get_body(file, id, &body, &n_users);
        if (r < 0)
                return r;

        in = (struct reader){ .p = body.data, .end = body.data + body.size };
        n = (size_t)read_up_to(&in, FRAMES_MAX);
        r = stack_new(n, &stack);
        for (size_t i = 0; i < n && r >= 0; i++) {
                stack->n_frames++; /* first: what is half read is freed with the rest */
                r = read_frame(file, &in, &stack->frames[i]);
        }
        if (r < 0)
                return r;

        stack_seal(stack);
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

int disk_stack_strings(struct disk_file *file, int64_t id, int (*fn)(int64_t string, void *userdata), void *userdata) {
        _cleanup_(bytes_done) struct bytes body = {};
        struct reader in;
        int64_t n_users;
        size_t n;
        int r;

        r = get_body(file, id, &body, &n_users);
        if (r < 0)
                return r;

        in = (struct reader){ .p = body.data, .end = body.data + body.size };
        n = (size_t)read_up_to(&in, FRAMES_MAX);
        for (size_t i = 0; i < n && !in.failed && r == 0; i++) {
                for (size_t j = 0; j < FRAME_TEXTS && r == 0; j++)
                        r = fn((int64_t)read_u64(&in), userdata);
                (void)read_u64(&in);
                (void)read_u64(&in);
        }

        return r != 0 ? r : in.failed ? -EBADMSG : 0;
}
