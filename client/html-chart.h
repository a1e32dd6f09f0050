/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drawings of the report's page: heat maps of CPUs over time, and the timeline of windows. Each is a figure
 * with a caption, a picture that keys can walk over (html.js), and its numbers as a table. Errors show in
 * ferror().
 */

#include <json-c/json.h>
#include <stdio.h>

#include "client/html-series.h"

enum html_axis {
        HTML_AXIS_TIME,     /* slices of time, rates */
        HTML_AXIS_LATENESS, /* powers of two of nanoseconds, counts */
};

void html_heat_map(FILE *f, const char *title, const struct html_matrix *matrix,
                   const struct html_series *series, enum html_axis axis);
/* windows: slim event objects, the longest first; all CPUs of them get a line. */
void html_timeline(FILE *f, struct json_object *windows, uint64_t since_us, uint64_t until_us);

enum { HTML_WINDOWS_MAX = 1000 }; /* drawn; about 200 bytes each */
