/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading a source's passes back: store_scan_for() and store_values_at() for one source. Private to
 * daemon/store.
 */

#include "daemon/store/source.h"

int source_scan(const struct source *source, const struct store_scan *request, store_pass_fn baseline_fn,
                store_pass_fn fn, void *userdata);
int source_values_at(const struct source *source, uint64_t metrics, uint64_t at_us, uint64_t slack_us,
                     store_pass_fn fn, void *userdata);
