/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Judgements: small pure functions over a finished report, each of which says in plain words what is
 * wrong, on what evidence, and what a careful engineer would do. A healthy busy machine has none.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "daemon/store/event.h"

enum severity {
        SEVERITY_INFO,
        SEVERITY_WARNING,
        SEVERITY_CRITICAL,
        _SEVERITY_MAX,
};
const char *severity_to_string(enum severity severity) _const_;

enum { FINDING_EVIDENCE_MAX = 24 };
/* The codes that findings can have: the i-th, NULL behind the last one. */
const char *finding_code(size_t i) _const_;

struct finding {
        const char *code;   /* literal: "irq-off-culprit" */
        enum severity severity;
        char *subject;      /* what it is about: a culprit, "CPU 1", "NET_RX" */
        char *text;         /* one or two sentences */
        char *advice;       /* what to do next, with commands */
        struct evidence evidence[FINDING_EVIDENCE_MAX];
        size_t n_evidence;
        struct cpu_set cpus;         /* where it happened; empty: no CPU in particular */
        uint64_t since_us, until_us; /* when it was at its worst; 0: the span as a whole */
        const char *explained_by;    /* code of a finding that this one is a consequence of, or NULL */
};

struct findings {
        struct finding *items; /* most severe first, those explained by another at the end */
        size_t n_items;
};

struct report;
struct status;
/* Runs every rule of the table in findings.c over the report (whose findings are still empty). status: of the daemon
 * now, or NULL. 0 or -ENOMEM. */
int findings_evaluate(const struct report *report, const struct status *status, struct findings *ret_findings);
void findings_done(struct findings *findings);
