/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/softirqs: how often each softirq vector ran, per CPU. The file has a column for every
 * possible CPU; the counts of those that are offline stand still and are left out, so that "had values" means
 * "was online" as it does for interrupts.
 */

#include "daemon/collect/label.h"
#include "daemon/collect/online-cpus.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-softirqs.h"
#include "daemon/collect/registry.h"

#define SOFTIRQS_PATH "proc/softirqs"

enum { FILE_MAX = 8 * 1024 * 1024 }; /* CPU_LIMIT columns of 11 bytes, ten-odd rows, and room */

enum {
        METRIC_SOFTIRQS,
        _METRIC_MAX,
};

static const struct metric_desc softirqs_metrics[] = {
        [METRIC_SOFTIRQS] = {
                .name = "softirqs",
                .unit = "1",
                .help = "Softirqs handled",
                .row_name = "type",
                .type = METRIC_COUNTER,
                .width_bits = 32, /* unsigned int kernel_stat.softirqs[], include/linux/kernel_stat.h */
        },
};
_Static_assert(ELEMENTSOF(softirqs_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc softirqs_settings[] = {
        {
                .name = "enabled",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "Whether softirqs are counted",
        },
        {
                .name = "interval",
                .type = SETTING_DURATION,
                .default_text = "1s",
                .help = "Time between two readings of /proc/softirqs",
                .min = 100 * NSEC_PER_MSEC,
                .runtime = true,
        },
};

static const struct config_section softirqs_section = {
        .name = "softirqs",
        .settings = softirqs_settings,
        .n_settings = ELEMENTSOF(softirqs_settings),
};

struct softirqs {
        struct proc_file file;
        struct online_cpus online;
        struct proc_table table;
        struct label_buffer labels;
        struct batch *batch; /* during sample() */
        size_t n_rows;       /* of the last pass */
};

static int softirqs_probe(const struct collector_env *env, const char **ret_reason) {
        return proc_file_probe(env->root_fd, SOFTIRQS_PATH, "there is no /proc/softirqs: mount proc on /proc",
                               "/proc/softirqs may not be read: run as root", ret_reason);
}

static void *softirqs_close(void *state) {
        struct softirqs *softirqs = state;

        if (!softirqs)
                return NULL;

        proc_file_done(&softirqs->file);
        online_cpus_done(&softirqs->online);
        proc_table_done(&softirqs->table);
        label_buffer_done(&softirqs->labels);
        free(softirqs);
        return NULL;
}
DEFINE_CLEANUP(struct softirqs *, softirqs_close)

static int softirqs_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(softirqs_closep) struct softirqs *softirqs = NULL;
        int r;

        softirqs = calloc(1, sizeof(*softirqs));
        if (!softirqs)
                return -ENOMEM;
        softirqs->file.fd = -EBADF;
        softirqs->online = ONLINE_CPUS_CLOSED;

        r = proc_file_open(&softirqs->file, env->root_fd, SOFTIRQS_PATH, FILE_MAX);
        if (r < 0)
                return r;

        /* Without sysfs all CPUs of the file count as online. */
        r = online_cpus_open(&softirqs->online, env->root_fd);
        if (r < 0 && r != -ENOENT)
                return r;

        *ret_state = TAKE_PTR(softirqs);
        return 0;
}

static int softirqs_add_row(const struct proc_softirqs_row *row, const struct proc_table *table,
                            void *userdata) {
        struct softirqs *softirqs = userdata;
        struct row_key key = {};
        int r;

        r = label_buffer_reset(&softirqs->labels, 1, row->name.size);
        if (r < 0)
                return r;

        key.name = label_add(&softirqs->labels, row->name, false);
        r = batch_add_row(softirqs->batch, METRIC_SOFTIRQS, &key);
        if (r < 0)
                return r;

        for (size_t i = 0; i < table->n_cpus; i++) {
                if (online_cpus_is_open(&softirqs->online) &&
                    !cpu_set_contains(&softirqs->online.set, table->cpus[i]))
                        continue;

                r = batch_add(softirqs->batch, table->cpus[i], row->counts[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The vectors are fixed when the kernel is built: another number of rows than before is a file that ended
 * between two lines. A lasting change costs one pass. */
static int softirqs_check_rows(struct softirqs *softirqs, size_t n_rows) {
        bool changed = softirqs->n_rows != 0 && softirqs->n_rows != n_rows;

        softirqs->n_rows = n_rows;
        return changed ? -EBADMSG : 0;
}

static int softirqs_fill(struct softirqs *softirqs, struct batch *batch) {
        int r;

        if (online_cpus_is_open(&softirqs->online)) {
                r = online_cpus_read(&softirqs->online);
                if (r < 0)
                        return r;
        }

        r = proc_file_read(&softirqs->file);
        if (r < 0)
                return r;

        softirqs->batch = batch;
        r = proc_softirqs_parse(softirqs->file.buffer.data, softirqs->file.buffer.size, &softirqs->table,
                                softirqs_add_row, softirqs);
        softirqs->batch = NULL;
        if (r < 0)
                return r;

        return softirqs_check_rows(softirqs, batch->n_rows);
}

static int softirqs_sample(void *state, struct batch *batch) {
        int r;

        r = softirqs_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int softirqs_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled and interval are the caller's business */
}

const struct collector_ops collector_softirqs = {
        .name = "softirqs",
        .summary = "Softirqs per vector and CPU",
        .section = &softirqs_section,
        .metrics = softirqs_metrics,
        .n_metrics = ELEMENTSOF(softirqs_metrics),
        .probe = softirqs_probe,
        .open = softirqs_open,
        .sample = softirqs_sample,
        .reconfigure = softirqs_reconfigure,
        .close = softirqs_close,
};
