/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The first part of the page of "irqctl report --html": the report in a few sentences, then its findings with
 * what they rest on and what to do. Knows nothing of the rest of the page.
 */

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

/* Errors of the file show in ferror(). 0 or -ENOMEM. */
int html_findings(FILE *f, struct json_object *report, uint64_t now_us);
