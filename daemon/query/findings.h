/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Judgements: small pure functions over a finished report, each of which says in plain words what is
 * wrong, on what evidence, and what a careful engineer would do. A healthy busy machine has none.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/store/event.h"

enum severity {
        SEVERITY_INFO,
        SEVERITY_WARNING,
        SEVERITY_CRITICAL,
        _SEVERITY_MAX,
};
const char *severity_to_string(enum severity severity) _const_;

/* The codes that findings can have: the i-th, NULL behind the last one. */
const char *finding_code(size_t i) _const_;

struct finding {
        const char *code;   /* literal: "irq-off-culprit" */
        enum severity severity;
        char *subject;      /* what it is about: a culprit, "CPU 1", "NET_RX" */
        char *text;         /* one or two sentences */
        char *advice;       /* what to do next, with commands */
        struct evidence evidence[EVENT_EVIDENCE_MAX];
        size_t n_evidence;
};

struct findings {
        struct finding *items; /* most severe first */
        size_t n_items;
};

struct report;
/* Runs every rule of the table in findings.c over the report (whose findings are still empty).
 * 0 or -ENOMEM. */
int findings_evaluate(const struct report *report, struct findings *ret_findings);
void findings_done(struct findings *findings);
