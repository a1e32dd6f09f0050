/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Typed settings: sections and keys are declared in tables by those who use them (the daemon, the store,
 * each collector), values come from irqwatchd.conf and its drop-ins through inih, or from
 * "irqctl set". A value is looked up by section and key name; an undeclared name is a programmer's
 * error. Knows nothing of what a setting does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum setting_type {
        SETTING_BOOLEAN,
        SETTING_DURATION, /* nanoseconds */
        SETTING_SIZE,     /* bytes */
        SETTING_PERCENT,  /* parts per million */
        SETTING_COUNT,    /* plain number */
        SETTING_CHOICE,   /* index into choices */
        _SETTING_TYPE_MAX,
};

struct setting_desc {
        const char *name;           /* lower case, as in the file: "threshold" */
        const char *default_text;   /* parsed like a value of the file */
        const char *const *choices; /* SETTING_CHOICE: NULL-terminated */
        const char *help;           /* one line, no full stop */
        uint64_t min;               /* inclusive, in the type's unit */
        uint64_t max;               /* inclusive; 0: no limit */
        enum setting_type type;
        bool runtime;               /* may be changed by "irqctl set" while the daemon runs */
};

struct config;

/* One [section] of the file. check() judges settings that depend on each other, after every change:
 * 0, or -EINVAL with *ret_reason a sentence that names keys and accepted values (caller frees). */
struct config_section {
        const char *name;
        const struct setting_desc *settings;
        size_t n_settings;
        int (*check)(const struct config *config, char **ret_reason);
};

/* All settings at their defaults. The sections array is borrowed and must outlive the config.
 * 0 or -ENOMEM. */
int config_new(const struct config_section *const *sections, size_t n_sections,
               struct config **ret_config);
struct config *config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free)
int config_copy(const struct config *config, struct config **ret_copy);

/* Reads path, then path.d/(any name).conf in order of their names (later ones win). A missing main file is
 * no error unless required. On any error nothing of *config is usable and *ret_error says
 * "FILE:LINE: what is wrong; accepted: ..." (caller frees). 0, -EINVAL, -errno. */
int config_load(struct config *config, const char *path, bool required, char **ret_error);
/* One "section.key=value" or its parts, with the same validation. *config is unchanged on failure.
 * 0; -EINVAL with *ret_error set. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               char **ret_error);

/* The value of a declared setting in the type's unit (see enum setting_type). */
uint64_t config_get(const struct config *config, const char *section, const char *key);
bool config_get_boolean(const struct config *config, const char *section, const char *key);
/* NULL when nothing of that name is declared. */
const struct setting_desc *config_find(const struct config *config, const char *section,
                                       const char *key);
/* The value as it would be written in the file; the caller frees *ret_text. 0 or -ENOMEM. */
int config_format(const struct config *config, const char *section, const char *key,
                  char **ret_text);
