/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl selftest, as irqctl has it: hands over to the program irqctl-selftest, which is irqctl with
 * selftest.c in this file's place. That one needs libbpf and is installed with the daemon; irqctl alone
 * serves where there is no daemon.
 */

#include "client/helper.h"
#include "client/verbs.h"

int verb_selftest(int argc _unused_, char **argv _unused_, const struct options *options) {
        return helper_exec(HELPER_SELFTEST, "irqwatchd", options->arguments);
}
