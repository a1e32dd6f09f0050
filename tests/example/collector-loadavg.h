/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The example of a collector. A real one is declared in daemon/collect/registry.h. */

#include "daemon/collect/collector.h"

extern const struct collector_ops collector_loadavg;
