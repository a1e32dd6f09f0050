/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as irqwatchd.conf: a refusal names a line of the file, and what is taken can be written out and
 * read again to the same values. As a file, beside the rules built in, it gives rules of alerts that can be
 * told and compared.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/utf8.h"
#include "daemon/alert/rule.h"
#include "daemon/collect/collector.h"
#include "daemon/config-alert.h"
#include "daemon/config-private.h"
#include "daemon/config-sections.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static void check_error(const char *error, const uint8_t *data, size_t size) {
        unsigned line = 0, n_lines = 1;

        for (size_t i = 0; i < size; i++)
                n_lines += data[i] == '\n';

        require(sscanf(error, "fuzz.conf:%u: ", &line) == 1);
        require(line >= 1 && line <= n_lines);
        require(strstr(error, "accepted: ") != NULL);
        require(utf8_valid_prefix(error, strlen(error)) == strlen(error));
}

static void check_round_trip(const struct config *config, struct config *other) {
        for (size_t i = 0; i < config_n_sections(config); i++)
                for (size_t j = 0; j < config_section_desc(config, i)->n_settings; j++) {
                        const struct setting_desc *desc = &config_section_desc(config, i)->settings[j];
                        const char *section = config_section_name(config, i);
                        _cleanup_(freep) char *text = NULL, *error = NULL;
                        struct config_value *value = NULL;

                        require(config_format(config, section, desc->name, &text) == 0);
                        if (desc->type == SETTING_TEXT && !*text)
                                continue; /* not set: that is not written */
                        require(config_assign(other, section, desc->name, text, &value, &error) == 0);
                        if (desc->type == SETTING_TEXT)
                                require(strcmp(config_get_text(other, section, desc->name), text) == 0);
                        else
                                require(config_get(other, section, desc->name) ==
                                        config_get(config, section, desc->name));
                }
}

/* The cross-checks judge whatever was taken; a refusal says why. */
static void check_judgement(const struct config *config) {
        const struct config_part *part = NULL;
        const char *key = NULL;
        char *reason = NULL;

        if (config_check(config, &part, &key, &reason) < 0)
                require(part && strstr(reason, "accepted: "));
        free(reason);
}

static void check_rule(const struct alert_rule *rule, const struct alert_rule *again) {
        static const char *const labels[] = { NULL, "eth0" };
        char value[ALERT_VALUE_TEXT_MAX];
        _cleanup_(freep) char *text = NULL;

        require(alert_rule_same(rule, again));
        require(alert_rule_format(rule, &text) == 0 && strlen(text) > 0);
        for (double number = -1; number < 1e12; number = number * 7 + 8)
                require(strlen(alert_value_format(rule, number, value)) < sizeof(value));
        require(alert_priority_to_string(rule->priority));
        if (!rule->row)
                require(alert_rule_selects(rule, "NET_RX", labels, 2));
        else
                (void)alert_rule_selects(rule, "NET_RX", labels, 2);
}

/* A copy has the same rules, and setting a value to what it is changes none. */
static void check_rules(const struct config *config) {
        _cleanup_(config_freep) struct config *copy = NULL;
        _cleanup_(freep) char *interval = NULL, *error = NULL;
        struct alert_rule **rules, **copied;
        size_t n, n_copied;

        require(config_copy(config, &copy) == 0);
        require(config_format(copy, "alerts", "interval", &interval) == 0);
        require(config_set(copy, "alerts", "interval", interval, &error) == 0);

        require(config_get_alert_rules(config, &rules, &n) == 0);
        require(config_get_alert_rules(copy, &copied, &n_copied) == 0 && n_copied == n);
        for (size_t i = 0; i < n; i++)
                check_rule(rules[i], copied[i]);
        config_free_rules(copied, n_copied);
        config_free_rules(rules, n);
}

static void check_file(const struct config_section *const *sections, size_t n, const uint8_t *data,
                       size_t size) {
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL;
        static int fd = -EBADF;
        char path[64];
        int r;

        if (fd < 0)
                fd = memfd_create("fuzz.conf", MFD_CLOEXEC);
        require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

        require(config_new(sections, n, &config) == 0);
        require(config_load_alert_rules(config, &error) == 0);
        r = config_load(config, path, true, &error);
        require((r == 0) == !error);
        if (r < 0)
                require(strncmp(error, path, strlen(path)) == 0 && strstr(error, "accepted: "));
        else
                check_rules(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) const struct config_section **sections = NULL;
        _cleanup_(config_freep) struct config *config = NULL, *other = NULL;
        _cleanup_(freep) char *error = NULL;
        size_t n = 0;
        int r;

        require(config_sections_new(collector_registry, &sections, &n) == 0);
        require(config_new(sections, n, &config) == 0 && config_new(sections, n, &other) == 0);

        r = config_load_text(config, "fuzz.conf", (const char *)data, size, &error);
        require((r == 0) == !error);
        if (r < 0)
                check_error(error, data, size);
        else {
                check_round_trip(config, other);
                check_judgement(config);
        }
        check_file(sections, n, data, size);

        return 0;
}
