/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Boots of the machine that irqwatchd has history of: --list-boots, and what --boot means.
 */

#include <json-c/json.h>
#include <stdio.h>

#include "client/options.h"
#include "client/style.h"

/* Prints them. Returns the exit status. */
int boots_list(const struct options *options);
/* Narrows the span to that of the boot that --boot names. 0; otherwise the exit status after a message. */
int boots_resolve(struct options *options);
/* 0 or -ENOMEM. */
int render_boots(const struct style *style, struct json_object *boots, FILE *f);
/* The boot of that name among them: "", an offset ("0", "-1", "+1" counts from the first), or an id; NULL:
 * none. */
struct json_object *boots_find(struct json_object *boots, const char *name);
