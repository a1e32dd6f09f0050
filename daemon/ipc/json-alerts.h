/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Alerts and their rules as the objects Alert and AlertRule of io.irqwatch.monitor.
 */

#include <json-c/json.h>

#include "daemon/alert/engine.h"

/* The parameters of ListAlerts' reply: alerts and rules. 0 or -ENOMEM. */
int json_alerts(const struct alert_engine *engine, struct json_object **ret_object);
