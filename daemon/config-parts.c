/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The values of a configuration, section by section. Declared sections are there from the start, those of
 * families come as files name them.
 */

#include <assert.h>
#include <string.h>

#include "daemon/config-private.h"

static void part_done(struct config_part *part) {
        for (size_t i = 0; part->values && i < part->section->n_settings; i++)
                free(part->values[i].text);
        free(part->values);
        free(part->name);
        *part = (struct config_part){};
}

struct config *config_free(struct config *config) {
        if (!config)
                return NULL;

        for (size_t i = 0; i < config->n_parts; i++)
                part_done(&config->parts[i]);
        free(config->parts);
        free(config);
        return NULL;
}

static int part_init(struct config_part *part, const struct config_section *section, const char *name) {
        *part = (struct config_part){
                .section = section,
                .name = strdup(name),
                .values = calloc(MAX(section->n_settings, (size_t)1), sizeof(*part->values)),
        };
        if (!part->name || !part->values)
                return -ENOMEM;

        for (size_t i = 0; i < section->n_settings; i++) {
                const struct setting_desc *desc = &section->settings[i];
                int r = 0;

                if (desc->type == SETTING_TEXT && *desc->default_text) {
                        part->values[i].text = strdup(desc->default_text);
                        r = part->values[i].text ? 0 : -ENOMEM;
                } else if (desc->type != SETTING_TEXT) {
                        r = setting_parse(desc, desc->default_text, &part->values[i].number);
                        assert(r == 0); /* a table whose default is no value of its type */
                }
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_part(struct config *config, const struct config_section *section, const char *name,
                    struct config_part **ret_part) {
        struct config_part *parts;
        int r;

        parts = reallocarray(config->parts, config->n_parts + 1, sizeof(*parts));
        if (!parts)
                return -ENOMEM;

        config->parts = parts;
        r = part_init(&parts[config->n_parts], section, name);
        if (r < 0) {
                part_done(&parts[config->n_parts]);
                return r;
        }

        *ret_part = &parts[config->n_parts++];
        return 0;
}

int config_new(const struct config_section *const *sections, size_t n_sections, struct config **ret_config) {
        _cleanup_(config_freep) struct config *config = NULL;
        struct config_part *part;
        int r;

        config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;

        config->sections = sections;
        config->n_sections = n_sections;
        for (size_t i = 0; i < n_sections; i++) {
                if (sections[i]->family)
                        continue;
                r = add_part(config, sections[i], sections[i]->name, &part);
                if (r < 0)
                        return r;
        }

        config->n_declared = config->n_parts;
        *ret_config = TAKE_PTR(config);
        return 0;
}

static int copy_part(struct config *copy, const struct config_part *from) {
        struct config_part *part = config_find_part(copy, from->name);
        int r = 0;

        if (!part)
                r = add_part(copy, from->section, from->name, &part);
        if (r < 0)
                return r;

        for (size_t i = 0; i < from->section->n_settings; i++) {
                struct config_value *to = &part->values[i];

                free(TAKE_PTR(to->text));
                to->number = from->values[i].number;
                to->text = from->values[i].text ? strdup(from->values[i].text) : NULL;
                if (from->values[i].text && !to->text)
                        return -ENOMEM;
        }

        return 0;
}

int config_copy(const struct config *config, struct config **ret_copy) {
        _cleanup_(config_freep) struct config *copy = NULL;
        int r;

        r = config_new(config->sections, config->n_sections, &copy);
        for (size_t i = 0; r >= 0 && i < config->n_parts; i++)
                r = copy_part(copy, &config->parts[i]);
        if (r < 0)
                return r;

        *ret_copy = TAKE_PTR(copy);
        return 0;
}

struct config_part *config_find_part(const struct config *config, const char *section) {
        for (size_t i = 0; i < config->n_parts; i++)
                if (strcmp(config->parts[i].name, section) == 0)
                        return &config->parts[i];

        return NULL;
}

/* The NAME in "alert NAME", or NULL: the section is not one of this family. */
static const char *name_in_family(const struct config_section *family, const char *section) {
        size_t n = strlen(family->name);

        if (!family->family || strncmp(section, family->name, n) != 0)
                return NULL;

        return section[n] == ' ' || section[n] == '\0' ? section + n + (section[n] == ' ') : NULL;
}

/* Names get into messages, journal fields and command lines: nothing that would have to be quoted there. */
static bool is_name(const char *name) {
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

        return n > 0 && n <= CONFIG_NAMED_NAME_MAX && name[n] == '\0';
}

int config_make_part(struct config *config, const char *section, struct config_part **ret_part) {
        struct config_part *part = config_find_part(config, section);

        if (part) {
                *ret_part = part;
                return 0;
        }

        for (size_t i = 0; i < config->n_sections; i++) {
                const char *name = name_in_family(config->sections[i], section);

                if (!name)
                        continue;
                if (!is_name(name))
                        return -EINVAL;
                if (config->n_parts - config->n_declared == CONFIG_NAMED_MAX)
                        return -E2BIG;
                return add_part(config, config->sections[i], section, ret_part);
        }

        return -ENOENT;
}

struct config_value *config_part_value(const struct config_part *part, const char *key,
                                       const struct setting_desc **ret_desc) {
        for (size_t i = 0; i < part->section->n_settings; i++)
                if (strcmp(part->section->settings[i].name, key) == 0) {
                        *ret_desc = &part->section->settings[i];
                        return &part->values[i];
                }

        return NULL;
}

size_t config_n_sections(const struct config *config) {
        return config->n_parts;
}

const char *config_section_name(const struct config *config, size_t i) {
        assert(i < config->n_parts);
        return config->parts[i].name;
}

const struct config_section *config_section_desc(const struct config *config, size_t i) {
        assert(i < config->n_parts);
        return config->parts[i].section;
}
