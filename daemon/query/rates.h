/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a metric did over a span of time: per row and CPU, the difference of cumulative values with resets
 * and wraps accounted for. Pure: store + request -> result. The basis of report, "irqctl rates"
 * and findings.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/query/peak.h"
#include "daemon/store/store.h"

struct rates_request {
        const char *source;         /* "softirqs" */
        const char *metric;         /* NULL: the source's first */
        uint64_t since_us, until_us; /* realtime */
        const struct cpu_set *cpus; /* NULL: all */
        uint64_t stretch_ns;        /* also find the worst stretches of this length; 0: not */
        uint64_t history_ns;        /* also what was usual in that time before the span; 0: not */
};

/* Besides the differences, where asked for. */
struct rates_cell {
        struct peak peak;
        bool has_lull;
        double lull; /* per second in the quietest quarter of the span */
        bool has_history;
        double history; /* per second before the span, in most of the time: of its fifths the middle one */
};

struct rates_row {
        char *name;                        /* "NET_RX", "24" */
        char *labels[METRIC_LABELS_MAX];   /* NULL where the row has none */
        unsigned generation;
        bool live;                         /* in the latest pass */
        unsigned n_resets;                 /* counters that went backwards in the span */
        uint64_t total;                    /* sum over the selected CPUs */
        double per_second;                 /* total / elapsed; 0 when nothing elapsed */
        uint64_t *per_cpu;                 /* n_cpus differences, by position of rates.cpus */
        uint64_t single;                   /* the part that belongs to no CPU (ERR, MIS) */
        struct peak peak;                  /* worst stretch of the sum over the selected CPUs */
        struct rates_cell *cells;          /* n_cpus; NULL: not asked for */
};

struct rates {
        const struct metric_desc *metric;  /* borrowed from the store */
        char *source;
        uint64_t since_us, until_us;       /* of the passes that were really used; <= as requested */
        uint64_t elapsed_ns;               /* monotonic, between these two passes. A gap across the start of
                                            * the span is cut out, one inside is bridged: counters and time
                                            * both went on */
        int *cpus;                         /* kernel CPU ids, ascending: every CPU that had values */
        bool *online;                      /* in the last pass used */
        size_t n_cpus;
        struct rates_row *rows;            /* in order of appearance */
        size_t n_rows;
        size_t n_gaps;                     /* gaps that touch the span as requested */
        uint64_t history_ns;               /* how long before the span the history begins; 0: there is none */
};

/* 0; -ENOENT no such source or metric, a gauge (it has no differences), or not two passes to compare;
 * -ENOMEM. With request->cpus, values that belong to no CPU are left out. */
int rates_query(const struct store *store, const struct rates_request *request,
                struct rates **ret_rates);
/* The same for several metrics of a source in one scan; request->metric is not looked at. ret_rates[i] is NULL
 * where the source has no metric of that name, or a gauge. 0; -ENOENT no such source, none of the metrics, or not two
 * passes to compare; -ENOMEM. */
int rates_query_metrics(const struct store *store, const struct rates_request *request,
                        const char *const *metrics, size_t n, struct rates **ret_rates);
struct rates *rates_free(struct rates *rates);
DEFINE_CLEANUP(struct rates *, rates_free)
/* Position of a CPU id in rates->cpus or -1. */
int rates_cpu_index(const struct rates *rates, int cpu);
/* The row of that name, a live one if there are several; NULL, also when rates is NULL. */
const struct rates_row *rates_find_row(const struct rates *rates, const char *name);
/* The row's label of that name, whatever its position; NULL when the row or the metric has none. */
const char *rates_row_label(const struct rates *rates, const struct rates_row *row, const char *name);
/* Busiest CPU's share against an even spread: max * n_online / total, 1.0 is even; 0 when idle. */
double rates_row_imbalance(const struct rates *rates, const struct rates_row *row);
