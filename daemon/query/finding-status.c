/* SPDX-License-Identifier: Apache-2.0 */

/* What the daemon says of itself: collectors that do less than they should. */

#include <inttypes.h>

#include "daemon/query/finding-rule.h"
#include "daemon/query/status.h"

static int add_collector(struct finding_context *context, const struct status_collector *collector) {
        bool failing = collector->state == COLLECTOR_FAILING;
        struct finding *finding;
        int r;

        r = finding_add(context, failing ? SEVERITY_WARNING : SEVERITY_INFO, collector->name, &finding);
        if (r == 0)
                r = finding_set_text(finding, "The collector %s %s: %s", collector->name,
                                     failing ? "fails" : "does less than configured",
                                     collector->reason ?: "it does not say why");
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"irqctl status\" shows what it does now and what it has lost; \"journalctl "
                        "-u irqwatchd\" has when that began. What it would have seen since is not in "
                        "this report.");
        if (r == 0)
                r = finding_add_text(finding, "state", collector_state_to_string(collector->state));
        if (r == 0)
                r = finding_add_integer(finding, "failedPasses", collector->n_failed_passes);
        if (r == 0)
                r = finding_add_integer(finding, "intervalNsec", collector->interval_ns);
        if (r == 0)
                r = finding_add_integer(finding, "configuredIntervalNsec", collector->configured_interval_ns);
        return r;
}

int finding_collectors(struct finding_context *context) {
        const struct status *status = context->status;
        int r;

        for (size_t i = 0; status && i < status->n_collectors; i++) {
                if (status->collectors[i].state != COLLECTOR_FAILING &&
                    status->collectors[i].state != COLLECTOR_DEGRADED)
                        continue;
                r = add_collector(context, &status->collectors[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}
