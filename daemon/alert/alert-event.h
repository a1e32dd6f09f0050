/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An edge of an alert as an event: the evidence that the journal's fields are made of, and a sentence.
 */

#include "daemon/alert/engine-internal.h"

enum alert_told {
        ALERT_TOLD_RAISED,
        ALERT_TOLD_CLEARED,
        ALERT_TOLD_ENDED,      /* cleared, because the rule is no more what it was */
        ALERT_TOLD_SUPPRESSED, /* the summary of a rule's bucket */
        _ALERT_TOLD_MAX,
};

/* Evidence: rule, state ("raised", "cleared", "suppressed"), text, and what fits: value, threshold, clear,
 * worst as written in rules; subject; metric and row, or finding; priority; unit; suppressed, spanNsec. The
 * duration is how long the value has been (raised) or had been (cleared) beyond the threshold. 0 or -ENOMEM.
 */
int alert_event_new(const struct alert_rule *rule, const struct alert_subject *subject, enum alert_told what,
                    const struct stamp *now, struct event **ret_event);
/* The sentence, borrowed. */
const char *alert_event_text(const struct event *event);
