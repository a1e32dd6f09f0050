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
        for (size_t i = 0; i < config->n_sections; i++)
                for (size_t j = 0; j < config->sections[i]->n_settings; j++) {
                        const char *section = config->sections[i]->name;
                        const char *key = config->sections[i]->settings[j].name;
                        _cleanup_(freep) char *text = NULL, *error = NULL;

                        require(config_format(config, section, key, &text) == 0);
                        require(config_assign(other, section, key, text, &error) == 0);
                        require(config_get(other, section, key) == config_get(config, section, key));
                }
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
        else
                check_round_trip(config, other);

        return 0;
}
