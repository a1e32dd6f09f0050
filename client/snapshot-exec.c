/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl snapshot, and what serves --input, as irqctl has them: not at all. Both are in the program
 * irqctl-offline, which is irqctl with snapshot.c in this file's place: writing and reading history takes
 * SQLite and all queries.
 */

#include "client/helper.h"
#include "client/i18n.h"
#include "client/input.h"
#include "client/message.h"
#include "client/verbs.h"

int verb_snapshot(int argc _unused_, char **argv _unused_, const struct options *options) {
        return helper_exec(HELPER_OFFLINE, "irqctl", options->arguments);
}

int input_serve_path(const char *path _unused_) {
        return fail_usage(_("there is no option \"%s\". See: irqctl --help"), INPUT_SERVE_OPTION);
}
