/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the store, for those who write it to disk and read it back. Private to daemon/store.
 */

#include "daemon/store/source.h"
#include "daemon/store/store.h"

/* Borrowed. */
struct source *store_source_at(const struct store *store, unsigned source);
/* What its sources are held to. */
void store_get_source_limits(const struct store *store, struct source_limits *ret_limits);
