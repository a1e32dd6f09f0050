/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of metrics-families.h share: metrics-counters.c (CPUs, network), metrics-interrupts.c,
 * metrics-windows.c (windows, histograms) and metrics-families.c (the daemon, and all of it together).
 */

#include "client/metrics-families.h"

/* What a family's samples are made with. */
struct families {
        struct metrics_writer writer;
        const struct metrics_answers *answers;
        int error; /* the first failure, kept */
};

/* In the Metrics object answer, which may be NULL; NULL when there is none. */
struct json_object *metrics_find(struct json_object *answer, const char *name);
struct json_object *metrics_find_row(struct json_object *metric, const char *name);
/* "" when it has none. */
const char *metrics_row_label(struct json_object *row, size_t index);

void families_write_cpus(struct families *families);
void families_write_softnet(struct families *families);
void families_write_interrupts(struct families *families);
void families_write_windows(struct families *families);
void families_write_lateness(struct families *families);
void families_write_softirq_times(struct families *families);
