/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/load.h"

#include <string.h>

/* The metrics of one source follow each other. */
static const struct {
        const char *source, *metric;
} load_metrics[] = {
        [LOAD_SOFTIRQS] = { "softirqs", "softirqs" },
        [LOAD_INTERRUPTS] = { "interrupts", "interrupts" },
        [LOAD_CPU_TIME] = { "cpu", "cpu-time" },
        [LOAD_KSOFTIRQD_TIME] = { "ksoftirqd", "cpu-time" },
        [LOAD_KSOFTIRQD_DELAY] = { "ksoftirqd", "run-delay" },
        [LOAD_SOFTNET] = { "softnet", "softnet" },
        [LOAD_RX_PACKETS] = { "netdev", "rx-packets" },
        [LOAD_RX_BYTES] = { "netdev", "rx-bytes" },
        [LOAD_RX_DROPS] = { "netdev", "rx-drops" },
        [LOAD_RX_ERRORS] = { "netdev", "rx-errors" },
        [LOAD_TX_PACKETS] = { "netdev", "tx-packets" },
        [LOAD_TX_BYTES] = { "netdev", "tx-bytes" },
        [LOAD_TX_DROPS] = { "netdev", "tx-drops" },
        [LOAD_TX_ERRORS] = { "netdev", "tx-errors" },
        [LOAD_TCP] = { "tcp", "tcp" },
        [LOAD_IRQ_STALL] = { "pressure", "irq-stall" },
};
_Static_assert(ELEMENTSOF(load_metrics) == _LOAD_METRIC_MAX, "a name for every metric");

/* Sources whose values belong to no CPU: a selection of CPUs would leave nothing of them. */
static bool knows_no_cpus(const char *source) {
        static const char *const sources[] = { "netdev", "tcp", "pressure" };

        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (strcmp(source, sources[i]) == 0)
                        return true;

        return false;
}

/* The metrics from first on that are of one source; *ret_n: how many. */
static int load_source(const struct store *store, const struct load_request *request, struct load *load,
                       enum load_metric first, size_t *ret_n) {
        const char *source = load_metrics[first].source, *names[_LOAD_METRIC_MAX];
        const struct rates_request rates_request = {
                .source = source,
                .since_us = request->since_us,
                .until_us = request->until_us,
                .cpus = knows_no_cpus(source) ? NULL : request->cpus,
                .stretch_ns = request->stretch_ns,
                .history_ns = first == LOAD_INTERRUPTS ? request->history_ns : 0,
        };
        size_t n = 0;
        int r;

        for (; first + n < _LOAD_METRIC_MAX && strcmp(load_metrics[first + n].source, source) == 0; n++)
                names[n] = load_metrics[first + n].metric;
        *ret_n = n;
        if (first == LOAD_INTERRUPTS && request->without_interrupts)
                return 0;

        r = rates_query_metrics(store, &rates_request, names, n, &load->metrics[first]);
        return r == -ENOENT ? 0 : r;
}

int load_query(const struct store *store, const struct load_request *request, struct load **ret_load) {
        _cleanup_(load_freep) struct load *load = NULL;
        size_t n = 0;
        int r;

        load = calloc(1, sizeof(*load));
        if (!load)
                return -ENOMEM;

        load->since_us = request->since_us;
        load->until_us = request->until_us;
        for (size_t i = 0; i < _LOAD_METRIC_MAX; i += n) {
                r = load_source(store, request, load, i, &n);
                if (r < 0)
                        return r;
        }

        *ret_load = TAKE_PTR(load);
        return 0;
}

struct load *load_free(struct load *load) {
        if (!load)
                return NULL;

        for (size_t i = 0; i < _LOAD_METRIC_MAX; i++)
                (void)rates_free(load->metrics[i]); /* returns NULL */
        free(load);
        return NULL;
}

double load_rate(const struct load *load, enum load_metric metric, const char *row, int cpu) {
        const struct rates *rates = load->metrics[metric];
        const struct rates_row *found = rates_find_row(rates, row);
        int i;

        if (!found || rates->elapsed_ns == 0)
                return 0;
        if (cpu == CPU_NONE)
                return found->per_second;

        i = rates_cpu_index(rates, cpu);
        return i < 0 ? 0 : (double)found->per_cpu[i] * (double)NSEC_PER_SEC / (double)rates->elapsed_ns;
}

struct peak load_peak(const struct load *load, enum load_metric metric, const char *row, int cpu) {
        const struct rates *rates = load->metrics[metric];
        const struct rates_row *found = rates_find_row(rates, row);
        int i;

        if (!found)
                return (struct peak){};
        if (cpu == CPU_NONE)
                return found->peak;

        i = rates_cpu_index(rates, cpu);
        return i < 0 || !found->cells ? (struct peak){} : found->cells[i].peak;
}
