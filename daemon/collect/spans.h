/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The exact figures of code in interrupt context, from the BPF side's maps into a batch: per hardirq, softirq vector,
 * function called from another CPU, tasklet and timer. Reads only; part of the irq-delay collector.
 */

#include "daemon/collect/irq-programs.h"
#include "daemon/store/batch.h"

/* What was read last, of the map of times and of the softirqs. All-zero is empty. Passes in between have the same values,
 * which costs the store next to nothing: at one reading a second, spans would be most of what it keeps. */
struct span_reader {
        struct span_entry *entries;
        size_t n_entries, n_allocated;
        struct abi_softirq *softirqs; /* ABI_SOFTIRQS for each CPU */
        uint64_t read_ns;             /* CLOCK_MONOTONIC of the last reading */
};

#define SPAN_READ_INTERVAL_NS (5 * NSEC_PER_SEC)

void span_reader_done(struct span_reader *reader);

/* The name of the function at an address, in buf. False when there is none, or not at the moment: the row comes with a
 * later pass. */
typedef bool (*span_name_fn)(void *userdata, uint64_t address, char *buf, size_t size);

/* Adds all rows of span metrics (irq-metrics.h) that are not zero. 0 or -errno. */
int span_reader_sample(struct span_reader *reader, const struct irq_programs *programs, span_name_fn name_function,
                       void *userdata, struct batch *batch);

/* Name of a softirq vector as in /proc/softirqs: "NET_RX". NULL above the last. */
const char *softirq_name(unsigned vector);
