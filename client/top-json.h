/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A model of "irqctl top" as one JSON object, for programs: irqctl-top(1) has its members. Pure.
 */

#include "client/top-model.h"

/* *ret is owned by the caller. 0 or -ENOMEM. */
int top_json(const struct top_model *model, struct json_object **ret);
