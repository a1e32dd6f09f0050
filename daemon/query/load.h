/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the machine did over a span: CPU time, softirqs, interrupts, ksoftirqd, packets. The rates that
 * findings and reports are made of, gathered with one scan per collector. Pure. Which collectors there are is
 * known by name only: one that does not run leaves its rates NULL.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/query/rates.h"
#include "daemon/store/store.h"

enum load_metric {
        LOAD_SOFTIRQS,
        LOAD_INTERRUPTS,
        LOAD_CPU_TIME,        /* ns by mode: user, softirq, steal, ... */
        LOAD_KSOFTIRQD_TIME,  /* ns */
        LOAD_KSOFTIRQD_DELAY, /* ns that it waited for its CPU */
        LOAD_SOFTNET,         /* by counter: processed, dropped, time_squeeze */
        LOAD_RX_PACKETS,      /* by device, as those that follow */
        LOAD_RX_BYTES,
        LOAD_RX_DROPS,
        LOAD_RX_ERRORS,
        LOAD_TX_PACKETS,
        LOAD_TX_BYTES,
        LOAD_TX_DROPS,
        LOAD_TX_ERRORS,
        LOAD_TCP,       /* by the kernel's names of counters, UDP's with "Udp" in front */
        LOAD_IRQ_STALL, /* ns in which interrupts held tasks up */
        _LOAD_METRIC_MAX,
};

struct load {
        uint64_t since_us, until_us;
        struct rates *metrics[_LOAD_METRIC_MAX]; /* NULL: not collected, or not two passes */
};

/* What is asked for; the source of a metric is scanned once for all of its metrics. */
struct load_request {
        uint64_t since_us, until_us;
        const struct cpu_set *cpus; /* NULL: all; metrics that know no CPUs are given all the same */
        uint64_t stretch_ns;        /* as in struct rates_request; history: of interrupts only */
        uint64_t history_ns;
        bool without_interrupts; /* the dearest of them */
};

/* 0 or -ENOMEM. */
int load_query(const struct store *store, const struct load_request *request, struct load **ret_load);
struct load *load_free(struct load *load);
DEFINE_CLEANUP(struct load *, load_free)

/* Per second over the span, 0 where there is no such row. cpu CPU_NONE: the sum over all. */
double load_rate(const struct load *load, enum load_metric metric, const char *row, int cpu);
/* The worst stretch of that; all-zero where there is none. */
struct peak load_peak(const struct load *load, enum load_metric metric, const char *row, int cpu);
