/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "irqctl report --html FILE": asks for all that the page shows.
 */

#include "client/options.h"

/* Returns the exit status, after a message where it is not EXIT_DONE. until_us 0: now. */
int html_report(const struct options *options, const char *path, uint64_t since_us, uint64_t until_us);
