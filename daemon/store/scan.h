/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading a source's passes back: store_scan_metrics() for one source. Private to daemon/store.
 */

#include "daemon/store/source.h"

int source_scan(const struct source *source, uint64_t metrics, uint64_t since_us, uint64_t until_us,
                store_pass_fn baseline_fn, store_pass_fn fn, void *userdata);
