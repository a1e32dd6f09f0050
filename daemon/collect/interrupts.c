/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collector of /proc/interrupts: interrupts per IRQ and online CPU, and the rows of the architecture (NMI,
 * LOC, RES, CAL, TLB ...). One pass costs the kernel and us time in proportion to IRQs times CPUs: "budget"
 * is what the caller lets it cost.
 */

#include "daemon/collect/label.h"
#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-interrupts.h"
#include "daemon/collect/registry.h"

#define INTERRUPTS_PATH "proc/interrupts"

enum { FILE_MAX = 128 * 1024 * 1024 }; /* 512 CPUs with 4096 IRQs make 23 MiB */

enum {
        METRIC_INTERRUPTS,
        _METRIC_MAX,
};

enum {
        LABEL_CHIP,
        LABEL_HWIRQ,
        LABEL_ACTIONS,
        _LABEL_MAX,
};
_Static_assert((int)_LABEL_MAX <= (int)METRIC_LABELS_MAX, "labels fit into a row's key");

static const struct metric_desc interrupts_metrics[] = {
        [METRIC_INTERRUPTS] = {
                .name = "interrupts",
                .unit = "1",
                .help = "Interrupts handled",
                .row_name = "irq",
                .labels = {
                        [LABEL_CHIP] = "chip",
                        [LABEL_HWIRQ] = "hwirq",
                        [LABEL_ACTIONS] = "actions",
                },
                .type = METRIC_COUNTER,
                /* unsigned int irq_desc.kstat_irqs (newer: struct irqstat.cnt), include/linux/irqdesc.h;
                 * the rows of the architecture: the same, e.g. irq_cpustat_t, arch/x86/include/asm/hardirq.h */
                .width_bits = 32,
        },
};
_Static_assert(ELEMENTSOF(interrupts_metrics) == _METRIC_MAX, "one description per metric");

static const struct setting_desc interrupts_settings[] = {
        {
                .name = "enabled",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "Whether interrupts are counted",
        },
        {
                .name = "interval",
                .type = SETTING_DURATION,
                .default_text = "1s",
                .help = "Time between two readings of /proc/interrupts",
                .min = 100 * NSEC_PER_MSEC,
                .runtime = true,
        },
        {
                .name = "budget",
                .type = SETTING_PERCENT,
                .default_text = "0.5%",
                .help = "Share of one CPU that reading may cost; beyond it the interval grows",
                .min = 1, /* 0 would mean: never */
        },
};

static const struct config_section interrupts_section = {
        .name = "interrupts",
        .settings = interrupts_settings,
        .n_settings = ELEMENTSOF(interrupts_settings),
};

struct interrupts {
        struct proc_file file;
        struct proc_table table;
        struct label_buffer labels;
        struct batch *batch; /* during sample() */
        size_t n_named;      /* rows of the architecture in this pass */
        size_t n_named_last; /* and in the one before */
};

static int interrupts_probe(const struct collector_env *env, const char **ret_reason) {
        return proc_file_probe(env->root_fd, INTERRUPTS_PATH,
                               "there is no /proc/interrupts: mount proc on /proc",
                               "/proc/interrupts may not be read: run as root", ret_reason);
}

static void *interrupts_close(void *state) {
        struct interrupts *interrupts = state;

        if (!interrupts)
                return NULL;

        proc_file_done(&interrupts->file);
        proc_table_done(&interrupts->table);
        label_buffer_done(&interrupts->labels);
        free(interrupts);
        return NULL;
}
DEFINE_CLEANUP(struct interrupts *, interrupts_close)

static int interrupts_open(const struct collector_env *env, void **ret_state) {
        _cleanup_(interrupts_closep) struct interrupts *interrupts = NULL;
        int r;

        interrupts = calloc(1, sizeof(*interrupts));
        if (!interrupts)
                return -ENOMEM;
        interrupts->file.fd = -EBADF;

        r = proc_file_open(&interrupts->file, env->root_fd, INTERRUPTS_PATH, FILE_MAX);
        if (r < 0)
                return r;

        *ret_state = TAKE_PTR(interrupts);
        return 0;
}

static int interrupts_make_key(struct interrupts *interrupts, const struct proc_interrupts_row *row,
                               struct row_key *ret_key) {
        struct label_buffer *labels = &interrupts->labels;
        int r;

        r = label_buffer_reset(labels, 1 + _LABEL_MAX,
                               row->name.size + row->chip.size + row->hwirq.size + row->actions.size);
        if (r < 0)
                return r;

        *ret_key = (struct row_key){
                .name = label_add(labels, row->name, false),
                .labels = {
                        [LABEL_CHIP] = label_add(labels, row->chip, false),
                        [LABEL_HWIRQ] = label_add(labels, row->hwirq, true),
                        [LABEL_ACTIONS] = label_add(labels, row->actions, false),
                },
        };
        return 0;
}

static int interrupts_add_row(const struct proc_interrupts_row *row, const struct proc_table *table,
                              void *userdata) {
        struct interrupts *interrupts = userdata;
        struct batch *batch = interrupts->batch;
        struct row_key key;
        int r;

        r = interrupts_make_key(interrupts, row, &key);
        if (r < 0)
                return r;

        r = batch_add_row(batch, METRIC_INTERRUPTS, &key);
        if (r < 0)
                return r;

        interrupts->n_named += !row->numbered;
        if (row->single)
                return batch_add(batch, CPU_NONE, row->counts[0]);

        return batch_add_cpus(batch, table->cpus, row->counts, table->n_cpus);
}

/* The architecture's rows come last and do not go away: fewer than before means a file that ended between two
 * lines. A lasting change costs one pass. */
static int interrupts_check_rows(struct interrupts *interrupts) {
        bool fewer = interrupts->n_named < interrupts->n_named_last;

        interrupts->n_named_last = interrupts->n_named;
        return fewer ? -EBADMSG : 0;
}

static int interrupts_fill(struct interrupts *interrupts, struct batch *batch) {
        int r;

        r = proc_file_read(&interrupts->file);
        if (r < 0)
                return r;

        interrupts->batch = batch;
        interrupts->n_named = 0;
        r = proc_interrupts_parse(interrupts->file.buffer.data, interrupts->file.buffer.size,
                                  &interrupts->table, interrupts_add_row, interrupts);
        interrupts->batch = NULL;
        if (r < 0)
                return r;

        return interrupts_check_rows(interrupts);
}

static int interrupts_sample(void *state, struct batch *batch) {
        int r;

        r = interrupts_fill(state, batch);
        if (r < 0)
                batch_clear(batch); /* no half pass, whatever the caller does with it */
        return r;
}

static int interrupts_reconfigure(void *state, const struct config *config) {
        return 0; /* enabled, interval and budget are the caller's business */
}

const struct collector_ops collector_interrupts = {
        .name = "interrupts",
        .summary = "Interrupts per IRQ and CPU",
        .section = &interrupts_section,
        .metrics = interrupts_metrics,
        .n_metrics = ELEMENTSOF(interrupts_metrics),
        .probe = interrupts_probe,
        .open = interrupts_open,
        .sample = interrupts_sample,
        .reconfigure = interrupts_reconfigure,
        .close = interrupts_close,
};
