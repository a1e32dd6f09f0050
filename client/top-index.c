/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of a model put together by CPU. */

#include <string.h>

#include "client/field.h"
#include "client/top-model.h"
#include "common/cpulist.h"

uint64_t top_row_count(const struct top_row *row, int cpu) {
        size_t low = 0, high = row->n_counts;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (row->counts[middle].cpu == cpu)
                        return row->counts[middle].n;
                if (row->counts[middle].cpu < cpu)
                        low = middle + 1;
                else
                        high = middle;
        }

        return 0;
}

static struct top_cpu *top_find_cpu(struct top_model *model, int cpu) {
        size_t low = 0, high = model->n_cpus;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (model->cpus[middle].cpu == cpu)
                        return &model->cpus[middle];
                if (model->cpus[middle].cpu < cpu)
                        low = middle + 1;
                else
                        high = middle;
        }

        return NULL;
}

/* Every CPU that a part names: rates by their lists, latency by its entries. */
static int top_collect_cpus(const struct top_model *model, struct cpu_set *set) {
        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++) {
                const struct top_rates *rates = &model->rates[part];

                for (int cpu = cpu_set_next(&rates->cpus, 0); cpu >= 0;
                     cpu = cpu_set_next(&rates->cpus, cpu + 1))
                        if (cpu_set_add(set, cpu) < 0)
                                return -ENOMEM;
        }
        for (size_t i = 0; i < array_length(model->latency); i++)
                if (cpu_set_add(set, (int)field_integer(array_at(model->latency, i), "cpu", -1)) == -ENOMEM)
                        return -ENOMEM;

        return 0;
}

static int top_make_cpus(struct top_model *model, const int *node_of, size_t n_nodes) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        struct top_cpu *cpus;
        size_t n = 0;
        int r;

        r = top_collect_cpus(model, &set);
        if (r < 0)
                return r;
        cpus = calloc(cpu_set_count(&set) + 1, sizeof(*cpus));
        if (!cpus)
                return -ENOMEM;

        for (int cpu = cpu_set_next(&set, 0); cpu >= 0; cpu = cpu_set_next(&set, cpu + 1))
                cpus[n++] = (struct top_cpu){
                        .cpu = cpu,
                        .node = node_of && (size_t)cpu < n_nodes ? node_of[cpu] : -1,
                        .online = true,
                        .softirq_share = -1,
                        .irq_share = -1,
                        .ksoftirqd_share = -1,
                };

        free(model->cpus);
        model->cpus = cpus;
        model->n_cpus = n;
        return 0;
}

static void top_sum_counts(struct top_model *model, enum top_part part) {
        const struct top_rates *rates = &model->rates[part];

        for (size_t i = 0; i < rates->n_rows; i++)
                for (size_t j = 0; j < rates->rows[i].n_counts; j++) {
                        const struct top_count *count = &rates->rows[i].counts[j];
                        struct top_cpu *cpu = top_find_cpu(model, count->cpu);

                        if (cpu && part == TOP_SOFTIRQS)
                                cpu->softirqs += count->n;
                        else if (cpu)
                                cpu->interrupts += count->n;
                }
}

/* Of a CPU that the source lists; of others it is not known. */
static double top_share(const struct top_rates *rates, const char *name, int cpu) {
        if (rates->cut || rates->seconds <= 0 || !cpu_set_contains(&rates->cpus, cpu))
                return -1;

        for (size_t i = 0; i < rates->n_rows; i++)
                if (!name || strcmp(rates->rows[i].name, name) == 0)
                        return (double)top_row_count(&rates->rows[i], cpu) / (double)NSEC_PER_SEC /
                               rates->seconds;

        return 0; /* a row that counted nothing is not there */
}

static void top_set_shares(struct top_model *model, struct top_cpu *cpu) {
        cpu->softirq_share = top_share(&model->rates[TOP_CPU_TIME], "softirq", cpu->cpu);
        cpu->irq_share = top_share(&model->rates[TOP_CPU_TIME], "irq", cpu->cpu);
        cpu->ksoftirqd_share = top_share(&model->rates[TOP_KSOFTIRQD], NULL, cpu->cpu);
}

/* A CPU is offline when a source that lists CPUs no longer has it. */
static void top_set_online(struct top_model *model, struct top_cpu *cpu) {
        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++) {
                const struct top_rates *rates = &model->rates[part];

                if (cpu_set_contains(&rates->cpus, cpu->cpu) && !cpu_set_contains(&rates->online, cpu->cpu))
                        cpu->online = false;
        }
}

static void top_set_latency(struct top_model *model) {
        for (size_t i = 0; i < array_length(model->latency); i++) {
                struct json_object *entry = array_at(model->latency, i);
                struct top_cpu *cpu = top_find_cpu(model, (int)field_integer(entry, "cpu", -1));

                if (!cpu)
                        continue;
                cpu->p99_ns = field_u64(entry, "p99Nsec");
                cpu->max_ns = field_u64(entry, "maxNsec");
                cpu->coverage = field_double(entry, "coverage");
        }
}

int top_model_index(struct top_model *model, const int *node_of, size_t n_nodes) {
        int r;

        r = top_make_cpus(model, node_of, n_nodes);
        if (r < 0)
                return r;

        top_sum_counts(model, TOP_SOFTIRQS);
        top_sum_counts(model, TOP_INTERRUPTS);
        for (size_t i = 0; i < model->n_cpus; i++) {
                top_set_shares(model, &model->cpus[i]);
                top_set_online(model, &model->cpus[i]);
        }
        top_set_latency(model);
        return 0;
}
