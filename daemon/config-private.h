/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the configuration share: config.c holds the values, config-value.c turns text into a
 * value and back, config-load.c reads files. Only these and their tests include it.
 */

#include "daemon/config.h"

/* One value per declared setting, section after section. */
struct config {
        const struct config_section *const *sections; /* borrowed */
        size_t n_sections;
        uint64_t *values;
        size_t n_values;
};

/* NULL when there is no such section. */
const struct config_section *config_find_section(const struct config *config, const char *section);
/* Sets one value without the cross-checks. 0; -EINVAL with *ret_error set; -ENOMEM. */
int config_assign(struct config *config, const char *section, const char *key, const char *value,
                  char **ret_error);
/* Runs every section's check(). -EINVAL: *ret_section and *ret_error say which and why. */
int config_check(const struct config *config, const struct config_section **ret_section, char **ret_error);
/* "unknown section ..." with what is accepted; the caller frees. NULL: no memory. */
char *config_unknown_section(const struct config *config, const char *section);

/* Reads text as a file called path, without the cross-checks. 0; -EINVAL with *ret_error; -ENOMEM. */
int config_load_text(struct config *config, const char *path, const char *text, size_t size,
                     char **ret_error);

enum { CONFIG_QUOTE_MAX = 64 }; /* bytes of a user's text that a message repeats */

/* 0; -EINVAL: not such a value; -ERANGE: outside min..max (or too large to represent). */
int setting_parse(const struct setting_desc *desc, const char *text, uint64_t *ret_value);
/* The value as text that setting_parse() reads back. 0 or -ENOMEM. */
int setting_format(const struct setting_desc *desc, uint64_t value, char **ret_text);
/* "a duration such as 10ms, 1s; at least 100us". 0 or -ENOMEM. */
int setting_accepted(const struct setting_desc *desc, char **ret_text);
