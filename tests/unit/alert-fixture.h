/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules from text, judged against a small catalog: what the tests of rules and of the engine share.
 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/alert/rule.h"
#include "daemon/config-private.h"

static const struct metric_desc alert_test_metrics[] = {
        { "softnet", "1", "", "counter", {}, METRIC_COUNTER, 32 },
        { "cpu-time", "ns", "", NULL, {}, METRIC_COUNTER, 64 },
        { "lateness-max", "ns", "", NULL, {}, METRIC_GAUGE, 64 },
        { "lateness", "ns", "", "bucket", {}, METRIC_HISTOGRAM, 64 },
        { "backlog", "packets", "", NULL, {}, METRIC_GAUGE, 64 },
};

static inline const struct metric_desc *alert_test_find_metric(const char *source, const char *metric) {
        for (size_t i = 0; i < ELEMENTSOF(alert_test_metrics); i++)
                if (strcmp(source, "net") == 0 && strcmp(alert_test_metrics[i].name, metric) == 0)
                        return &alert_test_metrics[i];

        return NULL;
}

static inline bool alert_test_has_finding(const char *code) {
        return strcmp(code, "steal") == 0 || strcmp(code, "syn-flood") == 0;
}

static const struct alert_catalog alert_test_catalog = { alert_test_find_metric, alert_test_has_finding };

static inline int alert_test_check(const struct config *config, const char *section, const char **ret_key,
                                   char **ret_reason) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule = NULL;

        return alert_rule_new(config, section, &alert_test_catalog, &rule, ret_key, ret_reason);
}

static const struct config_section alert_test_family = {
        .name = "alert",
        .settings = alert_rule_settings,
        .n_settings = ALERT_RULE_N_SETTINGS,
        .family = true,
        .check_named = alert_test_check,
};
static const struct config_section *const alert_test_sections[] = { &alert_test_family };

/* The only section of a text as a rule. */
static inline struct alert_rule *alert_test_rule(const char *text) {
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL, *reason = NULL;
        struct alert_rule *rule = NULL;
        const char *key = NULL;

        assert_int_equal(config_new(alert_test_sections, 1, &config), 0);
        if (config_load_text(config, "test", text, strlen(text), &error) < 0)
                fail_msg("%s", error);
        assert_int_equal(config_n_sections(config), 1);
        if (alert_rule_new(config, config_section_name(config, 0), &alert_test_catalog, &rule, &key, &reason) < 0)
                fail_msg("%s", reason);
        return rule;
}
