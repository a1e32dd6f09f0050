/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a rule for alerts reads: the store, through the queries, as readings. Keeps one answer of each sort so
 * that rules that ask the same at the same moment share it.
 */

#include "daemon/alert/engine.h"
#include "daemon/query/rates.h"
#include "daemon/query/report.h"
#include "daemon/store/store.h"

struct alert_reader {
        const struct store *store; /* borrowed */
        uint64_t now_us;           /* of this round */
        struct rates *rates;       /* of the rule before, in this round */
        uint64_t rates_over_ns;
        struct report *report; /* of this round; NULL: not asked for yet */
};

/* Begins and ends a round: all rules see the same moment. */
void alert_reader_begin(struct alert_reader *reader, uint64_t now_us);
void alert_reader_end(struct alert_reader *reader);
/* See read() in struct alert_engine_ops. */
int alert_reader_read(struct alert_reader *reader, const struct alert_rule *rule,
                      struct alert_readings *readings);
