/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A report as one self-contained page for a ticket: no network, no other file. Pure: what the daemon said
 * goes in, HTML comes out.
 */

#include <json-c/json.h>
#include <stdio.h>

#include "client/flame-graph.h"
#include "client/html-series.h"

struct html_input {
        struct json_object *report;  /* Report */
        struct json_object *status;  /* Status, or NULL */
        struct json_object *windows; /* slim events, the longest first */
        struct html_matrix softirqs, interrupts, lateness;
        struct flame_graph flame;
        uint64_t now_us; /* when the page is made */
};

void html_input_done(struct html_input *input);
/* 0, -ENOMEM, -EIO. */
int html_page_write(FILE *f, struct html_input *input);
