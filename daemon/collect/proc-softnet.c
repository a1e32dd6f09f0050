/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-softnet.h"

#include <assert.h>

#include "common/cleanup.h"
#include "daemon/collect/text-scan.h"

/* Positions in the line. */
enum {
        FIELD_PROCESSED = 0,
        FIELD_DROPPED = 1,
        FIELD_TIME_SQUEEZE = 2,
        FIELD_RECEIVED_RPS = 9,
        FIELD_FLOW_LIMIT_COUNT = 10,
        FIELD_BACKLOG = 11,
        FIELD_CPU = 12,
        FIELDS_MIN = 9,
        FIELDS_MAX = 32, /* room for what may come */
};

struct fields {
        uint64_t values[FIELDS_MAX];
        size_t n;
};

static int read_fields(struct text_slice line, struct fields *ret_fields) {
        struct fields fields = {};
        struct text_slice word;
        int r;

        while (text_next_word(&line, &word)) {
                if (fields.n == FIELDS_MAX)
                        return -EBADMSG;

                r = text_slice_to_hex32(word, &fields.values[fields.n++]);
                if (r < 0)
                        return r;
        }

        /* With a backlog comes the CPU's number: both are of one commit (7d58e6555870). */
        if (fields.n < FIELDS_MIN || fields.n == FIELD_CPU)
                return -EBADMSG;

        *ret_fields = fields;
        return 0;
}

/* 1: the line is of another CPU. */
static int add_fields(const struct fields *fields, int cpu, struct cpu_columns *columns) {
        const uint64_t values[] = {
                [SOFTNET_PROCESSED] = fields->values[FIELD_PROCESSED],
                [SOFTNET_DROPPED] = fields->values[FIELD_DROPPED],
                [SOFTNET_TIME_SQUEEZE] = fields->values[FIELD_TIME_SQUEEZE],
                [SOFTNET_RECEIVED_RPS] = fields->values[FIELD_RECEIVED_RPS],
                [SOFTNET_FLOW_LIMIT_COUNT] = fields->values[FIELD_FLOW_LIMIT_COUNT],
                [SOFTNET_BACKLOG] = fields->values[FIELD_BACKLOG],
        };
        _Static_assert(ELEMENTSOF(values) == _SOFTNET_COLUMN_MAX, "one value per column");

        if (fields->n > FIELD_CPU && fields->values[FIELD_CPU] != (uint64_t)cpu)
                return 1;

        return cpu_columns_add(columns, cpu, values);
}

int proc_softnet_parse(const char *text, size_t size, const struct cpu_set *online,
                       struct cpu_columns *columns, struct softnet_layout *ret_layout) {
        int cpu = cpu_set_next(online, 0), r;
        const char *end = text + size;
        struct text_slice line;
        struct fields fields;
        size_t n_fields = 0;

        assert(columns->n_columns == _SOFTNET_COLUMN_MAX);
        cpu_columns_clear(columns);

        for (; (r = text_next_line(&text, end, &line)) > 0; cpu = cpu_set_next(online, cpu + 1)) {
                r = read_fields(line, &fields);
                if (r < 0)
                        return r;
                if (n_fields > 0 && fields.n != n_fields)
                        return -EBADMSG;
                if (cpu < 0)
                        return 1;

                n_fields = fields.n;
                r = add_fields(&fields, cpu, columns);
                if (r != 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (n_fields == 0)
                return -EBADMSG;
        if (cpu >= 0)
                return 1;

        *ret_layout = (struct softnet_layout){
                .has_received_rps = n_fields > FIELD_RECEIVED_RPS,
                .has_flow_limit = n_fields > FIELD_FLOW_LIMIT_COUNT,
                .has_backlog = n_fields > FIELD_BACKLOG,
        };
        return 0;
}
