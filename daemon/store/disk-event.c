/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The body of an event: monotonic moment, task (0, or 1 and pid, tgid, comm), cgroup, container, parents (how
 * many, then pid and comm), evidence (how many, then name, type and value).
 */

#include "daemon/store/disk-event.h"

#include <pthread.h>
#include <string.h>

#include "common/cpulist.h"
#include "daemon/store/coding.h"
#include "daemon/store/disk-stack.h"

enum { NAMES_MAX = 1024, INTEGERS_MAX = 64 * 1024 };

static void write_evidence(struct writer *writer, const struct evidence *evidence) {
        write_text(writer, evidence->name);
        write_u64(writer, evidence->type);
        if (evidence->type == EVIDENCE_STRING)
                write_text(writer, evidence->string);
        else if (evidence->type == EVIDENCE_INTEGER)
                write_i64(writer, evidence->integer);
        else {
                write_u64(writer, evidence->n_integers);
                for (size_t i = 0; i < evidence->n_integers; i++)
                        write_i64(writer, evidence->integers[i]);
        }
}

static void write_body(struct writer *writer, const struct event *event) {
        write_u64(writer, event->monotonic_ns);
        write_u64(writer, event->has_task);
        if (event->has_task) {
                write_i64(writer, event->pid);
                write_i64(writer, event->tgid);
                write_bytes(writer, event->comm, strnlen(event->comm, sizeof(event->comm)));
        }
        write_text(writer, event->cgroup);
        write_text(writer, event->container);
        write_u64(writer, event->n_parents);
        for (size_t i = 0; i < event->n_parents; i++) {
                write_i64(writer, event->parents[i].pid);
                write_bytes(writer, event->parents[i].comm,
                            strnlen(event->parents[i].comm, sizeof(event->parents[i].comm)));
        }
        write_u64(writer, event->n_evidence);
        for (size_t i = 0; i < event->n_evidence; i++)
                write_evidence(writer, &event->evidence[i]);
}

static int use_stack(struct disk_file *file, const struct stack *stack, int64_t *ret_id) {
        *ret_id = 0;
        return stack ? disk_stack_use(file, stack, ret_id) : 0;
}

static int bind_text_or_null(struct sql_statement *statement, const char *text) {
        return text ? sql_bind_text(statement, text) : sql_bind_null(statement);
}

static int bind_if(struct sql_statement *statement, bool has, int64_t value) {
        return has ? sql_bind(statement, value) : sql_bind_null(statement);
}

static int bind_event(struct sql_statement *statement, const struct event *event, int64_t boot,
                      const int64_t stacks[2], const struct bytes *body) {
        int r;

        if ((r = sql_bind(statement, event->id)) < 0 ||
            (r = sql_bind(statement, (int64_t)event->time_us)) < 0 || (r = sql_bind(statement, boot)) < 0 ||
            (r = sql_bind_text(statement, event_kind_to_string(event->kind))) < 0 ||
            (r = bind_text_or_null(statement, event_class_to_string(event->class))) < 0 ||
            (r = bind_text_or_null(statement, event_confidence_to_string(event->confidence))) < 0 ||
            (r = bind_if(statement, event->cpu != CPU_NONE, event->cpu)) < 0 ||
            (r = bind_if(statement, event->has_duration, (int64_t)event->duration_min_ns)) < 0 ||
            (r = bind_if(statement, event->has_duration, (int64_t)event->duration_max_ns)) < 0 ||
            (r = bind_text_or_null(statement, event->culprit)) < 0 ||
            (r = bind_if(statement, stacks[0] != 0, stacks[0])) < 0 ||
            (r = bind_if(statement, stacks[1] != 0, stacks[1])) < 0)
                return r;
        return sql_bind_bytes(statement, body->data, body->size);
}

int disk_event_insert(struct disk_file *file, const struct event *event, int64_t boot) {
        struct sql_statement *statement;
        struct writer writer = {};
        int64_t stacks[2];
        int r;

        write_body(&writer, event);
        r = writer.error;
        if (r >= 0)
                r = use_stack(file, event->kernel_stack, &stacks[0]);
        if (r >= 0)
                r = use_stack(file, event->user_stack, &stacks[1]);
        if (r >= 0)
                r = sql_use(file->sql, "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            &statement);
        if (r >= 0)
                r = bind_event(statement, event, boot, stacks, &writer.bytes);
        if (r >= 0)
                r = sql_run(statement);
        bytes_done(&writer.bytes);
        return r;
}

/* 1: one was dropped; 0: there is none. */
static int drop_first(struct disk_file *file, int64_t before_us) {
        struct sql_statement *statement;
        int64_t id, stacks[2];
        int r;

        r = sql_use(file->sql,
                    "SELECT id, kernel_stack, user_stack FROM event WHERE id < ? ORDER BY id LIMIT 1",
                    &statement);
        if (r >= 0)
                r = sql_bind(statement, before_us);
        if (r >= 0)
                r = sql_step(statement);
        if (r <= 0)
                return r;

        id = sql_value(statement, 0);
        for (int i = 0; i < 2; i++)
                stacks[i] = sql_value(statement, 1 + i); /* 0 for null */
        sql_reset(statement);

        r = sql_use(file->sql, "DELETE FROM event WHERE id = ?", &statement);
        if (r >= 0)
                r = sql_bind(statement, id);
        if (r >= 0)
                r = sql_run(statement);
        for (size_t i = 0; i < 2 && r >= 0; i++)
                r = stacks[i] != 0 ? disk_stack_leave(file, stacks[i]) : 0;
        return r < 0 ? r : 1;
}

int disk_event_drop(struct disk_file *file, int64_t before_us, unsigned n, unsigned *ret_n) {
        int r = 1;

        *ret_n = 0;
        for (; *ret_n < n && r > 0; *ret_n += r > 0)
                r = drop_first(file, before_us);
        return MIN(r, 0);
}

/* Names of evidence are literals everywhere else: what was read is kept for good, and so must be few. */
static const char *keep_name(const char *name) {
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static char *names[NAMES_MAX];
        static size_t n_names;
        const char *kept = NULL;

        (void)pthread_mutex_lock(&lock); /* a normal mutex: fails only by programmer error */
        for (size_t i = 0; i < n_names && !kept; i++)
                if (strcmp(names[i], name) == 0)
                        kept = names[i];
        if (!kept && n_names < NAMES_MAX) {
                names[n_names] = strdup(name);
                kept = names[n_names];
                n_names += kept != NULL;
        }
        (void)pthread_mutex_unlock(&lock);
        return kept;
}

static int read_integers(struct reader *in, struct event *event, const char *name) {
        _cleanup_(freep) int64_t *values = NULL;
        size_t n = (size_t)read_up_to(in, INTEGERS_MAX);

        values = calloc(n + 1, sizeof(*values));
        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                values[i] = read_i64(in);
        return event_add_integers(event, name, values, n);
}

static int read_evidence(struct reader *in, struct event *event) {
        const char *name = read_text(in);
        enum evidence_type type = (enum evidence_type)read_up_to(in, EVIDENCE_INTEGERS);

        name = name ? keep_name(name) : NULL;
        if (!name)
                return -EBADMSG;
        if (type == EVIDENCE_STRING)
                return event_add_string(event, name, read_text(in) ?: "");
        if (type == EVIDENCE_INTEGER)
                return event_add_integer(event, name, read_i64(in));
        return read_integers(in, event, name);
}

static void read_comm(struct reader *in, char comm[EVENT_COMM_MAX]) {
        size_t size;
        const uint8_t *data = read_bytes(in, &size);

        memset(comm, 0, EVENT_COMM_MAX);
        if (size > 0)
                memcpy(comm, data, MIN(size, (size_t)EVENT_COMM_MAX - 1));
}

static int read_copy(struct reader *in, char **ret_text) {
        const char *text = read_text(in);

        *ret_text = text ? strdup(text) : NULL;
        return text && !*ret_text ? -ENOMEM : 0;
}

static int read_body(struct event *event, const void *data, size_t size) {
        struct reader in = { .p = data, .end = (const uint8_t *)data + size };
        size_t n_evidence;
        int r;

        event->monotonic_ns = read_u64(&in);
        event->has_task = read_up_to(&in, 1);
        if (event->has_task) {
                event->pid = (pid_t)read_i64(&in);
                event->tgid = (pid_t)read_i64(&in);
                read_comm(&in, event->comm);
        }
        r = read_copy(&in, &event->cgroup);
        if (r >= 0)
                r = read_copy(&in, &event->container);
        event->n_parents = (size_t)read_up_to(&in, EVENT_PARENTS_MAX);
        for (size_t i = 0; i < event->n_parents; i++) {
                event->parents[i].pid = (pid_t)read_i64(&in);
                read_comm(&in, event->parents[i].comm);
        }
        n_evidence = (size_t)read_up_to(&in, EVENT_EVIDENCE_MAX);
        for (size_t i = 0; i < n_evidence && r >= 0; i++)
                r = read_evidence(&in, event);
        return r < 0 ? r : in.failed ? -EBADMSG : 0;
}

enum event_column {
        COLUMN_ID,
        COLUMN_TIME,
        COLUMN_BOOT,
        COLUMN_KIND,
        COLUMN_CLASS,
        COLUMN_CONFIDENCE,
        COLUMN_CPU,
        COLUMN_MIN,
        COLUMN_MAX,
        COLUMN_CULPRIT,
        COLUMN_KERNEL_STACK,
        COLUMN_USER_STACK,
        COLUMN_BODY,
};
#define SELECT_EVENTS \
        "SELECT event.id, time_us, boot_id, kind, class, confidence, cpu, duration_min_ns, " \
        "duration_max_ns, " \
        "culprit, kernel_stack, user_stack, body FROM event JOIN boot ON boot.id = event.boot "

static enum event_confidence confidence_of(const char *text) {
        if (!text)
                return CONFIDENCE_NONE;
        return strcmp(text, "high") == 0 ? CONFIDENCE_HIGH : CONFIDENCE_LOW;
}

/* Words that a newer version knows more of: an event of an unknown kind is left out, an unknown class is one.
 */
static int read_columns(struct sql_statement *row, struct event *event) {
        const char *kind = sql_text(row, COLUMN_KIND), *class = sql_text(row, COLUMN_CLASS);
        const char *boot = sql_text(row, COLUMN_BOOT), *culprit = sql_text(row, COLUMN_CULPRIT);
        int64_t cpu = sql_value(row, COLUMN_CPU);

        event->id = sql_value(row, COLUMN_ID);
        event->time_us = (uint64_t)sql_value(row, COLUMN_TIME);
        event->kind = kind ? event_kind_from_string(kind) : _EVENT_KIND_INVALID;
        event->class = class ? event_class_from_string(class) : CLASS_NONE;
        if (event->class == _EVENT_CLASS_INVALID)
                event->class = CLASS_UNKNOWN;
        event->confidence = confidence_of(sql_text(row, COLUMN_CONFIDENCE));
        event->cpu = sql_is_null(row, COLUMN_CPU) ? CPU_NONE : (int)cpu;
        event->has_duration = !sql_is_null(row, COLUMN_MIN);
        event->duration_min_ns = (uint64_t)sql_value(row, COLUMN_MIN);
        event->duration_max_ns = (uint64_t)sql_value(row, COLUMN_MAX);
        if (culprit) {
                event->culprit = strdup(culprit);
                if (!event->culprit)
                        return -ENOMEM;
        }
        if (event->kind == _EVENT_KIND_INVALID || !boot || sd_id128_from_string(boot, &event->boot_id) < 0 ||
            cpu < 0 || cpu >= CPU_LIMIT)
                return -EBADMSG;
        return 0;
}

/* 0; 1: not wanted; negative. */
static int read_event(struct disk_file *file, struct sql_statement *row,
                      const struct disk_event_filter *filter, struct event **ret_event) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        const void *data;
        size_t size;
        int r;

        r = event_new(EVENT_IRQ_DELAY, &event);
        if (r >= 0)
                r = read_columns(row, event);
        if (r < 0)
                return r;

        data = sql_bytes(row, COLUMN_BODY, &size);
        r = read_body(event, data, size);
        if (r < 0)
                return r;
        if (filter->wants && !filter->wants(event, filter->userdata))
                return 1;

        if (!sql_is_null(row, COLUMN_KERNEL_STACK))
                r = disk_stack_read(file, sql_value(row, COLUMN_KERNEL_STACK), &event->kernel_stack);
        if (r >= 0 && !sql_is_null(row, COLUMN_USER_STACK))
                r = disk_stack_read(file, sql_value(row, COLUMN_USER_STACK), &event->user_stack);
        if (r < 0)
                return r == -ENOENT ? -EBADMSG : r;

        *ret_event = TAKE_PTR(event);
        return 0;
}

static int64_t clamp(uint64_t value) {
        return (int64_t)MIN(value, (uint64_t)INT64_MAX);
}

/* The largest id of the span: ids follow times only roughly. *ret_last: -1: there is nothing in it. */
static int find_last(struct disk_file *file, const struct disk_event_filter *filter, int64_t *ret_last) {
        struct sql_statement *row;
        int r;

        r = sql_use(file->sql, "SELECT max(id) FROM event WHERE time_us > ? AND time_us <= ?", &row);
        if (r >= 0)
                r = sql_bind(row, filter->since_us > 0 ? clamp(filter->since_us) : -1);
        if (r >= 0)
                r = sql_bind(row, clamp(filter->until_us));
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r < 0 ? r : -EIO;

        *ret_last = sql_is_null(row, 0) ? -1 : sql_value(row, 0);
        sql_reset(row);
        return 0;
}

static int prepare(struct disk_file *file, const struct disk_event_filter *filter,
                   struct sql_statement **ret) {
        /* An event's id is never less than its time. */
        static const char forward[] = SELECT_EVENTS
                "WHERE event.id > ? AND event.id <= ? AND time_us > ? AND time_us <= ? ORDER BY event.id";
        static const char backward[] = SELECT_EVENTS "WHERE event.id > ? AND event.id <= ? AND time_us > ? "
                                                     "AND time_us <= ? ORDER BY event.id DESC";
        int64_t after = filter->after_id, last = filter->last_id > 0 ? filter->last_id : INT64_MAX;
        int r;

        if (filter->id > 0) {
                after = filter->id - 1;
                last = filter->id;
        }
        after = MAX(after,
                    clamp(filter->since_us) - 1); /* an event may have the span's first moment as its id */
        if (filter->last_id == 0 && filter->id == 0 && filter->until_us < INT64_MAX) {
                r = find_last(file, filter, &last);
                if (r < 0)
                        return r;
        }

        r = sql_use(file->sql, filter->newest_first ? backward : forward, ret);
        if (r >= 0)
                r = sql_bind(*ret, after);
        if (r >= 0)
                r = sql_bind(*ret, last);
        if (r >= 0)
                r = sql_bind(*ret, filter->since_us > 0 ? clamp(filter->since_us) : -1);
        if (r >= 0)
                r = sql_bind(*ret, clamp(filter->until_us));
        return r;
}

int disk_event_read(struct disk_file *file, const struct disk_event_filter *filter,
                    int (*fn)(struct event *event, void *userdata), void *userdata, size_t *ret_n_damaged) {
        struct sql_statement *row = NULL;
        size_t n = 0;
        int r;

        *ret_n_damaged = 0;
        r = prepare(file, filter, &row);
        if (r < 0)
                return r;

        while (r >= 0 && (filter->limit == 0 || n < filter->limit)) {
                _cleanup_(event_unrefp) struct event *event = NULL;

                r = sql_step(row);
                if (r <= 0)
                        return r;

                r = read_event(file, row, filter, &event);
                if (r == -EBADMSG)
                        ++*ret_n_damaged;
                if (r == -EBADMSG || r > 0) {
                        r = 0;
                        continue;
                }
                if (r < 0)
                        break;

                n++;
                r = fn(event, userdata);
                if (r != 0)
                        break;
        }

        sql_reset(row);
        return r;
}
