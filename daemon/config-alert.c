/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/config-alert.h"

#include <string.h>

#include "daemon/collect/collector.h"
#include "daemon/config-sections.h"
#include "daemon/query/findings.h"

static const char rules_text[] =
#include "daemon/alert-rules.inc"
        ;

static const struct metric_desc *find_metric(const char *source, const char *metric) {
        for (size_t i = 0; collector_registry[i]; i++) {
                const struct collector_ops *ops = collector_registry[i];

                for (size_t j = 0; strcmp(ops->name, source) == 0 && j < ops->n_metrics; j++)
                        if (strcmp(ops->metrics[j].name, metric) == 0)
                                return &ops->metrics[j];
        }

        return NULL;
}

static bool has_finding(const char *code) {
        for (size_t i = 0; finding_code(i); i++)
                if (strcmp(finding_code(i), code) == 0)
                        return true;

        return false;
}

const struct alert_catalog alert_catalog = { .find_metric = find_metric, .has_finding = has_finding };

static int check_alert(const struct config *config, const char *section, const char **ret_key,
                       char **ret_reason) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule = NULL;

        return alert_rule_new(config, section, &alert_catalog, &rule, ret_key, ret_reason);
}

static const struct setting_desc alerts_settings[] = {
        {
                .name = "enabled",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "judge rules at all",
                .runtime = true,
        },
        {
                .name = "interval",
                .type = SETTING_DURATION,
                .default_text = "5s",
                .min = NSEC_PER_SEC,
                .max = 600 * NSEC_PER_SEC,
                .help = "the time between two judgements of rules about metrics",
                .runtime = true,
        },
};

const struct config_section config_section_alerts = {
        .name = "alerts",
        .settings = alerts_settings,
        .n_settings = ELEMENTSOF(alerts_settings),
};

const struct config_section config_family_alert = {
        .name = "alert",
        .settings = alert_rule_settings,
        .n_settings = ALERT_RULE_N_SETTINGS,
        .family = true,
        .check_named = check_alert,
};

int config_load_alert_rules(struct config *config, char **ret_error) {
        return config_load_text(config, "the rules built into irqwatchd", rules_text, strlen(rules_text),
                                ret_error);
}

static int compare_rules(const void *a, const void *b) {
        const struct alert_rule *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

void config_free_rules(struct alert_rule **rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                alert_rule_free(rules[i]);
        free(rules);
}

int config_get_alert_rules(const struct config *config, struct alert_rule ***ret_rules, size_t *ret_n) {
        struct alert_rule **rules;
        size_t n = 0;
        int r = 0;

        rules = calloc(MAX(config_n_sections(config), (size_t)1), sizeof(struct alert_rule *));
        if (!rules)
                return -ENOMEM;

        for (size_t i = 0; r == 0 && i < config_n_sections(config); i++) {
                _cleanup_(freep) char *reason = NULL;
                const char *key = NULL;

                if (config_section_desc(config, i) != &config_family_alert)
                        continue;
                r = alert_rule_new(config, config_section_name(config, i), &alert_catalog, &rules[n], &key,
                                   &reason);
                n += r == 0;
        }
        if (r < 0) {
                config_free_rules(rules, n);
                return r;
        }

        qsort(rules, n, sizeof(struct alert_rule *), compare_rules);
        *ret_rules = rules;
        *ret_n = n;
        return 0;
}
