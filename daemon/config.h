/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Typed settings: sections and keys are declared in tables by those who use them (the daemon, the store,
 * each collector), values come from irqwatchd.conf and its drop-ins through inih, or from
 * "irqctl set". A value is looked up by section and key name; an undeclared name is a programmer's
 * error. A declared section may be a family: then each [SECTION NAME] of the files is a section of its own, with
 * the keys of the family. Knows nothing of what a setting does.
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
        SETTING_TEXT,     /* what validate() takes; "" when it is not set */
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
        /* SETTING_TEXT: 0, -EINVAL, -ERANGE; the default needs not pass. Accepted says in words what does. */
        int (*validate)(const char *text);
        const char *accepted;
};

struct config;

/* One [section] of the file. check() judges settings that depend on each other, after every change:
 * 0, or -EINVAL with *ret_reason a sentence that names keys and accepted values (caller frees). */
struct config_section {
        const char *name;
        const struct setting_desc *settings;
        size_t n_settings;
        int (*check)(const struct config *config, char **ret_reason);
        /* A family: the files have [name NAME], any number of them. */
        bool family;
        /* A family's check(), for one of its sections. May set *ret_key to the name of the setting to blame. */
        int (*check_named)(const struct config *config, const char *section, const char **ret_key,
                           char **ret_reason);
};

enum {
        CONFIG_NAMED_MAX = 256,     /* sections of families in a configuration */
        CONFIG_NAMED_NAME_MAX = 48, /* bytes of such a NAME */
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
/* Of a SETTING_TEXT; borrowed, "" when it is not set. */
const char *config_get_text(const struct config *config, const char *section, const char *key);
/* NULL when nothing of that name is declared. */
const struct setting_desc *config_find(const struct config *config, const char *section,
                                       const char *key);
/* The sections as they are now, families' last, in the order in which they first appeared: 0..n-1. The
 * name of a family's is "alert NAME"; names are borrowed until the section goes with its config. */
size_t config_n_sections(const struct config *config);
const char *config_section_name(const struct config *config, size_t i);
const struct config_section *config_section_desc(const struct config *config, size_t i);
/* Reads text as a file called path, before config_load(): for settings that the program brings along. Without the
 * cross-checks. 0; -EINVAL with *ret_error; -ENOMEM. */
int config_load_text(struct config *config, const char *path, const char *text, size_t size,
                     char **ret_error);
/* The value as it would be written in the file; the caller frees *ret_text. 0 or -ENOMEM. */
int config_format(const struct config *config, const char *section, const char *key,
                  char **ret_text);
