/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a record of the BPF side to a finished event: names are looked up at once on the worker, the class is
 * decided once the kernel has accounted steal time and other CPUs had their chance to report the same
 * moment. Events leave in the order in which their records came.
 */

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "common/cleanup.h"
#include "daemon/collect/collector.h"

struct enricher;
struct steal_stat;
struct window_queue;

/* The enricher is borrowed. 0 or -ENOMEM. */
int window_queue_new(struct enricher *enricher, unsigned n_online, struct window_queue **ret_queue);
/* Waits for nothing: jobs under way are left to finish without the queue. NULL-safe. */
struct window_queue *window_queue_free(struct window_queue *queue);
DEFINE_CLEANUP(struct window_queue *, window_queue_free)

/* Where steal time comes from if the records do not tell it; borrowed. */
void window_queue_use_steal_stat(struct window_queue *queue, struct steal_stat *stat);
void window_queue_set_n_online(struct window_queue *queue, unsigned n_online);
/* Takes one record as the ring buffer delivers it. 0; -ENOMEM; what is no record is ignored. */
int window_queue_add(struct window_queue *queue, const void *data, size_t size);
/* Delivers what is decided by now. 0 or the sink's error. */
int window_queue_flush(struct window_queue *queue, const struct stamp *now, struct event_sink *sink);
/* Delivers the rest as far as it is known: there is no later. 0; the first error of the sink; -ENOMEM: some are
 * left. */
int window_queue_finish(struct window_queue *queue, const struct stamp *now, struct event_sink *sink);
/* CLOCK_MONOTONIC ns of the next moment at which flush can deliver, UINT64_MAX: none. */
uint64_t window_queue_next_deadline(const struct window_queue *queue);
/* Windows whose stack stayed without names because the worker's queue was full or slow. */
uint64_t window_queue_n_unsymbolised(const struct window_queue *queue);
