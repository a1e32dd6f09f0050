/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-metrics.h"

#include <assert.h>

#define HISTOGRAM(metric_name, metric_help, ...) \
        { .name = metric_name, .unit = "ns", .help = metric_help, .row_name = "bucket", .labels = { __VA_ARGS__ }, \
          .type = METRIC_HISTOGRAM, .width_bits = 32, .from_zero = true }
#define TOTAL(metric_name, metric_help, metric_row) \
        { .name = metric_name, .unit = "ns", .help = metric_help, .row_name = metric_row, .type = METRIC_COUNTER, \
          .width_bits = 64, .from_zero = true }
#define LONGEST(metric_name, metric_help, metric_row) \
        { .name = metric_name, .unit = "ns", .help = metric_help, .row_name = metric_row, .type = METRIC_GAUGE, \
          .width_bits = 64 }

const struct metric_desc irq_metrics[] = {
        [IRQ_LATENESS] = { "lateness", "ns", "how long after its time a timer interrupt ran", "bucket",
                              { NULL }, METRIC_HISTOGRAM, 64, true },
        [IRQ_LATENESS_MAX] = { "lateness-max", "ns", "largest lateness since the collector started", NULL,
                                  { NULL }, METRIC_GAUGE, 64 },
        [IRQ_OBSERVED] = { "observed", "ns", "time during which a window would have been found", NULL,
                              { NULL }, METRIC_COUNTER, 64, true },
        [IRQ_WATCHED] = { "watched", "ns", "time for which the CPU was online and to be observed", NULL,
                             { NULL }, METRIC_COUNTER, 64, true },
        [IRQ_WINDOWS] = { "windows", "1", "windows above the threshold, recorded or not", NULL,
                             { NULL }, METRIC_COUNTER, 64, true },
        [IRQ_LOST] = { "lost", "1", "records lost because the ring buffer was full", NULL,
                          { NULL }, METRIC_COUNTER, 64, true },
        [IRQ_SUPPRESSED] = { "suppressed", "1", "records above max-events-per-second", NULL,
                                { NULL }, METRIC_COUNTER, 64, true },
        [IRQ_HARDIRQ_TIME] = HISTOGRAM("hardirq-time", "how long interrupt handlers ran", "irq", "action"),
        [IRQ_SOFTIRQ_TIME] = HISTOGRAM("softirq-time", "how long softirq handlers ran", "type"),
        [IRQ_SOFTIRQ_WAIT] = HISTOGRAM("softirq-wait", "from raising a softirq to its start", "type"),
        [IRQ_CALL_TIME] = HISTOGRAM("call-time", "how long functions called from other CPUs ran", "function"),
        [IRQ_TASKLET_TIME] = HISTOGRAM("tasklet-time", "how long tasklets ran", "function"),
        [IRQ_TIMER_TIME] = HISTOGRAM("timer-time", "how long timer callbacks ran", "function"),
        [IRQ_HARDIRQ_TOTAL] = TOTAL("hardirq-total", "time in interrupt handlers", "irq"),
        [IRQ_SOFTIRQ_TOTAL] = TOTAL("softirq-total", "time in softirq handlers", "type"),
        [IRQ_SOFTIRQ_WAIT_TOTAL] = TOTAL("softirq-wait-total", "time that softirqs waited", "type"),
        [IRQ_CALL_TOTAL] = TOTAL("call-total", "time in functions called from other CPUs", "function"),
        [IRQ_TASKLET_TOTAL] = TOTAL("tasklet-total", "time in tasklets", "function"),
        [IRQ_TIMER_TOTAL] = TOTAL("timer-total", "time in timer callbacks", "function"),
        [IRQ_HARDIRQ_MAX] = LONGEST("hardirq-max", "longest run of a handler", "irq"),
        [IRQ_SOFTIRQ_MAX] = LONGEST("softirq-max", "longest run of a softirq handler", "type"),
        [IRQ_SOFTIRQ_WAIT_MAX] = LONGEST("softirq-wait-max", "longest wait of a softirq", "type"),
        [IRQ_CALL_MAX] = LONGEST("call-max", "longest call from another CPU", "function"),
        [IRQ_TASKLET_MAX] = LONGEST("tasklet-max", "longest run of a tasklet", "function"),
        [IRQ_TIMER_MAX] = LONGEST("timer-max", "longest run of a timer callback", "function"),
        [IRQ_KSOFTIRQD_RUNS] = { .name = "ksoftirqd-runs", .unit = "1", .help = "softirqs that ran in ksoftirqd",
                                  .row_name = "type", .type = METRIC_COUNTER, .width_bits = 64,
                                  .from_zero = true },
        [IRQ_KSOFTIRQD_TOTAL] = TOTAL("ksoftirqd-total", "time of softirqs in ksoftirqd", "type"),
};
static_assert(ELEMENTSOF(irq_metrics) == _IRQ_METRIC_MAX, "a description for each metric");
