/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of functions against the patterns of this directory's tables: a literal name, or a beginning that
 * ends in '*'. Compiler suffixes (".cold") of the name do not count.
 */

#include <stdbool.h>
#include <string.h>

#include "daemon/symbols/kallsyms.h"

static inline bool symbol_matches(const char *name, const char *pattern) {
        size_t length = strlen(pattern), base;

        if (pattern[length - 1] == '*')
                return strncmp(name, pattern, length - 1) == 0;
        if (strncmp(name, pattern, length) != 0)
                return false;
        base = symbol_base_length(name);
        return base == length;
}
