/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules for alerts in the configuration: the section [alerts], the family [alert NAME], and the rules that irqwatchd
 * brings along. Knows which metrics and findings this build has.
 */

#include <stddef.h>

#include "daemon/alert/rule.h"
#include "daemon/config.h"

/* The metrics and findings of this build. */
extern const struct alert_catalog alert_catalog;

/* To be called before config_load(): a file that names a rule of these changes it. 0; -EINVAL with *ret_error; -ENOMEM. */
int config_load_alert_rules(struct config *config, char **ret_error);
/* All rules of a configuration that was checked, by name; end with config_free_rules(). 0 or -ENOMEM. */
int config_get_alert_rules(const struct config *config, struct alert_rule ***ret_rules, size_t *ret_n);
void config_free_rules(struct alert_rule **rules, size_t n);
