/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as irqwatchd.conf: a refusal names a line of the file, and what is taken can be written out and
 * read again to the same values.
 */

#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "daemon/collect/collector.h"
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

        return 0;
}
