/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/affinity.h"

#include <string.h>

#include "daemon/query/windows.h"

static int affinity_fill_gauges(const struct store *store, uint64_t at_us, const char *metric,
                                struct gauges **ret_gauges) {
        const struct gauges_request request = { .source = "affinity", .metric = metric, .at_us = at_us };
        int r;

        r = gauges_query(store, &request, ret_gauges);
        return r == -ENOENT ? 0 : r;
}

static bool affinity_names_cpu(const struct event *event, const char *name, const struct cpu_set *cpus) {
        const struct evidence *evidence = event_find_evidence(event, name);

        for (size_t i = 0; evidence && evidence->type == EVIDENCE_INTEGERS && i < evidence->n_integers; i++)
                if (cpu_set_contains(cpus, (int)evidence->integers[i]))
                        return true;

        return false;
}

/* Whether one of the CPUs was or became one that takes the interrupt. */
static bool affinity_concerns(const struct event *event, const struct cpu_set *cpus) {
        static const char *const names[] = { "oldCpus", "newCpus", "oldEffectiveCpus", "newEffectiveCpus" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (affinity_names_cpu(event, names[i], cpus))
                        return true;

        return false;
}

/* Events of affinity belong to no CPU, so the selection is made here. */
static int affinity_fill_changes(struct affinity *affinity, const struct store *store, uint64_t since_us,
                                 uint64_t until_us, const struct cpu_set *cpus) {
        const struct events_request request = {
                .since_us = since_us,
                .until_us = until_us,
                .kinds = UINT32_C(1) << EVENT_AFFINITY,
        };
        _cleanup_(freep) struct event **events = NULL;
        size_t n = 0, n_kept = 0, first;
        int r;

        r = events_query(store, &request, &events, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++)
                if (!cpus || affinity_concerns(events[i], cpus))
                        events[n_kept++] = events[i];

        first = n_kept - MIN(n_kept, (size_t)AFFINITY_CHANGES_MAX);
        affinity->n_changes_total = n_kept;
        affinity->changes = calloc(MAX(n_kept - first, (size_t)1), sizeof(struct event *));
        if (!affinity->changes)
                return -ENOMEM;
        for (size_t i = first; i < n_kept; i++)
                affinity->changes[affinity->n_changes++] = event_ref(events[i]);
        return 0;
}

int affinity_query(const struct store *store, uint64_t since_us, uint64_t until_us,
                   const struct cpu_set *cpus, struct affinity **ret_affinity) {
        _cleanup_(affinity_freep) struct affinity *affinity = NULL;
        int r;

        affinity = calloc(1, sizeof(*affinity));
        if (!affinity)
                return -ENOMEM;

        r = affinity_fill_gauges(store, until_us, "affinity", &affinity->configured);
        if (r == 0)
                r = affinity_fill_gauges(store, until_us, "effective-affinity", &affinity->effective);
        if (r == 0)
                r = affinity_fill_changes(affinity, store, since_us, until_us, cpus);
        if (r < 0)
                return r;

        *ret_affinity = TAKE_PTR(affinity);
        return 0;
}

struct affinity *affinity_free(struct affinity *affinity) {
        if (!affinity)
                return NULL;

        for (size_t i = 0; i < affinity->n_changes; i++)
                (void)event_unref(affinity->changes[i]); /* these return NULL */
        free(affinity->changes);
        (void)gauges_free(affinity->configured);
        (void)gauges_free(affinity->effective);
        free(affinity);
        return NULL;
}

void affinity_find(const struct affinity *affinity, const char *irq, struct affinity_irq *ret_irq) {
        const struct gauges *gauges[] = { affinity->configured, affinity->effective };
        const struct gauges_row *rows[ELEMENTSOF(gauges)] = {};

        *ret_irq = (struct affinity_irq){};
        for (size_t i = 0; i < ELEMENTSOF(gauges); i++) {
                rows[i] = gauges[i] ? gauges_find(gauges[i], irq) : NULL;
                if (!rows[i])
                        continue;
                ret_irq->device = ret_irq->device ?: gauges_label(gauges[i], rows[i], "device");
                ret_irq->queue = ret_irq->queue ?: gauges_label(gauges[i], rows[i], "queue");
        }

        ret_irq->configured = rows[0];
        ret_irq->effective = rows[1];
}

int affinity_format(const struct gauges_row *row, char **ret_text) {
        if (!row) {
                *ret_text = NULL;
                return 0;
        }
        if (row->single == 0)
                return cpu_list_format(&row->cpus, ret_text);

        *ret_text = strdup("all");
        return *ret_text ? 0 : -ENOMEM;
}
