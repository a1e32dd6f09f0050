/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The settings that collectors share, as entries of their tables: runner.c acts on them.
 */

#include "common/cleanup.h"
#include "daemon/config.h"

/* Whether it runs; every collector has it. */
#define COLLECTOR_SETTING_ENABLED(text) \
        { .name = "enabled", .type = SETTING_BOOLEAN, .default_text = "yes", .help = text, }

/* Time between two passes; every collector has it. */
#define COLLECTOR_SETTING_INTERVAL(text) \
        { \
                .name = "interval", .type = SETTING_DURATION, .default_text = "1s", .help = text, \
                .min = 100 * NSEC_PER_MSEC, .runtime = true, \
        }

/* For those whose file costs in proportion to something that grows without bound. Zero would mean: never. */
#define COLLECTOR_SETTING_BUDGET \
        { \
                .name = "budget", .type = SETTING_PERCENT, .default_text = "0.5%", \
                .help = "Share of one CPU that reading may cost; beyond it the interval grows", .min = 1, \
        }
