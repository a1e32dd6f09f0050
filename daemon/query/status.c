/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const state_names[] = {
        [COLLECTOR_DISABLED] = "disabled", [COLLECTOR_UNSUPPORTED] = "unsupported",
        [COLLECTOR_RUNNING] = "running",   [COLLECTOR_DEGRADED] = "degraded",
        [COLLECTOR_FAILING] = "failing",
};
_Static_assert(ELEMENTSOF(state_names) == _COLLECTOR_STATE_MAX, "a word for every state");

const char *collector_state_to_string(enum collector_state state) {
        if ((unsigned)state >= _COLLECTOR_STATE_MAX)
                return NULL;

        return state_names[state];
}

int status_keep(struct status *status) {
        status->reasons = calloc(status->n_collectors + 1, sizeof(*status->reasons));
        if (!status->reasons)
                return -ENOMEM;

        for (size_t i = 0; i < status->n_collectors; i++) {
                if (!status->collectors[i].reason)
                        continue;
                status->reasons[i] = strdup(status->collectors[i].reason);
                if (!status->reasons[i])
                        return -ENOMEM;
                status->collectors[i].reason = status->reasons[i];
        }

        return 0;
}

void status_done(struct status *status) {
        for (size_t i = 0; status->reasons && i < status->n_collectors; i++)
                free(status->reasons[i]);
        free(status->reasons);

        for (size_t i = 0; i < status->n_settings; i++)
                free(status->settings[i].value);

        free(status->settings);
        free(status->collectors);
        *status = (struct status){};
}
