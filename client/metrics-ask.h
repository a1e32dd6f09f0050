/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's answers that metrics are made of: what "irqctl metrics" and irqwatch-exporter ask. Knows
 * calls, not what becomes of them. A collector that is not there leaves its answer out.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/varlink-client.h"

enum metrics_answer {
        ANSWER_STATUS,
        ANSWER_EVENTS,
        ANSWER_DELAYS,   /* irq-delay, summed over CPUs */
        ANSWER_COVERAGE, /* irq-delay, per CPU */
        ANSWER_SOFTIRQS,
        ANSWER_INTERRUPTS,
        ANSWER_SOFTNET,
        ANSWER_KSOFTIRQD,
        ANSWER_CPU,
        ANSWER_PRESSURE,
        ANSWER_ALERTS,
        _ANSWER_MAX,
};

/* All-zero is empty. */
struct metrics_answers {
        struct json_object
                *items[_ANSWER_MAX]; /* the reply's one member, or all of it; owned; NULL: no such data */
        struct json_object *wanted;  /* Metrics of the interrupts that are wanted per CPU; owned */
};

struct metrics_request {
        const char *interrupts_per_cpu; /* pattern, as in fnmatch(3), of numbers or names; NULL: none */
        uint64_t deadline_ns;           /* on CLOCK_MONOTONIC; 0: none */
};

void metrics_answers_done(struct metrics_answers *answers);
/* 0; -ETIMEDOUT at the deadline; -EBADMSG not what was asked for; other negatives of the varlink client. An
 * error reply that is not about missing data is -EREMOTEIO, and *ret_error names it (the caller frees). */
int metrics_ask(struct varlink_client *client, const struct metrics_request *request,
                struct metrics_answers *ret_answers, char **ret_error);
