/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the modules of the configuration share: config-parts.c holds the values, config.c looks them up and sets
 * them, config-value.c turns text into a value and back, config-load.c reads files. Only these and their
 * tests include it.
 */

#include "daemon/config.h"

struct config_value {
        uint64_t number;     /* in the type's unit; 0 for SETTING_TEXT */
        char *text;          /* SETTING_TEXT: owned, NULL: "" */
        unsigned file, line; /* where it was set last; file 0: not by a file. See config-load.c */
};

/* One section with its values: a declared one, or one of a family. */
struct config_part {
        const struct config_section *section; /* borrowed */
        char *name;                           /* "store", "alert syn-flood"; owned */
        struct config_value *values;          /* one per setting of the section */
        unsigned file, line;                  /* where a family's section begins */
};

struct config {
        const struct config_section *const *sections; /* borrowed */
        size_t n_sections;
        struct config_part *parts; /* the declared sections, then those of families as they came */
        size_t n_parts;
        size_t n_declared; /* parts that are always there */
};

/* NULL when there is no such section. */
struct config_part *config_find_part(const struct config *config, const char *section);
/* The same, and makes the section of a family that is not there yet, with its defaults. 0; -ENOENT no section
 * is declared that could have this name; -EINVAL not a name for a family's section; -E2BIG too many;
 * -ENOMEM. */
int config_make_part(struct config *config, const char *section, struct config_part **ret_part);
/* The setting of that name in a part and its description; NULL: not declared. */
struct config_value *config_part_value(const struct config_part *part, const char *key,
                                       const struct setting_desc **ret_desc);

/* Sets one value without the cross-checks. 0 and *ret_value is where it went; -EINVAL with *ret_error set;
 * -ENOMEM. */
int config_assign(struct config *config, const char *section, const char *key, const char *value,
                  struct config_value **ret_value, char **ret_error);
/* Runs every section's check(). -EINVAL: *ret_part, *ret_key (or NULL) and *ret_error say which and why. */
int config_check(const struct config *config, const struct config_part **ret_part, const char **ret_key,
                 char **ret_error);
/* "unknown section ..." or what else is wrong with it (r: of config_make_part()); the caller frees. NULL: no
 * memory. */
char *config_bad_section(const struct config *config, const char *section, int r);

enum { CONFIG_QUOTE_MAX = 64 }; /* bytes of a user's text that a message repeats */

/* 0; -EINVAL: not such a value; -ERANGE: outside min..max (or too large to represent). */
int setting_parse(const struct setting_desc *desc, const char *text, uint64_t *ret_value);
/* The value as text that setting_parse() reads back; not for SETTING_TEXT. 0 or -ENOMEM. */
int setting_format(const struct setting_desc *desc, uint64_t value, char **ret_text);
/* "a duration such as 10ms, 1s; at least 100us". 0 or -ENOMEM. */
int setting_accepted(const struct setting_desc *desc, char **ret_text);
