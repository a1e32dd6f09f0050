/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/config.h"

#include <assert.h>
#include <string.h>

#include "common/utf8.h"
#include "daemon/config-private.h"
#include "daemon/config-suggest.h"

/* Where the value of a setting is, and its description; NULL when it is not declared. */
static struct config_value *config_slot(const struct config *config, const char *section, const char *key,
                                        const struct setting_desc **ret_desc) {
        const struct config_part *part = config_find_part(config, section);

        return part ? config_part_value(part, key, ret_desc) : NULL;
}

/* The keys of a family are declared for all its sections, those that are not there included. */
static const struct config_section *find_section(const struct config *config, const char *section) {
        const struct config_part *part = config_find_part(config, section);

        if (part)
                return part->section;

        for (size_t i = 0; i < config->n_sections; i++) {
                size_t n = strlen(config->sections[i]->name);

                if (config->sections[i]->family && strncmp(config->sections[i]->name, section, n) == 0 &&
                    section[n] == ' ')
                        return config->sections[i];
        }

        return NULL;
}

const struct setting_desc *config_find(const struct config *config, const char *section, const char *key) {
        const struct config_section *s = find_section(config, section);

        for (size_t i = 0; s && i < s->n_settings; i++)
                if (strcmp(s->settings[i].name, key) == 0)
                        return &s->settings[i];

        return NULL;
}

uint64_t config_get(const struct config *config, const char *section, const char *key) {
        const struct setting_desc *desc = NULL;
        const struct config_value *value;

        value = config_slot(config, section, key, &desc);
        assert(value && desc->type != SETTING_TEXT);
        return value->number;
}

bool config_get_boolean(const struct config *config, const char *section, const char *key) {
        assert(config_find(config, section, key)->type == SETTING_BOOLEAN);
        return config_get(config, section, key) != 0;
}

const char *config_get_text(const struct config *config, const char *section, const char *key) {
        const struct setting_desc *desc = NULL;
        const struct config_value *value;

        value = config_slot(config, section, key, &desc);
        assert(value && desc->type == SETTING_TEXT);
        return value->text ?: "";
}

int config_format(const struct config *config, const char *section, const char *key, char **ret_text) {
        const struct setting_desc *desc = NULL;
        const struct config_value *value;

        value = config_slot(config, section, key, &desc);
        assert(value);
        if (desc->type != SETTING_TEXT)
                return setting_format(desc, value->number, ret_text);

        *ret_text = strdup(value->text ?: "");
        return *ret_text ? 0 : -ENOMEM;
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

/* Families as they are written: "alert NAME". *ret_words must be freed with each of its strings. */
static int list_sections(const struct config *config, char ***ret_words) {
        char **words;

        words = calloc(config->n_sections + 1, sizeof(*words));
        if (!words)
                return -ENOMEM;

        for (size_t i = 0; i < config->n_sections; i++)
                if (asprintf(&words[i], "%s%s", config->sections[i]->name,
                             config->sections[i]->family ? " NAME" : "") < 0)
                        words[i] = NULL; /* shown as less */

        *ret_words = words;
        return 0;
}

static char *unknown_section(const struct config *config, const char *section) {
        char **words = NULL, *text;
        size_t n = 0;

        if (list_sections(config, &words) < 0)
                return NULL;

        while (n < config->n_sections && words[n])
                n++;
        text = unknown_name("section", section, "", (const char *const *)words, n);
        for (size_t i = 0; i < config->n_sections; i++)
                free(words[i]);
        free(words);
        return text;
}

char *config_bad_section(const struct config *config, const char *section, int r) {
        char quoted[CONFIG_QUOTE_MAX], *text = NULL;

        if (r == -ENOENT)
                return unknown_section(config, section);
        if (r == -E2BIG)
                r = asprintf(&text, "too many sections; accepted: at most %i of this kind", CONFIG_NAMED_MAX);
        else if (r == -EINVAL)
                r = asprintf(
                        &text,
                        "\"%s\" is no name of a section; accepted: a word, a blank, and at most %i letters, "
                        "digits and . _ -",
                        utf8_printable(section, quoted, sizeof(quoted)), CONFIG_NAMED_NAME_MAX);

        return r < 0 ? NULL : text;
}

static char *unknown_key(const struct config_section *section, const char *name, const char *key) {
        _cleanup_(freep) const char **names = NULL;
        _cleanup_(freep) char *where = NULL;

        names = calloc(MAX(section->n_settings, (size_t)1), sizeof(*names));
        if (!names || asprintf(&where, " in [%s]", name) < 0)
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

static int take_value(const struct setting_desc *desc, const char *text, struct config_value *value) {
        _cleanup_(freep) char *copy = NULL;
        int r;

        r = setting_parse(desc, text, &value->number);
        if (r < 0 || desc->type != SETTING_TEXT)
                return r;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        free(value->text);
        value->text = TAKE_PTR(copy);
        return 0;
}

int config_assign(struct config *config, const char *section, const char *key, const char *value,
                  struct config_value **ret_value, char **ret_error) {
        const struct setting_desc *desc = NULL;
        struct config_value *slot = NULL;
        struct config_part *part = NULL;
        int r, made;

        made = config_make_part(config, section, &part);
        slot = made == 0 ? config_part_value(part, key, &desc) : NULL;
        r = slot ? take_value(desc, value, slot) : -EINVAL;
        if (r == 0)
                *ret_value = slot;
        if (made == -ENOMEM)
                return made;
        if (r == 0 || r == -ENOMEM)
                return r;

        *ret_error = made < 0 ? config_bad_section(config, section, made)
                     : !desc  ? unknown_key(part->section, part->name, key)
                              : bad_value(section, desc, value, r);
        return *ret_error ? -EINVAL : -ENOMEM;
}

static int check_part(const struct config *config, const struct config_part *part, const char **ret_key,
                      char **ret_reason) {
        if (part->section->family && part->section->check_named)
                return part->section->check_named(config, part->name, ret_key, ret_reason);

        return !part->section->family && part->section->check ? part->section->check(config, ret_reason) : 0;
}

int config_check(const struct config *config, const struct config_part **ret_part, const char **ret_key,
                 char **ret_error) {
        for (size_t i = 0; i < config->n_parts; i++) {
                const char *key = NULL;
                char *reason = NULL;

                if (check_part(config, &config->parts[i], &key, &reason) >= 0)
                        continue;
                if (!reason)
                        return -ENOMEM;

                *ret_part = &config->parts[i];
                *ret_key = key;
                *ret_error = reason;
                return -EINVAL;
        }

        return 0;
}

/* One change, judged on a copy: when it is refused nothing happened. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               char **ret_error) {
        _cleanup_(config_freep) struct config *copy = NULL;
        const struct config_part *failed = NULL;
        struct config_value *slot = NULL;
        const char *failed_key = NULL;
        struct config swap;
        int r;

        r = config_copy(config, &copy);
        if (r >= 0)
                r = config_assign(copy, section, key, value, &slot, ret_error);
        if (r >= 0)
                r = config_check(copy, &failed, &failed_key, ret_error);
        if (r < 0)
                return r;

        swap = *config;
        *config = *copy;
        *copy = swap;
        return 0;
}
