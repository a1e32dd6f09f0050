/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the irq-delay collector measures all the time, beside its events: lateness of timers, coverage, losses, and
 * the exact times of code in interrupt context.
 */

#include "daemon/store/batch.h"

enum irq_metric {
        IRQ_LATENESS,
        IRQ_LATENESS_MAX,
        IRQ_OBSERVED,
        IRQ_WATCHED,
        IRQ_WINDOWS,
        IRQ_LOST,
        IRQ_SUPPRESSED,

        /* Spans: for each sort a histogram, the sum and the longest, in the same order. */
        IRQ_HARDIRQ_TIME,
        IRQ_SOFTIRQ_TIME,
        IRQ_SOFTIRQ_WAIT,
        IRQ_CALL_TIME,
        IRQ_TASKLET_TIME,
        IRQ_TIMER_TIME,
        IRQ_HARDIRQ_TOTAL,
        IRQ_SOFTIRQ_TOTAL,
        IRQ_SOFTIRQ_WAIT_TOTAL,
        IRQ_CALL_TOTAL,
        IRQ_TASKLET_TOTAL,
        IRQ_TIMER_TOTAL,
        IRQ_HARDIRQ_MAX,
        IRQ_SOFTIRQ_MAX,
        IRQ_SOFTIRQ_WAIT_MAX,
        IRQ_CALL_MAX,
        IRQ_TASKLET_MAX,
        IRQ_TIMER_MAX,

        IRQ_KSOFTIRQD_RUNS,
        IRQ_KSOFTIRQD_TOTAL,
        _IRQ_METRIC_MAX,
};

extern const struct metric_desc irq_metrics[_IRQ_METRIC_MAX];
