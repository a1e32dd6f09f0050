/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "Did you mean ...": the declared name that is closest to what somebody typed.
 */

#include <stddef.h>

/* True distance (insert, delete, replace, swap of neighbours; case does not count), or a value above limit
 * as soon as it must be larger. Names longer than 63 bytes are never close. */
size_t suggest_distance(const char *a, const char *b, size_t limit);
/* The closest of n names if it is close enough to be meant, else NULL. */
const char *suggest(const char *typed, const char *const *names, size_t n);
