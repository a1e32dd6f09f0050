/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes one chosen allocation of the code under test fail. The linker redirects the allocating functions
 * here (see tests/meson.build); the C library's own allocations are not touched.
 */

#include <stdbool.h>

/* The nth allocation from now on (1 is the next one) returns NULL, later ones work again; 0: none. */
void alloc_fail_at(unsigned nth);
/* True when the chosen allocation has been reached. Disarms. */
bool alloc_fail_end(void);
