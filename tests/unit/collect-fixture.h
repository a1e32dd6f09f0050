/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Collectors through their ops, on whole fixture machines: text dumps of batches against golden files. Header
 * only. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fileio.h"
#include "daemon/collect/registry.h"

static inline int open_machine(const char *variable, const char *machine) {
        _cleanup_(freep) char *path = NULL;
        const char *fixtures = getenv(variable);
        int fd;

        assert_non_null(fixtures);
        assert_true(asprintf(&path, "%s/%s", fixtures, machine) > 0);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                fail_msg("%s: %s", path, strerror(errno));
        return fd;
}

static inline void dump_key(FILE *f, const struct metric_desc *metric, const struct row_key *key) {
        fprintf(f, "%s{", metric->name);
        if (metric->row_name)
                fprintf(f, "%s=\"%s\"", metric->row_name, key->name);
        else
                assert_string_equal(key->name, "");
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
                if (key->labels[i])
                        fprintf(f, ",%s=\"%s\"", metric->labels[i], key->labels[i]);
        fprintf(f, "}");
}

/* The caller frees. */
static inline char *dump_batch(const struct collector_ops *ops, const struct batch *batch) {
        _cleanup_(freep) char *cpus = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        assert_int_equal(cpu_list_format(&batch->cpus, &cpus), 0);
        fprintf(f, "cpus %s\n", cpus);
        for (size_t i = 0; i < batch->n_rows; i++) {
                const struct batch_row *row = &batch->rows[i];

                dump_key(f, &ops->metrics[row->metric], &row->key);
                for (size_t c = row->first_cell; c < row->first_cell + row->n_cells; c++)
                        if (batch->cells[c].cpu == CPU_NONE)
                                fprintf(f, " -=%llu", (unsigned long long)batch->cells[c].value);
                        else
                                fprintf(f, " %i=%llu", batch->cells[c].cpu,
                                        (unsigned long long)batch->cells[c].value);
                fputc('\n', f);
        }
        assert_int_equal(fclose(f), 0);
        return text;
}

/* One pass as text: the batch, or "gap NAME-OF-ERROR". The caller frees. */
static inline char *sample_text(const struct collector_ops *ops, void *state) {
        _cleanup_(batch_done) struct batch batch = {};
        char *text = NULL;
        int r;

        r = ops->sample(state, &batch);
        if (r >= 0)
                return dump_batch(ops, &batch);

        assert_int_equal(batch.n_rows, 0);
        assert_int_equal(batch.n_cells, 0);
        assert_int_equal(cpu_set_count(&batch.cpus), 0);
        assert_true(asprintf(&text, "gap %s\n", strerrorname_np(-r)) > 0);
        return text;
}

/* The collector's settings at their defaults; borrows from the collector alone. */
static inline struct config *default_config(const struct collector_ops *ops) {
        struct config *config = NULL;

        assert_int_equal(config_new(&ops->section, 1, &config), 0);
        return config;
}

static inline void *open_collector(const struct collector_ops *ops, int root_fd) {
        _cleanup_(config_freep) struct config *config = default_config(ops);
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true, .config = config };
        const char *reason = NULL;
        void *state = NULL;

        assert_int_equal(ops->probe(&env, &reason), 0);
        assert_null(reason);
        assert_int_equal(ops->open(&env, &state), 0);
        assert_non_null(state);
        return state;
}

/* A machine without the collector's file has no expectation either. */
static inline void check_unsupported(const struct collector_ops *ops, int root_fd) {
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true };
        const char *reason = NULL;

        assert_int_equal(ops->probe(&env, &reason), -EOPNOTSUPP);
        assert_non_null(reason);
}

static inline void check_sample(const struct collector_ops *ops, void *state, int root_fd,
                                const char *machine) {
        _cleanup_(text_buffer_done) struct text_buffer expected = {};
        _cleanup_(freep) char *text = NULL;
        char path[64];

        snprintf(path, sizeof(path), "expected/%s", ops->name);
        assert_int_equal(text_buffer_read(&expected, root_fd, path, SIZE_MAX), 0);
        text = sample_text(ops, state);
        if (strcmp(text, expected.data) != 0)
                fail_msg("%s of %s is:\n%s\nexpected:\n%s", ops->name, machine, text, expected.data);
}

static inline bool is_expected(const struct collector_ops *ops, int root_fd) {
        char path[64];

        snprintf(path, sizeof(path), "expected/%s", ops->name);
        return faccessat(root_fd, path, R_OK, 0) == 0;
}

/* Each of the collectors, NULL-terminated, on the machine. */
static inline void check_machine(const char *variable, const char *machine,
                                 const struct collector_ops *const *collectors) {
        for (; *collectors; collectors++) {
                _cleanup_(closep) int root_fd = open_machine(variable, machine);
                const struct collector_ops *ops = *collectors;
                void *state;

                if (!is_expected(ops, root_fd)) {
                        check_unsupported(ops, root_fd);
                        continue;
                }

                state = open_collector(ops, root_fd);
                check_sample(ops, state, root_fd, machine);
                check_sample(ops, state, root_fd, machine); /* rereading starts from the beginning */
                assert_null(ops->close(state));
        }
}
