/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/config.h"

#include <assert.h>
#include <string.h>

#include "common/utf8.h"
#include "daemon/config-private.h"
#include "daemon/config-suggest.h"

struct config *config_free(struct config *config) {
        if (!config)
                return NULL;

        free(config->values);
        free(config);
        return NULL;
}

static int config_alloc(const struct config_section *const *sections, size_t n_sections,
                        struct config **ret_config) {
        _cleanup_(config_freep) struct config *config = NULL;

        config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;

        config->sections = sections;
        config->n_sections = n_sections;
        for (size_t i = 0; i < n_sections; i++)
                config->n_values += sections[i]->n_settings;

        config->values = calloc(MAX(config->n_values, (size_t)1), sizeof(*config->values));
        if (!config->values)
                return -ENOMEM;

        *ret_config = TAKE_PTR(config);
        return 0;
}

int config_new(const struct config_section *const *sections, size_t n_sections, struct config **ret_config) {
        _cleanup_(config_freep) struct config *config = NULL;
        uint64_t *value;
        int r;

        r = config_alloc(sections, n_sections, &config);
        if (r < 0)
                return r;

        value = config->values;
        for (size_t i = 0; i < n_sections; i++)
                for (size_t j = 0; j < sections[i]->n_settings; j++) {
                        const struct setting_desc *desc = &sections[i]->settings[j];

                        r = setting_parse(desc, desc->default_text, value++);
                        assert(r == 0); /* a table whose default is no value of its type */
                }

        *ret_config = TAKE_PTR(config);
        return 0;
}

int config_copy(const struct config *config, struct config **ret_copy) {
        struct config *copy = NULL;
        int r;

        r = config_alloc(config->sections, config->n_sections, &copy);
        if (r < 0)
                return r;

        memcpy(copy->values, config->values, config->n_values * sizeof(*config->values));
        *ret_copy = copy;
        return 0;
}

const struct config_section *config_find_section(const struct config *config, const char *section) {
        for (size_t i = 0; i < config->n_sections; i++)
                if (strcmp(config->sections[i]->name, section) == 0)
                        return config->sections[i];

        return NULL;
}

/* Where the value of a setting is, and its description; NULL when it is not declared. */
static uint64_t *config_slot(const struct config *config, const char *section, const char *key,
                             const struct setting_desc **ret_desc) {
        uint64_t *value = config->values;

        for (size_t i = 0; i < config->n_sections; i++) {
                const struct config_section *s = config->sections[i];

                for (size_t j = 0; strcmp(s->name, section) == 0 && j < s->n_settings; j++)
                        if (strcmp(s->settings[j].name, key) == 0) {
                                *ret_desc = &s->settings[j];
                                return value + j;
                        }

                value += s->n_settings;
        }

        return NULL;
}

const struct setting_desc *config_find(const struct config *config, const char *section, const char *key) {
        const struct setting_desc *desc = NULL;

        (void)config_slot(config, section, key, &desc); /* wanted is only the description */
        return desc;
}

uint64_t config_get(const struct config *config, const char *section, const char *key) {
        const struct setting_desc *desc = NULL;
        const uint64_t *value;

        value = config_slot(config, section, key, &desc);
        assert(value);
        return *value;
}

bool config_get_boolean(const struct config *config, const char *section, const char *key) {
        assert(config_find(config, section, key)->type == SETTING_BOOLEAN);
        return config_get(config, section, key) != 0;
}

int config_format(const struct config *config, const char *section, const char *key, char **ret_text) {
        const struct setting_desc *desc = NULL;
        const uint64_t *value;

        value = config_slot(config, section, key, &desc);
        assert(value);
        return setting_format(desc, *value, ret_text);
}

/* What was typed, what may be meant, and what there is. */
static char *unknown_name(const char *what, const char *typed, const char *where, const char *const *names,
                          size_t n) {
        _cleanup_(freep) char *text = NULL;
        char quoted[CONFIG_QUOTE_MAX];
        const char *meant;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        fprintf(f, "unknown %s \"%s\"%s", what, utf8_printable(typed, quoted, sizeof(quoted)), where);
        meant = suggest(typed, names, n);
        if (meant)
                fprintf(f, ", did you mean \"%s\"?", meant);
        fputs(meant ? " accepted: " : "; accepted: ", f);
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", names[i]);

        return fclose(f) == 0 ? TAKE_PTR(text) : NULL;
}

char *config_unknown_section(const struct config *config, const char *section) {
        _cleanup_(freep) const char **names = NULL;

        names = calloc(MAX(config->n_sections, (size_t)1), sizeof(*names));
        if (!names)
                return NULL;

        for (size_t i = 0; i < config->n_sections; i++)
                names[i] = config->sections[i]->name;

        return unknown_name("section", section, "", names, config->n_sections);
}

static char *unknown_key(const struct config_section *section, const char *key) {
        _cleanup_(freep) const char **names = NULL;
        _cleanup_(freep) char *where = NULL;

        names = calloc(MAX(section->n_settings, (size_t)1), sizeof(*names));
        if (!names || asprintf(&where, " in [%s]", section->name) < 0)
                return NULL;

        for (size_t i = 0; i < section->n_settings; i++)
                names[i] = section->settings[i].name;

        return unknown_name("key", key, where, names, section->n_settings);
}

static char *bad_value(const char *section, const struct setting_desc *desc, const char *value, int why) {
        _cleanup_(freep) char *accepted = NULL;
        char quoted[CONFIG_QUOTE_MAX];
        char *text = NULL;

        if (setting_accepted(desc, &accepted) < 0)
                return NULL;
        if (asprintf(&text, "[%s] %s: \"%s\" is %s; accepted: %s", section, desc->name,
                     utf8_printable(value, quoted, sizeof(quoted)),
                     why == -ERANGE ? "out of range" : "not understood", accepted) < 0)
                return NULL;

        return text;
}

int config_assign(struct config *config, const char *section, const char *key, const char *value,
                  char **ret_error) {
        const struct config_section *s = config_find_section(config, section);
        const struct setting_desc *desc = NULL;
        uint64_t *slot;
        int r = -EINVAL;

        slot = config_slot(config, section, key, &desc);
        if (slot)
                r = setting_parse(desc, value, slot);
        if (r == 0)
                return 0;

        *ret_error = !s      ? config_unknown_section(config, section)
                     : !desc ? unknown_key(s, key)
                             : bad_value(section, desc, value, r);
        return *ret_error ? -EINVAL : -ENOMEM;
}

int config_check(const struct config *config, const struct config_section **ret_section, char **ret_error) {
        for (size_t i = 0; i < config->n_sections; i++) {
                const struct config_section *section = config->sections[i];
                char *reason = NULL;

                if (!section->check || section->check(config, &reason) >= 0)
                        continue;
                if (!reason)
                        return -ENOMEM;

                *ret_section = section;
                *ret_error = reason;
                return -EINVAL;
        }

        return 0;
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
               char **ret_error) {
        const struct config_section *failed = NULL;
        const struct setting_desc *desc = NULL;
        uint64_t *slot, before = 0;
        int r;

        slot = config_slot(config, section, key, &desc);
        if (slot)
                before = *slot;

        r = config_assign(config, section, key, value, ret_error);
        if (r < 0)
                return r;

        r = config_check(config, &failed, ret_error);
        if (r < 0)
                *slot = before;

        return r;
}
